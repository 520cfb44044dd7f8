//! Until when to wait, and the one place that does: poll(2), never restarted, never sleeping.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;

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

    fn left(self) -> Option<Timespec> {
        let left = self.0?.saturating_duration_since(Instant::now());
        Timespec::try_from(left).ok()
    }
}

/// Waits until one of `fds` has something to say (true) or the deadline has passed (false). Looks
/// once at least, also when it has passed already.
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], deadline: Deadline) -> Result<bool, Errno> {
    loop {
        match poll(fds, deadline.left().as_ref()) {
            Ok(0) if deadline.has_passed() => return Ok(false),
            // The kernel's limit on a span is shorter than ours.
            Ok(0) | Err(Errno::INTR) => (),
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno),
        }
    }
}
