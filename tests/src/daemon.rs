//! A daemon that was launched in a bed.

use testbed::{Output, Process};

use crate::bed::TestBed;

/// A daemon that was launched. Dropping it does nothing: the bed sees to its end.
pub struct Daemon<'bed> {
    bed: &'bed TestBed,
    name: String,
    pid: u32,
    guardian: Process,
}

impl<'bed> Daemon<'bed> {
    #[track_caller]
    pub(crate) fn new(bed: &'bed TestBed, name: &str, pid: u32) -> Daemon<'bed> {
        // It may have been a short one.
        let guardian = bed.by_pid(pid);
        Daemon { bed, name: name.to_owned(), pid, guardian }
    }

    /// The guardian's number, as the caller was told.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its guardian.
    pub fn guardian(&self) -> &Process {
        &self.guardian
    }

    /// Waits for its executor.
    #[track_caller]
    pub fn executor(&self) -> Process {
        self.bed.executor_of(self.pid)
    }

    /// Stops it from another process, and sees that it was stopped.
    #[track_caller]
    pub fn stop(&self) {
        self.ask_to_stop().says(&format!("stopped, pid was {}", self.pid));
    }

    /// What another process says that stops it.
    #[track_caller]
    pub fn ask_to_stop(&self) -> Output {
        self.bed.run(["stop", &format!("{}.pid", self.name)])
    }

    /// Waits for the end of its guardian.
    #[track_caller]
    pub fn wait_gone(&self) {
        self.bed.wait_gone(&self.guardian);
    }
}
