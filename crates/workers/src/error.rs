//! What can go wrong with a list of workers.

use proc_spawn::SpawnError;
use supervisor::Problems;

use crate::report::{TooManyRestarts, WorkerEnd};

/// Why workers were not started, or how they failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkersError {
    /// The list or the options are wrong: nothing was started.
    #[error("{0}")]
    Options(Problems),
    /// This program cannot start itself.
    #[error("no worker can be started")]
    Spawn {
        /// Why.
        source: SpawnError,
    },
    /// So many workers need more descriptors than this process may have.
    #[error(
        "{workers} workers need {need} descriptors, but this process may have {limit} at most; \
         raise the hard limit (RLIMIT_NOFILE, `ulimit -Hn`)"
    )]
    TooManyWorkers {
        /// How many workers there are.
        workers: usize,
        /// How many descriptors they need, with those that are open already, and with what other
        /// pools of this process need.
        need: u64,
        /// The hard limit.
        limit: u64,
    },
    /// The system refused a step; every worker has been let go, and quits.
    #[error("cannot {step}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The output of a worker cannot be captured; nothing was started.
    #[error("the output of worker `{worker}` cannot be captured")]
    Capture {
        /// Whose.
        worker: String,
        /// The file, and why it cannot be opened.
        source: proc_spawn::ErrorText,
    },
    /// Workers failed before they were ever ready, and so all were stopped: see
    /// [`ready_when_all`](crate::WorkersOptions::ready_when_all).
    #[error("not all workers became ready: {}", failed_text(.0))]
    NotReady(Vec<WorkerEnd>),
    /// There were too many restarts, and so all were stopped: see
    /// [`restart_limit`](crate::WorkersOptions::restart_limit).
    #[error("gave up: {0}")]
    GaveUp(Box<TooManyRestarts>),
    /// Workers failed, and were not to be started again: see
    /// [`into_result`](crate::WorkersReport::into_result).
    #[error("{}", failed_text(.0))]
    Failed(Vec<WorkerEnd>),
}

fn failed_text(workers: &[WorkerEnd]) -> String {
    let texts: Vec<_> = workers.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
