//! Descriptors: each worker takes two, more if its output is captured, and a process may have 1,024
//! unless it asks for more.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::WorkersError;

/// What a worker costs its parent: a pidfd, and its end of the socket.
const PER_WORKER: u64 = 2;
/// What one costs beside that whose output is captured: two pipes, those of the run before, and a file.
const PER_CAPTURE: u64 = 5;
/// What is open for a moment during a start, and what the application may open meanwhile.
const SPARE: u64 = 64;

/// A raised soft limit, lowered again when it is dropped.
pub(crate) struct OpenFiles {
    before: Option<Rlimit>,
}

impl OpenFiles {
    /// Makes sure that so many workers can be had.
    pub(crate) fn for_workers(workers: usize, captured: usize) -> Result<OpenFiles, WorkersError> {
        let limit = getrlimit(Resource::Nofile);
        let need = open_now() + PER_WORKER * workers as u64 + PER_CAPTURE * captured as u64 + SPARE;
        if limit.current.is_none_or(|soft| need <= soft) {
            return Ok(OpenFiles { before: None });
        }
        if let Some(hard) = limit.maximum
            && hard < need
        {
            return Err(WorkersError::TooManyWorkers { workers, need, limit: hard });
        }
        let raised = Rlimit { current: Some(need), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).map_err(|error| WorkersError::Io {
            step: "raise the limit of descriptors",
            source: io::Error::from(error),
        })?;
        Ok(OpenFiles { before: Some(limit) })
    }

    /// The soft limit that a worker should have: the one from before.
    pub(crate) fn before(&self) -> Option<u64> {
        self.before.as_ref().and_then(|limit| limit.current)
    }
}

impl Drop for OpenFiles {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            // Lowering is always allowed.
            let _ = setrlimit(Resource::Nofile, before);
        }
    }
}

fn open_now() -> u64 {
    // Without /proc a guess has to do.
    fs::read_dir("/proc/self/fd").map_or(SPARE, |list| list.count() as u64)
}
