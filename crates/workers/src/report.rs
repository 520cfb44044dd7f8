//! What is told of a list of workers when all are over.

use lifecycle::Outcome;
use proc_spawn::ArgsError;
use serde::de::DeserializeOwned;

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

    /// What a worker has returned, by its name: what its last run has, if [that was
    /// kept](crate::WorkerStartInfo::keep_value). How it ended then is another thing: see [`WorkerEnd::value`].
    ///
    /// # Errors
    ///
    /// [`ValueError`]: there is none, or it is of another type.
    pub fn value<T: DeserializeOwned>(&self, name: &str) -> Result<T, ValueError> {
        let named = |error: fn(String) -> ValueError| error(name.to_owned());
        let end = self.workers.iter().find(|worker| worker.name == name);
        let end = end.ok_or_else(|| named(|name| ValueError::NoSuchWorker { name }))?;
        let value = end.value.as_ref().ok_or_else(|| named(|name| ValueError::None { name }))?;
        value.read().map_err(|source| ValueError::OtherType { name: name.to_owned(), source })
    }

    /// Those that failed before they were ever ready, as an error.
    pub(crate) fn all_were_ready(&self) -> Result<(), WorkersError> {
        let not_ready = |worker: &&WorkerEnd| matches!(worker.outcome, Outcome::NotLaunched(_));
        let failed: Vec<_> = self.workers.iter().filter(not_ready).cloned().collect();
        if failed.is_empty() { Ok(()) } else { Err(WorkersError::NotReady(failed)) }
    }
}

/// Why there is no value of a worker: see [`WorkersReport::value`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// No worker has this name.
    #[error("no worker `{name}`")]
    NoSuchWorker {
        /// The name.
        name: String,
    },
    /// Its last run has returned nothing that was kept.
    #[error("worker `{name}` has returned nothing that was kept")]
    None {
        /// Whose.
        name: String,
    },
    /// It is of another type.
    #[error("worker `{name}` has returned something else")]
    OtherType {
        /// Whose.
        name: String,
        /// Which field, and why.
        source: ArgsError,
    },
}
