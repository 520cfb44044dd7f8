//! How does an application become a service that somebody keeps alive?
//!
//! ```no_run
//! use std::error::Error;
//! use std::time::Duration;
//!
//! use supervisor::{DaemonOptions, DaemonRunStatus, start_daemon};
//!
//! fn daemon_main(rounds: u32) {
//!     for _ in 0..rounds {
//!         if quit::quit_requested() {
//!             return;
//!         }
//!         quit::sleep(Duration::from_secs(25)); // Ends early when asked to stop.
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     supervisor::init(proc_spawn::entries![daemon_main]); // A child runs its entry here.
//!
//!     let options = DaemonOptions::new("/run/foo.pid", daemon_main, 1000)
//!         .stderr_filename("/var/log/foo.txt")
//!         .restart_interval(Duration::from_secs(10));
//!     match start_daemon(options)? {
//!         DaemonRunStatus::Launched { pid } => println!("launched, pid {pid}"),
//!         DaemonRunStatus::AlreadyRunning { pid } => println!("already running, pid {pid}"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`start_daemon`] detaches a *guardian*, which holds the pid file and keeps an *executor* alive,
//! which runs the application's own function; it returns when that function is being called, or
//! with the reason why it will not be. [`run_daemon`] does the same in the foreground.
//! [`stop_daemon`] and [`daemon_status`] work from any process that can read the pid file.
//!
//! With [`Capture`](capture::Capture) a child's output passes through its parent, which keeps it with prefix and rotation.
//!
//! What is decided about a child is decided by [`lifecycle::Machine`], which has no clock, process or file in
//! it; [`slot::Slot`] carries it out. Pools of workers are built on them in `workers`.
//!
//! # When it fits
//!
//! Programs that should go on when their user has logged off, come back when they crash, and stop
//! when they are told, whole: with everything that they have started.
//!
//! # What it cannot do
//!
//! * Keep the daemon if the guardian itself is killed: the executor then quits, within its grace.
//!   A descendant that has left its session may survive that.
//! * Keep captured output that the guardian had read and not yet written when it was killed. What the
//!   executor and its workers write then, while they quit, fails (`EPIPE`).
//! * Stop an entry that never asks [`quit::quit_requested`] other than by killing it after its
//!   grace.
//! * End a process in uninterruptible sleep: nobody can. [`stop_daemon`] says so when its time is
//!   over.
//! * Hold the place while an operator has removed or replaced the whole folder of the pid file: then a second
//!   daemon can start. The file alone, removed by hand, is made again at once, and in a new folder within seconds;
//!   that of a worker is not.
//! * Find what an executor leaves behind where there is no `/proc`, or one of another pid namespace.

mod daemon;
mod daemon_end;
mod last_words;
mod launch_failed;
mod log_files;
mod options;
mod run;
mod start;
mod stop;

mod early_stderr;

mod descendants;
mod desk;
mod event_file;
mod guardian;
mod runner;
mod signal_bytes;
mod starter;
mod stop_signals;
mod sys;
mod watched;

pub use control::{ClientError, Refusal, service};
pub use daemon::{AskFailed, Daemon, DaemonReport, EventStream, RestartFailed};
pub use daemon_end::DaemonEnd;
pub use guardian::ExistingFile;
pub use last_words::LastWords;
pub use launch_failed::{LaunchCause, LaunchFailed};
#[cfg(feature = "yaml")]
pub use options::YamlError;
pub use options::{ControlOptions, DaemonOptions, GroupMay};
pub use run::run_daemon;
pub use start::{DaemonRunStatus, start_daemon};
pub use stop::{
    DEFAULT_STOP_TIMEOUT, DaemonStatus, StatusFailed, StopFailed, StopStatus, daemon_status,
    stop_daemon, stop_daemon_within,
};

/// Makes this program one that can start daemons and workers: the first line of `main`.
///
/// In a guardian, executor or worker it does what that process is for, and never returns.
/// Everything before it happens in each of them too. In any other process it remembers the entries
/// and returns.
///
/// In guardian, executor and worker SIGTERM and SIGINT request quit (see the `quit` crate), and an
/// executor or worker is asked by a word from its parent and by no signal. Code that waits for a signal by
/// its own means (`tokio::signal`, `signal-hook`) waits in vain: let it wait for `quit::descriptor`, or say
/// [`StopBy::Signal`](policy::StopBy::Signal) in the [`StopPolicy`](policy::StopPolicy).
pub fn init(entries: proc_spawn::Entries) {
    let app = proc_spawn::App::new(entries);
    surroundings::roles(start::roles(app)).init();
}

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
