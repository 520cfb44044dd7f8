//! Starting a daemon: the caller's side of the launch, and the detached guardian's.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proc_spawn::{Boot, Current, Detached, Message, OtherProgram, Role, Spawn, SpawnError, Stdio};

use exit::{CODE_SETUP, ErrorText, Exit, SetupError};
use stdio_redirect::Target;

use crate::daemon_end::DaemonEnd;
use crate::early_stderr::EarlyStderr;
use crate::guardian::{ExistingFile, Guarded, Guardian, LaunchFailure, LaunchReport, Plan};
use crate::launch_failed::{LaunchCause, LaunchFailed};
use crate::options::DaemonOptions;
use crate::starter::Starter;
use crate::stop_signals::StopSignals;
use policy::RunEnd;
use slot::MARK;
use surroundings::reopen;

/// What [`start_daemon`] found or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonRunStatus {
    /// The daemon's entry is being called; pid file, output and logging are in place.
    Launched {
        /// The guardian's process id, as in the pid file.
        pid: u32,
    },
    /// The daemon runs already, and was not touched.
    AlreadyRunning {
        /// The process id in its pid file.
        pid: u32,
    },
}

impl fmt::Display for DaemonRunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DaemonRunStatus::Launched { pid } => write!(f, "launched, pid {pid}"),
            DaemonRunStatus::AlreadyRunning { pid } => write!(f, "already running, pid {pid}"),
        }
    }
}

/// Starts a daemon that outlives the caller, and returns when its entry is being called.
///
/// The daemon is a guardian, which holds the pid file, and the executor that it keeps alive, which
/// runs the entry. Neither is a child of the caller, has a terminal, or holds any descriptor of
/// the caller. The caller may be threaded or asynchronous, where this call blocks: for at most the
/// start timeout (and what the executor has asked for besides, as far as it may), twice the grace and a few seconds,
/// should all go wrong that can.
///
/// If the caller is below another daemon, orphans there come to that daemon's guardian, which ends what
/// its executor has left. So a daemon that is started there ends with that executor, unless the upper
/// daemon keeps its [`leftovers`](DaemonOptions::leftovers).
///
/// # Errors
///
/// The options are wrong (all problems at once; nothing was started), or any step up to the
/// entry's call failed or took too long; then everything has been undone. See [`LaunchFailed`].
pub fn start_daemon(options: DaemonOptions) -> Result<DaemonRunStatus, LaunchFailed> {
    let (plan, spawn) = options.plan(true).map_err(LaunchFailed::from)?;
    if let Some(found) = look(&plan).map_err(LaunchFailed::from)? {
        return Ok(found);
    }
    let early = EarlyStderr::new(&plan);
    launch(&plan, spawn, &early).map_err(|failed| failed.after(&early.text()))
}

/// Whether the pid file says that there is nothing to start. Takes no lock: the guardian decides later.
pub(crate) fn look(plan: &Plan) -> Result<Option<DaemonRunStatus>, LaunchCause> {
    let cannot_look = |error: &pidfile::Error| LaunchCause::Setup {
        role: Role::Guardian,
        source: SetupError::new("pid file", error),
    };
    let probe = pidfile::probe(&plan.pid_filename).map_err(|error| cannot_look(&error))?;
    let strict = plan.existing == ExistingFile::MeansRunning;
    let unknown = || LaunchCause::UnknownHolder { path: plan.pid_filename.clone() };
    match probe {
        pidfile::Probe::Held { pid } => match pidfile::holder(&plan.pid_filename) {
            // The holder has ended since the probe.
            Ok(None) => Ok(None),
            Ok(Some(holder)) => Ok(Some(DaemonRunStatus::AlreadyRunning { pid: holder.pid() })),
            // The holder is of another pid namespace, another user's, or no daemon, but somebody has the
            // file.
            Err(pidfile::Error::Unverified { .. }) => {
                let pid = pid.ok_or_else(unknown)?;
                Ok(Some(DaemonRunStatus::AlreadyRunning { pid }))
            }
            Err(error) => Err(cannot_look(&error)),
        },
        pidfile::Probe::Stale { number } | pidfile::Probe::Orphaned { number, .. } if strict => {
            let pid = number.ok_or_else(unknown)?;
            Ok(Some(DaemonRunStatus::AlreadyRunning { pid }))
        }
        pidfile::Probe::Stale { .. } | pidfile::Probe::Orphaned { .. } | pidfile::Probe::Absent => {
            Ok(None)
        }
    }
}

/// How much longer the caller waits for the guardian's word than the daemon itself may take.
const SLACK: Duration = Duration::from_secs(2);

fn launch(plan: &Plan, spawn: Spawn, early: &EarlyStderr) -> Result<DaemonRunStatus, LaunchFailed> {
    let current = Current::new(Role::Guardian, plan.name.clone());
    let mut guardian = spawn
        .current(current)
        // If a worker starts this daemon, it must not be taken for one of the worker's leftovers.
        .env_remove(MARK)
        .stderr(early.stream())
        .setup(plan)
        .and_then(|spawn| spawn.spawn_detached())
        .map_err(LaunchCause::Spawn)?;
    // The guardian itself undoes a start that takes too long. This deadline is for a guardian that
    // cannot, since it is stopped or stuck.
    let undo = plan.policy.stop.longest().saturating_add(SLACK);
    let limit = plan.policy.start.timeout.saturating_add(undo);
    let mut deadline = Instant::now().checked_add(limit);
    let mut given_up = false;
    let report = loop {
        let received = guardian.receive(deadline).map_err(|source| {
            guardian.cancel();
            clean_up_after(plan);
            LaunchCause::Io { step: "wait for the guardian", source }
        })?;
        match received {
            Some(Message::Told(told)) => match told.read() {
                Ok(Some(LaunchReport::Extended { remaining })) => {
                    deadline = Instant::now().checked_add(remaining.saturating_add(undo));
                }
                Ok(Some(report)) => break report,
                // A word that only a newer build knows: the words that count are known to all.
                Ok(None) => (),
                Err(source) => Err(LaunchCause::Io { step: "understand the guardian", source })?,
            },
            Some(Message::SetupFailed(source)) => {
                // A launcher whose set-up has failed has ended with a failure; otherwise it is the
                // guardian's.
                let role = match guardian.launcher_exit() {
                    Some(exit) if !exit.is_success() => Role::Launcher,
                    _ => Role::Guardian,
                };
                wait_for_end(&mut guardian);
                return Err(LaunchCause::Setup { role, source }.into());
            }
            Some(Message::Closed) if given_up => {
                return Err(LaunchCause::NoAnswer { after: limit }.into());
            }
            Some(Message::Closed) => {
                clean_up_after(plan);
                let program = OtherProgram::find().map(Box::new);
                return Err(match guardian.launcher_exit() {
                    Some(exit) if !exit.is_success() => {
                        LaunchCause::LauncherEnded { exit, program }
                    }
                    _ => LaunchCause::GuardianEnded { program },
                }
                .into());
            }
            Some(_) => (),
            // Time is over. What the guardian has said until now still counts; from now on it can say
            // nothing.
            None => {
                given_up = true;
                guardian.cancel();
            }
        }
    };
    match report {
        LaunchReport::Extended { .. } => unreachable!("the loop above goes on"),
        LaunchReport::Launched { pid } => Ok(DaemonRunStatus::Launched { pid }),
        LaunchReport::AlreadyRunning { pid } => {
            wait_for_end(&mut guardian);
            Ok(DaemonRunStatus::AlreadyRunning { pid })
        }
        LaunchReport::LaunchFailed(failure) => {
            wait_for_end(&mut guardian);
            Err(failure.into())
        }
    }
}

/// Waits for the executor that a killed guardian may have left in its grace, and removes the pid file.
fn clean_up_after(plan: &Plan) {
    let grace = plan.policy.stop.longest();
    let free = pidfile::wait_orphans(&plan.pid_filename, Some(grace), None);
    let cleaned = free.and_then(|_| pidfile::remove_stale(&plan.pid_filename));
    if let Err(error) = cleaned {
        log::warn!("{}", ErrorText::new(&error).chain());
    }
}

/// Waits for the end of a guardian that has nothing to guard, so that nothing runs after a failure.
fn wait_for_end(guardian: &mut Detached) {
    let deadline = Instant::now().checked_add(SLACK);
    while let Ok(Some(message)) = guardian.receive(deadline) {
        if message == Message::Closed {
            return;
        }
    }
}

impl From<LaunchFailure> for LaunchFailed {
    fn from(failure: LaunchFailure) -> LaunchFailed {
        let (end, last_words) = match failure {
            LaunchFailure::Setup(source) => {
                return LaunchCause::Setup { role: Role::Guardian, source }.into();
            }
            LaunchFailure::Executor { end, last_words } => (end, last_words),
            LaunchFailure::Quit => return LaunchCause::Stopped.into(),
        };
        let cause = if let RunEnd::Exited(Exit::SetupFailed(source))
        | RunEnd::Succeeded(Exit::SetupFailed(source)) = end
        {
            LaunchCause::Setup { role: Role::Executor, source }
        } else {
            // This looks at the calling process. A detached guardian was executed in the same way as a
            // child of this process would be, so what holds here holds there.
            match OtherProgram::find().map(Box::new) {
                Some(program) => LaunchCause::OtherProgram { end: Box::new(end), program },
                None => LaunchCause::Executor(end),
            }
        };
        let last_words = last_words.iter().map(|line| format!("{line}\n")).collect::<String>();
        LaunchFailed::from(cause).after(&last_words)
    }
}

/// What the detached guardian does.
pub(crate) fn guardian_main(boot: Boot) -> i32 {
    // If this process was stopped at its start, the starter may have given up meanwhile.
    if boot.hear().is_some_and(|heard| heard.asks_to_quit()) {
        return CODE_SETUP;
    }
    match prepare(&boot) {
        Ok((guardian, early)) => {
            let spawn = boot.spawn().stdout(Stdio::Inherit).stderr(Stdio::Inherit);
            let mut starter = OverLink { boot: Some(boot) };
            let guarded = guardian.guard(spawn, early, &mut starter);
            starter.tell_end(guarded)
        }
        Err(guarded) => OverLink { boot: Some(boot) }.tell_end(guarded),
    }
}

fn prepare(boot: &Boot) -> Result<(Guardian, Option<Stdio>), Guarded> {
    let failed = |error| Guarded::LaunchFailed(LaunchFailure::Setup(error));
    let plan: Plan = boot.setup().map_err(failed)?;
    let signals = StopSignals::install(&[], plan.reopen_on, plan.reload_on).map_err(failed)?;
    // A hang-up is not for a process without a terminal.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default());
    let (setup, redirect) = (plan.setup.clone(), plan.redirect());
    setup.enter().map_err(failed)?;
    let guardian = Guardian::begin(plan, signals)?;
    // The streams are redirected only now that we have the pid file: a second guardian must not write
    // into the files of the first.
    let nowhere = *setup.redirect.target(stdio_redirect::Stream::Stderr) == Target::Null;
    let early = if nowhere {
        rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3).ok()
    } else {
        None
    };
    let prepared = redirect
        .apply()
        .map(reopen::keep_streams)
        .map_err(|error| SetupError::new("redirect", &error))
        .and_then(|()| setup.install_logging(boot, logging::install_queued));
    match prepared {
        Ok(()) => Ok((guardian, early.map(|fd| Stdio::Descriptor(Arc::new(fd))))),
        Err(error) => Err(guardian.fail(error)),
    }
}

/// The one who started us, at the other end of the socket.
struct OverLink {
    /// `None` when there is nothing more to say.
    boot: Option<Boot>,
}

impl OverLink {
    /// False if the starter is there and could not be told, or has given up.
    fn tell(&self, report: &LaunchReport) -> bool {
        let Some(boot) = &self.boot else { return true };
        match boot.tell(report) {
            Ok(()) => true,
            // A starter that is gone need not know. One that has given up does not listen either, but has
            // asked to quit before.
            Err(error) => {
                // Reset, if it left something unread (unix(7)).
                matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
                    && !boot.hear().is_some_and(|heard| heard.asks_to_quit())
            }
        }
    }

    fn tell_end(mut self, guarded: Guarded) -> i32 {
        let code = self.tell_how(guarded);
        // Our end of the socket closes with this process and not before: by that the starter sees
        // that nothing runs any more.
        std::mem::forget(self.boot);
        code
    }

    fn tell_how(&mut self, guarded: Guarded) -> i32 {
        match guarded {
            Guarded::Done(outcome) => DaemonEnd::of(outcome).exit_code(),
            Guarded::AlreadyRunning { pid } => {
                self.tell(&LaunchReport::AlreadyRunning { pid });
                0
            }
            Guarded::LaunchFailed(failure) => {
                self.tell(&LaunchReport::LaunchFailed(failure));
                CODE_SETUP
            }
        }
    }
}

impl Starter for OverLink {
    fn launched(&mut self) -> bool {
        let launched = LaunchReport::Launched { pid: std::process::id() };
        let wanted = !self.gave_up() && self.tell(&launched);
        if wanted {
            // The launch is over, and neither side keeps its socket. Only if it is undone does the
            // starter keep its end, to see ours close.
            self.boot = None;
        }
        wanted
    }

    fn extended(&mut self, remaining: Duration) {
        // This word fails if hundreds are unread. Then the starter is stopped, and will go by its own
        // clock.
        if let Some(boot) = &self.boot {
            let _ = boot.tell_now(&LaunchReport::Extended { remaining });
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.boot.as_ref().map(Boot::lifeline)
    }

    fn gave_up(&mut self) -> bool {
        match self.boot.as_ref().and_then(Boot::hear) {
            Some(heard) if heard.asks_to_quit() => true,
            // The starter was killed, and cannot be told; the daemon that it asked for is started all the
            // same.
            Some(_) => {
                self.boot = None;
                false
            }
            None => false,
        }
    }
}

/// A program that can start daemons: see [`init`](crate::init).
pub(crate) fn roles(app: proc_spawn::App) -> proc_spawn::App {
    app.role(Role::Guardian, guardian_main)
}

impl From<SpawnError> for LaunchFailed {
    fn from(error: SpawnError) -> LaunchFailed {
        LaunchFailed::from(LaunchCause::Spawn(error))
    }
}
