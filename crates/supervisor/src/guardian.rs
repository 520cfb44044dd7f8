//! The guardian: holds the pid file, keeps the executor alive, and runs no user code.
//!
//! The same function serves the detached guardian, which tells its starter how the launch went,
//! and [`run_daemon`](crate::run_daemon), where the caller's process is the guardian.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exit::{ErrorText, SetupError};
use pidfile::Existing;
use proc_spawn::{Current, Environment, Role, Spawn, Stdio};
use serde::{Deserialize, Serialize};
use stdio_redirect::{Redirect, Target};

use crate::descendants::Descendants;
use crate::desk::Desk;
use crate::last_words::{self, LastWords};
use crate::options::ControlPlan;
use crate::runner::{Around, Kept, Runner};
use crate::starter::Starter;
use crate::stop_signals::StopSignals;
use crate::watched::{Events, WatchedPidFile};
use capture::{Capture, Recorder};
use lifecycle::Outcome;
use policy::Policy;
use policy::RunEnd;
use slot::Slot;
use surroundings::Setup;

/// Everything about a daemon, checked and complete. Nothing after this needs deciding.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) pid_filename: PathBuf,
    pub(crate) existing: ExistingFile,
    pub(crate) policy: Policy,
    /// For the executor, and for a detached guardian itself; the pid file is not in it.
    pub(crate) setup: Setup,
    /// The executor's.
    pub(crate) environment: Environment,
    /// How the guardian keeps the executor's output, if it does.
    pub(crate) capture: Option<Capture>,
    /// The signal upon which all files are opened anew.
    pub(crate) reopen_on: Option<i32>,
    /// The signal upon which the executor is asked to reload.
    pub(crate) reload_on: Option<i32>,
    /// By whom it can be asked, if it can.
    pub(crate) control: ControlPlan,
}

impl Plan {
    /// Where the guardian's own streams go.
    pub(crate) fn redirect(&self) -> Redirect {
        let redirect = self.setup.redirect.clone();
        match &self.capture {
            // The streams that are captured are the executor's; the guardian's own have no place there.
            Some(capture) => capture.leave_streams(redirect, &Target::Null),
            None => redirect,
        }
    }
}

/// What a pid file means that is there before the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExistingFile {
    /// Whether its holder lives decides, not the file: what a crash has left is taken over.
    #[default]
    TakeOverIfStale,
    /// Any file at the place means that the daemon runs already, as the oldest tools have it.
    MeansRunning,
}

/// How the launch goes, as the guardian tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum LaunchReport {
    Launched {
        pid: u32,
    },
    /// It will take longer, but no longer than this from now.
    Extended {
        remaining: Duration,
    },
    AlreadyRunning {
        pid: u32,
    },
    LaunchFailed(LaunchFailure),
}

/// Why the launch failed, after everything was undone: in the guardian, and on its way to the starter,
/// where it becomes [`LaunchFailed`](crate::LaunchFailed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum LaunchFailure {
    /// A step of the guardian.
    Setup(SetupError),
    /// The executor did not become ready.
    Executor {
        end: RunEnd,
        /// What it wrote last to standard error, if that is captured.
        last_words: Vec<String>,
    },
    /// Somebody asked to stop meanwhile.
    Quit,
}

/// How a guardian ended.
pub(crate) enum Guarded {
    /// It ended as its executor did, or because it was asked to.
    Done(Outcome),
    /// Somebody else has the daemon.
    AlreadyRunning {
        pid: u32,
    },
    LaunchFailed(LaunchFailure),
}

/// How much longer than its grace we wait for an executor whose guardian was killed. If it was stopped,
/// all of its grace is still before it when it is woken.
const ENDING: Duration = Duration::from_secs(2);

/// What a guardian holds while its executor lives.
pub(crate) struct Guardian {
    /// Held by every process of the daemon, so that a successor and whoever stops the daemon can see that
    /// somebody is left. It is closed before the pid file is released, which stays if there is another
    /// copy.
    hold: Arc<OwnedFd>,
    pid_file: WatchedPidFile,
    signals: StopSignals,
    descendants: Descendants,
    plan: Plan,
}

impl Guardian {
    /// Takes the daemon's place. The handlers of `signals` are there before, so that no stop is missed
    /// once our number can be read in the pid file.
    pub(crate) fn begin(plan: Plan, signals: StopSignals) -> Result<Guardian, Guarded> {
        let setup = |step: &str, error: &(dyn std::error::Error + 'static)| {
            Guarded::LaunchFailed(LaunchFailure::Setup(SetupError::new(step, error)))
        };
        let descendants = Descendants::adopt().map_err(|error| setup("orphans", &error))?;
        let quit = quit::descriptor().map_err(|error| setup("signal handlers", &error))?;
        let existing = match plan.existing {
            ExistingFile::TakeOverIfStale => Existing::TakeOverIfStale,
            ExistingFile::MeansRunning => Existing::Refuse,
        };
        // An executor whose guardian was killed is gone when its grace is over, unless it is stopped:
        // wake it.
        crate::stop::wake_orphans(&plan.pid_filename);
        let events = Events::new();
        let pid_file = pidfile::Options::new()
            .existing(existing)
            .wait_for_dependent(plan.policy.stop.longest().saturating_add(ENDING))
            .wake(quit)
            .with_hold()
            .acquire(&plan.pid_filename);
        match pid_file {
            Ok(mut pid_file) => {
                let hold = pid_file.take_hold().expect("it was asked for, and taken by nobody");
                let pid_file = WatchedPidFile::new(pid_file, events);
                Ok(Guardian { hold: Arc::new(hold), pid_file, signals, descendants, plan })
            }
            Err(
                pidfile::Error::Held { pid: Some(pid), .. }
                | pidfile::Error::Exists { number: Some(pid), .. },
            ) => Err(Guarded::AlreadyRunning { pid }),
            Err(pidfile::Error::Interrupted { .. }) => {
                Err(Guarded::LaunchFailed(LaunchFailure::Quit))
            }
            Err(error) => Err(setup("pid file", &error)),
        }
    }

    /// Ends what has come to no executor, and leaves why.
    pub(crate) fn fail(self, error: SetupError) -> Guarded {
        not_set_up(&self.plan, error)
    }

    /// Keeps the executor until it is over; the pid file goes last.
    pub(crate) fn guard(
        self,
        spawn: Spawn,
        early_stderr: Option<Stdio>,
        starter: &mut dyn Starter,
    ) -> Guarded {
        let Guardian { hold, mut pid_file, signals, descendants, plan } = self;
        let mut desk = Desk::open(&plan.name, &plan.pid_filename, plan.control.clone());
        let kept = recorder(&plan).and_then(|recorder| {
            let slot = executor(&plan, &hold, spawn, recorder.as_ref())?;
            let around = Around {
                signals: &signals,
                descendants: &descendants,
                recorder: recorder.as_ref(),
                pid_file: &mut pid_file,
                starter,
                desk: &mut desk,
            };
            let runner = Runner::new(plan.policy.clone(), slot, around)?;
            let kept = runner.run(early_stderr);
            if let Some(recorder) = recorder {
                recorder.finish(None);
            }
            kept
        });
        let guarded = match kept {
            Ok(Kept { outcome: Outcome::NotLaunched(end), last_words, .. }) => {
                desk.leave_last_words();
                Guarded::LaunchFailed(LaunchFailure::Executor { end, last_words })
            }
            Ok(Kept { launched: false, .. }) => {
                desk.forget_last_words();
                Guarded::LaunchFailed(LaunchFailure::Quit)
            }
            Ok(Kept { outcome, .. }) => {
                if has_failed(&outcome) {
                    desk.leave_last_words();
                }
                Guarded::Done(outcome)
            }
            Err(error) => not_set_up(&plan, error),
        };
        let connections = desk.close();
        log::logger().flush();
        // Our copy is the last one, unless a process of the daemon is left: then the pid file stays, and
        // shows that.
        drop(hold);
        if let Err(error) = pid_file.release() {
            log::error!("{}", ErrorText::new(&error).chain());
        }
        drop(connections);
        guarded
    }
}

/// The launch has failed for a step of a guardian that has the pid file: who asks why later reads it.
fn not_set_up(plan: &Plan, error: SetupError) -> Guarded {
    last_words::leave(&plan.pid_filename, &LastWords::of_guardian(&plan.name, &error), None);
    Guarded::LaunchFailed(LaunchFailure::Setup(error))
}

/// Whether it ended by itself, and not well: somebody will ask why.
fn has_failed(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Quit(_) | Outcome::Stopped | Outcome::NotLaunched(_) => false,
        Outcome::GaveUp(..) => true,
        Outcome::Ended(end) => !end.is_success(),
    }
}

fn recorder(plan: &Plan) -> Result<Option<Recorder>, SetupError> {
    let recorder = plan.capture.as_ref().map(|_| Recorder::start()).transpose();
    recorder.map_err(|error| SetupError::new("capture", &error))
}

fn executor(
    plan: &Plan,
    hold: &Arc<OwnedFd>,
    spawn: Spawn,
    recorder: Option<&Recorder>,
) -> Result<Slot, SetupError> {
    let name = plan.name.clone();
    let spawn = spawn
        .current(Current::new(Role::Executor, name))
        .setup(&plan.setup)
        .map_err(|error| SetupError::new("executor", &error))?
        .environment(plan.environment.clone())
        .keep_open(Arc::clone(hold));
    // A signal to our group is for the guardian, which then asks the executor. On a terminal a group of
    // its own would be in the background, where the system stops whoever reads from the terminal.
    let spawn = if plan.setup.terminal { spawn } else { spawn.own_group() };
    let slot = Slot::new(spawn).notes_pid_files();
    Ok(match (recorder, &plan.capture) {
        (Some(recorder), Some(capture)) => {
            let recording = recorder.record(capture, &plan.name);
            slot.recorded(recording.map_err(|error| SetupError::new("capture", &error))?)
        }
        _ => slot,
    })
}
