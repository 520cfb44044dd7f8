//! How one worker ended, or all of them at once.

use std::fmt;

use capture::LastLines;
use lifecycle::Outcome;
use policy::RunEnd;
use policy::limit;
use proc_spawn::value;

/// How one worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerEnd {
    /// Its name.
    pub name: String,
    /// How often it was started.
    pub runs: u64,
    /// How it went in the end.
    pub outcome: Outcome,
    /// What its last run wrote last, if its output was captured.
    pub last_lines: LastLines,
    /// What its last run has returned, if [that was kept](crate::WorkerStartInfo::keep_value) and has come whole: also if
    /// something else has ended that run then.
    pub value: Option<value::Value>,
}

impl WorkerEnd {
    /// Whether it ended badly, and not because it was asked to quit.
    pub fn failed(&self) -> bool {
        self.end().is_some_and(|end| !end.is_success()) && !matches!(self.outcome, Outcome::Quit(_))
    }

    /// How its last run ended; `None` if it was not running when it was asked to quit.
    pub fn end(&self) -> Option<&RunEnd> {
        match &self.outcome {
            Outcome::Quit(end) => end.as_ref(),
            Outcome::Stopped => None,
            Outcome::Ended(end) | Outcome::NotLaunched(end) | Outcome::GaveUp(_, end) => Some(end),
        }
    }
}

impl fmt::Display for WorkerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end() {
            Some(end) => write!(f, "worker `{}` {end}", self.name),
            None => write!(f, "worker `{}` was not running", self.name),
        }
    }
}

/// More restarts than the [limit of all workers](crate::WorkersOptions::restart_limit) allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooManyRestarts {
    /// The limit.
    pub limit: limit::RestartLimit,
    /// The worker that was one too many.
    pub worker: String,
    /// How its last run had ended.
    pub end: RunEnd,
}

impl fmt::Display for TooManyRestarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in all: at last worker `{}` {}", self.limit, self.worker, self.end)
    }
}
