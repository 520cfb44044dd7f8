//! What was seen of a daemon: by the lock of its pid file, which is the truth, and by what it says of itself.

use std::path::PathBuf;

use control::service::{Batch, Process, Set, Status};
use supervisor::{DaemonStatus, LastWords};

use crate::code;
use crate::worker::has_failed;

/// A daemon as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// By which its user calls it.
    pub(crate) name: String,
    pub(crate) pid_filename: PathBuf,
    /// What the lock says, or why it cannot be looked at.
    pub(crate) lock: Result<DaemonStatus, String>,
    /// Whether what is not known is not for us to know.
    pub(crate) denied: bool,
    pub(crate) answer: Answer,
    /// Why it does not run, if it gave up.
    pub(crate) last_words: Option<LastWords>,
}

/// What came from its socket.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Nobody was asked: it does not run.
    NotAsked,
    /// There is no socket: it has none by its options, or somebody has removed it. What is told is the end of a
    /// sentence.
    NoSocket(String),
    /// Why there is none, the same.
    Failed(String),
    Given(Box<Given>),
}

#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) status: Status,
    /// Its workers, or why they are not known.
    pub(crate) workers: Result<Vec<Process>, String>,
    pub(crate) sets: Vec<Set>,
    pub(crate) batches: Vec<Batch>,
}

/// What a daemon is doing, in one word with one exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// It runs, but a worker has failed for good.
    Degraded,
    Starting,
    /// It was ready, runs, and says that it cannot do its work just now.
    NotReady,
    Stopping,
    BackOff,
    NotRunning,
    /// The same, and it has ended badly: a daemon that gave up, or a worker.
    Failed,
    /// It does not run, and a crash has left the pid file.
    Stale,
    /// Its guardian was killed, and not all is gone.
    Orphaned,
    /// It cannot be looked at, gives no answer, or is in a phase that only a newer version knows.
    Unknown,
}

impl State {
    /// That of a worker.
    pub(crate) fn of_worker(worker: &Process) -> State {
        match worker.phase.as_str() {
            "running" => State::Running,
            "idle" | "starting" => State::Starting,
            "not_ready" => State::NotReady,
            "stopping" => State::Stopping,
            "waiting" => State::BackOff,
            "finished" if has_failed(worker) => State::Failed,
            "stopped" | "finished" => State::NotRunning,
            _ => State::Unknown,
        }
    }

    /// For people and for `--json`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            State::Running => "running",
            State::Degraded => "degraded",
            State::Starting => "starting",
            State::NotReady => "not ready",
            State::Stopping => "stopping",
            State::BackOff => "back-off",
            State::NotRunning | State::Stale => "stopped",
            State::Failed => "failed",
            State::Orphaned => "orphaned",
            State::Unknown => "unknown",
        }
    }

    /// Of `status`, as the LSB has it.
    pub(crate) fn code(&self) -> u8 {
        match self {
            State::Running => code::OK,
            State::Degraded => code::STATUS_DEGRADED,
            State::Starting | State::NotReady => code::STATUS_STARTING,
            State::Stopping => code::STATUS_STOPPING,
            State::BackOff => code::STATUS_BACK_OFF,
            // The LSB has one code for whatever does not run. Which of them it is the text tells.
            State::NotRunning | State::Failed => code::STATUS_NOT_RUNNING,
            State::Stale => code::STATUS_STALE,
            State::Orphaned => code::STATUS_ORPHANED,
            State::Unknown => code::STATUS_UNKNOWN,
        }
    }
}

impl Seen {
    /// What it is doing. The lock decides whether it runs, its word how.
    pub(crate) fn state(&self) -> State {
        match &self.lock {
            Err(_) => State::Unknown,
            Ok(DaemonStatus::NotRunning { stale: false }) if self.last_words.is_some() => {
                State::Failed
            }
            Ok(DaemonStatus::NotRunning { stale: false }) => State::NotRunning,
            Ok(DaemonStatus::NotRunning { stale: true }) => State::Stale,
            Ok(DaemonStatus::Orphaned { .. }) => State::Orphaned,
            Ok(_) => match &self.answer {
                // The lock is the truth, and all that there is.
                Answer::NotAsked | Answer::NoSocket(_) => State::Running,
                Answer::Failed(_) => State::Unknown,
                Answer::Given(given) => given.state(),
            },
        }
    }

    /// The guardian's process id.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.lock {
            Ok(DaemonStatus::Running { pid }) => *pid,
            _ => None,
        }
    }

    /// What it says of itself.
    pub(crate) fn given(&self) -> Option<&Given> {
        match &self.answer {
            Answer::Given(given) => Some(given),
            Answer::NotAsked | Answer::NoSocket(_) | Answer::Failed(_) => None,
        }
    }

    /// Those that are known.
    pub(crate) fn workers(&self) -> &[Process] {
        match self.given() {
            Some(Given { workers: Ok(workers), .. }) => workers,
            _ => &[],
        }
    }

    /// How many of how many workers are ready; `None` if they are not known.
    pub(crate) fn ready(&self) -> Option<(usize, usize)> {
        let workers = self.given()?.workers.as_ref().ok()?;
        Some((workers.iter().filter(|worker| worker.ready_since.is_some()).count(), workers.len()))
    }

    /// How often it and its workers were started again; `None` if it does not say.
    pub(crate) fn restarts(&self) -> Option<u64> {
        let own = self.given()?.status.executor.restarts;
        let workers = self.workers().iter().map(|worker| worker.restarts);
        Some(workers.fold(own, u64::saturating_add))
    }

    /// Memory of all its processes; `None` if that of none is known.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.sum(|process| process.memory_bytes)
    }

    /// Processor time of all its processes since their start; `None` if that of none is known.
    pub(crate) fn cpu(&self) -> Option<u64> {
        self.sum(|process| process.cpu_us)
    }

    fn sum(&self, of: impl Fn(&Process) -> Option<u64>) -> Option<u64> {
        let status = &self.given()?.status;
        let all = [&status.guardian, &status.executor].into_iter().chain(self.workers());
        all.filter_map(of).reduce(u64::saturating_add)
    }
}

impl Given {
    fn state(&self) -> State {
        if self.status.guardian.phase == "stopping" {
            return State::Stopping;
        }
        match self.status.executor.phase.as_str() {
            "running" if !self.failed().is_empty() => State::Degraded,
            "running" => State::Running,
            "idle" | "starting" => State::Starting,
            "not_ready" => State::NotReady,
            "stopping" | "stopped" | "finished" => State::Stopping,
            "waiting" => State::BackOff,
            _ => State::Unknown,
        }
    }

    /// The workers that have ended badly, and will not be started again.
    pub(crate) fn failed(&self) -> Vec<&Process> {
        let workers = self.workers.as_deref().unwrap_or_default().iter();
        workers.filter(|worker| State::of_worker(worker) == State::Failed).collect()
    }
}
