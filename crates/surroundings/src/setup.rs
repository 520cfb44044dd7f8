//! What a child does to itself before its entry runs: one function with one order, and the order
//! has reasons.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{env, io};

use exit::{CODE_SETUP, ErrorText, SetupError};
use logging::{Handle, LoggingConfig, Process};
use nix::sys::signal::{SigSet, Signal};
use pidfile::PidFile;
use proc_spawn::{Boot, Heard, Role};
use quit::{Reason, Request, Signals};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use stdio_redirect::Redirect;

use crate::base::Base;
use crate::callers;
use crate::files::{self, Files, Held, Owner};
use crate::jobs;
use crate::reload;
use crate::reopen;
use crate::words::{Instruction, Word};
use policy::{DEFAULT_GRACE, Readiness, RecyclePolicy, WatchdogPolicy};

/// What a child is to be, beside its entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Its own pid file, if it has one.
    pub pid_file: Option<PathBuf>,
    /// Where its streams go.
    pub redirect: Redirect,
    /// How it logs; `None` leaves logging alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<LoggingConfig>,
    /// Its working directory; `None`: that of its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Its file mode creation mask; `None`: that of its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// What relative paths in options are relative to.
    pub base: Base,
    /// When it counts as started.
    pub ready: Readiness,
    /// How long it lives on when its parent has died.
    pub grace: Duration,
    /// Files that its parent keeps for it: what is below it does not write to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Held>,
    /// Its soft limit of descriptors, or the hard one if that is lower; `None`: that of its parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// When a run of it is replaced, as far as it has to count itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recycle: Option<Box<RecyclePolicy>>,
    /// Within which time it has to say again and again that it gets on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<Box<WatchdogPolicy>>,
    /// Whether there is a terminal. An executor shares it with its guardian, a worker is in its
    /// background.
    pub terminal: bool,
}

/// A child that differs from its parent in nothing, with the usual grace.
impl Default for Setup {
    fn default() -> Setup {
        Setup {
            pid_file: None,
            redirect: Redirect::default(),
            logging: None,
            directory: None,
            umask: None,
            base: Base::find(),
            ready: Readiness::default(),
            grace: DEFAULT_GRACE,
            files: Vec::new(),
            open_files: None,
            recycle: None,
            watchdog: None,
            terminal: Setup::has_terminal(),
        }
    }
}

impl Setup {
    /// Whether what is started here has a terminal: it has if this process has one (tty(4)). A child of
    /// ours was told so by its parent.
    pub fn has_terminal() -> bool {
        *TERMINAL.get_or_init(|| {
            let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            rustix::fs::open("/dev/tty", flags, Mode::empty()).is_ok()
        })
    }

    /// Remembers the files of this process, and those that its parent keeps for it, so that nothing below
    /// this process is to write to them.
    fn hold_files(&self) {
        let mut own = Files::default();
        let pid_file = self.pid_file.as_deref().unwrap_or(Path::new(""));
        own.note_child(Owner::Options, pid_file, &self.redirect, self.logging.as_ref());
        files::hold(&own, &self.files);
    }

    /// Sets directory and umask, and what relative paths mean from now on.
    ///
    /// # Errors
    ///
    /// The directory cannot be entered.
    #[expect(clippy::disallowed_methods, reason = "this process is still being made")]
    pub fn enter(&self) -> Result<(), SetupError> {
        if let Some(directory) = &self.directory {
            let step = || format!("working directory `{}`", directory.display());
            env::set_current_dir(directory).map_err(|error| SetupError::new(step(), &error))?;
        }
        if let Some(umask) = self.umask {
            rustix::process::umask(Mode::from_raw_mode(umask));
        }
        self.base.set();
        Ok(())
    }

    /// Installs the logger that an option asks for, by `install`: the function of `logging` for a process
    /// that may wait for its log, or that must not.
    ///
    /// # Errors
    ///
    /// What `install` says.
    pub fn install_logging(
        &self,
        boot: &Boot,
        install: fn(&LoggingConfig, Process) -> Result<Handle, logging::Error>,
    ) -> Result<(), SetupError> {
        let Some(config) = &self.logging else { return Ok(()) };
        let current = boot.current();
        let process = Process::new(&current.name).role(current.role.to_string());
        match install(config, process) {
            Ok(handle) => {
                reopen::keep_log(handle);
                Ok(())
            }
            Err(error) => Err(SetupError::new("logging", &error)),
        }
    }
}

/// Whether this process has a terminal.
static TERMINAL: OnceLock<bool> = OnceLock::new();

/// What an executor or worker does: becomes what it is to be, and runs its entry.
pub(crate) fn run_child(mut boot: Boot) -> i32 {
    let prepared: Result<_, SetupError> = (|| {
        let setup: Setup = boot.setup()?;
        setup.hold_files();
        // First what cannot touch anything: a wrong argument should not create a file.
        let entry = boot.bind()?;
        let pid_file = become_it(&boot, &setup)?;
        if let Some((timer, watchdog)) = boot.take_given().zip(setup.watchdog.as_deref()) {
            beat(timer, watchdog);
        }
        Ok((entry, pid_file, setup.ready))
    })();
    let (entry, pid_file, ready) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return boot.fail(&error),
    };
    // The parent has died, and nobody is left for whom the entry would run: whoever waited for the start
    // was told that it has failed.
    if quit::reason() == Some(Reason::ParentDied) {
        return CODE_SETUP;
    }
    let code = match ready {
        Readiness::EntryCalled => boot.run(entry),
        Readiness::Told => boot.run_unready(entry),
    };
    // If a signal from outside has asked this process to quit, its parent does not know: it is told, and
    // names the end of this run after the signal.
    if let Some(Reason::Signal(signal)) = quit::reason() {
        say(&Word::QuitsBy(signal));
    }
    log::logger().flush();
    match pid_file.map(PidFile::release_and_tell) {
        // The parent need not look for the pid file then.
        Some(Ok(true)) => say(&Word::Released),
        Some(Err(error)) => log::warn!("{}", ErrorText::new(&error).chain()),
        Some(Ok(false)) | None => (),
    }
    code
}

/// From here on this process can say that it gets on, and this thread owes the first beat.
fn beat(timer: OwnedFd, watchdog: &WatchdogPolicy) {
    let limits = heartbeat::Limits { limit: watchdog.after, busy_at_most: watchdog.busy_at_most };
    // If there is no room for the word, nobody may wait for it here: then this process is ended as one that hangs.
    heartbeat::begin(timer, limits, || drop(proc_spawn::tell_now(&Word::Unwatched)));
}

/// Tells the parent. If it is gone, the lifeline sees to that.
fn say(word: &Word<'_>) {
    let _ = proc_spawn::tell(word);
}

fn become_it(boot: &Boot, setup: &Setup) -> Result<Option<PidFile>, SetupError> {
    let _ = TERMINAL.set(setup.terminal);
    if setup.terminal {
        // Before there is another thread, for which the signals would not be blocked.
        stay_in_the_background().map_err(|error| SetupError::new("terminal", &error))?;
    }
    // The quit handler before the pid file: whoever reads our number may signal it at once.
    let in_the_foreground = setup.terminal && boot.current().role == Role::Executor;
    let installed = if in_the_foreground { leave_keys_to_the_guardian() } else { quit::install() };
    installed.map_err(|error| SetupError::new("signal handlers", &error))?;
    boot.watch_lifeline(setup.grace, on_lifeline)?;
    let own = setup.pid_file.as_deref();
    let pid_file = own.map(|path| take(path, setup.grace)).transpose()?;
    setup.enter()?;
    if let Some(soft) = setup.open_files {
        let maximum = getrlimit(Resource::Nofile).maximum;
        // Somebody may have lowered the hard limit since (prlimit(1)): then it is that. To lower the soft
        // limit is always allowed; and if it fails, the program lives with more than it needs.
        let current = maximum.map_or(soft, |maximum| maximum.min(soft));
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum });
    }
    // The streams are redirected only now that we have the pid file: a second process of this place must
    // not write into the files of the first.
    let streams = setup.redirect.apply().map_err(|error| SetupError::new("redirect", &error))?;
    reopen::keep_streams(streams);
    setup.install_logging(boot, logging::install)?;
    setup.recycle.as_deref().into_iter().for_each(jobs::limit);
    Ok(pid_file)
}

/// A process with a group of its own is in the background of the terminal, where changing its mode
/// (`stty`) or, if it is set so, writing to it stops the whole group. A blocked SIGTTOU lets both
/// happen, and passes on to programs that are started here, though not through every shell; a blocked
/// SIGTTIN makes reading an error (tcsetattr(3), the terminal's `tty_check_change`). A handler would
/// not do: the call would be interrupted, or tried again for ever.
fn stay_in_the_background() -> io::Result<()> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTTOU);
    set.add(Signal::SIGTTIN);
    Ok(set.thread_block()?)
}

/// An executor on a terminal is in the foreground with its guardian. Both get the signals of the keys and
/// of a hang-up; the executor takes them and does nothing, since the guardian tells it by word what they
/// mean.
fn leave_keys_to_the_guardian() -> Result<(), quit::Error> {
    for signal in [SIGINT, SIGQUIT, SIGHUP] {
        let refused = |source| quit::Error::Handler { signal, source };
        signal_hook::flag::register(signal, Arc::default()).map_err(refused)?;
    }
    quit::install_with(Signals::only([SIGTERM]))
}

/// Takes our own pid file. The process that held this place before us may still be in its grace, if its
/// parent and the guardian above were both killed: so it is waited for.
fn take(path: &Path, grace: Duration) -> Result<PidFile, SetupError> {
    let failed = |error: pidfile::Error| SetupError::new("pid file", &error);
    let wake = quit::descriptor().ok();
    let options = pidfile::Options::new();
    let options = wake.map_or(options, |wake| options.wake(wake));
    let held = match options.acquire(path) {
        Err(error @ pidfile::Error::Held { .. }) => error,
        result => return result.map_err(failed),
    };
    match pidfile::wait_free(path, Some(grace), wake) {
        Ok(true) => options.acquire(path).map_err(failed),
        Ok(false) => Err(failed(held)),
        Err(error) => Err(failed(error)),
    }
}

fn on_lifeline(heard: Heard) {
    match heard {
        Heard::Quit { reason, remaining } => quit::request(request(reason, remaining)),
        // In a thread, since this one has to hear of the parent's death and must not wait for a disk.
        Heard::Reopen => reopen::reopen_beside(),
        Heard::Reload => reload_or_say(),
        // A word of a newer build, or what cannot be read, changes nothing.
        Heard::Told(told) => {
            if let Ok(Some(Instruction::Levels(config))) = told.read() {
                reopen::set_levels(&config);
            }
        }
        Heard::Connection(connection) => callers::hand_over(connection, false),
        Heard::ParentDied { remaining } => {
            quit::request(request(Reason::ParentDied, Some(remaining)));
        }
        other => log::warn!("unknown word over the lifeline: {other:?}"),
    }
}

/// Where nobody listens, the log says so: whoever has asked by a signal has no other answer.
fn reload_or_say() {
    if reload::request() {
        return;
    }
    // In a thread, since a log may have to wait for a disk.
    let say = || log::warn!("asked to reload, and nobody in this process listens for that");
    let _ = helper_thread::spawn("reload", 256 << 10, say);
}

fn request(reason: Reason, remaining: Option<Duration>) -> Request {
    let request = Request::new(reason);
    match remaining {
        Some(remaining) => request.within(remaining),
        None => request,
    }
}

/// A program whose executors and workers become what their [`Setup`] says, and run their entry. A child of another
/// role is as `proc-spawn` makes it.
pub fn roles(app: proc_spawn::App) -> proc_spawn::App {
    app.role(Role::Executor, run_child).role(Role::Worker, run_child)
}
