//! How a run ended, seen from who started it.

use std::fmt;
use std::time::Duration;

use proc_spawn::{CODE_ERROR, ErrorText, Exit};
use serde::{Deserialize, Serialize};

use crate::duration::rounded;

/// How one run of a child ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEnd {
    /// It ended by itself, or by somebody else's doing.
    Exited(Exit),
    /// It could not be started.
    NotStarted(ErrorText),
    /// It did not get as far as its entry in time, and we killed it.
    NotReady {
        /// How long was waited.
        after: Duration,
    },
    /// It was still there when its grace was over, and we killed it.
    Killed {
        /// Its grace.
        after: Duration,
        /// How it ended then, if the system could tell.
        exit: Option<Exit>,
    },
}

impl RunEnd {
    /// Whether the run went well: it exited with code 0, by itself.
    pub fn is_success(&self) -> bool {
        matches!(self, RunEnd::Exited(exit) if exit.is_success())
    }

    /// Whether the same would only happen again: see
    /// [`Entries::permanent_if`](proc_spawn::Entries::permanent_if).
    pub fn is_permanent(&self) -> bool {
        matches!(self, RunEnd::Exited(exit) if exit.is_permanent())
    }

    /// The run's end as an exit code: the process' own, 128 and the signal's number, or 1 where
    /// there is neither.
    pub fn code(&self) -> i32 {
        let RunEnd::Exited(exit) = self else { return CODE_ERROR };
        exit.code().or_else(|| exit.signal().map(|signal| 128 + signal)).unwrap_or(CODE_ERROR)
    }

    pub(crate) fn exit(self) -> Option<Exit> {
        match self {
            RunEnd::Exited(exit) => Some(exit),
            RunEnd::NotStarted(_) | RunEnd::NotReady { .. } => None,
            RunEnd::Killed { exit, .. } => exit,
        }
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunEnd::Exited(exit) => exit.fmt(f),
            RunEnd::NotStarted(error) => write!(f, "could not be started: {}", error.chain()),
            RunEnd::NotReady { after } => {
                write!(f, "was not ready within {:?} and was killed", rounded(*after))
            }
            RunEnd::Killed { after, .. } => {
                write!(f, "was killed {:?} after it was asked to quit", rounded(*after))
            }
        }
    }
}
