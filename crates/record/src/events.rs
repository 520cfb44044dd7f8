//! The last of what has happened, numbered.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use control::service;

/// Numbers what happens from 1, and keeps the last of it.
///
/// Numbers of two processes cannot be compared: each has an [epoch](Events::epoch) of its own.
#[derive(Debug)]
pub struct Events {
    epoch: String,
    kept: VecDeque<service::Event>,
    most: usize,
    last: u64,
}

impl Events {
    /// None yet; at most so many will be kept.
    pub fn new(most: usize) -> Events {
        // Any number will do that another process does not have.
        let number = RandomState::new().hash_one(std::process::id());
        Events { epoch: format!("{number:016x}"), kept: VecDeque::new(), most, last: 0 }
    }

    /// By which the numbers of this process are known from those of others.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The number of the last one; 0: nothing has happened.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// All that came after this number. What is not kept any more is told by one event of kind `lost` in its
    /// place.
    pub fn since(&self, number: u64) -> service::Events {
        let first_kept = self.last - self.kept.len() as u64 + 1;
        let lost = (number + 1 < first_kept).then(|| lost(number + 1, first_kept - 1));
        let skip = usize::try_from((number + 1).saturating_sub(first_kept)).unwrap_or(usize::MAX);
        let events = lost.into_iter().chain(self.kept.iter().skip(skip).cloned());
        service::Events { epoch: self.epoch.clone(), events: events.collect() }
    }

    /// The number after which at most so many are kept.
    pub fn before_last(&self, count: u64) -> u64 {
        self.last - count.min(self.kept.len() as u64)
    }

    pub(crate) fn push(&mut self, event: service::Event) {
        self.last += 1;
        if self.kept.len() == self.most {
            self.kept.pop_front();
        }
        self.kept.push_back(service::Event { number: self.last, ..event });
    }
}

fn lost(first: u64, last: u64) -> service::Event {
    service::Event {
        number: last,
        kind: "lost".to_owned(),
        text: format!("events {first} to {last} are not kept any more"),
        first_lost: Some(first),
        ..service::Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(events: &service::Events) -> Vec<(u64, Option<u64>)> {
        events.events.iter().map(|event| (event.number, event.first_lost)).collect()
    }

    /// Case: CC-34
    #[test]
    fn who_comes_late_gets_what_is_kept_and_is_told_the_rest() {
        let mut events = Events::new(3);
        assert_eq!((events.last(), numbers(&events.since(0))), (0, vec![]));
        for _ in 0..5 {
            events.push(service::Event::default());
        }
        let all = vec![(2, Some(1)), (3, None), (4, None), (5, None)];
        assert_eq!(numbers(&events.since(0)), all);
        assert_eq!(numbers(&events.since(2)), all[1..]);
        assert_eq!(numbers(&events.since(4)), all[3..]);
        assert_eq!(numbers(&events.since(5)), []);
        // A number that is not there yet, of a client that mixes up two daemons.
        assert_eq!(numbers(&events.since(99)), []);
    }

    /// Case: CC-36
    #[test]
    fn who_wants_the_last_few_gets_no_more_than_there_are() {
        let mut events = Events::new(3);
        assert_eq!(events.before_last(9), 0);
        events.push(service::Event::default());
        events.push(service::Event::default());
        assert_eq!(events.before_last(1), 1);
        assert_eq!(events.before_last(9), 0);
        assert_eq!(events.before_last(0), 2);
    }

    #[test]
    fn two_have_different_epochs() {
        assert_ne!(Events::new(1).epoch(), Events::new(1).epoch());
    }
}
