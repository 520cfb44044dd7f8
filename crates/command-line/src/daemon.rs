//! A daemon that is asked something: by the lock of its pid file, and by its socket.

mod events;
mod files;
mod workers;

use std::time::{Duration, Instant};

use control::ClientError;
use control::service::{self, Status};
use supervisor::{
    AskFailed, DEFAULT_STOP_TIMEOUT, DaemonOptions, DaemonReport, DaemonRunStatus, DaemonStatus,
    LaunchFailed, StopStatus,
};

pub(crate) use events::{ALL as ALL_EVENTS, Wanted};
pub(crate) use workers::WorkerRequest;
use workers::waits_for;

use crate::code;
use crate::complaint::{Complaint, is_denied};
use crate::refused::{self, in_words};
use crate::render::text::safe;
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
                    && let Ok(again) = self.asked.lock()
                {
                    lock = again;
                }
                let answer = match said {
                    None => Answer::NotAsked,
                    Some(Err(_)) if !matches!(lock, DaemonStatus::Running { .. }) => {
                        Answer::NotAsked
                    }
                    Some(Ok(status)) => {
                        let (workers, sets, batches) = self.workers();
                        Answer::Given(Box::new(Given { status, workers, sets, batches }))
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
        matches!(self.asked.lock(), Ok(DaemonStatus::NotRunning { .. }))
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

    /// Has it start its executor anew.
    #[cfg(feature = "top")]
    pub(crate) fn restart_executor(&self) -> Result<(), Complaint> {
        self.asked.restart_executor().map_err(|failed| self.complaint(failed.cause()))
    }

    /// Has it open its log files anew.
    pub(crate) fn reopen(&self) -> Result<(), Complaint> {
        self.asked.reopen().map_err(|failed| self.complaint(failed.cause()))
    }

    /// Has it reload, or says what that would change.
    pub(crate) fn reload(&self, dry_run: bool) -> Result<service::Reloaded, Complaint> {
        self.asked.reload(dry_run).map_err(|failed| self.complaint(failed.cause()))
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
