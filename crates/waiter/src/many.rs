//! Waiting for thousands of descriptors, at a cost that does not grow with their number.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

use crate::few::{breathe, is_shortage, timeout};

/// So many are told of at once: the others have their turn when these have been looked at.
const TURN: usize = 256;

/// For longer nobody waits at once: more milliseconds than an `i32` holds are for a system call that Linux has since
/// 5.11 only (epoll_pwait2(2)).
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What stands for a descriptor.
pub trait Key: Copy {
    /// As a number of its own.
    fn into_number(self) -> u64;
    /// Back again.
    fn from_number(number: u64) -> Self;
}

impl Key for u64 {
    fn into_number(self) -> u64 {
        self
    }

    fn from_number(number: u64) -> u64 {
        number
    }
}

/// Descriptors that are waited for together, each with a key (epoll(7)).
///
/// Dropping it closes its own descriptor, and none of those.
#[derive(Debug)]
pub struct Waiter<K> {
    epoll: OwnedFd,
    keys: PhantomData<fn(K) -> K>,
}

impl<K: Key> Waiter<K> {
    /// One that waits for nothing yet.
    ///
    /// # Errors
    ///
    /// The system has no descriptor to give.
    pub fn new() -> io::Result<Waiter<K>> {
        Ok(Waiter { epoll: epoll::create(CreateFlags::CLOEXEC)?, keys: PhantomData })
    }

    /// Watches a descriptor until it is [forgotten](Waiter::forget), which it has to be before it is
    /// dropped: as long as anybody has a copy of it (a fork, or who took it by pidfd_getfd(2)), its
    /// registration stays behind, and nobody could remove it any more (epoll(7), question 6).
    ///
    /// # Errors
    ///
    /// The system refuses it: it is watched already, cannot be waited for, or there are too many (`ENOSPC`, of
    /// `/proc/sys/fs/epoll/max_user_watches`).
    pub fn watch(&self, fd: BorrowedFd<'_>, key: K) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(key.into_number()), EventFlags::IN)?)
    }

    /// The same for one that is told of once, when it is at its end, and not before there is
    /// [interest](Waiter::set_interest).
    ///
    /// # Errors
    ///
    /// As [`watch`](Waiter::watch).
    pub fn watch_without_interest(&self, fd: BorrowedFd<'_>, key: K) -> io::Result<()> {
        let data = EventData::new_u64(key.into_number());
        Ok(epoll::add(&self.epoll, fd, data, EventFlags::ONESHOT)?)
    }

    /// Whether it is told that this one is readable. The end of a pipe is told whether one wants it or not: but,
    /// without interest, only once.
    pub fn set_interest(&self, fd: BorrowedFd<'_>, key: K, interest: bool) {
        let flags = if interest { EventFlags::IN } else { EventFlags::ONESHOT };
        // It takes no memory, and so cannot be refused to one that is there.
        let _ = epoll::modify(&self.epoll, fd, EventData::new_u64(key.into_number()), flags);
    }

    /// Watches a descriptor no more; nothing happens if it was not watched.
    pub fn forget(&self, fd: BorrowedFd<'_>) {
        // It can only be that it is not there.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits until something is readable or the deadline has come (`None`: there is none), and tells what is: at
    /// most 256 of them, and nothing when a signal or a shortage of the system came first, or a day has passed.
    ///
    /// # Errors
    ///
    /// None that is known of.
    pub fn wait(&self, deadline: Option<Instant>) -> io::Result<Vec<K>> {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()).min(DAY));
        let mut events = Vec::with_capacity(TURN);
        let buffer = rustix::buffer::spare_capacity(&mut events);
        match epoll::wait(&self.epoll, buffer, left.map(timeout).as_ref()) {
            Ok(_) | Err(Errno::INTR) => (),
            Err(errno) if is_shortage(errno) => breathe(),
            Err(errno) => return Err(errno.into()),
        }
        Ok(events.iter().map(|event| K::from_number(event.data.u64())).collect())
    }
}

#[cfg(test)]
mod tests;
