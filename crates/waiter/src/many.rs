//! Waiting for thousands of descriptors, at a cost that does not grow with their number.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::io::Errno;

use crate::few::{breathe, is_shortage};
use crate::sys::{Set, Wanted};

/// Of how many descriptors one wait tells at most. The others have their turn when the caller has
/// looked at these.
const TURN: usize = 256;

/// What the caller calls a descriptor: [`Waiter::wait`] gives back the keys of those of which there is something to tell.
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

/// What is to be told of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Only that it is at its end, and only once.
    End,
    /// That it is readable or at its end, as long as that is so.
    Readable,
    /// That something may be written to it, or that its reader is gone, as long as that is so.
    Writable,
}

impl Interest {
    fn wanted(self) -> Wanted {
        match self {
            Interest::End => Wanted::EndOnce,
            Interest::Readable => Wanted::Readable,
            Interest::Writable => Wanted::Writable,
        }
    }
}

/// Descriptors that are waited for together, each with a key (epoll(7)).
///
/// It has a descriptor itself, which is readable while there is something to tell: whoever waits for much else
/// watches that one, and then asks with a deadline that has passed.
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

    /// Sets what [`wait`](Waiter::wait) tells of this descriptor. The end of a pipe, and that both sides of a
    /// connection are shut, is told in any case (epoll_ctl(2), `EPOLLHUP` and `EPOLLONESHOT`).
    pub fn set_interest(&self, fd: BorrowedFd<'_>, key: K, interest: Interest) {
        // Refused only for a descriptor that is not watched.
        let _ = self.set.change(fd, key.into_number(), interest.wanted());
    }

    /// Watches a descriptor no more; nothing happens if it was not watched.
    pub fn forget(&self, fd: BorrowedFd<'_>) {
        // It fails only for a descriptor that is not watched.
        let _ = self.set.remove(fd);
    }

    /// Waits until there is something to tell or the deadline has come (`None`: there is none), and tells of which: at
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

impl<K> AsFd for Waiter<K> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.set.as_fd()
    }
}

#[cfg(test)]
mod tests;
