//! Waiting for thousands of children at once, at a cost that does not grow with their number.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

/// Whose descriptor is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// We are asked to quit.
    Quit,
    /// Output has been lost.
    Lost,
    /// Files are to be opened anew.
    Reopen,
    /// There is less time than there was.
    Deadline,
    /// This worker has ended.
    Ended(usize),
    /// This worker has said something.
    Said(usize),
}

/// Descriptors (epoll(7)) and deadlines of all workers.
pub(crate) struct Waiter {
    epoll: OwnedFd,
    due: BTreeSet<(Instant, usize)>,
    /// What is in `due`, by worker.
    deadlines: Vec<Option<Instant>>,
}

impl Waiter {
    pub(crate) fn new(workers: usize) -> io::Result<Waiter> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Waiter { epoll, due: BTreeSet::new(), deadlines: vec![None; workers] })
    }

    /// Watches a descriptor until it is [forgotten](Waiter::forget), which it has to be before it is
    /// dropped: as long as anybody has a copy of it (a fork, or who took it by pidfd_getfd(2)), its
    /// registration stays behind, and nobody could remove it any more (epoll(7), question 6).
    pub(crate) fn watch(&self, fd: BorrowedFd<'_>, source: Source) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(pack(source)), EventFlags::IN)?)
    }

    /// Watches a descriptor no more; nothing happens if it was not watched.
    pub(crate) fn forget(&self, fd: BorrowedFd<'_>) {
        // It can only be that it is not there.
        let _ = epoll::delete(&self.epoll, fd);
    }

    pub(crate) fn set_deadline(&mut self, worker: usize, deadline: Option<Instant>) {
        if self.deadlines[worker] != deadline {
            if let Some(old) = self.deadlines[worker] {
                self.due.remove(&(old, worker));
            }
            self.due.extend(deadline.map(|at| (at, worker)));
            self.deadlines[worker] = deadline;
        }
    }

    /// A worker whose time has come.
    pub(crate) fn next_due(&self, now: Instant) -> Option<usize> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, worker)| *worker)
    }

    /// Waits until something is readable, a worker is due, or `also` has come.
    pub(crate) fn wait(&self, also: Option<Instant>) -> io::Result<Vec<Source>> {
        let due = self.due.first().map(|(at, _)| *at);
        let deadline = [due, also].into_iter().flatten().min();
        let timeout = deadline.map(|at| {
            let left = at.saturating_duration_since(Instant::now());
            Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
        });
        let mut events = Vec::with_capacity(256);
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut events),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(Errno::INTR) => (),
            Err(error) => return Err(error.into()),
        }
        let mut sources: Vec<_> = events.iter().map(|event| unpack(event.data.u64())).collect();
        // Ends first: a request that arrives together with an end must not be told to who is gone.
        sources.sort_by_key(|source| !matches!(source, Source::Ended(_)));
        Ok(sources)
    }
}

/// How many sources there are beside the workers'.
const OWN: u64 = 4;

fn pack(source: Source) -> u64 {
    match source {
        Source::Quit => 0,
        Source::Lost => 1,
        Source::Reopen => 2,
        Source::Deadline => 3,
        Source::Ended(worker) => 2 * worker as u64 + OWN,
        Source::Said(worker) => 2 * worker as u64 + OWN + 1,
    }
}

fn unpack(data: u64) -> Source {
    match data.checked_sub(OWN) {
        None => match data {
            0 => Source::Quit,
            1 => Source::Lost,
            2 => Source::Reopen,
            _ => Source::Deadline,
        },
        Some(rest) if rest % 2 == 0 => Source::Ended((rest / 2) as usize),
        Some(rest) => Source::Said((rest / 2) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_cross_the_kernel_unchanged() {
        for worker in [0, 1, 77, 5000] {
            for source in [
                Source::Quit,
                Source::Lost,
                Source::Reopen,
                Source::Deadline,
                Source::Ended(worker),
                Source::Said(worker),
            ] {
                assert_eq!(unpack(pack(source)), source);
            }
        }
    }

    #[test]
    fn the_earliest_is_due_first_and_only_once() {
        let now = Instant::now();
        let at = |ms| Some(now + std::time::Duration::from_millis(ms));
        let mut waiter = Waiter::new(3).unwrap();
        waiter.set_deadline(0, at(5));
        waiter.set_deadline(1, at(3));
        waiter.set_deadline(2, at(3));
        waiter.set_deadline(2, None);
        assert_eq!(waiter.next_due(now), None);
        assert_eq!(waiter.next_due(at(9).unwrap()), Some(1));
        waiter.set_deadline(1, at(7));
        assert_eq!(waiter.next_due(at(9).unwrap()), Some(0));
    }
}
