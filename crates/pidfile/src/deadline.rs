//! Until when to wait.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// A time of the monotonic clock (which stands still while the machine is suspended), or never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// A span too long for the clock is no limit.
    pub(crate) fn after(span: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(span))
    }

    pub(crate) fn from_option(span: Option<Duration>) -> Deadline {
        span.map_or(Deadline(None), Deadline::after)
    }

    pub(crate) fn has_passed(self) -> bool {
        self.0.is_some_and(|at| at <= Instant::now())
    }
}

/// Waits until one of `fds` has something to say (true) or the deadline has passed (false). Looks
/// once at least, also when it has passed already.
pub(crate) fn readable(fds: &[BorrowedFd<'_>], deadline: Deadline) -> io::Result<bool> {
    waiter::readable(fds, deadline.0)
}
