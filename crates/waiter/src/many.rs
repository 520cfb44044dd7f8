//! Waiting for thousands of descriptors, at a cost that does not grow with their number.

use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::io::Errno;

use crate::few::{breathe, is_shortage};
use crate::sys::{Set, Wanted};

/// How many readable descriptors one wait tells at most. The others have their turn when the caller has
/// looked at these.
const TURN: usize = 256;

/// What the caller calls a descriptor: [`Waiter::wait`] gives back the keys of those that are readable.
pub trait Key: Copy {
    /// The key as a number: another one for each key.
    fn into_number(self) -> u64;
    /// The key that has this number.
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
    /// A waiter that waits for nothing yet.
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

    /// Watches a descriptor of which only the end is told, and only once, until there is
    /// [interest](Waiter::set_interest) in it.
    ///
    /// # Errors
    ///
    /// As [`watch`](Waiter::watch).
    pub fn watch_without_interest(&self, fd: BorrowedFd<'_>, key: K) -> io::Result<()> {
        Ok(self.set.add(fd, key.into_number(), Wanted::EndOnce)?)
    }

    /// Sets whether [`wait`](Waiter::wait) tells that this descriptor is readable. The end of a pipe is
    /// told in any case, but without interest only once (epoll_ctl(2), `EPOLLHUP` and `EPOLLONESHOT`).
    pub fn set_interest(&self, fd: BorrowedFd<'_>, key: K, interest: bool) {
        let wanted = if interest { Wanted::Readable } else { Wanted::EndOnce };
        // Refused only for a descriptor that is not watched.
        let _ = self.set.change(fd, key.into_number(), wanted);
    }

    /// Watches a descriptor no more; nothing happens if it was not watched.
    pub fn forget(&self, fd: BorrowedFd<'_>) {
        // It fails only for a descriptor that is not watched.
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
