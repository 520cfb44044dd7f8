//! A process by its number and a descriptor of it (pidfd_open(2)), which never means another one.
//!
//! Number and descriptor are all that is needed to wait for a process and to signal it, so the standard
//! library's `Child` is not kept.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, pidfd_send_signal,
    set_parent_process_death_signal, waitid,
};

/// A child of this process. Dropping it lets it go on, and leaves its end to be seen by nobody.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    descriptor: OwnedFd,
}

/// Whether a child has ended, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Not yet.
    None,
    /// It has ended so, and was reaped.
    Seen(ExitStatus),
    /// Somebody else has reaped it, or SIGCHLD is ignored; or it lives, and is no child of ours any more.
    Unseen,
}

impl Process {
    /// Takes a child over that nobody has waited for.
    ///
    /// # Errors
    ///
    /// The system has no descriptor for it: the child is given back.
    pub(crate) fn of(
        child: std::process::Child,
    ) -> Result<Process, (io::Error, std::process::Child)> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a child's number is positive");
        match watch_end(child.id()) {
            Ok(descriptor) => Ok(Process { pid, descriptor }),
            Err(error) => Err((error, child)),
        }
    }

    /// Its number: its own until its end has been [seen](Process::try_wait).
    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Reaches this process or none: `SRCH` if it has ended, `PERM` if it is another user's by now
    /// (pidfd_send_signal(2)).
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        pidfd_send_signal(&self.descriptor, signal)
    }

    /// Reaps it, if it has ended. Does not wait.
    ///
    /// # Errors
    ///
    /// The system cannot tell (waitid(2)).
    pub(crate) fn try_wait(&self) -> io::Result<End> {
        match self.waitid(WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(None) => Ok(End::None),
            Ok(Some(status)) => Ok(End::Seen(exit_status(&status))),
            Err(Errno::CHILD) => Ok(End::Unseen),
            Err(Errno::INTR) => Ok(End::None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits until it can be reaped, which the next [`try_wait`](Process::try_wait) then does.
    ///
    /// # Errors
    ///
    /// The system cannot wait (waitid(2)).
    pub(crate) fn wait_reapable(&self) -> io::Result<()> {
        let wait = || self.waitid(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        match rustix::io::retry_on_intr(wait) {
            Ok(_) | Err(Errno::CHILD) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn waitid(&self, options: WaitIdOptions) -> Result<Option<WaitIdStatus>, Errno> {
        match waitid(WaitId::PidFd(self.descriptor.as_fd()), options) {
            // Before Linux 5.4. The number is as good: a child that was not reaped keeps it.
            Err(Errno::INVAL) => waitid(WaitId::Pid(self.pid), options),
            ended => ended,
        }
    }
}

impl AsFd for Process {
    /// Readable when it has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// A descriptor that is readable once this process has ended, ours or not; `SRCH` if there is none.
pub(crate) fn watch_end(process: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Has the kernel send us SIGCONT when the thread that started us ends, should we be stopped then (prctl(2),
/// `PR_SET_PDEATHSIG`). Refused to nobody.
pub(crate) fn wake_at_end_of_parent() {
    let _ = set_parent_process_death_signal(Some(Signal::CONT));
}

/// As wait(2) has it: the code, or the signal and whether there is a core.
fn exit_status(status: &WaitIdStatus) -> ExitStatus {
    /// Set beside the signal (wait(2), `WCOREDUMP`).
    const CORE: i32 = 0x80;
    let signal = status.terminating_signal().unwrap_or_default();
    ExitStatus::from_raw(match status.exit_status() {
        Some(code) => (code & 0xff) << 8,
        None if status.dumped() => signal | CORE,
        None => signal,
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn process(script: &str) -> Process {
        let mut shell = Command::new("sh");
        let child = shell.args(["-c", script]).stderr(Stdio::null()).spawn().unwrap();
        Process::of(child).unwrap()
    }

    #[test]
    fn an_end_is_told_as_it_was_and_once() {
        for (script, code, signal) in
            [("exit 0", Some(0), None), ("exit 77", Some(77), None), ("kill -9 $$", None, Some(9))]
        {
            let process = process(script);
            assert!(waiter::readable(&[process.as_fd()], None).unwrap());
            let End::Seen(status) = process.try_wait().unwrap() else { panic!("{script}") };
            assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
            assert!(!status.core_dumped());
            assert_eq!(process.try_wait().unwrap(), End::Unseen);
        }
    }

    #[test]
    fn who_lives_has_not_ended() {
        let process = process("exec sleep 777");
        assert_eq!(process.try_wait().unwrap(), End::None);
        let _ = rustix::process::kill_process(process.pid, Signal::KILL);
        assert!(waiter::readable(&[process.as_fd()], None).unwrap());
        assert!(
            matches!(process.try_wait().unwrap(), End::Seen(status) if status.signal() == Some(9))
        );
    }
}
