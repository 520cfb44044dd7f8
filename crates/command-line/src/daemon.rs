//! A daemon that is asked something: by the lock of its pid file, and by its socket.

mod events;
mod files;

use std::time::{Duration, Instant};

use control::Client;
use control::ClientError;
use control::service::{Process, Roll, RollAsked, Set, Status};
use supervisor::{
    AskFailed, DEFAULT_STOP_TIMEOUT, DaemonOptions, DaemonReport, DaemonRunStatus, DaemonStatus,
    LaunchFailed, StopStatus, daemon_status,
};

pub(crate) use events::{ALL as ALL_EVENTS, Wanted};

use crate::code;
use crate::complaint::{Complaint, is_denied};
use crate::logs::ROLES;
use crate::refused::{self, in_words};
use crate::render::text::safe;
use crate::render::units::short;
use crate::seen::{Answer, Given, Seen};

/// How long an answer is waited for: longer than a guardian waits for its executor.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a person who waits for something else can wait for an answer, too.
const GLANCE: Duration = Duration::from_millis(100);

/// How long a daemon is waited for before it is asked again.
const TICK: Duration = Duration::from_millis(500);

/// Waiting for ever, in a form to which the time of now can be added.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A daemon by the name that its user gives it.
#[derive(Clone, Debug)]
pub(crate) struct Daemon {
    pub(crate) name: String,
    pub(crate) options: DaemonOptions,
    asked: supervisor::Daemon<DaemonOptions>,
}

fn is_not_there(failed: &AskFailed) -> bool {
    matches!(failed.cause(), ClientError::NotThere { .. })
}

fn is_there_no_more(failed: &AskFailed) -> bool {
    matches!(failed.cause(), ClientError::NotThere { .. } | ClientError::Gone)
}

/// Whether this daemon will be gone soon. Its executor alone also stops in order to be started again.
fn is_stopping(status: &Status) -> bool {
    status.guardian.phase == "stopping"
        || matches!(status.executor.phase.as_str(), "stopping" | "finished")
}

/// What is asked of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerRequest {
    Start,
    Stop,
    Restart,
    Signal(i32),
}

impl Daemon {
    pub(crate) fn new(name: String, options: DaemonOptions) -> Daemon {
        let asked = supervisor::Daemon::new(options.clone()).patience(PATIENCE);
        Daemon { name, options, asked }
    }

    /// How it is. Starts nothing, and waits for nobody longer than for the answer's limit.
    pub(crate) fn look(&self) -> Seen {
        let mut denied = false;
        let (lock, answer, last_words) = match self.asked.status() {
            Ok(DaemonReport { mut lock, said, last_words, .. }) => {
                // Between the two looks it may have ended: then nobody listens any more.
                if matches!(&said, Some(Err(failed)) if is_not_there(failed))
                    && let Ok(again) = daemon_status(self.asked.pid_filename())
                {
                    lock = again;
                }
                let answer = match said {
                    None => Answer::NotAsked,
                    Some(Err(_)) if !matches!(lock, DaemonStatus::Running { .. }) => {
                        Answer::NotAsked
                    }
                    Some(Ok(status)) => {
                        let (workers, sets) = self.workers();
                        Answer::Given(Box::new(Given { status, workers, sets }))
                    }
                    Some(Err(failed)) => {
                        denied = refused::code(failed.cause()) == code::NOT_ALLOWED;
                        self.unanswered(&failed)
                    }
                };
                (Ok(lock), answer, last_words)
            }
            Err(failed) => {
                denied = is_denied(failed.cause());
                (Err(failed.to_string()), Answer::NotAsked, None)
            }
        };
        let pid_filename = self.asked.pid_filename().to_owned();
        Seen { name: self.name.clone(), pid_filename, lock, denied, answer, last_words }
    }

    fn workers(&self) -> (Result<Vec<Process>, String>, Vec<Set>) {
        match self.asked.workers_and_sets() {
            Ok((workers, sets)) => (Ok(workers), sets),
            // One that keeps none now has none to show.
            Err(failed) if refused::name(failed.cause()) == Some(refused::NO_WORKERS) => {
                (Ok(Vec::new()), Vec::new())
            }
            Err(failed) => (Err(self.because(&failed)), Vec::new()),
        }
    }

    fn unanswered(&self, failed: &AskFailed) -> Answer {
        match is_not_there(failed) {
            true => Answer::NoSocket(self.because(failed)),
            false => Answer::Failed(self.because(failed)),
        }
    }

    /// Whose it is, if it is neither ours nor root's.
    pub(crate) fn other_user(&self) -> Option<u32> {
        self.asked.other_user()
    }

    /// Whether it certainly does not run.
    pub(crate) fn is_down(&self) -> bool {
        matches!(daemon_status(self.asked.pid_filename()), Ok(DaemonStatus::NotRunning { .. }))
    }

    /// Starts it. One that is stopping is not the one that is wanted: it is waited for.
    pub(crate) fn start(&self) -> Result<DaemonRunStatus, LaunchFailed> {
        let status = self.asked.start()?;
        let runs = matches!(status, DaemonRunStatus::AlreadyRunning { .. });
        // Once only: where the file of one that died counts as running (`existing: means_running`) it is told for ever.
        if runs && self.has_gone() { self.asked.start() } else { Ok(status) }
    }

    /// Whether it is gone, as soon as that can be told: of one that is stopping when it has gone, which it does when
    /// its graces are over. One that falls silent meanwhile is waited for as long as for a stop.
    fn has_gone(&self) -> bool {
        let mut last_heard = None;
        loop {
            let Ok(report) = self.asked.status() else { return false };
            if !matches!(report.lock, DaemonStatus::Running { .. }) {
                return true;
            }
            let span = match (report.said, last_heard) {
                (Some(Ok(status)), _) if is_stopping(&status) => {
                    last_heard = Some(Instant::now());
                    TICK
                }
                (Some(Err(_)), Some(at)) if at.elapsed() < DEFAULT_STOP_TIMEOUT => TICK,
                // The socket goes shortly before the lock.
                (Some(Err(failed)), None) if is_there_no_more(&failed) => GLANCE,
                _ => return false,
            };
            let is_free = pidfile::wait_free(self.asked.pid_filename(), Some(span), None);
            if is_free.is_ok_and(|is_free| is_free) {
                return true;
            }
            if last_heard.is_none() {
                return false;
            }
        }
    }

    /// For what a start waits now, if it can tell at once.
    pub(crate) fn glance(&self) -> Option<String> {
        let asked = self.asked.clone().patience(GLANCE);
        let status = asked.status().ok()?.said?.ok()?;
        if is_stopping(&status) {
            return Some("the one before is stopping".to_owned());
        }
        let workers = asked.workers(&[], false).ok();
        if let Some(waits) = workers.as_deref().and_then(waits_for) {
            return Some(waits);
        }
        Some(safe(&status.executor.says?))
    }

    /// Stops it, and waits until everything of it is gone.
    pub(crate) fn stop(&self) -> Result<StopStatus, Complaint> {
        Ok(self.asked.stop()?)
    }

    /// Asks something of one of its workers.
    pub(crate) fn worker(&self, name: &str, request: WorkerRequest) -> Result<(), Complaint> {
        let asked = match request {
            WorkerRequest::Start => self.asked.start_worker(name),
            WorkerRequest::Stop => self.asked.stop_worker(name),
            WorkerRequest::Restart => self.asked.restart_worker(name),
            WorkerRequest::Signal(number) => self.asked.signal_worker(name, number),
        };
        asked.map_err(|failed| self.of_worker(name, &failed))
    }

    /// This worker as it is now; `None`: the daemon keeps none now.
    pub(crate) fn look_at(&self, name: &str) -> Result<Option<Process>, Complaint> {
        match self.asked.workers(&[name], true) {
            Ok(mut workers) => Ok(workers.pop()),
            Err(failed) if refused::name(failed.cause()) == Some(refused::NO_WORKERS) => Ok(None),
            Err(failed) => Err(self.of_worker(name, &failed)),
        }
    }

    /// This set as it is now.
    pub(crate) fn set(&self, name: &str) -> Result<Set, Complaint> {
        let sets = self.asked.sets().map_err(|failed| self.complaint(failed.cause()))?;
        let known: Vec<String> = sets.iter().map(|set| set.name.clone()).collect();
        let found = sets.into_iter().find(|set| set.name == name);
        found.ok_or_else(|| Complaint::usage(refused::no_such_set(name, &known)))
    }

    /// What its sets are called; none if it does not run, or does not say.
    pub(crate) fn set_names(&self) -> Vec<String> {
        if !matches!(daemon_status(self.asked.pid_filename()), Ok(DaemonStatus::Running { .. })) {
            return Vec::new();
        }
        self.asked.sets().unwrap_or_default().into_iter().map(|set| set.name).collect()
    }

    pub(crate) fn scale(&self, set: &str, count: u32) -> Result<(), Complaint> {
        self.asked.scale(set, count).map_err(|failed| self.complaint(failed.cause()))
    }

    pub(crate) fn roll(&self, asked: &RollAsked) -> Result<(), Complaint> {
        self.asked.roll(asked).map_err(|failed| self.complaint(failed.cause()))
    }

    pub(crate) fn cancel_roll(&self, set: &str) -> Result<Roll, Complaint> {
        self.asked.cancel_roll(set).map_err(|failed| self.complaint(failed.cause()))
    }

    /// What its workers are called; none if it does not run, or does not say.
    pub(crate) fn worker_names(&self) -> Vec<String> {
        self.worker_names_within(PATIENCE)
    }

    /// That there is somebody of each of these names, as far as the daemon says who there is.
    pub(crate) fn check_names(&self, names: &[String]) -> Result<(), Complaint> {
        let is_no_role = |name: &&String| !ROLES.contains(&name.as_str());
        let Some(_) = names.iter().find(is_no_role) else { return Ok(()) };
        let workers = self.worker_names();
        let known: Vec<String> = workers.iter().cloned().chain(self.set_names()).collect();
        let unknown = names.iter().filter(is_no_role).find(|name| !known.contains(name));
        match unknown.filter(|_| !workers.is_empty()) {
            Some(name) => {
                let known = ROLES.into_iter().chain(known.iter().map(String::as_str));
                let text = refused::no_such_worker(name, known);
                Err(Complaint::usage(text).of(format!("{}/{name}", self.name)))
            }
            None => Ok(()),
        }
    }

    /// The same for who waits no longer than this.
    pub(crate) fn worker_names_within(&self, patience: Duration) -> Vec<String> {
        if !matches!(daemon_status(self.asked.pid_filename()), Ok(DaemonStatus::Running { .. })) {
            return Vec::new();
        }
        let asked = self.asked.clone().patience(patience);
        let workers = asked.workers(&[], false).unwrap_or_default();
        workers.into_iter().map(|worker| worker.name).collect()
    }

    /// Why it has no workers, though it runs: its executor may have failed, and keep none until it is started again.
    pub(crate) fn keeps_none(&self) -> Complaint {
        let said = self.asked.status().ok().and_then(|report| report.said?.ok());
        match said.map(|status| status.executor).filter(|executor| executor.phase == "waiting") {
            Some(executor) => {
                let next =
                    executor.next_start_in_us.map(|us| format!(", next start in {}", short(us)));
                let next = next.unwrap_or_default();
                let text =
                    format!("its executor is in back-off{next}, and keeps no workers until then");
                Complaint::new(code::FAILED, text)
            }
            None => Complaint::new(code::NOT_RUNNING, "it keeps no workers now"),
        }
    }

    /// Why something was not done with a worker; with those that there are, if there is none of that name.
    fn of_worker(&self, name: &str, failed: &AskFailed) -> Complaint {
        let mut complaint = self.complaint(failed.cause());
        if refused::name(failed.cause()) == Some(refused::NO_SUCH_WORKER)
            && let Ok(workers) = self.asked.workers(&[], false)
        {
            let names = workers.iter().map(|worker| worker.name.as_str());
            complaint.text = refused::no_such_worker(name, names);
        }
        complaint
    }

    /// Has it start its executor anew.
    #[cfg(feature = "top")]
    pub(crate) fn restart_executor(&self) -> Result<(), Complaint> {
        self.asked.restart_executor().map_err(|failed| self.complaint(failed.cause()))
    }

    /// Has it open its log files anew.
    pub(crate) fn reopen(&self) -> Result<(), Complaint> {
        self.asked.reopen().map_err(|failed| self.complaint(failed.cause()))
    }

    pub(crate) fn reload(&self) -> Result<(), Complaint> {
        let deadline = Instant::now() + PATIENCE;
        Client::connect(&self.asked.socket(), deadline)
            .and_then(|mut client| client.call("io.appkit.Service.Reload", &(), deadline))
            .map_err(|error| self.complaint(&error))
    }

    /// Waits until it is ready.
    pub(crate) fn wait_ready(&self, timeout: Option<Duration>) -> Result<(), Complaint> {
        let (began, timeout) = (Instant::now(), timeout.unwrap_or(FOR_EVER).min(FOR_EVER));
        let waited = self.asked.wait(&["running"], timeout);
        waited.map(|_| ()).map_err(|failed| {
            let cause = failed.cause();
            if matches!(cause, ClientError::NoAnswer) && timeout <= began.elapsed() {
                return Complaint::new(code::TIMED_OUT, "not ready when the time was over");
            }
            if matches!(cause, ClientError::Gone) {
                return match self.has_ended() {
                    true => Complaint::new(code::ENDED, "it has ended"),
                    false => self.cut_off(),
                };
            }
            self.complaint(cause)
        })
    }

    /// Whether the end of a connection was that of the daemon: the lock says so, shortly after.
    pub(crate) fn has_ended(&self) -> bool {
        pidfile::wait_free(self.asked.pid_filename(), Some(PATIENCE), None).unwrap_or(false)
    }

    /// Who listens has hung up, and the daemon runs.
    pub(crate) fn cut_off(&self) -> Complaint {
        let at = safe(&self.asked.socket().to_string_lossy());
        Complaint::new(
            code::FAILED,
            format!("{at} ended the connection, and the daemon still runs"),
        )
    }

    /// Waits until everything of it is gone.
    pub(crate) fn wait_stopped(&self, timeout: Option<Duration>) -> Result<(), Complaint> {
        match pidfile::wait_free(self.asked.pid_filename(), timeout, None) {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(Complaint::new(code::TIMED_OUT, "still running when the time was over"))
            }
            Err(error) => Err(Complaint::new(code::FAILED, exit::ErrorText::new(&error).chain())),
        }
    }

    /// Why it was not done. Whether it runs at all the lock says.
    fn complaint(&self, error: &ClientError) -> Complaint {
        let nobody = matches!(error, ClientError::NotThere { .. } | ClientError::Gone);
        if nobody && self.is_down() {
            return Complaint::new(code::NOT_RUNNING, "not running");
        }
        if refused::name(error) == Some(refused::NO_WORKERS) {
            return self.keeps_none();
        }
        Complaint::new(refused::code(error), self.in_words(error))
    }

    fn because(&self, failed: &AskFailed) -> String {
        self.in_words(failed.cause())
    }

    fn in_words(&self, error: &ClientError) -> String {
        in_words(error, &self.asked.socket(), PATIENCE)
    }
}

/// For which worker the others wait; `None` if there are none, or all are ready.
fn waits_for(workers: &[Process]) -> Option<String> {
    let ready = workers.iter().filter(|worker| worker.ready_since.is_some()).count();
    let next = workers.iter().find(|worker| worker.ready_since.is_none())?;
    let all = workers.len();
    Some(format!("{ready} of {all} workers ready, waiting for {}", safe(&next.name)))
}

#[cfg(test)]
mod tests {
    use super::waits_for;
    use crate::render::samples::process;

    #[test]
    fn a_start_waits_for_the_first_worker_that_is_not_ready() {
        assert_eq!(waits_for(&[]), None);
        let ready = process("web-1", "worker", "running", 7);
        assert_eq!(waits_for(std::slice::from_ref(&ready)), None);
        let workers =
            [ready, process("web-2", "worker", "starting", 8), process("w", "worker", "idle", 0)];
        let told = waits_for(&workers);
        assert_eq!(told.as_deref(), Some("1 of 3 workers ready, waiting for web-2"));
    }
}
