//! Waiting for a few descriptors: poll(2), and select(2) where that is refused.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::sys::select::{FD_SETSIZE, FdSet, select};
use nix::sys::time::{TimeVal, TimeValLike};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::thread::nanosleep;

/// How long [`breathe`] pauses.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// A pause of a millisecond before the same is asked of the system again.
pub fn breathe() {
    let _ = nanosleep(&PAUSE);
}

/// Whether the system lacked memory for a moment.
pub(crate) fn is_shortage(errno: Errno) -> bool {
    matches!(errno, Errno::NOMEM | Errno::NOBUFS | Errno::AGAIN)
}

/// A span that is too long for the system's type becomes the longest one, which is as good as for ever.
fn timeout(left: Duration) -> Timespec {
    Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}

/// Waits until one of these is readable or at its end; `false` when the deadline came first (`None`:
/// there is none). Looks once at least.
///
/// # Errors
///
/// None that is known of.
pub fn readable(fds: &[BorrowedFd<'_>], deadline: Option<Instant>) -> io::Result<bool> {
    loop {
        match look(fds, deadline)? {
            Some(true) => return Ok(true),
            Some(false) if deadline.is_some_and(|at| at <= Instant::now()) => return Ok(false),
            Some(false) | None => (),
        }
    }
}

/// As [`readable`], but it also comes back, with `false`, when a signal was handled meanwhile or the
/// system was short of something: for a loop that looks at everything in each turn.
///
/// # Errors
///
/// None that is known of.
pub fn wait_once(fds: &[BorrowedFd<'_>], deadline: Option<Instant>) -> io::Result<bool> {
    Ok(look(fds, deadline)?.unwrap_or(false))
}

/// Waits once, and tells whether one of them is readable. `None`: a signal or a shortage came first, so
/// that this is not known.
fn look(fds: &[BorrowedFd<'_>], deadline: Option<Instant>) -> io::Result<Option<bool>> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let mut polled: Vec<_> =
        fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let found = match poll(&mut polled, left.map(timeout).as_ref()) {
        Err(Errno::INVAL) => selected(fds, left),
        found => found.map(|count| count > 0),
    };
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::INTR) => Ok(None),
        Err(errno) if is_shortage(errno) => {
            breathe();
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks select(2) instead of poll(2). It knows no descriptor above 1,023: if there is one, see
/// [`singly`].
fn selected(fds: &[BorrowedFd<'_>], left: Option<Duration>) -> Result<bool, Errno> {
    let mut set = FdSet::new();
    for fd in fds {
        if usize::try_from(fd.as_raw_fd()).is_ok_and(|number| number < FD_SETSIZE) {
            set.insert(*fd);
        } else {
            return Ok(singly(fds));
        }
    }
    let mut timeout = left.map(|left| {
        // A day at most: then the answer is that nothing is readable, and the caller waits again.
        let left = left.min(Duration::from_secs(24 * 60 * 60));
        TimeVal::microseconds(i64::try_from(left.as_micros()).unwrap_or(i64::MAX))
    });
    match select(None, &mut set, None, None, &mut timeout) {
        Ok(count) => Ok(count > 0),
        Err(errno) => Err(Errno::from_raw_os_error(errno as i32)),
    }
}

/// Pauses, and then asks poll(2) about each descriptor alone whether it is readable. For one descriptor
/// poll(2) refuses only where none may be open at all (`RLIMIT_NOFILE` of 0).
fn singly(fds: &[BorrowedFd<'_>]) -> bool {
    const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    breathe();
    fds.iter().any(|fd| {
        let mut one = [PollFd::from_borrowed_fd(*fd, PollFlags::IN)];
        poll(&mut one, Some(&AT_ONCE)).is_ok_and(|ready| ready > 0)
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    /// Case: FLT-I6
    #[test]
    fn select_sees_what_poll_sees() {
        let (reader, writer) = io::pipe().unwrap();
        let fds = [reader.as_fd()];
        let moment = Duration::from_millis(1);
        assert_eq!(selected(&fds, Some(moment)), Ok(false));
        assert!(!readable(&fds, Some(Instant::now() + moment)).unwrap());
        drop(writer);
        assert_eq!(selected(&fds, None), Ok(true));
        assert!(readable(&fds, None).unwrap());
        assert_eq!(selected(&[], Some(moment)), Ok(false));
        assert!(singly(&fds));
        let (silent, _writer) = io::pipe().unwrap();
        assert!(!singly(&[silent.as_fd()]));
    }
}
