//! Waiting for descriptors: one answer to what the system says instead, for every wait of this crate.
//!
//! * `EINTR`: again, with the time that is left.
//! * `ENOMEM`, `ENOBUFS`, `EAGAIN`: memory is short; again after a pause.
//! * `EINVAL`: poll(2) takes no more descriptors than may be opened, and somebody has lowered that
//!   limit (`RLIMIT_NOFILE`) below two. select(2) only asks whether they are open.
//!
//! None of them means that what is waited for has come, or that a peer is gone.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::sys::select::{FD_SETSIZE, FdSet, select};
use nix::sys::time::{TimeVal, TimeValLike};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::link::breathe;

/// Waits until one of these is readable or at its end; `false` when the deadline came first (`None`:
/// there is none).
pub(crate) fn readable(fds: &[BorrowedFd<'_>], deadline: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| {
            Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
        });
        let mut polled: Vec<_> =
            fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        let found = match poll(&mut polled, timeout.as_ref()) {
            Err(Errno::INVAL) => selected(fds, left),
            found => found.map(|count| count > 0),
        };
        match found {
            Ok(found) => return Ok(found),
            Err(Errno::INTR) => (),
            Err(Errno::NOMEM | Errno::NOBUFS | Errno::AGAIN) => breathe(),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The same by select(2), which knows no descriptor above 1,023.
fn selected(fds: &[BorrowedFd<'_>], left: Option<Duration>) -> Result<bool, Errno> {
    let mut set = FdSet::new();
    for fd in fds {
        if usize::try_from(fd.as_raw_fd()).is_ok_and(|number| number < FD_SETSIZE) {
            set.insert(*fd);
        } else {
            // What cannot be waited for is looked at by whoever asked.
            breathe();
            return Ok(true);
        }
    }
    let mut timeout = left.map(|left| {
        // A day at most, and then once more.
        let left = left.min(Duration::from_secs(24 * 60 * 60));
        TimeVal::microseconds(i64::try_from(left.as_micros()).unwrap_or(i64::MAX))
    });
    match select(None, &mut set, None, None, &mut timeout) {
        Ok(count) if count == 0 && left.is_some_and(|left| left > Duration::from_secs(86_400)) => {
            Err(Errno::INTR)
        }
        Ok(count) => Ok(count > 0),
        Err(errno) => Err(Errno::from_raw_os_error(errno as i32)),
    }
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
    }
}
