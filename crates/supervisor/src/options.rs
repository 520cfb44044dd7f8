//! What the caller says about a daemon, and the one function that checks it.

#[cfg(feature = "yaml")]
mod file;
mod socket;
#[cfg(feature = "yaml")]
mod yaml;

use std::path::{Path, PathBuf};
use std::time::Duration;

use control::service;
use proc_spawn::{Call, EntryFn, Spawn, SpawnError};
use signal_hook::consts::{SIGHUP, SIGUSR1, SIGUSR2};
use stdio_redirect::Target;

use crate::guardian::{ExistingFile, Plan};
use crate::last_words;
use crate::launch_failed::{LaunchCause, LaunchFailed};
use crate::log_files::log_files;
use policy::Problems;
use policy::RestartPolicy;
use policy::{Leftovers, Policy, StartPolicy, StopPolicy, WatchdogPolicy};
pub(crate) use socket::ControlPlan;
pub use socket::{ControlOptions, GroupMay};
use surroundings::{Base, Files, Owner, Parent, Purpose, Setup, Surroundings, Whose, check};
#[cfg(feature = "yaml")]
pub use yaml::YamlError;

/// A daemon that is to be started: its pid file, its entry, and how it is kept.
///
/// Relative paths are relative to the directory in which [`start_daemon`](crate::start_daemon) is
/// called. Nothing is checked before that, and then everything at once; no method fails.
///
/// From a configuration file with the same names, with the feature `yaml`: see `from_yaml_str`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "yaml", derive(serde::Deserialize), serde(try_from = "file::DaemonFile"))]
pub struct DaemonOptions {
    pid_filename: PathBuf,
    call: Call,
    name: Option<String>,
    surroundings: Surroundings,
    policy: Policy,
    existing: ExistingFile,
    reopen_on: Option<i32>,
    reload_on: Option<i32>,
    control: ControlOptions,
    /// The file that these options were read from.
    origin: Option<PathBuf>,
}

/// Whoever starts a daemon by hand has this mask too, most likely (umask(2)).
const DEFAULT_UMASK: u32 = 0o022;

/// The signals that mean nothing else to a guardian.
const FILE_SIGNALS: [i32; 3] = [SIGHUP, SIGUSR1, SIGUSR2];

impl DaemonOptions {
    /// A daemon with this pid file that runs `daemon_entry` with `daemon_args`.
    pub fn new<F: EntryFn<M>, M>(
        pid_filename: impl Into<PathBuf>,
        daemon_entry: F,
        daemon_args: F::Args,
    ) -> DaemonOptions {
        DaemonOptions::of(pid_filename, Call::new(daemon_entry, daemon_args))
    }

    /// The same for an entry by name, or one that was put together elsewhere: see
    /// [`Call::named`].
    pub fn of(pid_filename: impl Into<PathBuf>, call: Call) -> DaemonOptions {
        DaemonOptions {
            pid_filename: pid_filename.into(),
            call,
            name: None,
            surroundings: Surroundings { umask: Some(DEFAULT_UMASK), ..Surroundings::default() },
            policy: Policy { must_launch: true, ..Policy::default() },
            existing: ExistingFile::default(),
            reopen_on: None,
            reload_on: None,
            control: ControlOptions::default(),
            origin: None,
        }
    }

    /// The pid file as it was given: what [`stop_daemon`](crate::stop_daemon) and
    /// [`daemon_status`](crate::daemon_status) want to know.
    pub fn pid_filename(&self) -> &Path {
        &self.pid_filename
    }

    /// What logs and titles call it: up to 100 bytes, without `/` and control characters. Default:
    /// the pid file's name without its ending.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    surroundings::surroundings_methods!(
        surroundings of "guardian and executor",
        output and environment of "the executor, and so of its workers",
        by default "`/dev/null`; with `run_daemon`, where the caller's goes"
    );

    /// How long after its end an executor that failed is started again: one with a code that is
    /// not 0, a panic, a returned error, or a signal, or because it could not be started, or took too long to
    /// start or to stop. Counted exactly; zero means at once. Code 0 ends
    /// the daemon. With zero, an executor that crashes at once again and again is started ten times a
    /// second. Default: it is not started again.
    ///
    /// The simple form of [`restart`](Self::restart): the one that is called last counts.
    #[must_use]
    pub fn restart_interval(mut self, interval: Duration) -> Self {
        self.policy.restart = RestartPolicy::after(interval);
        self
    }

    /// Whether, when and how often the executor is started again. Default: it is not.
    #[must_use]
    pub fn restart(mut self, policy: RestartPolicy) -> Self {
        self.policy.restart = policy;
        self
    }

    /// How long everything has from a request to stop until what is left is killed. Zero means at
    /// once, [`Duration::MAX`] for ever. Default: 10 s.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.policy.stop = StopPolicy::grace(grace);
        self
    }

    /// How the executor is stopped, step by step; [`grace`](Self::grace) is the simple form of it,
    /// and the one that is called last counts.
    #[must_use]
    pub fn stop(mut self, policy: StopPolicy) -> Self {
        self.policy.stop = policy;
        self
    }

    /// How long the executor may take until it is ready; then it is killed. The first one fails
    /// the launch, a later one counts as failed. Zero is no time: what is not ready at the first look is
    /// killed. Default: 30 s.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.policy.start.timeout = timeout;
        self
    }

    /// When the daemon counts as started, and how long that may take. Default: when its entry is
    /// being called, within 30 s.
    #[must_use]
    pub fn start(mut self, policy: StartPolicy) -> Self {
        self.policy.start = policy;
        self
    }

    /// What becomes of what the executor leaves behind when it ends, in whatever session. Default: it
    /// is ended before another executor begins, and before a stop is over.
    #[must_use]
    pub fn leftovers(mut self, leftovers: Leftovers) -> Self {
        self.policy.leftovers = leftovers;
        self
    }

    /// Within which time the executor has to say again and again that it gets on (`heartbeat::alive`). One that does not is
    /// ended by SIGABRT, and counts as failed. Default: it need not.
    #[must_use]
    pub fn watchdog(mut self, policy: WatchdogPolicy) -> Self {
        self.policy.watchdog = Some(policy);
        self
    }

    /// What a pid file means that is there already. Default: whether its holder lives decides.
    #[must_use]
    pub fn existing(mut self, existing: ExistingFile) -> Self {
        self.existing = existing;
        self
    }

    /// The signal to the guardian upon which every process of the daemon opens its files anew, after
    /// somebody has renamed them: output, logs and captured output (see [`reopen`](surroundings::reopen::reopen)).
    /// SIGHUP, SIGUSR1 or SIGUSR2, by number. Default: none. SIGUSR1 and SIGUSR2, where neither this nor
    /// [`reload_on`](Self::reload_on) is that, end a process that has no handler for them.
    #[must_use]
    pub fn reopen_on(mut self, signal: i32) -> Self {
        self.reopen_on = Some(signal);
        self
    }

    /// The signal to the guardian upon which the executor is asked to reload: its pools read their
    /// lists anew, and whoever [listens](surroundings::reload_requested) is told. SIGHUP, SIGUSR1 or SIGUSR2, by number; it
    /// may be that of [`reopen_on`](Self::reopen_on), and then files are opened anew first. Default: SIGHUP, unless that
    /// opens files anew or there is a controlling terminal, whose hang-up ends the daemon.
    #[must_use]
    pub fn reload_on(mut self, signal: i32) -> Self {
        self.reload_on = Some(signal);
        self
    }

    /// Whether the daemon can be asked by a socket while it runs, and by whom. Default: by root and the user of
    /// the guardian.
    #[must_use]
    pub fn control(mut self, control: ControlOptions) -> Self {
        self.control = control;
        self
    }

    /// Checks them as a start does, and starts nothing: all problems at once.
    ///
    /// # Errors
    ///
    /// Those of [`start_daemon`](crate::start_daemon) that come before anything happens.
    pub fn check(&self) -> Result<(), LaunchFailed> {
        self.clone().plan(true).map(drop).map_err(LaunchFailed::from)
    }

    /// The files in which something of guardian and executor can be read, as these options name them, with absolute
    /// paths: those that a running daemon tells by [`files`](crate::Daemon::files). Nothing is looked at but the
    /// options, so the files need not be there. Those of its workers only the running daemon knows.
    ///
    /// # Errors
    ///
    /// The options are wrong, or this program cannot start itself: what [`start_daemon`](crate::start_daemon) would
    /// say, too.
    pub fn log_files(&self) -> Result<Vec<service::LogFile>, LaunchCause> {
        let (plan, _) = self.clone().plan(true)?;
        Ok(log_files(&plan.name, &plan.setup, plan.capture.as_ref()))
    }

    /// Checks everything once, and makes relative paths absolute: the guardian lives in `/`.
    pub(crate) fn plan(self, detached: bool) -> Result<(Plan, Spawn), LaunchCause> {
        let base = Base::find();
        let mut problems = Problems::new();
        let mut files = Files::new();

        let spawn = match Spawn::new(self.call) {
            Ok(spawn) => Some(spawn),
            Err(SpawnError::Entry(error)) => {
                check::entry(&mut problems, "daemon_", &error);
                None
            }
            // Nothing else matters to a program that cannot start itself.
            Err(error) => return Err(LaunchCause::Spawn(error)),
        };
        let pid_filename = base.file(&mut problems, &mut files, "pid_filename", self.pid_filename);
        let given = self.name.is_some();
        let name = self.name.unwrap_or_else(|| stem(&pid_filename));
        check_own_name(&mut problems, given, &name);

        if let Some(path) = &self.origin {
            files.note(Owner::Options, "options file", Purpose::Options, path);
        }
        // The executor inherits from the guardian what is not said here.
        let whose = Whose {
            owner: Owner::Options,
            pid_filename: &pid_filename,
            output: if detached { Target::Null } else { Target::Inherit },
            parent: if detached { Parent::HasNone } else { Parent::HasStreams },
            directory: detached.then(|| PathBuf::from("/")),
        };
        let control = self.control.plan(&mut problems, &mut files, &base);
        let has_socket = control.socket && !pid_filename.as_os_str().is_empty();
        let socket = has_socket.then(|| socket_path(&pid_filename));
        if let Some(path) = &socket {
            files.note(Owner::Options, "control socket", Purpose::Socket, path);
        }
        if !pid_filename.as_os_str().is_empty() {
            let path = last_words::path_of(&pid_filename);
            files.note(Owner::Options, "file of last words", Purpose::LastWords, &path);
        }
        let surroundings = self.surroundings.check(&mut problems, &mut files, &base, whose);
        let held = files.held();
        files.check(|_, problem| problems.push(problem));

        self.policy.check(&mut problems);
        for (field, signal) in [("reopen_on", self.reopen_on), ("reload_on", self.reload_on)] {
            if let Some(signal) = signal.filter(|signal| !FILE_SIGNALS.contains(signal)) {
                let reason = "give SIGHUP, SIGUSR1 or SIGUSR2";
                problems.add(field, exit::signal::Named(signal), reason);
            }
        }

        let setup = Setup {
            ready: self.policy.start.ready,
            grace: self.policy.stop.total(),
            watchdog: self.policy.watchdog.as_ref().map(|watchdog| Box::new(watchdog.for_child())),
            files: held,
            // A detached daemon has a session without a terminal.
            terminal: !detached && Setup::has_terminal(),
            ..surroundings.setup
        };
        let (existing, policy, reopen_on) = (self.existing, self.policy, self.reopen_on);
        let hang_up_is_free = reopen_on != Some(SIGHUP) && !setup.terminal;
        let reload_on = self.reload_on.or(hang_up_is_free.then_some(SIGHUP));
        let plan = Plan {
            name,
            pid_filename,
            existing,
            policy,
            setup,
            environment: surroundings.environment,
            capture: surroundings.capture,
            reopen_on,
            reload_on,
            control,
        };
        let plan = problems.or(plan).map_err(LaunchCause::Options)?;
        let spawn = spawn.expect("an entry that cannot be called is among the problems");
        Ok((plan, spawn))
    }
}

/// Checks the daemon's name. If nobody has given one, the problem says where it comes from.
fn check_own_name(problems: &mut Problems, given: bool, name: &str) {
    let mut own = Problems::new();
    own.check_name("name", name);
    for problem in own.iter() {
        let reason = &problem.reason;
        match given {
            true => problems.push(problem.clone()),
            false => problems.add(
                "name",
                name,
                format_args!("comes from the pid file's name: {reason}, by `name`"),
            ),
        }
    }
}

/// Where the control socket of a daemon is.
pub(crate) fn socket_path(pid_filename: &Path) -> PathBuf {
    let mut path = pid_filename.as_os_str().to_owned();
    path.push(".sock");
    path.into()
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "daemon".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
