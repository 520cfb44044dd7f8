//! How a daemon ended, and with which code its guardian does.

use std::fmt;
use std::process::ExitCode;

use lifecycle::Outcome;
use policy::{CODE_GAVE_UP, GaveUp, RunEnd};

/// How a daemon that was run in the foreground ended. A `main` that returns it, as an
/// [`ExitCode`], ends as a detached guardian does: see [`exit_code`](DaemonEnd::exit_code).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "that the daemon failed is in here, and not in an error: end with its `exit_code`"]
#[non_exhaustive]
pub enum DaemonEnd {
    /// The daemon runs already, and was not touched.
    AlreadyRunning {
        /// The process id in its pid file.
        pid: u32,
    },
    /// It was asked to stop, and everything is gone.
    Stopped,
    /// Its executor ended, and was not to be started again.
    Ended(RunEnd),
    /// Its executor ended, and there was a reason not to start it again.
    GaveUp(GaveUp, RunEnd),
}

impl fmt::Display for DaemonEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DaemonEnd::AlreadyRunning { pid } => write!(f, "already running, pid {pid}"),
            DaemonEnd::Stopped => f.write_str("stopped"),
            DaemonEnd::Ended(end) => write!(f, "the executor {end}"),
            DaemonEnd::GaveUp(why, end) => write!(f, "gave up: the executor {end}, and {why}"),
        }
    }
}

impl DaemonEnd {
    /// The exit code that a guardian ends with: 0 when it was stopped, when the executor ended
    /// well, or when the daemon runs already; [`CODE_GAVE_UP`] when it gave up; otherwise the code
    /// of the executor, or 128 and the number of the signal that ended it, as a shell has it.
    pub fn exit_code(&self) -> i32 {
        match self {
            DaemonEnd::AlreadyRunning { .. } | DaemonEnd::Stopped => 0,
            DaemonEnd::GaveUp(..) => CODE_GAVE_UP,
            DaemonEnd::Ended(end) if end.is_success() => 0,
            DaemonEnd::Ended(end) => end.code(),
        }
    }

    pub(crate) fn of(outcome: Outcome) -> DaemonEnd {
        match outcome {
            Outcome::Quit(_) | Outcome::Stopped => DaemonEnd::Stopped,
            Outcome::Ended(end) | Outcome::NotLaunched(end) => DaemonEnd::Ended(end),
            Outcome::GaveUp(why, end) => DaemonEnd::GaveUp(why, end),
        }
    }
}

impl From<DaemonEnd> for ExitCode {
    /// [`DaemonEnd::exit_code`].
    fn from(end: DaemonEnd) -> ExitCode {
        // An exit code has eight bits (wait(2)), and none of ours is larger.
        ExitCode::from(u8::try_from(end.exit_code()).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use exit::{ErrorText, Exit, Panic};

    use super::*;

    /// Case: RST-37
    #[test]
    fn a_guardian_ends_with_what_its_executor_ended_with() {
        let exited = |exit| DaemonEnd::Ended(RunEnd::Exited(exit));
        let signal =
            |signal| Exit::Signal { signal, core: false, out_of_memory: false, panic: None };
        let panic = Panic { message: String::new(), place: String::new() };
        let failed = RunEnd::NotStarted(ErrorText::new(&fmt::Error));
        let cases = [
            (DaemonEnd::Stopped, 0),
            (DaemonEnd::AlreadyRunning { pid: 7 }, 0),
            (exited(Exit::Code(0)), 0),
            (exited(Exit::Code(42)), 42),
            (DaemonEnd::Ended(RunEnd::Succeeded(Exit::Code(42))), 0),
            (exited(signal(9)), 137),
            (exited(Exit::Panic(panic)), 101),
            (exited(Exit::Unknown), 1),
            (DaemonEnd::Ended(failed.clone()), 1),
            (DaemonEnd::GaveUp(GaveUp::Prevented, failed), CODE_GAVE_UP),
        ];
        for (end, code) in cases {
            assert_eq!(end.exit_code(), code, "{end}");
            let told = u8::try_from(code).unwrap();
            assert_eq!(format!("{:?}", ExitCode::from(end)), format!("{:?}", ExitCode::from(told)));
        }
    }
}
