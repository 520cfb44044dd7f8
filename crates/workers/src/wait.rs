//! Waiting for thousands of children at once, at a cost that does not grow with their number.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use lifecycle::Id;
use waiter::Key;

/// Whose descriptor is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// We are asked to quit.
    Quit,
    /// Output has been lost.
    Lost,
    /// Files are to be opened anew.
    Reopen,
    /// Somebody has asked for a reload.
    Reload,
    /// There is less time than there was.
    Deadline,
    /// Somebody new asks for the workers.
    Callers,
    /// Somebody who asks has said something.
    Desk,
    /// Another thread wants something.
    Letters,
    /// This worker has ended.
    Ended(Id),
    /// This worker has said something.
    Said(Id),
    /// Nothing was heard of this worker for too long.
    Silent(Id),
}

/// Descriptors of all workers, and when to look at those that no descriptor tells of.
pub(crate) struct Waiter {
    descriptors: waiter::Waiter<Wake>,
    due: BTreeSet<(Instant, Id)>,
    /// What is in `due`, by worker.
    looks: BTreeMap<Id, Instant>,
}

impl Waiter {
    pub(crate) fn new() -> io::Result<Waiter> {
        let descriptors = waiter::Waiter::new()?;
        Ok(Waiter { descriptors, due: BTreeSet::new(), looks: BTreeMap::new() })
    }

    /// Watches a descriptor until it is forgotten: see [`waiter::Waiter::watch`].
    pub(crate) fn watch(&self, fd: BorrowedFd<'_>, source: Wake) -> io::Result<()> {
        self.descriptors.watch(fd, source)
    }

    /// Watches a descriptor no more; nothing happens if it was not watched.
    pub(crate) fn forget(&self, fd: BorrowedFd<'_>) {
        self.descriptors.forget(fd);
    }

    /// Has this worker looked at then, instead of when was said before; `None`: not by the clock.
    pub(crate) fn look_at(&mut self, worker: Id, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.looks.insert(worker, at),
            None => self.looks.remove(&worker),
        };
        if before != at {
            if let Some(before) = before {
                self.due.remove(&(before, worker));
            }
            self.due.extend(at.map(|at| (at, worker)));
        }
    }

    /// The workers that are looked at by the clock, now or later.
    pub(crate) fn due_by_the_clock(&self) -> Vec<Id> {
        self.looks.keys().copied().collect()
    }

    /// A worker that is to be looked at.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Id> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, worker)| *worker)
    }

    /// Waits until something is readable, a worker is to be looked at, or `also` has come.
    pub(crate) fn wait(&self, also: Option<Instant>) -> io::Result<Vec<Wake>> {
        let due = self.due.first().map(|(at, _)| *at);
        let deadline = [due, also].into_iter().flatten().min();
        // This thread may be the one of an entry, which owes beats, and owes none while it has nothing to do.
        let most = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let rest = heartbeat::rest_up_to(most);
        let mut sources = self.descriptors.wait(deadline)?;
        drop(rest);
        // Ends first: a request that arrives together with an end must not be told to a worker that is
        // gone.
        sources.sort_by_key(|source| !matches!(source, Wake::Ended(_)));
        Ok(sources)
    }
}

/// How many sources there are beside the workers'.
const OWN: u64 = 8;

impl Key for Wake {
    fn into_number(self) -> u64 {
        match self {
            Wake::Quit => 0,
            Wake::Lost => 1,
            Wake::Reopen => 2,
            Wake::Deadline => 3,
            Wake::Callers => 4,
            Wake::Desk => 5,
            Wake::Letters => 6,
            Wake::Reload => 7,
            Wake::Ended(worker) => 3 * u64::from(worker.number()) + OWN,
            Wake::Said(worker) => 3 * u64::from(worker.number()) + OWN + 1,
            Wake::Silent(worker) => 3 * u64::from(worker.number()) + OWN + 2,
        }
    }

    fn from_number(number: u64) -> Wake {
        match number.checked_sub(OWN) {
            None => match number {
                0 => Wake::Quit,
                1 => Wake::Lost,
                2 => Wake::Reopen,
                3 => Wake::Deadline,
                4 => Wake::Callers,
                5 => Wake::Desk,
                6 => Wake::Letters,
                _ => Wake::Reload,
            },
            Some(rest) => {
                let worker = Id::of_number((rest / 3) as u32);
                match rest % 3 {
                    0 => Wake::Ended(worker),
                    1 => Wake::Said(worker),
                    _ => Wake::Silent(worker),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_cross_the_kernel_unchanged() {
        for worker in [0, 1, 77, 5000, u32::MAX].map(Id::of_number) {
            for source in [
                Wake::Quit,
                Wake::Lost,
                Wake::Reopen,
                Wake::Deadline,
                Wake::Callers,
                Wake::Desk,
                Wake::Letters,
                Wake::Reload,
                Wake::Ended(worker),
                Wake::Said(worker),
                Wake::Silent(worker),
            ] {
                assert_eq!(Wake::from_number(source.into_number()), source);
            }
        }
    }

    #[test]
    fn the_earliest_is_due_first_and_only_once() {
        let now = Instant::now();
        let at = |ms| Some(now + std::time::Duration::from_millis(ms));
        let mut waiter = Waiter::new().unwrap();
        let [a, b, c] = [0, 1, 2].map(Id::of_number);
        waiter.look_at(a, at(5));
        waiter.look_at(b, at(3));
        waiter.look_at(c, at(3));
        waiter.look_at(c, None);
        assert_eq!(waiter.next_due(now), None);
        assert_eq!(waiter.next_due(at(9).unwrap()), Some(b));
        waiter.look_at(b, at(7));
        assert_eq!(waiter.next_due(at(9).unwrap()), Some(a));
    }
}
