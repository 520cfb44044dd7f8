//! Why a daemon could not be launched, as the caller is told.

use std::fmt;
use std::time::Duration;

use exit::{ErrorText, Exit, SetupError};

use proc_spawn::{OtherProgram, Role, SpawnError};

use policy::Problems;
use policy::RunEnd;

/// The daemon could not be launched. Nothing of it is running, and no pid file is left; an empty output
/// file may be, and beside the pid file why it failed ([`LastWords`](crate::LastWords)). Only where the guardian does not answer ([`LaunchCause::NoAnswer`]), or was killed
/// ([`LaunchCause::GuardianEnded`]), a process of the daemon may be left, as long as it is stopped or
/// stuck.
///
/// `Display` is one line: the step, and why it failed, down to the last cause. So there is nothing
/// behind `source()`; [`cause`](LaunchFailed::cause) is the cause as a value. `Debug`, which is what a
/// `main` that returns it prints, has each wrong option on a line of its own, and what was written to
/// standard error.
pub struct LaunchFailed {
    cause: LaunchCause,
    stderr: String,
}

impl From<LaunchCause> for LaunchFailed {
    fn from(cause: LaunchCause) -> LaunchFailed {
        LaunchFailed { cause, stderr: String::new() }
    }
}

impl LaunchFailed {
    /// The same failure, with this text put before what is known of standard error already.
    pub(crate) fn after(mut self, stderr: &str) -> LaunchFailed {
        self.stderr.insert_str(0, stderr);
        self
    }

    /// Why.
    pub fn cause(&self) -> &LaunchCause {
        &self.cause
    }

    /// What was written to standard error since the launch: its last 16 KiB, bytes that are no
    /// text replaced. Of a captured stream its [last lines](capture::Capture::last_lines).
    pub fn stderr(&self) -> &str {
        &self.stderr
    }
}

impl fmt::Display for LaunchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = ErrorText::new(&self.cause).chain();
        // A panic may have had several lines to say.
        write!(f, "the daemon could not be launched: {}", safe_text::escaped(&cause))
    }
}

impl fmt::Debug for LaunchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let LaunchCause::Options(problems) = &self.cause {
            write!(f, "the daemon could not be launched: {problems:?}")?;
        } else {
            write!(f, "{self}")?;
        }
        if !self.stderr.is_empty() {
            f.write_str("\nstandard error since the launch:")?;
            for line in self.stderr.lines() {
                write!(f, "\n    {}", safe_text::escaped(line))?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for LaunchFailed {}

fn of_other(program: Option<&OtherProgram>) -> String {
    program.map_or_else(String::new, |program| format!(" ({program})"))
}

/// A launcher that exits by itself before there is a guardian has not come as far as `init`: perhaps a
/// parser of arguments ended it, since those of a child are wrong to the parser.
fn of_main(exit: &Exit) -> &'static str {
    if matches!(exit, Exit::Code(_)) {
        "; what stands before `init` in `main` happens in it, too: make `init` the first line"
    } else {
        ""
    }
}

/// Why a daemon could not be launched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchCause {
    /// The options are wrong: nothing was started.
    #[error("{0}")]
    Options(Problems),
    /// The entry, its arguments, or the system's word against a new process.
    #[error("cannot start the guardian")]
    Spawn(#[source] SpawnError),
    /// A step of a process of the daemon.
    #[error("the {role} could not be set up")]
    Setup {
        /// Of which process.
        role: Role,
        /// The step and its causes.
        source: SetupError,
    },
    /// The executor ended before it was ready, or was not ready in time.
    #[error("the executor {0}")]
    Executor(RunEnd),
    /// The executor ended before its entry was called, and was no process of this program.
    #[error("the executor {end} ({program})")]
    OtherProgram {
        /// How.
        end: Box<RunEnd>,
        /// What was executed.
        program: Box<OtherProgram>,
    },
    /// The pid file is there and, as the options have it, means that the daemon runs; but there is
    /// no process id in it.
    #[error(
        "pid file `{}` exists, which means that the daemon runs, but names no process; remove it if none does",
        path.display()
    )]
    UnknownHolder {
        /// The file.
        path: std::path::PathBuf,
    },
    /// Somebody asked the daemon to stop while it was being launched.
    #[error("it was asked to stop while it was being launched")]
    Stopped,
    /// The guardian ended without a word.
    #[error("the guardian ended before the entry was called{}", of_other(program.as_deref()))]
    GuardianEnded {
        /// What would have been executed, if that is not this program.
        program: Option<Box<OtherProgram>>,
    },
    /// The launcher, which starts the guardian, ended without a word.
    #[error(
        "the launcher {exit} before the guardian said anything{}{}",
        of_other(program.as_deref()), of_main(exit)
    )]
    LauncherEnded {
        /// How.
        exit: Exit,
        /// What was executed, if that is not this program.
        program: Option<Box<OtherProgram>>,
    },
    /// Nobody answered: the guardian is stopped or stuck, and goes as soon as it is not.
    #[error("the guardian has not answered within {after:?}")]
    NoAnswer {
        /// How long was waited.
        after: Duration,
    },
    /// The system refused a step of the caller's.
    #[error("cannot {step}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: FLT-H7
    #[test]
    fn a_failure_is_told_in_one_line_and_in_full() {
        let denied = std::io::Error::from_raw_os_error(13);
        let source = SetupError::new("pid file", &denied);
        let failed = LaunchFailed::from(LaunchCause::Setup { role: Role::Guardian, source });
        let line = "the daemon could not be launched: the guardian could not be set up: pid file: \
                    Permission denied (os error 13)";
        assert_eq!(failed.to_string(), line);
        assert!(std::error::Error::source(&failed).is_none(), "told twice by who prints causes");
        let failed = failed.after("oh\x1b\nno\n");
        assert_eq!(failed.to_string(), line);
        let debug = format!("{line}\nstandard error since the launch:\n    oh\\x1b\n    no");
        assert_eq!(format!("{failed:?}"), debug);

        let mut problems = Problems::new();
        problems.add("name", "", "empty; give it a name");
        problems.add("umask", "0o1777", "has bits beyond 0o777; give permission bits only");
        let failed = LaunchFailed::from(LaunchCause::Options(problems));
        assert_eq!(
            failed.to_string(),
            "the daemon could not be launched: name ``: empty; give it a name; [2 of 2] umask \
             `0o1777`: has bits beyond 0o777; give permission bits only"
        );
        assert_eq!(
            format!("{failed:?}"),
            "the daemon could not be launched: 2 options are wrong:\n    name ``: empty; give it a \
             name\n    umask `0o1777`: has bits beyond 0o777; give permission bits only"
        );
    }
}
