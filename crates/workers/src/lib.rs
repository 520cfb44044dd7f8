//! How does a program run many processes of itself, by name, and keep each of them alive?
//!
//! ```no_run
//! use std::error::Error;
//! use std::time::Duration;
//!
//! use workers::{WorkerStartInfo, WorkersOptions, start_workers};
//!
//! fn paint(color: String) {
//!     while !quit::quit_requested() {
//!         println!("{color}");
//!         quit::sleep(Duration::from_secs(5)); // Ends early when asked to stop.
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     workers::init(proc_spawn::entries![paint]); // A worker runs its entry here.
//!     quit::install()?; // Ctrl-C asks us, and we ask the workers.
//!
//!     let worker = |name: &str, color: &str| {
//!         WorkerStartInfo::new(name, format!("{name}.pid"), paint, color.to_owned())
//!             .stdout_filename(format!("{name}.txt"))
//!     };
//!     start_workers(
//!         [worker("worker-1", "red"), worker("worker-2", "yellow")],
//!         WorkersOptions::default().restart_interval(Duration::from_secs(20)),
//!     )?
//!     .into_result()?;
//!     Ok(())
//! }
//! ```
//!
//! Each worker is a process of its own with its own pid file, output, logging and arguments. One
//! that fails is started again after an interval, without touching the others; one that ends well
//! is done. [`start_workers`] returns when all are done, or when this process has been asked to
//! quit (see the `quit` crate) and every worker has gone: each is asked, and killed when its grace
//! is over.
//!
//! Workers that are alike are a [`WorkerSet`]: a template, and how many. With a [`Pool`] in place of [`start_workers`] the
//! list is changed while it runs: more or fewer of a set, all of a set replaced one after another, workers that come and
//! go.
//!
//! One that hangs is found and ended, where there is a [watchdog](WorkersOptions::watchdog).
//!
//! What a worker writes can be captured: read by this process, and kept with prefix and rotation (see
//! [`Capture`](capture::Capture)).
//!
//! # When it fits
//!
//! Work that is split among processes which should not share a fate, below a guardian (where the
//! executor calls [`start_workers`]) or in any other program.
//!
//! # What it cannot do
//!
//! * Hear a signal: that is for the application, with `quit::install`. Below a guardian it is done.
//! * Keep the workers if this process is killed: they quit then, each within its grace. Captured output
//!   that it had read and not yet written is lost, and what the workers write then fails (`EPIPE`).
//! * End what a worker leaves behind outside its process group, unless there is a guardian above; and
//!   there only what has kept its environment. The rest is ended with the executor.
//! * Make a worker's pid file again that was removed by hand: only the daemon's is watched.
//! * Remove the pid file of a worker that came alone while the pool ran, if that, its pool and the guardian above are killed at
//!   once: nobody knows of it any more. It is stale, and whoever takes it next takes it over.
//! * Bring back what was removed, or a number that was set, when this process is started anew: then the list holds again.

#[cfg(not(target_os = "linux"))]
compile_error!("workers needs pidfds and epoll, which only Linux has");

mod batch;
mod chores;
mod desk;
mod ends;
mod error;
mod happening;
mod report;
mod spec;

mod limit;
mod pool;
mod status;
mod sys;
mod wait;

pub use batch::{Batch, BatchFailed, BatchReport, Job, JobFailed, RunningBatch};
pub use ends::{TooManyRestarts, WorkerEnd};
pub use error::WorkersError;
pub use happening::worker_events;
pub use pool::{
    Change, ChangePart, Difference, Pending, Pool, PoolStatus, RequestError, WaitError,
    start_workers,
};
pub use report::{ValueError, WorkersReport};
pub use spec::{ListSource, Listed, WorkerSet, WorkerStartInfo, WorkersOptions};

/// Makes this program one that can start workers: the first line of `main`. A program that starts
/// daemons, too, calls the `init` of `supervisor`, with [its entries' codes](with_exit_codes).
///
/// In a worker it does what that process is for, and never returns. In any other process it remembers the
/// entries and returns.
///
/// In a worker SIGTERM and SIGINT request quit (see the `quit` crate), and it is asked by a word from its parent and
/// by no signal. Code that waits for a signal by its own means (`tokio::signal`, `signal-hook`) waits in vain: let it
/// wait for `quit::descriptor`, or say [`StopBy::Signal`](policy::StopBy::Signal) in the
/// [`StopPolicy`](policy::StopPolicy).
pub fn init(entries: proc_spawn::Entries) {
    surroundings::roles(proc_spawn::App::new(with_exit_codes(entries))).init();
}

/// Says how a process ends whose entry returns an error of workers, or one caused by it:
/// [`WorkersError::GaveUp`] with [`CODE_GAVE_UP`](policy::limit::CODE_GAVE_UP). [`WorkersError::Options`] is permanent, as
/// if the entry's own arguments were wrong: the same list would only be refused again.
#[must_use]
pub fn with_exit_codes(entries: proc_spawn::Entries) -> proc_spawn::Entries {
    let gave_up = |error: &WorkersError| matches!(error, WorkersError::GaveUp(_));
    let hopeless = |error: &WorkersError| matches!(error, WorkersError::Options(_));
    entries.exit_code_if(policy::limit::CODE_GAVE_UP, gave_up).permanent_if(hopeless)
}

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
