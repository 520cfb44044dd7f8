//! A process by its pidfd, which means the same one for ever (pidfd_open(2)).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::deadline::{Deadline, readable};
use crate::descriptor::above_stdio;

/// A process, and never another one that gets its number later. Its descriptor is readable when it has
/// ended; dropping this closes that and does nothing to the process.
#[derive(Debug)]
pub(crate) struct Process(OwnedFd);

impl Process {
    /// The one that has the number now; `None` if none has.
    pub(crate) fn find(number: Pid) -> Result<Option<Process>, Errno> {
        match pidfd_open(number, PidfdFlags::empty()) {
            Ok(process) => Ok(Some(Process(process))),
            Err(Errno::SRCH) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// The same on a descriptor above 2, for a process that is kept: descriptors 0 to 2 may be replaced.
    pub(crate) fn above_stdio(self) -> Result<Process, Errno> {
        above_stdio(self.0).map(Process)
    }

    /// Reaches this process or none: `SRCH` if it has ended, `PERM` if it is another user's.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        pidfd_send_signal(&self.0, signal)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether there is no process of that number here, or one that has ended and is not reaped yet. False as
/// well if that cannot be told.
pub(crate) fn has_ended(pid: u32) -> bool {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    match Process::find(number) {
        Ok(Some(process)) => {
            readable(&[process.as_fd()], Deadline::after(Duration::ZERO)).unwrap_or(false)
        }
        Ok(None) => true,
        Err(_) => false,
    }
}
