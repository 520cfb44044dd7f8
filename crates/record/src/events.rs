//! The last of what has happened, numbered.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use control::service;
use jiff::Timestamp;
use lifecycle::Phase;

use crate::known::Role;
use crate::time::{monotonic_us, stamp};

/// Something that has happened to one child, in little room: it becomes text only if somebody asks.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) at: Timestamp,
    /// On `CLOCK_MONOTONIC`.
    pub(crate) at_us: u64,
    pub(crate) what: What,
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    pub(crate) pid: Option<u32>,
    pub(crate) run: u64,
    pub(crate) phase: Phase,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Entered,
    Started,
    Ready,
    Ended(Box<service::RunEnd>),
    Says(Box<str>),
    Stopping,
    Killing,
    /// Nothing was heard of it for too long.
    Silent(Box<str>),
    Finished(Box<str>),
    Recycled(Box<str>),
    /// What is known of its memory.
    Memory(Box<str>),
    Scaled {
        from: u32,
        to: u32,
    },
    /// A roll has come further.
    Rolls(Box<str>),
    /// A roll is over.
    Rolled(Box<str>),
    /// Another list is in force.
    Reloaded(Box<str>),
}

impl What {
    fn kind(&self) -> &'static str {
        match self {
            What::Entered => "phase",
            What::Started => "started",
            What::Ready => "ready",
            What::Ended(_) => "ended",
            What::Says(_) => "says",
            What::Stopping => "stopping",
            What::Killing => "killing",
            What::Silent(_) => "silent",
            What::Finished(_) => "finished",
            What::Recycled(_) => "recycled",
            What::Memory(_) => "memory",
            What::Scaled { .. } => "scaled",
            What::Rolls(_) => "rolls",
            What::Rolled(_) => "rolled",
            What::Reloaded(_) => "reloaded",
        }
    }

    fn text(&self, phase: Phase) -> String {
        match self {
            What::Entered if phase == Phase::NotReady => "is not ready".to_owned(),
            What::Entered => format!("is {phase}"),
            What::Started => "is started".to_owned(),
            What::Ready => "is ready".to_owned(),
            What::Ended(end) => end.text.clone(),
            What::Says(text) => text.to_string(),
            What::Stopping => "is asked to stop".to_owned(),
            What::Killing => "is killed: its time is over".to_owned(),
            What::Finished(text) => format!("is over: {text}"),
            What::Scaled { from, to } => format!("is to have {to}, and had {from}"),
            What::Recycled(text)
            | What::Memory(text)
            | What::Silent(text)
            | What::Rolls(text)
            | What::Rolled(text)
            | What::Reloaded(text) => text.to_string(),
        }
    }
}

impl Happened {
    fn tell(&self, number: u64) -> service::Event {
        let end = if let What::Ended(end) = &self.what { Some((**end).clone()) } else { None };
        service::Event {
            number,
            at: stamp(self.at),
            at_us: self.at_us,
            kind: self.what.kind().to_owned(),
            name: self.name.to_string(),
            role: self.role.name().to_owned(),
            pid: self.pid,
            run: self.run,
            phase: self.phase.to_string(),
            text: self.what.text(self.phase),
            end,
            first_lost: None,
        }
    }
}

/// A list may have thousands: so much is told of what is other, in characters.
const LONGEST_RELOAD: usize = 1000;

/// Numbers what happens from 1, and keeps the last of it.
///
/// Numbers of two processes cannot be compared: each has an [epoch](Events::epoch) of its own.
#[derive(Debug)]
pub struct Events {
    epoch: u64,
    kept: VecDeque<Happened>,
    most: usize,
    last: u64,
}

impl Events {
    /// None yet; at most so many will be kept.
    pub fn new(most: usize) -> Events {
        // Any number will do that another process does not have.
        let epoch = RandomState::new().hash_one(std::process::id());
        Events { epoch, kept: VecDeque::new(), most, last: 0 }
    }

    /// By which the numbers of this process are known from those of others.
    pub fn epoch(&self) -> String {
        format!("{:016x}", self.epoch)
    }

    /// The number of the last one; 0: nothing has happened.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Those that came after this number, at most so many. What is not kept any more is told by one event of
    /// kind `lost` in its place.
    pub fn since(&self, number: u64, most: usize) -> service::Events {
        let first_kept = self.last - self.kept.len() as u64 + 1;
        let lost = (number + 1 < first_kept).then(|| lost(number + 1, first_kept - 1));
        let skip = usize::try_from((number + 1).saturating_sub(first_kept)).unwrap_or(usize::MAX);
        let kept = self.kept.iter().zip(first_kept..).skip(skip);
        let told = kept.map(|(happened, number)| happened.tell(number));
        let events = lost.into_iter().chain(told).take(most).collect();
        service::Events { epoch: self.epoch(), events }
    }

    /// The number after which at most so many are kept.
    pub fn before_last(&self, count: u64) -> u64 {
        self.last - count.min(self.kept.len() as u64)
    }

    /// A set of this name is to have so many.
    pub fn scaled(&mut self, set: &str, from: u32, to: u32) {
        self.of_set(set, What::Scaled { from, to });
    }

    /// A roll of a set has come further.
    pub fn rolls(&mut self, set: &str, text: &str) {
        self.of_set(set, What::Rolls(text.into()));
    }

    /// A roll of a set is over.
    pub fn rolled(&mut self, set: &str, text: &str) {
        self.of_set(set, What::Rolled(text.into()));
    }

    /// A newer list is in force.
    pub fn reloaded(&mut self, text: &str) {
        let mut text = text.to_owned();
        exit::cut(&mut text, LONGEST_RELOAD);
        self.of_set("", What::Reloaded(text.into()));
    }

    fn of_set(&mut self, set: &str, what: What) {
        self.push(Happened {
            at: Timestamp::now(),
            at_us: monotonic_us(),
            what,
            name: set.into(),
            role: Role::Set,
            pid: None,
            run: 0,
            phase: Phase::Running,
        });
    }

    pub(crate) fn push(&mut self, happened: Happened) {
        self.last += 1;
        if self.kept.len() == self.most {
            self.kept.pop_front();
        }
        self.kept.push_back(happened);
    }
}

fn lost(first: u64, last: u64) -> service::Event {
    service::Event {
        number: last,
        at: stamp(Timestamp::now()),
        at_us: monotonic_us(),
        kind: "lost".to_owned(),
        text: format!("events {first} to {last} are not kept any more"),
        first_lost: Some(first),
        ..service::Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Record;

    const ALL: usize = usize::MAX;

    fn numbers(events: &service::Events) -> Vec<(u64, Option<u64>)> {
        events.events.iter().map(|event| (event.number, event.first_lost)).collect()
    }

    fn happen(events: &mut Events, times: usize) {
        let mut record = Record::new(Role::Worker, "red");
        for phase in [Phase::Starting, Phase::Running].into_iter().cycle().take(times) {
            record.entered(phase, events);
        }
    }

    /// Case: CC-34
    #[test]
    fn who_comes_late_gets_what_is_kept_and_is_told_the_rest() {
        let mut events = Events::new(3);
        assert_eq!((events.last(), numbers(&events.since(0, ALL))), (0, vec![]));
        happen(&mut events, 5);
        let all = vec![(2, Some(1)), (3, None), (4, None), (5, None)];
        assert_eq!(numbers(&events.since(0, ALL)), all);
        assert_eq!(numbers(&events.since(0, 2)), all[..2]);
        assert_eq!(numbers(&events.since(2, ALL)), all[1..]);
        assert_eq!(numbers(&events.since(4, ALL)), all[3..]);
        assert_eq!(numbers(&events.since(5, ALL)), []);
        // A number that is not there yet, of a client that mixes up two daemons.
        assert_eq!(numbers(&events.since(99, ALL)), []);
    }

    /// Case: CC-36
    #[test]
    fn who_wants_the_last_few_gets_no_more_than_there_are() {
        let mut events = Events::new(3);
        assert_eq!(events.before_last(9), 0);
        happen(&mut events, 2);
        assert_eq!(events.before_last(1), 1);
        assert_eq!(events.before_last(9), 0);
        assert_eq!(events.before_last(0), 2);
    }

    #[test]
    fn two_have_different_epochs() {
        assert_ne!(Events::new(1).epoch(), Events::new(1).epoch());
    }
}
