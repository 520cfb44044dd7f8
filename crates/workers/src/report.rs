//! How workers ended.

use std::fmt;

use capture::LastLines;

use lifecycle::Outcome;
use policy::{RestartLimit, RunEnd};

use crate::error::WorkersError;

/// How all workers of a list ended, in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a worker may have failed: see `into_result`"]
pub struct WorkersReport {
    /// One for each worker.
    pub workers: Vec<WorkerEnd>,
    /// What was too much, if all were stopped because of that.
    pub gave_up: Option<TooManyRestarts>,
}

/// More restarts than the [limit of all workers](crate::WorkersOptions::restart_limit) allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooManyRestarts {
    /// The limit.
    pub limit: RestartLimit,
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
}

impl WorkersReport {
    /// An error if there were too many restarts, or if any worker failed for good: it ended
    /// badly, and was not to be started again. Those that were asked to quit have not failed.
    ///
    /// # Errors
    ///
    /// [`WorkersError::GaveUp`], or [`WorkersError::Failed`] with those that did.
    pub fn into_result(self) -> Result<(), WorkersError> {
        if let Some(too_many) = self.gave_up {
            return Err(WorkersError::GaveUp(Box::new(too_many)));
        }
        let failed: Vec<_> = self.workers.into_iter().filter(WorkerEnd::failed).collect();
        if failed.is_empty() { Ok(()) } else { Err(WorkersError::Failed(failed)) }
    }
}

impl WorkersReport {
    /// Those that failed before they were ever ready, as an error.
    pub(crate) fn all_were_ready(&self) -> Result<(), WorkersError> {
        let not_ready = |worker: &&WorkerEnd| matches!(worker.outcome, Outcome::NotLaunched(_));
        let failed: Vec<_> = self.workers.iter().filter(not_ready).cloned().collect();
        if failed.is_empty() { Ok(()) } else { Err(WorkersError::NotReady(failed)) }
    }
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
