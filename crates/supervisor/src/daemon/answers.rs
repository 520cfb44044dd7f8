//! What a daemon answers, and why it does not.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Instant;

use control::{ClientError, service};
use exit::ErrorText;

use crate::last_words::LastWords;
use crate::launch_failed::LaunchFailed;
use crate::stop::{DaemonStatus, StopFailed};

/// How a daemon is.
#[derive(Debug)]
#[non_exhaustive]
pub struct DaemonReport {
    /// What the lock of its pid file says, which is the truth.
    pub lock: DaemonStatus,
    /// What it says itself; `None`: it does not run.
    pub said: Option<Result<service::Status, AskFailed>>,
    /// Why it does not run, if it gave up the last time, or could not be launched.
    pub last_words: Option<LastWords>,
}

/// What happens to a daemon, as it happens. Dropping it ends that.
#[derive(Debug)]
pub struct EventStream {
    pub(super) stream: control::EventStream,
    pub(super) socket: PathBuf,
}

impl EventStream {
    /// The next events. Those of guardian and executor come as they happen, each with the epoch of its own
    /// numbers. `None`: the daemon has ended.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]: with [`ClientError::NoAnswer`] nothing has happened by the deadline, and it may be asked again.
    pub fn next(&mut self, deadline: Instant) -> Result<Option<service::Events>, AskFailed> {
        let socket = || self.socket.clone();
        self.stream.next(deadline).map_err(|source| AskFailed { socket: socket(), source })
    }
}

impl AsFd for EventStream {
    /// Readable when something may have happened: see [`control::EventStream`].
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Why a daemon has not answered, or has said no.
///
/// `Display` and `Debug` are one line, with the [cause](AskFailed::cause). So there is nothing behind `source()`.
pub struct AskFailed {
    pub(super) socket: PathBuf,
    pub(super) source: ClientError,
}

impl AskFailed {
    /// Why.
    pub fn cause(&self) -> &ClientError {
        &self.source
    }
}

impl fmt::Display for AskFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = safe_text::escaped(&ErrorText::new(&self.source).chain());
        if matches!(self.source, ClientError::Refused(_)) {
            return f.write_str(&why);
        }
        write!(f, "`{}`: {why}", self.socket.display())
    }
}

impl fmt::Debug for AskFailed {
    /// The same: what a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for AskFailed {}

/// Why a daemon was not restarted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestartFailed {
    /// It was not stopped, and goes on.
    #[error(transparent)]
    Stop(StopFailed),
    /// Its options are wrong, and it goes on as it was; or it was stopped, and not started again.
    #[error(transparent)]
    Start(LaunchFailed),
}
