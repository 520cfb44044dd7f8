//! A daemon without detaching: the caller's process is the guardian.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proc_spawn::{Role, Stdio};

use exit::SetupError;
use signal_hook::consts::SIGHUP;

use crate::daemon_end::DaemonEnd;
use crate::guardian::{Guarded, Guardian, LaunchFailure};
use crate::launch_failed::{LaunchCause, LaunchFailed};
use crate::options::DaemonOptions;
use crate::start::{DaemonRunStatus, look};
use crate::starter::Starter;
use crate::stop_signals::StopSignals;

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
/// That it returns `Ok` means that the daemon was launched, not that it went well. Whoever called the
/// program (a shell, systemd, a container's runtime) is told by its exit code:
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
    let signals = StopSignals::install(&[SIGHUP], plan.reopen_on, plan.reload_on)
        .map_err(|source| LaunchCause::Setup { role: Role::Guardian, source })?;
    if let Some(config) = &plan.setup.logging {
        let process = logging::Process::new(&plan.name).role(Role::Guardian.to_string());
        match logging::install_queued(config, process) {
            Ok(handle) => surroundings::reopen::keep_log(handle),
            // The application has a logger of its own, which stays.
            Err(logging::Error::AlreadySet) => (),
            Err(error) => return Err(failed("logging", &error).into()),
        }
    }
    let guarded = match Guardian::begin(plan, signals) {
        Ok(guardian) => {
            let spawn = spawn.stdout(Stdio::Inherit).stderr(Stdio::Inherit);
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

    use super::*;

    /// Two guardians in one process took each other's executor for what their own had left.
    #[test]
    fn a_process_is_one_guardian_at_a_time() {
        let alone = Alone::begin();
        assert!(alone.is_some());
        assert!(Alone::begin().is_none());
        drop(alone);
        assert!(Alone::begin().is_some());
    }
}
