//! Until when to wait.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// A take-over lasts microseconds. Ten seconds mean that somebody was stopped in the middle of one:
/// better said than waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a holder that seems to be ending is waited for. A process that is ending has closed its files
/// before its locks are gone, and before it is gone itself: for a moment it is alive, and is not seen to
/// be the holder. And a process that is killed while it starts a child leaves its lock to that child,
/// until exec(2) has closed the copy: for a moment the holder is gone, and its lock is not. Both last no
/// longer than somebody has to wait for a processor.
pub(crate) const ENDING: Duration = Duration::from_secs(1);

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

    /// This one, or that after a span, whichever comes first.
    pub(crate) fn or_after(self, span: Duration) -> Deadline {
        let Deadline(after) = Deadline::after(span);
        Deadline([self.0, after].into_iter().flatten().min())
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
