//! Starts that are allowed, and take place one after the other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::group::Id;

/// Whoever may be started, in the order in which that was said.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// With since when each waits.
    queue: VecDeque<(Id, Instant)>,
    /// What passes between two starts, at least.
    pub(super) stagger: Duration,
    last: Option<Instant>,
}

impl Turns {
    /// Puts one at the end.
    pub(super) fn wait(&mut self, id: Id, now: Instant) {
        self.queue.push_back((id, now));
    }

    /// Its turn does not come any more.
    pub(super) fn forget(&mut self, id: Id) {
        self.queue.retain(|(waiting, _)| *waiting != id);
    }

    /// Nobody's turn comes any more.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    /// When the next turn is; `None`: nobody waits.
    pub(super) fn due(&self) -> Option<Instant> {
        let (_, since) = self.queue.front()?;
        let after_last = self.last.and_then(|last| last.checked_add(self.stagger));
        Some(after_last.map_or(*since, |at| at.max(*since)))
    }

    /// Whose turn it is.
    pub(super) fn next(&mut self, now: Instant) -> Option<Id> {
        self.due().filter(|due| *due <= now)?;
        self.last = Some(now);
        self.queue.pop_front().map(|(id, _)| id)
    }
}
