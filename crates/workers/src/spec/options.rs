//! How a list of workers is kept, as the caller says it.

mod file;

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use policy::limit;
use policy::{Leftovers, RestartPolicy, StartPolicy, StopPolicy, WatchdogPolicy};
use serde::{Deserialize, Serialize};

use super::Listed;
use file::OptionsFile;
use policy::{EndWhen, Strategy};

/// How a list of workers is kept; each worker may differ.
///
/// From a configuration file with the names of the methods, `in_order` and `ready_when_all` being `true` or
/// `false`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "OptionsFile")]
pub struct WorkersOptions {
    pub(super) start: StartPolicy,
    pub(super) restart: RestartPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_limit: Option<limit::RestartLimit>,
    pub(super) stop: StopPolicy,
    pub(super) leftovers: Leftovers,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) watchdog: Option<WatchdogPolicy>,
    pub(super) strategy: Strategy,
    pub(super) end_when: EndWhen,
    pub(super) in_order: bool,
    #[serde(serialize_with = "policy::duration::serialize")]
    pub(super) start_stagger: Duration,
    pub(super) ready_when_all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) debug_filename: Option<PathBuf>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) trust_folder_owner: bool,
    #[serde(skip)]
    pub(crate) source: Option<ListSource>,
}

/// Where a newer list comes from: see [`on_reload`](WorkersOptions::on_reload). Two are equal if they are the same.
#[derive(Clone)]
pub struct ListSource(Arc<Source>);

type Source = dyn Fn() -> Result<Vec<Listed>, SourceError> + Send + Sync;

/// Why there is no newer list.
pub(crate) type SourceError = Box<dyn Error + Send + Sync>;

impl ListSource {
    /// The list as it is now. What is called is the application's own, and may take its time, or panic.
    pub(crate) fn read(&self) -> Result<Vec<Listed>, SourceError> {
        (self.0)()
    }
}

impl PartialEq for ListSource {
    fn eq(&self, other: &ListSource) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ListSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListSource")
    }
}

/// As pyappkit has it.
const DEFAULT_RESTART_INTERVAL: Duration = Duration::from_secs(5 * 60);

impl Default for WorkersOptions {
    fn default() -> WorkersOptions {
        WorkersOptions {
            start: StartPolicy::default(),
            restart: RestartPolicy::after(DEFAULT_RESTART_INTERVAL),
            restart_limit: None,
            stop: StopPolicy::default(),
            leftovers: Leftovers::default(),
            watchdog: None,
            strategy: Strategy::default(),
            end_when: EndWhen::default(),
            in_order: false,
            start_stagger: Duration::ZERO,
            ready_when_all: false,
            debug_filename: None,
            trust_folder_owner: false,
            source: None,
        }
    }
}

impl WorkersOptions {
    /// The defaults.
    pub fn new() -> WorkersOptions {
        WorkersOptions::default()
    }

    /// How long after its end a worker that failed is started again: one with a code that is not
    /// 0, a panic, a returned error, or a signal, or because it could not be started, or took too long
    /// to start or to stop. Counted exactly; zero means at once; `None`: it
    /// is not started again. A worker that ends well is done. Default: 5 minutes.
    #[must_use]
    pub fn restart_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.restart = interval.into().map(RestartPolicy::after).unwrap_or_default();
        self
    }

    /// Whether, when and how often a worker is started again. Default: 5 minutes after a failure,
    /// for ever.
    #[must_use]
    pub fn restart(mut self, policy: RestartPolicy) -> Self {
        self.restart = policy;
        self
    }

    /// Gives up when there are more than `times` restarts within `window`, those of all workers
    /// together: OTP's intensity and period. All are stopped then, the last one first, and
    /// [`into_result`](crate::WorkersReport::into_result) is an error with which an entry ends its
    /// process with [`CODE_GAVE_UP`](policy::limit::CODE_GAVE_UP), so that the level above can decide. A start
    /// that fails counts; several workers that are started again together because of one failure count
    /// once. A worker's own limit is in its [policy](Self::restart). Default: none.
    #[must_use]
    pub fn restart_limit(mut self, times: u32, window: Duration) -> Self {
        self.restart_limit = Some(limit::RestartLimit { times, window });
        self
    }

    /// How long a worker has from being asked to quit until it is killed; less if this process
    /// itself has less. Zero means at once, [`Duration::MAX`] for ever. Default: 10 s.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.stop = StopPolicy::grace(grace);
        self
    }

    /// How a worker is stopped, step by step; [`grace`](Self::grace) is the simple form of it.
    #[must_use]
    pub fn stop(mut self, policy: StopPolicy) -> Self {
        self.stop = policy;
        self
    }

    /// What becomes of processes that a run of a worker leaves behind. Default: they are ended before
    /// the run is over, and so before another one begins.
    #[must_use]
    pub fn leftovers(mut self, leftovers: Leftovers) -> Self {
        self.leftovers = leftovers;
        self
    }

    /// Within which time a worker has to say again and again that it gets on (`heartbeat::alive`). One that does not is
    /// ended by SIGABRT, and counts as failed. Default: it need not.
    #[must_use]
    pub fn watchdog(mut self, policy: WatchdogPolicy) -> Self {
        self.watchdog = Some(policy);
        self
    }

    /// How long a worker may take until it is ready. One that takes longer is killed, and counts as
    /// failed. Default: 30 s.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start.timeout = timeout;
        self
    }

    /// When a worker counts as started, and how long that may take.
    #[must_use]
    pub fn start(mut self, policy: StartPolicy) -> Self {
        self.start = policy;
        self
    }

    /// Who is started again when one worker is. Default: only that one.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Whose end ends them all. Default: everybody's.
    #[must_use]
    pub fn end_when(mut self, end_when: EndWhen) -> Self {
        self.end_when = end_when;
        self
    }

    /// Starts each worker when the one before it in the list is ready, and stops them the other
    /// way round. Default: all at once.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// The time between two starts, so that many do not come at once. Default: none.
    #[must_use]
    pub fn start_stagger(mut self, time: Duration) -> Self {
        self.start_stagger = time;
        self
    }

    /// Makes this process [ready](proc_spawn::tell_ready) when all workers are. A worker that fails
    /// before it was ever ready is not started again then: all are stopped, and
    /// [`start_workers`](crate::start_workers) returns which it was. Default: readiness is left to the
    /// application.
    #[must_use]
    pub fn ready_when_all(mut self) -> Self {
        self.ready_when_all = true;
        self
    }

    /// Who is started again when one worker is.
    pub(crate) fn strategy_of_all(&self) -> Strategy {
        self.strategy
    }

    /// Where a newer list comes from when somebody asks for a reload: SIGHUP to a daemon, `reload` on its command line, a
    /// client of its control socket, or [`Pool::reload`](crate::Pool::reload). What the newer list changes is found by
    /// comparing it with the one in force, and done as a whole or not at all: see [`Pool::plan`](crate::Pool::plan). If
    /// the function returns an error or panics, or the list is wrong, all stays as it is, and whoever has asked is told.
    ///
    /// It is called in a thread of its own, by one reload at a time. Default: there is none, and a reload is passed on to
    /// the workers that [listen](surroundings::reload_requested) for it.
    #[must_use]
    pub fn on_reload<L: Into<Listed>, E: Into<Box<dyn Error + Send + Sync>>>(
        mut self,
        list: impl Fn() -> Result<Vec<L>, E> + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(ListSource(Arc::new(move || {
            let list = list().map_err(Into::into)?;
            Ok(list.into_iter().map(Into::into).collect())
        })));
        self
    }

    /// A file that always tells the state of all workers, as JSON; replaced whole at every change,
    /// at most ten times a second. It is for nothing else: neither a worker's file nor one of this
    /// process. Everybody may read it (0644 less the umask), unless it tells
    /// [last lines](capture::Capture::last_lines) of captured output: then only its owner (0600). A link at
    /// its name is replaced, not followed. Default: none.
    ///
    /// Its `workers` have `name`, `state` (`idle`, `starting`, `running`, `not_ready`, `waiting` for the next run, `due` for its turn,
    /// `stopping`, `finished`), `since`, `pid`, `restarts`, `outcome` (why there is no other run), `says`, `last_exits`,
    /// `last_lines` and `lost`.
    #[must_use]
    pub fn debug_filename(mut self, path: impl Into<PathBuf>) -> Self {
        self.debug_filename = Some(path.into());
        self
    }

    /// Whether the owner of the folder of [`debug_filename`](Self::debug_filename), and of those on
    /// the way, is trusted with his own links and files there. Default: no, unless he is root or the
    /// effective user.
    #[must_use]
    pub fn trust_folder_owner(mut self, trust: bool) -> Self {
        self.trust_folder_owner = trust;
        self
    }
}
