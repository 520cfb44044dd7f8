//! A daemon without detaching: the caller's process is the guardian.

use std::os::fd::BorrowedFd;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io};

use proc_spawn::{Role, Stream};

use exit::SetupError;
use signal_hook::consts::SIGHUP;

use crate::guardian::{Guarded, Guardian, LaunchFailure, Starter};
use crate::launch_failed::{LaunchCause, LaunchFailed};
use crate::options::DaemonOptions;
use crate::start::{DaemonRunStatus, look};
use crate::stop_signals::StopSignals;
use lifecycle::Outcome;
use policy::RunEnd;
use policy::{CODE_GAVE_UP, GaveUp};

/// How a daemon that was run in the foreground ended. A `main` that returns it, as an
/// [`ExitCode`], ends as a detached guardian does: see [`exit_code`](DaemonEnd::exit_code).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "that the daemon failed is in here, and not in an error: end with its `exit_code`"]
#[non_exhaustive]
pub enum DaemonEnd {
    /// There is one already, which was not touched.
    AlreadyRunning {
        /// The process id in its pid file.
        pid: u32,
    },
    /// It was asked to stop, and everything is gone.
    Stopped,
    /// Its executor ended, and was not to be started again.
    Ended(RunEnd),
    /// Its executor ended, and there was a reason not to start it again.
    GaveUp(GaveUp, RunEnd),
}

impl fmt::Display for DaemonEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DaemonEnd::AlreadyRunning { pid } => write!(f, "already running, pid {pid}"),
            DaemonEnd::Stopped => f.write_str("stopped"),
            DaemonEnd::Ended(end) => write!(f, "the executor {end}"),
            DaemonEnd::GaveUp(why, end) => write!(f, "gave up: the executor {end}, and {why}"),
        }
    }
}

impl DaemonEnd {
    /// The exit code that a guardian ends with: 0 when it was stopped, when the executor ended
    /// well, or when the daemon runs already; [`CODE_GAVE_UP`] when it gave up; otherwise the code
    /// of the executor, or 128 and the number of the signal that ended it, as a shell has it.
    pub fn exit_code(&self) -> i32 {
        match self {
            DaemonEnd::AlreadyRunning { .. } | DaemonEnd::Stopped => 0,
            DaemonEnd::GaveUp(..) => CODE_GAVE_UP,
            DaemonEnd::Ended(end) if end.is_success() => 0,
            DaemonEnd::Ended(end) => end.code(),
        }
    }

    pub(crate) fn of(outcome: Outcome) -> DaemonEnd {
        match outcome {
            Outcome::Quit(_) => DaemonEnd::Stopped,
            Outcome::Ended(end) | Outcome::NotLaunched(end) => DaemonEnd::Ended(end),
            Outcome::GaveUp(why, end) => DaemonEnd::GaveUp(why, end),
        }
    }
}

impl From<DaemonEnd> for ExitCode {
    /// [`DaemonEnd::exit_code`].
    fn from(end: DaemonEnd) -> ExitCode {
        // Of a code the system keeps eight bits, too (wait(2)); none of ours is larger.
        ExitCode::from(u8::try_from(end.exit_code()).unwrap_or(u8::MAX))
    }
}

/// Runs a daemon with this process as its guardian, until it is over: for terminals, containers
/// and systemd. Ctrl-C (SIGINT), SIGTERM, SIGQUIT and SIGHUP stop it; a second Ctrl-C leaves it two
/// seconds.
///
/// Everything is as with [`start_daemon`](crate::start_daemon), except that nothing is detached:
/// output without a file goes where the caller's goes, and the directory stays the caller's unless
/// another is given. On a terminal the executor shares this process' group, and so its place in the
/// foreground; what the keys and a hang-up mean, this process tells it. Elsewhere it has a group of its own.
///
/// From the call on, what becomes an orphan below this process becomes its child, and is ended with
/// the executor; so do not start other children while it runs. Those from before are left alone. A second call at the
/// same time is an error.
/// The handlers of the signals and the quit flag stay as they are when it returns.
///
/// That it returns `Ok` means that the daemon was launched, not that it went well. Who called the program
/// (a shell, systemd, a container's runtime) is told by its exit code:
///
/// ```no_run
/// # use supervisor::{DaemonOptions, LaunchFailed, run_daemon};
/// # fn options() -> DaemonOptions { unimplemented!() }
/// fn main() -> Result<std::process::ExitCode, LaunchFailed> {
///     # let entries = proc_spawn::Entries::new();
///     supervisor::init(entries);
///     let end = run_daemon(options())?;
///     eprintln!("{end}");
///     Ok(end.into()) // See `DaemonEnd::exit_code`.
/// }
/// ```
///
/// Ctrl-Z on a terminal (SIGTSTP) stops this process and the executor, as any job; workers have groups of
/// their own, and run on meanwhile without anybody who restarts or stops them, until `fg` or `bg`.
///
/// # Errors
///
/// As with [`start_daemon`](crate::start_daemon): everything up to the first call of the entry.
pub fn run_daemon(options: DaemonOptions) -> Result<DaemonEnd, LaunchFailed> {
    let (plan, spawn) = options.plan(false)?;
    if let Some(DaemonRunStatus::AlreadyRunning { pid }) = look(&plan)? {
        return Ok(DaemonEnd::AlreadyRunning { pid });
    }
    let failed = |step: &str, error: &(dyn std::error::Error + 'static)| LaunchCause::Setup {
        role: Role::Guardian,
        source: SetupError::new(step, error),
    };
    let _alone = Alone::begin().ok_or_else(|| {
        let error = "this process runs another daemon, whose executor would be an orphan of this one; run one after \
                     the other, or each in a process of its own";
        failed("guardian", &io::Error::other(error))
    })?;
    let signals = StopSignals::install(&[SIGHUP], plan.reopen_on)
        .map_err(|source| LaunchCause::Setup { role: Role::Guardian, source })?;
    if let Some(config) = &plan.setup.logging {
        let process = logging::Process::new(&plan.name).role(Role::Guardian.to_string());
        match logging::install_queued(config, process) {
            Ok(handle) => surroundings::reopen::keep_log(handle),
            // The application logs as it does.
            Err(logging::Error::AlreadySet) => (),
            Err(error) => return Err(failed("logging", &error).into()),
        }
    }
    let guarded = match Guardian::begin(plan, signals) {
        Ok(guardian) => {
            let spawn = spawn.stdout(Stream::Inherit).stderr(Stream::Inherit);
            guardian.guard(spawn, None, &mut Nobody)
        }
        Err(guarded) => guarded,
    };
    match guarded {
        Guarded::Done(outcome) => Ok(DaemonEnd::of(outcome)),
        Guarded::LaunchFailed(LaunchFailure::Quit) => Ok(DaemonEnd::Stopped),
        Guarded::AlreadyRunning { pid } => Ok(DaemonEnd::AlreadyRunning { pid }),
        Guarded::LaunchFailed(failure) => Err(failure.into()),
    }
}

/// Only one guardian at a time is in a process: each would take the other's executor for something left behind.
struct Alone;

static IS_GUARDIAN: AtomicBool = AtomicBool::new(false);

impl Alone {
    fn begin() -> Option<Alone> {
        (!IS_GUARDIAN.swap(true, Ordering::AcqRel)).then_some(Alone)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        IS_GUARDIAN.store(false, Ordering::Release);
    }
}

/// Nobody waits for the launch: the caller is this process.
struct Nobody;

impl Starter for Nobody {
    fn launched(&mut self) -> bool {
        true
    }

    fn extended(&mut self, _remaining: Duration) {}

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn gave_up(&mut self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use exit::{ErrorText, Exit, Panic};

    use super::*;

    /// Each took the other's executor for what its own had left.
    #[test]
    fn a_process_is_one_guardian_at_a_time() {
        let alone = Alone::begin();
        assert!(alone.is_some());
        assert!(Alone::begin().is_none());
        drop(alone);
        assert!(Alone::begin().is_some());
    }

    /// Case: RST-37
    #[test]
    fn a_guardian_ends_with_what_its_executor_ended_with() {
        let exited = |exit| DaemonEnd::Ended(RunEnd::Exited(exit));
        let signal =
            |signal| Exit::Signal { signal, core: false, out_of_memory: false, panic: None };
        let panic = Panic { message: String::new(), place: String::new() };
        let failed = RunEnd::NotStarted(ErrorText::new(&fmt::Error));
        let cases = [
            (DaemonEnd::Stopped, 0),
            (DaemonEnd::AlreadyRunning { pid: 7 }, 0),
            (exited(Exit::Code(0)), 0),
            (exited(Exit::Code(42)), 42),
            (DaemonEnd::Ended(RunEnd::Succeeded(Exit::Code(42))), 0),
            (exited(signal(9)), 137),
            (exited(Exit::Panic(panic)), 101),
            (exited(Exit::Unknown), 1),
            (DaemonEnd::Ended(failed.clone()), 1),
            (DaemonEnd::GaveUp(GaveUp::Prevented, failed), CODE_GAVE_UP),
        ];
        for (end, code) in cases {
            assert_eq!(end.exit_code(), code, "{end}");
            let told = u8::try_from(code).unwrap();
            assert_eq!(format!("{:?}", ExitCode::from(end)), format!("{:?}", ExitCode::from(told)));
        }
    }
}
