//! What is told of a list of workers when all are over.

use lifecycle::Outcome;

use crate::ends::{TooManyRestarts, WorkerEnd};
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

    /// Those that failed before they were ever ready, as an error.
    pub(crate) fn all_were_ready(&self) -> Result<(), WorkersError> {
        let not_ready = |worker: &&WorkerEnd| matches!(worker.outcome, Outcome::NotLaunched(_));
        let failed: Vec<_> = self.workers.iter().filter(not_ready).cloned().collect();
        if failed.is_empty() { Ok(()) } else { Err(WorkersError::NotReady(failed)) }
    }
}
