//! How a guardian is told to stop, and told again by somebody in a hurry; and how to open files anew.
//!
//! SIGTERM asks, however often: two calls of `stop_daemon` at once are one stop. SIGINT and SIGQUIT ask
//! too; but whoever sends one after the stop has begun, as with a second Ctrl-C, does not want to wait
//! for the grace.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use exit::SetupError;
use quit::{Reason, SecondSignal, Signals};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTTIN, SIGTTOU};

use crate::signal_bytes::SignalBytes;

/// The guardian's handlers, and what they have heard of hurry. Dropping it ends what they tell here; the
/// request to quit itself stays with the process.
pub(crate) struct StopSignals {
    /// A byte for each SIGINT and SIGQUIT.
    hurry: SignalBytes,
    /// A byte for each signal that asks to open files anew, if there is one.
    reopen: Option<SignalBytes>,
    /// A byte for each signal that asks to reload, if there is one.
    reload: Option<SignalBytes>,
}

impl StopSignals {
    /// Installs the handlers: from here on SIGTERM, SIGINT, SIGQUIT and the signals in `also` ask to
    /// quit, without those to `reopen` and to `reload` on.
    pub(crate) fn install(
        also: &[i32],
        reopen: Option<i32>,
        reload: Option<i32>,
    ) -> Result<StopSignals, SetupError> {
        let failed = |error: io::Error| SetupError::new("signal handlers", &error);
        let signals = also
            .iter()
            .filter(|signal| reopen != Some(**signal) && reload != Some(**signal))
            .fold(Signals::default().and(SIGQUIT), |signals, signal| signals.and(*signal));
        quit::install_with(signals.second_signal(SecondSignal::Ignored))
            .map_err(|error| SetupError::new("signal handlers", &error))?;
        // If our group is in the background of a terminal, and one of its processes uses the terminal,
        // the system stops the whole group by these signals. The guardian takes them, and goes on.
        for signal in [SIGTTOU, SIGTTIN] {
            signal_hook::flag::register(signal, Arc::default()).map_err(failed)?;
        }
        let hurry = SignalBytes::of(&[SIGINT, SIGQUIT]).map_err(failed)?;
        let bytes =
            |signal: Option<i32>| signal.map(|signal| SignalBytes::of(&[signal])).transpose();
        let (reopen, reload) = (bytes(reopen).map_err(failed)?, bytes(reload).map_err(failed)?);
        Ok(StopSignals { hurry, reopen, reload })
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
        self.reopen.as_ref().is_some_and(|asked| asked.take() > 0)
    }

    /// Readable when somebody asks for a reload; `None`: no signal does.
    pub(crate) fn reload(&self) -> Option<BorrowedFd<'_>> {
        self.reload.as_ref().map(AsFd::as_fd)
    }

    /// Whether somebody has asked for a reload, since the last look.
    pub(crate) fn take_reload(&self) -> bool {
        self.reload.as_ref().is_some_and(|asked| asked.take() > 0)
    }

    /// How many SIGINT and SIGQUIT have come since the last look. A handler may run in another thread than the
    /// loop, and its byte is written after the flag is set.
    pub(crate) fn take_hurry(&self) -> usize {
        self.hurry.take()
    }
}

/// Whether quit was requested by one of the signals that are counted as hurry.
pub(crate) fn is_hurry(reason: Option<&Reason>) -> bool {
    matches!(reason, Some(Reason::Signal(SIGINT | SIGQUIT)))
}
