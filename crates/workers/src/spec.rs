//! What the caller says about workers, and the one function that checks it.

mod file;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use logging::LoggingConfig;
use proc_spawn::{Call, Current, EntryFn, Environment, Role, Spawn, SpawnError, Stream};
use serde::{Deserialize, Serialize};
use stdio_redirect::Target;
use supervisor::{
    Base, Capture, Files, Leftovers, Owner, Parent, PlannedStreams, Policy, Problems, Purpose,
    RestartLimit, RestartPolicy, Setup, StartPolicy, StopPolicy, Streams, check_directory,
    check_duration, check_entry, check_environment, check_name, checked_logging, has_terminal,
};
use trusted_path::Trust;

use crate::error::WorkersError;
use crate::group::{self, EndWhen, Group, Member, Strategy};
use crate::status::StatusPlace;
use file::WorkerFile;

/// One worker that is to be started: its name, its pid file, its entry.
///
/// Relative paths are relative to the directory in which `start_daemon` was called, or, where no
/// daemon is above, to the current one. Nothing is checked before
/// [`start_workers`](crate::start_workers), and then everything at once; no method fails.
///
/// From a configuration file with the same names, and `entry` and `args`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "WorkerFile")]
pub struct WorkerStartInfo {
    name: String,
    pid_filename: PathBuf,
    call: Call,
    streams: Streams,
    logging_config: Option<LoggingConfig>,
    capture: Option<Capture>,
    start: Option<StartPolicy>,
    restart: Option<RestartPolicy>,
    stop: Option<StopPolicy>,
    leftovers: Option<Leftovers>,
    after: Vec<String>,
    temporary: bool,
    significant: bool,
    directory: Option<PathBuf>,
    environment: Environment,
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
        WorkerStartInfo::of(name, pid_filename, proc_spawn::entry(entry, args))
    }

    /// The same for an entry by name, or one that was put together elsewhere: see
    /// [`entry_named`](proc_spawn::entry_named).
    pub fn of(
        name: impl Into<String>,
        pid_filename: impl Into<PathBuf>,
        call: Call,
    ) -> WorkerStartInfo {
        WorkerStartInfo {
            name: name.into(),
            pid_filename: pid_filename.into(),
            call,
            streams: Streams::default(),
            logging_config: None,
            capture: None,
            start: None,
            restart: None,
            stop: None,
            leftovers: None,
            after: Vec::new(),
            temporary: false,
            significant: false,
            directory: None,
            environment: Environment::new(),
        }
    }

    /// Starts this worker only when those of these names are ready, or done. Stopping goes the
    /// other way round. Who runs already goes on when one of them fails.
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

    /// Makes this worker one whose end may [end them all](WorkersOptions::end_when).
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

    /// Where standard output goes, appended. Default: `/dev/null`.
    #[must_use]
    pub fn stdout_filename(mut self, path: impl Into<PathBuf>) -> Self {
        self.streams.stdout = Some(Target::File(path.into()));
        self
    }

    /// Where standard output goes: [`stdout_filename`](Self::stdout_filename) is the simple form, and
    /// the one that is called last counts. [`Target::Inherit`]: where this process' goes when the
    /// worker is started, as `/dev/stdout` does, too.
    #[must_use]
    pub fn stdout(mut self, target: Target) -> Self {
        self.streams.stdout = Some(target);
        self
    }

    /// Where standard error goes, appended; may be the same file as standard output. Default:
    /// `/dev/null`.
    #[must_use]
    pub fn stderr_filename(mut self, path: impl Into<PathBuf>) -> Self {
        self.streams.stderr = Some(Target::File(path.into()));
        self
    }

    /// Where standard error goes: as with [`stdout`](Self::stdout).
    #[must_use]
    pub fn stderr(mut self, target: Target) -> Self {
        self.streams.stderr = Some(target);
        self
    }

    /// Whether the owner of a folder on the way to `stdout_filename` and `stderr_filename` is trusted
    /// with his own links and files there: for a worker of root's whose output belongs in a user's
    /// folder. That user can then have it appended to any file. Default: no, unless he is root or the
    /// effective user. Logs and captures have an option of their own.
    #[must_use]
    pub fn trust_folder_owner(mut self, trust: bool) -> Self {
        self.streams.trust_folder_owner = trust;
        self
    }

    /// The worker's working directory. Default: that of this process.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets a variable in the worker's environment, which is otherwise a copy of this process'.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.set(key, value);
        self
    }

    /// Removes a variable from the worker's environment.
    #[must_use]
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.environment.remove(key);
        self
    }

    /// Removes all variables from the worker's environment, those set before included.
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.environment.clear();
        self
    }

    /// Has this process read the worker's output and keep it: see [`Capture`]. Default: nobody stands
    /// between.
    #[must_use]
    pub fn capture(mut self, capture: Capture) -> Self {
        self.capture = Some(capture);
        self
    }

    /// How the worker logs. Default: logging is left alone.
    #[must_use]
    pub fn logging_config(mut self, config: LoggingConfig) -> Self {
        self.logging_config = Some(config);
        self
    }
}

/// How a list of workers is kept; each worker may differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkersOptions {
    start: StartPolicy,
    restart: RestartPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_limit: Option<RestartLimit>,
    stop: StopPolicy,
    leftovers: Leftovers,
    strategy: Strategy,
    end_when: EndWhen,
    in_order: bool,
    #[serde(with = "supervisor::duration")]
    start_stagger: Duration,
    ready_when_all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    debug_filename: Option<PathBuf>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trust_folder_owner: bool,
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
            strategy: Strategy::default(),
            end_when: EndWhen::default(),
            in_order: false,
            start_stagger: Duration::ZERO,
            ready_when_all: false,
            debug_filename: None,
            trust_folder_owner: false,
        }
    }
}

impl WorkersOptions {
    /// The defaults.
    pub fn new() -> WorkersOptions {
        WorkersOptions::default()
    }

    /// How long after its end a worker that failed is started again: one with a code that is not
    /// 0, a panic, a returned error, or a signal. Counted exactly; zero means at once; `None`: it
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
    /// process with [`CODE_GAVE_UP`](supervisor::CODE_GAVE_UP), so that the level above can
    /// decide. A start that fails counts; several that are started again together because of one
    /// count once. A worker's own limit is in its [policy](Self::restart). Default: none.
    #[must_use]
    pub fn restart_limit(mut self, times: u32, window: Duration) -> Self {
        self.restart_limit = Some(RestartLimit { times, window });
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

    /// How long a worker may take until its entry is called; then it is killed, and counts as
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

    /// Makes this process [ready](supervisor::ready) when all workers are. One that fails before
    /// it was ever ready is not started again then: all are stopped, and
    /// [`start_workers`](crate::start_workers) returns which it was. Default: readiness is left
    /// to the application.
    #[must_use]
    pub fn ready_when_all(mut self) -> Self {
        self.ready_when_all = true;
        self
    }

    /// A file that always tells the state of all workers, as JSON; replaced whole at every change,
    /// at most ten times a second. It is for nothing else: neither a worker's file nor one of this
    /// process. Everybody may read it (0644 less the umask), unless it tells
    /// [last lines](Capture::last_lines) of captured output: then only its owner (0600). A link at
    /// its name is replaced, not followed. Default: none.
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

/// One worker, checked and complete.
pub(crate) struct WorkerPlan {
    pub(crate) name: String,
    pub(crate) pid_filename: PathBuf,
    pub(crate) setup: Setup,
    pub(crate) policy: Arc<Policy>,
    pub(crate) spawn: Spawn,
    pub(crate) capture: Option<Capture>,
}

/// Everything about a pool, checked and complete. Nothing after this needs deciding.
pub(crate) struct Plan {
    pub(crate) workers: Vec<WorkerPlan>,
    pub(crate) group: Group,
    pub(crate) start_stagger: Duration,
    pub(crate) ready_when_all: bool,
    pub(crate) debug_filename: Option<PathBuf>,
    pub(crate) debug_trust: Trust,
}

/// What may stand only once in a list, as it is met: names, with the index of the worker, and files.
struct Seen {
    names: BTreeMap<String, usize>,
    files: Files,
}

/// Checks everything once, reports everything together, and makes relative paths absolute.
pub(crate) fn plan(
    list: Vec<WorkerStartInfo>,
    options: WorkersOptions,
) -> Result<Plan, WorkersError> {
    let base = Base::find();
    let mut problems = Problems::new();
    let mut seen = Seen { names: BTreeMap::new(), files: Files::new() };
    let policy = Arc::new(Policy {
        start: options.start,
        restart: options.restart,
        stop: options.stop,
        must_launch: options.ready_when_all,
        leftovers: options.leftovers,
    });
    policy.check(&mut problems);
    if let Some(limit) = options.restart_limit {
        limit.check(&mut problems, "restart_limit");
    }
    check_duration(&mut problems, "start_stagger", options.start_stagger);
    let debug_filename = options.debug_filename;
    let debug_filename = debug_filename
        .map(|path| base.file(&mut problems, &mut seen.files, "debug_filename", &path));
    let debug_trust = Trust::folder_owners_if(options.trust_folder_owner);
    if let Some(path) = &debug_filename
        && let Some(reason) = StatusPlace::problem(path, debug_trust)
    {
        problems.add("debug_filename", path.display(), reason);
    }

    let names: Vec<_> = list.iter().map(|worker| worker.name.clone()).collect();
    let after: Vec<_> = list.iter().map(|worker| worker.after.clone()).collect();
    let marks: Vec<_> = list.iter().map(|worker| (worker.temporary, worker.significant)).collect();
    let mut workers = Vec::with_capacity(list.len());
    let mut parts = Vec::with_capacity(list.len());
    for (index, worker) in list.into_iter().enumerate() {
        let mut own = Problems::new();
        let planned = plan_worker(&mut own, &base, &policy, worker, index, &mut seen);
        parts.push(own);
        workers.extend(planned?);
    }
    if let Some(path) = &debug_filename {
        seen.files.note(Owner::Options, "debug_filename", Purpose::Status, path);
    }
    seen.files.check(|owner, problem| match owner {
        Owner::Worker(index) => parts[index].push(problem),
        Owner::Options | Owner::Above => problems.push(problem),
    });
    for (index, part) in parts.into_iter().enumerate() {
        problems.add_part(&format!("workers[{index}]"), part);
    }
    let after = group::resolve(&mut problems, &names, &after, options.in_order);
    let members: Vec<_> = std::iter::zip(after, marks)
        .map(|(after, (temporary, significant))| Member { after, temporary, significant })
        .collect();
    if options.end_when != EndWhen::AllAreOver && !members.iter().any(|member| member.significant) {
        let reason = "no worker is significant; make one so, or let all end it";
        problems.add("end_when", format_args!("{:?}", options.end_when), reason);
    }
    let group = Group::new(members, options.strategy, options.end_when)
        .restart_limit(options.restart_limit);
    let (start_stagger, ready_when_all) = (options.start_stagger, options.ready_when_all);
    problems
        .or(Plan { workers, group, start_stagger, ready_when_all, debug_filename, debug_trust })
        .map_err(WorkersError::Options)
}

fn plan_worker(
    problems: &mut Problems,
    base: &Base,
    otherwise: &Arc<Policy>,
    worker: WorkerStartInfo,
    index: usize,
    seen: &mut Seen,
) -> Result<Option<WorkerPlan>, WorkersError> {
    let name = worker.name;
    check_name(problems, "name", &name);
    if let Some(first) = seen.names.get(&name) {
        let reason = format!("is the name of workers[{first}] too; each needs its own");
        problems.add("name", &name, reason);
    } else {
        seen.names.insert(name.clone(), index);
    }

    let pid_filename = base.file(problems, &mut seen.files, "pid_filename", &worker.pid_filename);
    let spawn = match Spawn::new(worker.call) {
        Ok(spawn) => Some(spawn),
        Err(SpawnError::Entry(error)) => {
            check_entry(problems, "", &error);
            None
        }
        // Nothing else matters to a program that cannot start itself.
        Err(error) => return Err(WorkersError::Spawn { source: error }),
    };
    let (streams, parent) = (worker.streams, Parent::HasStreams);
    let PlannedStreams { redirect, wants_stdout } =
        streams.check(problems, &mut seen.files, base, &Target::Null, parent);
    let logging = worker.logging_config.map(|config| checked_logging(problems, base, config));
    let owner = Owner::Worker(index);
    seen.files.note_child(owner, &pid_filename, &redirect, logging.as_ref());
    let (capture, redirect) = match worker.capture {
        Some(capture) => {
            let capture = capture.check(problems, &mut seen.files, base);
            streams.check_beside(problems, &mut seen.files, &capture, &redirect, parent);
            let redirect = capture.leave_streams(redirect, &Target::Inherit);
            seen.files.note_capture(owner, &capture);
            (Some(capture), redirect)
        }
        None => (None, redirect),
    };

    check_environment(problems, &worker.environment);
    let directory = worker.directory;
    let directory =
        directory.and_then(|directory| base.absolute(problems, "directory", &directory));
    check_directory(problems, directory.as_deref());

    let own = Policy {
        start: worker.start.unwrap_or(otherwise.start),
        restart: worker.restart.clone().unwrap_or_else(|| otherwise.restart.clone()),
        stop: worker.stop.clone().unwrap_or_else(|| otherwise.stop.clone()),
        must_launch: otherwise.must_launch,
        leftovers: worker.leftovers.unwrap_or(otherwise.leftovers),
    };
    // One for all who have the same.
    let own = if own == **otherwise {
        Arc::clone(otherwise)
    } else {
        own.check(problems);
        Arc::new(own)
    };

    let setup = Setup {
        pid_file: Some(pid_filename.clone()),
        redirect,
        logging,
        directory,
        umask: None,
        base: base.clone(),
        ready: own.start.ready,
        grace: own.stop.total(),
        files: Vec::new(),
        open_files: None,
        terminal: has_terminal(),
    };
    Ok(spawn.map(|spawn| {
        let current = Current { role: Role::Worker, name: name.clone(), incarnation: 1 };
        // What comes before the worker's own streams are in place (the linker's word, a panic
        // ahead of `init`) would otherwise be nowhere.
        let spawn = spawn.current(current).own_group().stderr(Stream::Inherit);
        let spawn = if wants_stdout { spawn.stdout(Stream::Inherit) } else { spawn };
        let spawn = spawn.environment(worker.environment);
        WorkerPlan { name, pid_filename, setup, policy: own, spawn, capture }
    }))
}
