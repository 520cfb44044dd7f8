//! The end of who looks after a process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::sys;

/// The timer that a process winds up. Dropping it closes this end's descriptor; the process has its own.
#[derive(Debug)]
pub struct Timer(OwnedFd);

impl Timer {
    /// One that does not run until the process [begins](crate::begin).
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor, or has no such timer (`Unsupported`).
    pub fn new() -> io::Result<Timer> {
        sys::create().map(Timer)
    }

    /// A copy of the descriptor, for the process that is looked after.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }

    /// How often it was time to look since this was asked last: once when half of the limit has passed since the last beat,
    /// and once for each quarter of it after that. Does not wait; 0: there was a beat since, or it is not time yet.
    ///
    /// Whoever waits for the [descriptor](AsFd) and finds more than one was late by a quarter of the limit or more: he was
    /// held up himself, and the process perhaps with him.
    pub fn silences(&self) -> u64 {
        sys::take(self.0.as_fd())
    }

    /// Whether it was wound up since it ran out last: until it tells silence again it has longer than the quarter of the
    /// limit that would be left otherwise.
    pub fn is_wound_up(&self, limit: Duration) -> bool {
        sys::left(self.0.as_fd()).is_some_and(|left| left.is_zero() || limit / 4 < left)
    }
}

/// Readable when there are [silences](Timer::silences).
impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// When silence is told first.
pub(crate) fn first(limit: Duration) -> Duration {
    limit / 2
}

/// Has the timer run out after `first` (zero: never), and then each quarter of the limit.
pub(crate) fn wind_up(timer: BorrowedFd<'_>, first: Duration, limit: Duration) -> io::Result<()> {
    sys::set(timer, first, limit / 4)
}
