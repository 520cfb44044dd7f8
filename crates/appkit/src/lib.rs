//! How does an application become a service that starts, is kept alive, and stops when told?
//!
//! ```no_run
//! use std::error::Error;
//! use std::time::Duration;
//!
//! use appkit::{
//!     DaemonOptions, DaemonRunStatus, LoggingConfig, entries, quit_requested, sleep, start_daemon,
//! };
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct DaemonArgs {
//!     foo: i64,
//!     bar: i64,
//! }
//!
//! fn daemon_main(args: DaemonArgs) {
//!     while !quit_requested() {
//!         log::info!("I am running, foo={}", args.foo);
//!         sleep(Duration::from_secs(25)); // Ends early when asked to stop.
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     appkit::init(entries![daemon_main]); // A child runs its entry here and never returns.
//!
//!     let options = DaemonOptions::new(".data/foo.pid", daemon_main, DaemonArgs { foo: 1, bar: 2 })
//!         .stdout_filename(".data/out.txt")
//!         .stderr_filename(".data/err.txt")
//!         .logging_config(LoggingConfig::from_yaml_file("logging.yaml")?)
//!         .restart_interval(Duration::from_secs(10));
//!     match start_daemon(options)? {
//!         DaemonRunStatus::Launched { pid } => println!("launched, pid {pid}"),
//!         DaemonRunStatus::AlreadyRunning { pid } => println!("already running, pid {pid}"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # The guide
//!
//! **1. Say what can be run.** [`init`] is the first line of `main` and gets the functions that
//! other processes of the application may run, listed by [`entries!`]. They take nothing or one
//! argument of any serde type, and return nothing or a `Result`.
//!
//! What stands before `init` happens in every one of these processes, too, and at each restart. So arguments
//! are parsed, files opened, loggers set and threads started after it. An async runtime is made by the
//! entry, as below, and not around `main`: with `init` inside of `#[tokio::main]` an entry runs within that
//! runtime, and one that makes its own panics ("Cannot start a runtime from within a runtime"). A logger that
//! is set before `init` is the one that counts: a `logging_config` then fails ("a logger is already set in this
//! process").
//!
//! An entry runs in `/`, unless [`DaemonOptions::directory`] says otherwise. Paths in options are made absolute by the
//! caller; those in your own arguments are yours, so make them absolute, or set `directory`.
//!
//! **2. Start it.** [`start_daemon`] detaches a *guardian*, which holds the pid file and keeps an
//! *executor* alive, which runs the entry. It returns [`DaemonRunStatus::Launched`] when the entry
//! is being called, with pid file, output and logging in place, and otherwise says which step
//! failed and why ([`LaunchFailed`]). [`run_daemon`] does the same without detaching, for terminals,
//! containers and systemd; that the daemon failed is not an error, but what [`DaemonEnd::exit_code`] is for: a
//! `main` ends with `Ok(run_daemon(options)?.into())`.
//!
//! **3. Work in rounds.** [`quit_requested`] costs one load; [`sleep`] ends at once when it is time
//! to go, in every thread. [`quit::descriptor`] and [`quit::receiver`] are for waiting beside other
//! things.
//!
//! An executor or worker is asked to quit by a word from its parent, which carries the reason and the
//! time that is left; only the guardian gets a signal. So an entry that waits for SIGTERM by its own
//! means, as with `tokio::signal`, waits in vain, and is killed when its grace is over. In an async
//! runtime wait for the descriptor:
//!
//! ```no_run
//! use std::error::Error;
//!
//! use tokio::net::unix::pipe::Receiver;
//!
//! fn daemon_main() -> Result<(), Box<dyn Error + Send + Sync>> {
//!     tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//!         // A copy, of which nothing is ever read: it stays readable from the request on.
//!         let quit = Receiver::from_owned_fd(appkit::quit::descriptor()?.try_clone_to_owned()?)?;
//!         tokio::select! {
//!             asked = quit.readable() => Ok(asked?),
//!             served = serve() => served,
//!         }
//!     })
//! }
//! # async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> { Ok(()) }
//! ```
//!
//! Or have it stopped by a signal: `stop(StopPolicy::kill().then(StopBy::Signal(15), grace))`, of a
//! daemon or a worker, in YAML `stop: { steps: [{ by: SIGTERM, wait: 10s }] }`. A signal that comes
//! before the runtime has registered for it is not seen by the runtime, and the process would be killed
//! when its grace is over. So register first, then ask [`quit_requested`], which has seen such a signal,
//! and then call [`ready`], with [`Readiness::Told`] (`start: { ready: told }`): so the caller is told
//! "launched" when the daemon can be stopped. A process that somebody else sends SIGTERM is asked to quit
//! by that, too: see [`Restart`] for what follows.
//!
//! **4. Fan out.** [`start_workers`], called in the executor, keeps many processes alive, each with
//! its own name, pid file, output, logging and arguments:
//!
//! ```no_run
//! use std::error::Error;
//! use std::time::Duration;
//!
//! use appkit::{LoggingConfig, WorkerStartInfo, WorkersError, WorkersOptions, start_workers};
//!
//! fn daemon_main() -> Result<(), WorkersError> {
//!     let worker = |name: &str, color: &str| {
//!         WorkerStartInfo::new(name, format!(".data/{name}.pid"), worker_main, color.to_owned())
//!             .stdout_filename(format!(".data/{name}-out.txt"))
//!             .logging_config(LoggingConfig::file(format!(".data/{name}.log")))
//!     };
//!     start_workers(
//!         [worker("worker-1", "red"), worker("worker-2", "yellow")],
//!         WorkersOptions::default()
//!             .restart_interval(Duration::from_secs(20))
//!             .debug_filename(".data/debug.json"),
//!     )? // Every problem of the list at once.
//!     .into_result() // An error when a worker failed for good.
//! }
//!
//! fn worker_main(color: String) -> Result<(), Box<dyn Error + Send + Sync>> {
//!     log::info!("{} is {color}", appkit::current().name);
//!     Err("oops".into())
//! }
//! ```
//!
//! A list or an option that is wrong is an error of `start_workers`, when "launched" has long been said. It is
//! permanent: the daemon gives up instead of starting over, and says so in its log and by its exit code. With
//! `start: { ready: told }` of the daemon and [`ready_when_all`](WorkersOptions::ready_when_all) of the workers
//! the launch itself fails, and tells the caller.
//!
//! A worker, or the executor, that hangs is found and ended where a [`WatchdogPolicy`] says so (`watchdog: { after: 30s }`):
//! it says [`alive`] between two pieces of work, which costs some nanoseconds, and [`busy_for`] before a long one.
//! While it waits in [`sleep`] it need not; a wait of another kind is announced by [`rest`]. One that cannot do its
//! work for a while, as its database is away, says [`not_ready`], and [`ready`] when it can again: it lives on, and
//! no roll takes another one away meanwhile.
//!
//! **5. Stop it.** [`stop_daemon`], or `kill $(cat FILE)`: the guardian asks the executor, the
//! executor its workers; each has a little less time than the one above it; what is left then is
//! killed, with everything that it has started. The pid file goes last. [`daemon_status`] asks
//! whether it runs, and disturbs nobody.
//!
//! **6. Give it commands.** With the feature `cli` the program itself is `jobd start | stop | restart | status | list |
//! events | …`, and has exit codes and `--json` for machines:
//!
#![cfg_attr(feature = "cli", doc = "```no_run")]
#![cfg_attr(not(feature = "cli"), doc = "```ignore")]
//! # fn daemon_main() {}
//! use std::process::ExitCode;
//!
//! use appkit::{DaemonOptions, cli::Service, entries};
//!
//! fn main() -> ExitCode {
//!     appkit::init(entries![daemon_main]);
//!     Service::new("jobd", || DaemonOptions::new("jobd.pid", daemon_main, ())).main()
//! }
//! ```
//!
//! `Service::from_file("daemons.yaml")` is for several daemons. Beside commands of the application's own stands
//! `cli::Command`, a subcommand of clap.
//!
//! All of it can be said in YAML: `docs/options.md` in the repository has every key.
//!
//! # Features
//!
//! By default there are `yaml` (options from files), `compression` (of old log files) and `local-time` (in logs). Two have to be
//! asked for: `cli`, without which there is no module `cli`, and `top`, the view that stays, which brings `cli` along.
//!
//! # When it fits
//!
//! Applications that bring their own service along, to machines, containers and systemd, instead of
//! being described to one.
//!
//! # What it cannot do
//!
//! * Supervise programs that are not this application.
//! * Keep a daemon whose guardian is killed: the rest then quits, each process within its grace.
//! * Run anywhere but on Linux. `quit`, `stdio-redirect`, `log-file` and `logging` alone are for any Unix.

pub use capture::{Capture, Captured, LastLines, WhenFull};
pub use exit::{Exit, NoValue};
pub use heartbeat::{alive, busy_for, rest};
pub use lifecycle::{Outcome, batch::Counts};
pub use logging::LoggingConfig;
pub use policy::{
    Backoff, EndWhen, Ends, GaveUp, Halt, Leftovers, OnBad, Readiness, RecyclePolicy, Restart,
    RestartPolicy, RollPolicy, RunEnd, Share, StartPolicy, StopBy, StopPolicy, Strategy,
    WatchdogPolicy, WhenStopped,
};
pub use proc_spawn::{
    Call, Current, DEFAULT_VALUE, LONGEST_VALUE, Role, Value, at_end, current, entries,
    extend_timeout, tell_not_ready as not_ready, tell_ready as ready, tell_status,
};
pub use quit::{DEFAULT_STEP, Slept, quit_requested, sleep, sleep_in_steps};
pub use supervisor::{
    AskFailed, ClientError, ControlOptions, Daemon, DaemonEnd, DaemonOptions, DaemonReport,
    DaemonRunStatus, DaemonStatus, EventStream, ExistingFile, GroupMay, LastWords, LaunchCause,
    LaunchFailed, Refusal, RestartFailed, StatusFailed, StopFailed, StopStatus, daemon_status,
    run_daemon, start_daemon, stop_daemon, stop_daemon_within,
};
pub use surroundings::reopen::reopen;
pub use surroundings::{ReloadListener, job_done, reload_requested};
pub use workers::{
    Batch, BatchFailed, BatchReport, Change, ChangePart, Job, JobFailed, Listed, Pending, Pool,
    PoolStatus, RequestError, RunningBatch, TooManyRestarts, ValueError, WaitError, WorkerEnd,
    WorkerSet, WorkerStartInfo, WorkersError, WorkersOptions, WorkersReport, start_workers,
    worker_events,
};

/// The parts, whole, for when the front is not enough.
pub use {
    capture, control, exit, heartbeat, lifecycle, logging, pidfile, policy, proc_spawn, quit, slot,
    stdio_redirect, supervisor, surroundings, workers,
};

/// `start`, `stop`, `restart`, `status`, `list` and their kind as subcommands of the application's own program, with the
/// feature `cli`:
///
/// ```no_run
/// # fn daemon_main() {}
/// use std::process::ExitCode;
///
/// use appkit::{DaemonOptions, cli::Service, entries};
///
/// fn main() -> ExitCode {
///     appkit::init(entries![daemon_main]);
///     Service::new("jobd", || DaemonOptions::from_yaml_file("jobd.yaml")).main()
/// }
/// ```
#[cfg(feature = "cli")]
pub use command_line as cli;

/// Makes this program one that can start daemons and workers: the first line of `main`.
///
/// In a guardian, executor or worker it does what that process is for, and never returns. Everything before
/// it happens in each of them too. In any other process it remembers the entries and returns. See the `init` of
/// [`supervisor`](supervisor::init), and [how errors of workers end a process](workers::with_exit_codes).
pub fn init(entries: proc_spawn::Entries) {
    supervisor::init(workers::with_exit_codes(entries));
}

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The same of the front page of the repository.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../../../README.md")]
struct FrontPage;
