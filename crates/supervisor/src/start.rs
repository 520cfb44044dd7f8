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
    /// There is one already, which was not touched.
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
/// Below another daemon the guardian of that one is who orphans come to, and ends what its executor has left: a daemon
/// that is started there ends with that executor, unless its [`leftovers`](DaemonOptions::leftovers) are kept.
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

/// Whether the pid file says that there is nothing to start. Takes nothing: the guardian decides.
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
            // It was ending, and has ended.
            Ok(None) => Ok(None),
            Ok(Some(holder)) => Ok(Some(DaemonRunStatus::AlreadyRunning { pid: holder.pid() })),
            // Of another pid namespace, another user's, or no daemon's: somebody has it.
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

/// How much longer than the daemon itself may take is waited for its word.
const SLACK: Duration = Duration::from_secs(2);

fn launch(plan: &Plan, spawn: Spawn, early: &EarlyStderr) -> Result<DaemonRunStatus, LaunchFailed> {
    let current = Current { role: Role::Guardian, name: plan.name.clone(), incarnation: 1 };
    let mut guardian = spawn
        .current(current)
        // Started by a worker, it is none of what that one leaves behind.
        .env_remove(MARK)
        .stderr(early.stream())
        .setup(plan)
        .and_then(|spawn| spawn.spawn_detached())
        .map_err(LaunchCause::Spawn)?;
    // The guardian keeps the time of the start itself, and undoes it. This is for one that cannot.
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
                // Of a newer build: what counts comes in words that are known.
                Ok(None) => (),
                Err(source) => Err(LaunchCause::Io { step: "understand the guardian", source })?,
            },
            Some(Message::SetupFailed(source)) => {
                // Only a launcher has ended by now that was not asked to.
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
            // What it said until now still counts; from now on it cannot say anything.
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

/// A guardian that was killed leaves its pid file, and perhaps an executor in its grace.
fn clean_up_after(plan: &Plan) {
    let grace = plan.policy.stop.longest();
    let free = pidfile::wait_orphans(&plan.pid_filename, Some(grace), None);
    let cleaned = free.and_then(|_| pidfile::remove_stale(&plan.pid_filename));
    if let Err(error) = cleaned {
        log::warn!("{}", ErrorText::new(&error).chain());
    }
}

/// A guardian that has nothing to guard is about to exit: after a failure nothing runs.
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
            // Known where the guardian is the caller: a detached one was executed in the same way.
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
    // One that was stopped at its start may have been given up meanwhile.
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
    let signals = StopSignals::install(&[], plan.reopen_on).map_err(failed)?;
    // A hang-up is not for a process without a terminal.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default());
    let (setup, redirect) = (plan.setup.clone(), plan.redirect());
    setup.enter().map_err(failed)?;
    let guardian = Guardian::begin(plan, signals)?;
    // The streams only when we are the one: a second instance must not write into our files.
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
        Err(error) => Err(failed(error)),
    }
}

/// The one who started us, at the other end of the socket.
struct OverLink {
    /// `None` when there is nothing more to say.
    boot: Option<Boot>,
}

impl OverLink {
    /// False if the starter is there and does not know.
    fn tell(&self, report: &LaunchReport) -> bool {
        let Some(boot) = &self.boot else { return true };
        match boot.tell(report) {
            Ok(()) => true,
            // Who is gone need not know. Who has given up does not listen either, and has said so
            // before.
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
            // Neither side keeps anything of the launch. Of one that is undone the starter keeps
            // the socket, to see its end.
            self.boot = None;
        }
        wanted
    }

    fn extended(&mut self, remaining: Duration) {
        // One that has hundreds of them unread is stopped, and will ask its own clock.
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
            // It was killed, and cannot be told; what it asked for is done all the same.
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
