//! What the caller says about workers.

mod batch;
mod expand;
#[cfg(feature = "yaml")]
mod file;
mod newer;
mod options;
mod plan;
mod planner;
mod set;

use std::path::PathBuf;

use policy::{Leftovers, RestartPolicy, StartPolicy, StopPolicy, WatchdogPolicy};
use proc_spawn::{Call, EntryFn};
use surroundings::Surroundings;

pub(crate) use batch::{BatchPlan, JobsSaid};
pub(crate) use expand::is_number;
pub(crate) use newer::{NewerList, NewerSet, Order, newer};
pub use options::{ListSource, WorkersOptions};
pub(crate) use plan::{PidFileOf, Plan, SetPlan, WorkerPlan, plan};
pub(crate) use planner::{AlonePlan, Planner};
pub(crate) use set::MOST_OF_SET;
pub use set::{Listed, WorkerSet};

/// One worker that is to be started: its name, its pid file, its entry.
///
/// Relative paths are relative to the directory in which `start_daemon` was called, or, where no
/// daemon is above, to the current one. Nothing is checked before
/// [`start_workers`](crate::start_workers), and then everything at once; no method fails.
///
/// From a configuration file with the same names, and `entry` and `args`, with the feature `yaml`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "yaml", derive(serde::Deserialize), serde(try_from = "file::WorkerFile"))]
pub struct WorkerStartInfo {
    name: String,
    pid_filename: PathBuf,
    call: Call,
    pub(crate) surroundings: Surroundings,
    pub(crate) start: Option<StartPolicy>,
    restart: Option<RestartPolicy>,
    pub(crate) stop: Option<StopPolicy>,
    pub(crate) leftovers: Option<Leftovers>,
    pub(crate) keep_value: Option<u64>,
    watchdog: Option<WatchdogPolicy>,
    after: Vec<String>,
    temporary: bool,
    significant: bool,
}

impl WorkerStartInfo {
    /// A worker with this name and pid file that runs `entry` with `args`. No two workers of a
    /// list may have the same name or the same pid file.
    pub fn new<F: EntryFn<M>, M>(
        name: impl Into<String>,
        pid_filename: impl Into<PathBuf>,
        entry: F,
        args: F::Args,
    ) -> WorkerStartInfo {
        WorkerStartInfo::of(name, pid_filename, Call::new(entry, args))
    }

    /// The same for an entry by name, or one that was put together elsewhere: see
    /// [`Call::named`].
    pub fn of(
        name: impl Into<String>,
        pid_filename: impl Into<PathBuf>,
        call: Call,
    ) -> WorkerStartInfo {
        WorkerStartInfo {
            name: name.into(),
            pid_filename: pid_filename.into(),
            call,
            surroundings: Surroundings::default(),
            start: None,
            restart: None,
            stop: None,
            leftovers: None,
            keep_value: None,
            watchdog: None,
            after: Vec::new(),
            temporary: false,
            significant: false,
        }
    }

    /// Starts this worker only when the workers of these names are ready, or done. Stopping goes the
    /// other way round. If one of them fails, this worker goes on if it runs already.
    #[must_use]
    pub fn after(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.after.extend(names.into_iter().map(Into::into));
        self
    }

    /// Does not start this worker again when the [strategy](WorkersOptions::strategy) starts the
    /// others again; and its failure does not touch them.
    #[must_use]
    pub fn temporary(mut self) -> Self {
        self.temporary = true;
        self
    }

    /// Makes this worker one whose end may [end them all](WorkersOptions::end_when). It is over, too, if
    /// it can never be started, since it comes after a worker that has failed for good.
    #[must_use]
    pub fn significant(mut self) -> Self {
        self.significant = true;
        self
    }

    /// When this worker counts as started. Default: as the [options](WorkersOptions::start) say.
    #[must_use]
    pub fn start(mut self, policy: StartPolicy) -> Self {
        self.start = Some(policy);
        self
    }

    /// Whether and when this worker is started again. Default: as the
    /// [options](WorkersOptions::restart) say.
    #[must_use]
    pub fn restart(mut self, policy: RestartPolicy) -> Self {
        self.restart = Some(policy);
        self
    }

    /// How this worker is stopped. Default: as the [options](WorkersOptions::stop) say.
    #[must_use]
    pub fn stop(mut self, policy: StopPolicy) -> Self {
        self.stop = Some(policy);
        self
    }

    /// What becomes of processes that a run of this worker leaves behind. Default: as the
    /// [options](WorkersOptions::leftovers) say.
    #[must_use]
    pub fn leftovers(mut self, leftovers: Leftovers) -> Self {
        self.leftovers = Some(leftovers);
        self
    }

    /// Keeps what the entry returns with `Ok`, for [`WorkersReport::value`](crate::WorkersReport::value): of at most so
    /// many bytes, encoded, from 1 to [`LONGEST_VALUE`](proc_spawn::value::LONGEST_VALUE);
    /// [`DEFAULT_VALUE`](proc_spawn::value::DEFAULT_VALUE) will do for most. A run that returns more, or what cannot be encoded,
    /// has failed for good; one that ends with code 0 and without it has failed. Default: it is not even sent.
    #[must_use]
    pub fn keep_value(mut self, most: u64) -> Self {
        self.keep_value = Some(most);
        self
    }

    /// Within which time this worker has to say again and again that it gets on. Default: as the
    /// [options](WorkersOptions::watchdog) say.
    #[must_use]
    pub fn watchdog(mut self, policy: WatchdogPolicy) -> Self {
        self.watchdog = Some(policy);
        self
    }

    surroundings::surroundings_methods!(
        surroundings of "the worker",
        output and environment of "the worker",
        by default "`/dev/null`"
    );
}
