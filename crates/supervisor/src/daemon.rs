//! A daemon as an operator sees it: started, stopped, and asked how it is.

mod answers;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use control::{ClientError, service};
use trusted_path::{Place, Trust};

pub use answers::{AskFailed, DaemonReport, EventStream, RestartFailed};

use crate::last_words;
use crate::launch_failed::LaunchFailed;
use crate::options::{DaemonOptions, socket_path};
use crate::start::{DaemonRunStatus, start_daemon};
use crate::stop::{
    DEFAULT_STOP_TIMEOUT, DaemonStatus, StatusFailed, StopFailed, StopStatus, daemon_status,
    stop_daemon_within,
};

/// A daemon, whether it runs or not: all that can be asked of it, from any process of its user or of root.
///
/// [`at`](Daemon::at) its pid file it can be asked and stopped; made of its [options](Daemon::new) it can be started, too.
/// Nothing is kept open between two calls.
///
/// The pid file's lock says whether it runs. The rest is asked by its control socket, and as far as that
/// does not answer, it says so.
#[derive(Clone, Debug)]
pub struct Daemon<O = ()> {
    pid_filename: PathBuf,
    options: O,
    patience: Duration,
}

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

impl Daemon {
    /// The daemon with this pid file.
    pub fn at(pid_filename: impl Into<PathBuf>) -> Daemon {
        Daemon { pid_filename: pid_filename.into(), options: (), patience: PATIENCE }
    }
}

impl Daemon<DaemonOptions> {
    /// The daemon with these options.
    pub fn new(options: DaemonOptions) -> Daemon<DaemonOptions> {
        let pid_filename = options.pid_filename().to_owned();
        Daemon { pid_filename, options, patience: PATIENCE }
    }

    /// Starts it: see [`start_daemon`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn start(&self) -> Result<DaemonRunStatus, LaunchFailed> {
        start_daemon(self.options.clone())
    }

    /// Checks its options, stops it, if it runs, within [`DEFAULT_STOP_TIMEOUT`], and starts it.
    ///
    /// # Errors
    ///
    /// The options are wrong, and then nothing is stopped; it cannot be stopped, and then nothing is started; or it
    /// cannot be started.
    pub fn restart(&self) -> Result<DaemonRunStatus, RestartFailed> {
        self.options.check().map_err(RestartFailed::Start)?;
        self.stop().map_err(RestartFailed::Stop)?;
        self.start().map_err(RestartFailed::Start)
    }
}

impl<O> Daemon<O> {
    /// How long an answer of its control socket is waited for. Default: 3 s, which is longer than a
    /// guardian waits for its executor.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Daemon<O> {
        self.patience = patience;
        self
    }

    /// Its pid file, as it was given.
    pub fn pid_filename(&self) -> &Path {
        &self.pid_filename
    }

    /// Its control socket.
    pub fn socket(&self) -> PathBuf {
        socket_path(&self.pid_filename)
    }

    /// Stops it, and waits for at most [`DEFAULT_STOP_TIMEOUT`]: see [`stop_daemon_within`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn stop(&self) -> Result<StopStatus, StopFailed> {
        self.stop_within(DEFAULT_STOP_TIMEOUT)
    }

    /// The same with another time to wait.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn stop_within(&self, timeout: Duration) -> Result<StopStatus, StopFailed> {
        stop_daemon_within(&self.pid_filename, timeout)
    }

    /// Whether it runs, by the lock of its pid file alone: see [`daemon_status`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn lock(&self) -> Result<DaemonStatus, StatusFailed> {
        daemon_status(&self.pid_filename)
    }

    /// How it is: by the lock of its pid file, and, if it runs, by what it says itself.
    ///
    /// # Errors
    ///
    /// The pid file cannot be looked at.
    pub fn status(&self) -> Result<DaemonReport, StatusFailed> {
        let lock = self.lock()?;
        let runs = matches!(lock, DaemonStatus::Running { .. });
        let said = runs.then(|| self.ask(service::Client::status));
        let last_words = if runs { None } else { last_words::read(&self.pid_filename) };
        Ok(DaemonReport { lock, said, last_words })
    }

    /// Its workers: all, or those of these names. With `usage` the memory and processor time of each is
    /// looked at, too.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn workers(&self, names: &[&str], usage: bool) -> Result<Vec<service::Process>, AskFailed> {
        self.ask(|daemon| daemon.workers(names, usage))
    }

    /// All its workers, with what they use, and its sets.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn workers_and_sets(
        &self,
    ) -> Result<(Vec<service::Process>, Vec<service::Set>), AskFailed> {
        self.ask(service::Client::workers_and_sets)
    }

    /// All its workers, with what they use, its sets and its batches.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn all_workers(&self) -> Result<service::Workers, AskFailed> {
        self.ask(service::Client::all_workers)
    }

    /// Its sets of workers that are alike.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn sets(&self) -> Result<Vec<service::Set>, AskFailed> {
        self.ask(service::Client::sets)
    }

    /// The files of guardian and executor in which something can be read.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn files(&self) -> Result<Vec<service::LogFile>, AskFailed> {
        self.ask(service::Client::files)
    }

    /// Those of its workers: of all, or of those of these names.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn worker_files(&self, names: &[&str]) -> Result<Vec<service::LogFile>, AskFailed> {
        self.ask(|daemon| daemon.worker_files(names))
    }

    /// Has it open its log files anew.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn reopen(&self) -> Result<(), AskFailed> {
        self.ask(service::Client::reopen)
    }

    /// Has it read its list of workers anew, and tell those who [listen](surroundings::reload_requested); if it is only a
    /// look, says what that would change.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]: also if the list is wrong, and all stays as it is, or there is nothing to reload.
    pub fn reload(&self, dry_run: bool) -> Result<service::Reloaded, AskFailed> {
        self.ask(|daemon| daemon.reload(dry_run))
    }

    /// Asks it to stop, and does not wait for that.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn ask_to_stop(&self) -> Result<(), AskFailed> {
        self.ask(service::Client::stop)
    }

    /// Has the guardian stop the executor and start it again at once; the pid file stays held. Returns when it was
    /// asked to.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn restart_executor(&self) -> Result<(), AskFailed> {
        self.ask(service::Client::restart)
    }

    /// Starts a worker that is stopped or waits for its next run.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn start_worker(&self, name: &str) -> Result<(), AskFailed> {
        self.ask(|daemon| daemon.start_worker(name))
    }

    /// Stops a worker until it is started again. Returns when it was asked to.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn stop_worker(&self, name: &str) -> Result<(), AskFailed> {
        self.ask(|daemon| daemon.stop_worker(name))
    }

    /// Stops a worker and starts it again. Returns when it was asked to.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn restart_worker(&self, name: &str) -> Result<(), AskFailed> {
        self.ask(|daemon| daemon.restart_worker(name))
    }

    /// Has a set have so many workers. Returns when that is in force: [`sets`](Daemon::sets) tells how many are ready.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn scale(&self, set: &str, count: u32) -> Result<(), AskFailed> {
        self.ask(|daemon| daemon.scale(set, count))
    }

    /// Has the workers of a set replaced one after another. Returns when that has begun: [`sets`](Daemon::sets) and
    /// [`events`](Daemon::events) tell how far it has come.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn roll(&self, asked: &service::RollAsked) -> Result<(), AskFailed> {
        self.ask(|daemon| daemon.roll(asked))
    }

    /// Ends a roll: those that are being replaced are brought to their end, and no other is begun. Says how far it has
    /// come.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn cancel_roll(&self, set: &str) -> Result<service::Roll, AskFailed> {
        self.ask(|daemon| daemon.cancel_roll(set))
    }

    /// Sends a signal, by its number, to a worker's process.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn signal_worker(&self, name: &str, signal: i32) -> Result<(), AskFailed> {
        self.ask(|daemon| daemon.signal_worker(name, signal))
    }

    /// What happens from now on, and of what has happened at most the last so many of the guardian and of the executor
    /// each.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]
    pub fn events(&self, last: u64) -> Result<EventStream, AskFailed> {
        let stream = self.connect(self.deadline()).and_then(|daemon| daemon.events(last));
        let stream = stream.map_err(|error| self.failed(error))?;
        Ok(EventStream { stream, socket: self.socket() })
    }

    /// Waits until the executor is in one of these phases, for at most so long, and tells in which.
    ///
    /// # Errors
    ///
    /// [`AskFailed`]: with [`ClientError::NoAnswer`] when the time is over, with [`ClientError::Gone`] when the
    /// daemon ended before.
    pub fn wait(&self, phases: &[&str], timeout: Duration) -> Result<String, AskFailed> {
        let deadline = later(timeout);
        let daemon = self.connect(deadline.min(self.deadline()));
        daemon.and_then(|daemon| daemon.wait(phases, deadline)).map_err(|error| self.failed(error))
    }

    fn ask<T>(
        &self,
        question: impl FnOnce(&mut service::Client) -> Result<T, ClientError>,
    ) -> Result<T, AskFailed> {
        let daemon = self.connect(self.deadline());
        daemon.and_then(|mut daemon| question(&mut daemon)).map_err(|error| self.failed(error))
    }

    fn connect(&self, deadline: Instant) -> Result<service::Client, ClientError> {
        let mut users = vec![0, rustix::process::geteuid().as_raw()];
        users.extend(self.owner());
        service::Client::connect_to(&self.socket(), &users, deadline)
    }

    /// Whoever has made the pid file, for root, and for who is let in by the daemon's group: if the folder is his.
    /// Where others can write, a stranger who makes a pid file makes a socket beside it, too.
    fn owner(&self) -> Option<u32> {
        let place = Place::find_name(&self.pid_filename, Trust::FolderOwners).ok()?;
        let seen = place.look().ok()??;
        place.is_ours(&seen).then_some(seen.owner)
    }

    /// Whose daemon it is, if it is neither ours nor root's: what it says of files is what that user says.
    pub fn other_user(&self) -> Option<u32> {
        let us = rustix::process::geteuid().as_raw();
        self.owner().filter(|owner| *owner != 0 && *owner != us)
    }

    fn deadline(&self) -> Instant {
        later(self.patience)
    }

    fn failed(&self, source: ClientError) -> AskFailed {
        AskFailed { socket: self.socket(), source }
    }
}

/// A time that is too long for the clock is as good as for ever after many years.
fn later(span: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(span).unwrap_or_else(|| now + YEARS)
}
