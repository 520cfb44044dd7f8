//! What can go wrong when quit is set up, and at which step.

use std::fmt;
use std::io;

use crate::reason::signal_name;

/// Why a part of this crate could not be set up.
///
/// [`sleep`](crate::sleep()) and [`quit_requested`](crate::quit_requested) never fail; what needs a
/// pipe, a handler or a thread may.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No pipe could be had, most often because the process has too many open files (`EMFILE`).
    #[error("cannot create the quit pipe")]
    Pipe {
        /// What the system said.
        source: io::Error,
    },
    /// The system refused the handler.
    #[error("cannot install the quit handler for {}", signal_name(*.signal))]
    Handler {
        /// The number of the signal.
        signal: i32,
        /// What the system said.
        source: io::Error,
    },
    /// Signals could not be held back while the handlers are put in place.
    #[error("cannot block signals while the quit handlers are installed")]
    Mask {
        /// What the system said.
        source: io::Error,
    },
    /// The thread that passes a signal on to receivers and child tokens could not be started.
    #[error("cannot start the thread that watches for quit")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// These numbers are no signals, or their handlers cannot mean "quit": `SIGKILL` and `SIGSTOP`
    /// cannot be caught, `SIGILL`, `SIGFPE` and `SIGSEGV` are faults of the program itself.
    #[error("not signals that can request quit: {}; `SIGTERM` is 15", list(.signals))]
    Signals {
        /// All of those that were refused.
        signals: Vec<i32>,
    },
}

impl fmt::Debug for Error {
    /// With the whole chain of causes in words: what a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

fn list(signals: &[i32]) -> String {
    signals.iter().map(|&number| signal_name(number)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn the_texts_name_the_step_and_the_thing() {
        let io = || io::Error::from_raw_os_error(24);
        for (error, text) in [
            (Error::Pipe { source: io() }, "cannot create the quit pipe"),
            (
                Error::Handler { signal: 15, source: io() },
                "cannot install the quit handler for SIGTERM (15)",
            ),
            (
                Error::Mask { source: io() },
                "cannot block signals while the quit handlers are installed",
            ),
            (Error::Thread { source: io() }, "cannot start the thread that watches for quit"),
            (
                Error::Signals { signals: vec![9, 999] },
                "not signals that can request quit: SIGKILL (9), signal 999; `SIGTERM` is 15",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn the_cause_is_the_source_and_is_not_repeated() {
        let error = Error::Pipe { source: io::Error::from_raw_os_error(24) };
        let source = error.source().expect("a pipe error has a cause").to_string();
        assert!(source.contains("os error 24"), "{source}");
        assert!(!error.to_string().contains("24"));
        assert_eq!(format!("{error:?}"), format!("{error}: {source}"));
    }

    #[test]
    fn it_can_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
    }
}
