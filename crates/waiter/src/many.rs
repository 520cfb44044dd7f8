//! Waiting for thousands of descriptors, at a cost that does not grow with their number.

use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::io::Errno;

use crate::few::{breathe, is_shortage};
use crate::sys::{Set, Wanted};

/// So many are told of at once: the others have their turn when these have been looked at.
const TURN: usize = 256;

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
    set: Set,
    keys: PhantomData<fn(K) -> K>,
}

impl<K: Key> Waiter<K> {
    /// One that waits for nothing yet.
    ///
    /// # Errors
    ///
    /// The system has no descriptor to give.
    pub fn new() -> io::Result<Waiter<K>> {
        Ok(Waiter { set: Set::new()?, keys: PhantomData })
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
        Ok(self.set.add(fd, key.into_number(), Wanted::Readable)?)
    }

    /// The same for one that is told of once, when it is at its end, and not before there is
    /// [interest](Waiter::set_interest).
    ///
    /// # Errors
    ///
    /// As [`watch`](Waiter::watch).
    pub fn watch_without_interest(&self, fd: BorrowedFd<'_>, key: K) -> io::Result<()> {
        Ok(self.set.add(fd, key.into_number(), Wanted::EndOnce)?)
    }

    /// Whether it is told that this one is readable. The end of a pipe is told whether one wants it or not: but,
    /// without interest, only once.
    pub fn set_interest(&self, fd: BorrowedFd<'_>, key: K, interest: bool) {
        let wanted = if interest { Wanted::Readable } else { Wanted::EndOnce };
        // Refused only to one that is not there.
        let _ = self.set.change(fd, key.into_number(), wanted);
    }

    /// Watches a descriptor no more; nothing happens if it was not watched.
    pub fn forget(&self, fd: BorrowedFd<'_>) {
        // It can only be that it is not there.
        let _ = self.set.remove(fd);
    }

    /// Waits until something is readable or the deadline has come (`None`: there is none), and tells what is: at
    /// most 256 of them, and nothing when a signal or a shortage of the system came first, or a day has passed.
    ///
    /// # Errors
    ///
    /// None that is known of.
    pub fn wait(&self, deadline: Option<Instant>) -> io::Result<Vec<K>> {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let told = match self.set.wait(TURN, left) {
            Ok(numbers) => numbers,
            Err(Errno::INTR) => Vec::new(),
            Err(errno) if is_shortage(errno) => {
                breathe();
                Vec::new()
            }
            Err(errno) => return Err(errno.into()),
        };
        Ok(told.into_iter().map(K::from_number).collect())
    }
}

#[cfg(test)]
mod tests;
