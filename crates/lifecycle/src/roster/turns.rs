//! Starts that are allowed, and take place one after the other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::group::Id;

/// The children that may be started, in the order in which the group has said so.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Each with the time since when it waits.
    queue: VecDeque<(Id, Instant)>,
    /// Those that somebody has asked for, which come before the others.
    asked: VecDeque<(Id, Instant)>,
    /// What passes between two starts, at least.
    pub(super) stagger: Duration,
    last: Option<Instant>,
}

impl Turns {
    /// Puts one at the end of the others, or of those that somebody has asked for.
    pub(super) fn wait(&mut self, id: Id, asked: bool, now: Instant) {
        let queue = if asked { &mut self.asked } else { &mut self.queue };
        queue.push_back((id, now));
    }

    /// Takes a child out of the queue: it is not to be started any more.
    pub(super) fn forget(&mut self, id: Id) {
        self.queue.retain(|(waiting, _)| *waiting != id);
        self.asked.retain(|(waiting, _)| *waiting != id);
    }

    /// Nobody's turn comes any more.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.asked.clear();
    }

    /// When the next turn is; `None`: nobody waits.
    pub(super) fn due(&self) -> Option<Instant> {
        let (_, since) = self.asked.front().or(self.queue.front())?;
        let after_last = self.last.and_then(|last| last.checked_add(self.stagger));
        Some(after_last.map_or(*since, |at| at.max(*since)))
    }

    /// Takes the child whose turn has come out of the queue.
    pub(super) fn next(&mut self, now: Instant) -> Option<Id> {
        self.due().filter(|due| *due <= now)?;
        self.last = Some(now);
        self.asked.pop_front().or_else(|| self.queue.pop_front()).map(|(id, _)| id)
    }
}
