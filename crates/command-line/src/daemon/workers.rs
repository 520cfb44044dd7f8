//! The workers and the sets of a daemon: who there is, and what is asked of them.

use std::time::Duration;

use control::service::{Batch, Process, Roll, RollAsked, Set, Workers};
use supervisor::{AskFailed, DaemonStatus};

use super::{Daemon, PATIENCE};
use crate::code;
use crate::complaint::Complaint;
use crate::logs::ROLES;
use crate::refused;
use crate::render::text::safe;
use crate::render::units::short;

/// What is asked of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerRequest {
    Start,
    Stop,
    Restart,
    Signal(i32),
}

impl Daemon {
    /// The workers, or why they are not known, the sets and the batches.
    pub(super) fn workers(&self) -> (Result<Vec<Process>, String>, Vec<Set>, Vec<Batch>) {
        match self.asked.all_workers() {
            Ok(Workers { workers, sets, batches }) => {
                (Ok(workers), sets, batches.unwrap_or_default())
            }
            // One that keeps none now has none to show.
            Err(failed) if refused::name(failed.cause()) == Some(refused::NO_WORKERS) => {
                (Ok(Vec::new()), Vec::new(), Vec::new())
            }
            Err(failed) => (Err(self.because(&failed)), Vec::new(), Vec::new()),
        }
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
        if !matches!(self.asked.lock(), Ok(DaemonStatus::Running { .. })) {
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
        if !matches!(self.asked.lock(), Ok(DaemonStatus::Running { .. })) {
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
}

/// For which worker the others wait; `None` if there are none, or all are ready.
pub(super) fn waits_for(workers: &[Process]) -> Option<String> {
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
