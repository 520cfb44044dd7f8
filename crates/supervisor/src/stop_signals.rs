//! How a guardian is told to stop, and told again by somebody in a hurry; and how to open files anew.
//!
//! SIGTERM asks, however often: two calls of `stop_daemon` at once are one stop. SIGINT and SIGQUIT
//! ask too; but who sends one after the stop has begun, as with a second Ctrl-C, is not going to
//! wait for the grace.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use exit::SetupError;
use quit::{Reason, SecondSignal, Signals};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTTIN, SIGTTOU};

use crate::signal_bytes::SignalBytes;

/// What is left of a grace when somebody is in a hurry.
pub(crate) const HURRY: Duration = Duration::from_secs(2);

/// Which signals of hurry are the first request itself, and which come after it.
///
/// A handler may run in another thread than the loop, and writes its byte after the flag is set. So the
/// loop may see the quit that a SIGINT asked for before the byte of that same SIGINT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hurry {
    heard: usize,
    /// How many of them mean what is known already; not known before quit is.
    first: Option<usize>,
}

impl Hurry {
    /// So many more have come.
    pub(crate) fn hear(&mut self, signals: usize) {
        self.heard += signals;
    }

    /// Quit is requested, for this reason.
    pub(crate) fn begin(&mut self, reason: Option<Reason>) {
        let own = matches!(reason, Some(Reason::Signal(SIGINT | SIGQUIT)));
        // Also one whose number was overwritten by another signal's before anybody looked.
        self.first.get_or_insert(usize::from(own || self.heard > 0));
    }

    /// Whether somebody has asked again since the last time.
    pub(crate) fn take(&mut self) -> bool {
        let Some(first) = self.first else { return false };
        let again = self.heard > first;
        // Those are answered.
        self.heard = self.heard.min(first);
        again
    }
}

/// The guardian's handlers, and what they have heard of hurry. Dropping it ends what they tell here; the
/// request to quit itself stays with the process.
pub(crate) struct StopSignals {
    /// A byte for each SIGINT and SIGQUIT.
    hurry: SignalBytes,
    /// A byte for each signal that asks to open files anew, if there is one.
    reopen: Option<SignalBytes>,
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
        // In the background of a terminal, where one of our group uses it: no reason to stop who keeps it.
        for signal in [SIGTTOU, SIGTTIN] {
            signal_hook::flag::register(signal, Arc::default()).map_err(failed)?;
        }
        let hurry = SignalBytes::of(&[SIGINT, SIGQUIT]).map_err(failed)?;
        let reopen = reopen.map(|signal| SignalBytes::of(&[signal]));
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
        self.reopen.as_ref().is_some_and(|asked| asked.take() > 0)
    }

    /// How many signals of hurry have come since the last look.
    pub(crate) fn take_hurry(&self) -> usize {
        self.hurry.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The byte of the first Ctrl-C may come before the quit is seen, together with it, or after.
    ///
    /// Case: FLT-G6
    #[test]
    fn the_first_signal_is_counted_once_whenever_its_byte_comes() {
        let sigint = Some(Reason::Signal(SIGINT));
        for (before, after) in [(1, 0), (0, 1)] {
            let mut hurry = Hurry::default();
            hurry.hear(before);
            assert!(!hurry.take());
            hurry.begin(sigint);
            assert!(!hurry.take());
            hurry.hear(after);
            assert!(!hurry.take(), "{before}, {after}");
            hurry.hear(1);
            assert!(hurry.take(), "the second one");
            assert!(!hurry.take(), "once");
            hurry.hear(1);
            assert!(hurry.take(), "the third one");
        }
        // Overwritten by a SIGTERM that came at once after it.
        let mut hurry = Hurry::default();
        hurry.hear(1);
        hurry.begin(Some(Reason::Signal(15)));
        assert!(!hurry.take());
    }

    #[test]
    fn after_another_request_the_first_one_is_a_hurry() {
        let mut hurry = Hurry::default();
        hurry.begin(Some(Reason::Signal(15)));
        assert!(!hurry.take());
        hurry.hear(1);
        assert!(hurry.take());
        let mut both = Hurry::default();
        both.hear(2);
        both.begin(Some(Reason::Signal(SIGQUIT)));
        assert!(both.take(), "two at once are a first and a second");
    }
}
