//! Why a request is not taken, for threads of the program and for the control socket.

use std::io;

use control::Refusal;
use control::service::refusal;
use policy::{Problems, Strategy};
use serde_json::json;

use crate::error::WorkersError;

/// Why a request was not taken: nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No worker has this name.
    #[error("there is no worker `{name}`")]
    NoSuchWorker {
        /// The name.
        name: String,
    },
    /// No set has this name.
    #[error("there is no set `{name}`{}", known(.sets))]
    NoSuchSet {
        /// The name.
        name: String,
        /// Those that there are.
        sets: Vec<String>,
    },
    /// A set has from none to as many as this.
    #[error("`{set}` cannot have {count} workers: between 0 and {most} it can")]
    Count {
        /// Which set.
        set: String,
        /// What it was to have.
        count: i64,
        /// The most that it can have.
        most: u32,
    },
    /// The worker is being stopped for good, or was taken off the list.
    #[error("`{name}` is being stopped for good")]
    Leaving {
        /// Which.
        name: String,
    },
    /// There is a process of this name, or there would be, or another of its files is somebody else's.
    #[error("{0}")]
    Options(Problems),
    /// Others are to start after it, and are not over.
    #[error("others come after `{name}`: {}", .dependents.join(", "))]
    Needed {
        /// Which was to be removed.
        name: String,
        /// The names of the others.
        dependents: Vec<String>,
    },
    /// The worker is one of a set, of which there may be fewer, and none may be missing.
    #[error("`{name}` is one of the set `{set}`: scale that")]
    OfSet {
        /// Which.
        name: String,
        /// Of which set.
        set: String,
    },
    /// The set is being rolled.
    #[error("`{set}` is being rolled: {done} of {total} are replaced")]
    Rolling {
        /// Which.
        set: String,
        /// How many are replaced.
        done: u32,
        /// How many are to be.
        total: u32,
    },
    /// The set is not being rolled.
    #[error("`{set}` is not being rolled")]
    NotRolling {
        /// Which.
        set: String,
    },
    /// Workers of this pool are not restarted alone.
    #[error("`{set}` cannot be rolled: with the strategy `{strategy}` none is restarted alone")]
    NotAlone {
        /// Which set.
        set: String,
        /// Who is started again when one is.
        strategy: Strategy,
    },
    /// Nothing here could be reloaded: there is no list to be read anew, and no worker listens for it.
    #[error(
        "there is nothing to reload: no list is read anew (`on_reload`), and no worker listens for it"
    )]
    NotReloadable,
    /// A list is being read.
    #[error("a reload is under way")]
    Reloading,
    /// There is no newer list.
    #[error("no newer list was read: {why}")]
    NoList {
        /// Why.
        why: String,
    },
    /// The list in force is another than that with which it was compared.
    #[error("the list has changed since it was compared")]
    Stale,
    /// The worker has no process now.
    #[error("`{name}` has no process: it is {phase}")]
    NoProcess {
        /// Which.
        name: String,
        /// Its phase.
        phase: String,
    },
    /// The system does not deliver the signal.
    #[error("signal {signal} was not delivered to `{name}`")]
    Signal {
        /// To which.
        name: String,
        /// Its number.
        signal: i32,
        /// Why.
        source: io::Error,
    },
    /// A worker cannot be made: too many descriptors, or its output cannot be captured.
    #[error("no worker can be made")]
    Worker(#[from] Box<WorkersError>),
    /// All workers are being stopped for good.
    #[error("all workers are being stopped")]
    Stopping,
    /// The pool has ended.
    #[error("the pool has ended")]
    Over,
}

fn known(sets: &[String]) -> String {
    if sets.is_empty() {
        "; there is none".to_owned()
    } else {
        format!("; known are {}", sets.join(", "))
    }
}

impl From<WorkersError> for RequestError {
    fn from(error: WorkersError) -> RequestError {
        if let WorkersError::Options(problems) = error {
            return RequestError::Options(problems);
        }
        RequestError::Worker(Box::new(error))
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Refusal {
        let why = exit::ErrorText::new(&error).chain();
        match error {
            RequestError::NoSuchWorker { name } => refusal("NoSuchWorker", json!({ "name": name })),
            RequestError::NoSuchSet { name, sets } => {
                refusal("NoSuchSet", json!({ "name": name, "sets": sets }))
            }
            RequestError::Count { set, count, most } => {
                refusal("NoSuchCount", json!({ "set": set, "count": count, "most": most }))
            }
            RequestError::Stopping | RequestError::Leaving { .. } | RequestError::Over => {
                refusal("Stopping", json!({}))
            }
            RequestError::NoProcess { name, phase } => {
                refusal("NotInPhase", json!({ "name": name, "phase": phase }))
            }
            RequestError::Signal { signal, source, .. }
                if source.kind() == io::ErrorKind::InvalidInput =>
            {
                refusal("NoSuchSignal", json!({ "signal": signal }))
            }
            RequestError::Signal { name, source, .. } => {
                refusal("NotDelivered", json!({ "name": name, "why": source.to_string() }))
            }
            RequestError::Rolling { set, done, total } => {
                refusal("Rolling", json!({ "set": set, "done": done, "total": total }))
            }
            RequestError::NotReloadable => refusal("NotReloadable", json!({})),
            RequestError::Reloading => refusal("Reloading", json!({})),
            RequestError::NoList { why } => refusal("NoList", json!({ "why": why })),
            RequestError::NotRolling { set } => refusal("NotRolling", json!({ "set": set })),
            RequestError::NotAlone { .. }
            | RequestError::Options(_)
            | RequestError::Needed { .. }
            | RequestError::OfSet { .. }
            | RequestError::Stale
            | RequestError::Worker(_) => refusal("Refused", json!({ "why": why })),
        }
    }
}
