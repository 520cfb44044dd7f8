//! How a guardian is told to stop, and told again by somebody in a hurry; and how to open files anew.
//!
//! SIGTERM asks, however often: two calls of `stop_daemon` at once are one stop. SIGINT and SIGQUIT
//! ask too; but who sends one after the stop has begun, as with a second Ctrl-C, is not going to
//! wait for the grace.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use proc_spawn::SetupError;
use quit::{SecondSignal, Signals};
use rustix::net::RecvFlags;
use signal_hook::consts::{SIGINT, SIGQUIT};

/// What is left of a grace when somebody is in a hurry.
pub(crate) const HURRY: Duration = Duration::from_secs(2);

/// The guardian's handlers, which stay for good, and what they have heard of hurry.
pub(crate) struct StopSignals {
    /// A byte for each SIGINT and SIGQUIT.
    hurry: UnixStream,
    /// A byte for each signal that asks to open files anew, if there is one.
    reopen: Option<UnixStream>,
}

impl StopSignals {
    /// From here on the signals ask; those in `also` too, unless it is the one to `reopen` on.
    pub(crate) fn install(also: &[i32], reopen: Option<i32>) -> Result<StopSignals, SetupError> {
        let failed = |error: io::Error| SetupError::new("signal handlers", &error);
        let signals = also
            .iter()
            .filter(|signal| reopen != Some(**signal))
            .fold(Signals::default().and(SIGQUIT), |signals, signal| signals.and(*signal));
        quit::install_with(signals.second_signal(SecondSignal::Ignored))
            .map_err(|error| SetupError::new("signal handlers", &error))?;
        let (hurry, wake) = UnixStream::pair().map_err(failed)?;
        for signal in [SIGINT, SIGQUIT] {
            let wake = wake.try_clone().map_err(failed)?;
            signal_hook::low_level::pipe::register(signal, wake).map_err(failed)?;
        }
        let reopen = reopen.map(|signal| {
            let (asked, wake) = UnixStream::pair()?;
            signal_hook::low_level::pipe::register(signal, wake)?;
            Ok(asked)
        });
        let reopen = reopen.transpose().map_err(failed)?;
        Ok(StopSignals { hurry, reopen })
    }

    /// Readable when there is something to take.
    pub(crate) fn hurry(&self) -> BorrowedFd<'_> {
        self.hurry.as_fd()
    }

    /// Readable when files are to be opened anew; `None`: no signal asks for that.
    pub(crate) fn reopen(&self) -> Option<BorrowedFd<'_>> {
        self.reopen.as_ref().map(AsFd::as_fd)
    }

    /// Whether files are to be opened anew, since the last look.
    pub(crate) fn take_reopen(&self) -> bool {
        self.reopen.as_ref().is_some_and(|asked| take(asked) > 0)
    }

    /// How many signals of hurry have come since the last look.
    pub(crate) fn take_hurry(&self) -> usize {
        take(&self.hurry)
    }
}

/// How many bytes have come.
fn take(stream: &UnixStream) -> usize {
    let mut buffer = [0u8; 16];
    let mut taken = 0;
    while let Ok((read, _)) = rustix::net::recv(stream, &mut buffer, RecvFlags::DONTWAIT)
        && read > 0
    {
        taken += read;
    }
    taken
}
