//! Which process is meant, however rows move, and which run of it.

use control::service::Process;
use human_text::text::safe;

/// The place of a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    pub(crate) role: String,
    pub(crate) name: String,
}

impl Id {
    pub(crate) fn of(process: &Process) -> Id {
        Id { role: process.role.clone(), name: process.name.clone() }
    }

    pub(crate) fn is(&self, process: &Process) -> bool {
        self.name == process.name && self.role == process.role
    }
}

/// A process as it was when somebody was asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: Id,
    /// Of its guardian.
    pub(crate) epoch: String,
    pub(crate) pid: Option<u32>,
    pub(crate) run: u64,
    phase: String,
}

impl Run {
    pub(crate) fn of(process: &Process, epoch: &str) -> Run {
        let Process { pid, run, ref phase, .. } = *process;
        Run { id: Id::of(process), epoch: epoch.to_owned(), pid, run, phase: phase.clone() }
    }

    /// Whether this one is among those that a guardian of this epoch has now.
    pub(crate) fn is_among<'a>(
        &self,
        epoch: &str,
        mut processes: impl Iterator<Item = &'a Process>,
    ) -> bool {
        let same = |process: &Process| {
            self.id.is(process) && (process.pid, process.run) == (self.pid, self.run)
        };
        self.epoch == epoch && processes.any(same)
    }

    /// For people: `web-1 (pid 4720)`, `web-3 (stopped)`.
    pub(crate) fn label(&self) -> String {
        let name = safe(&self.id.name);
        match self.pid {
            Some(pid) => format!("{name} (pid {pid})"),
            None => format!("{name} ({})", safe(&self.phase)),
        }
    }
}
