//! Descriptors: each worker takes two, more if its output is captured or it has a watchdog, and a process may have 1,024
//! unless it asks for more.
//!
//! The limit is the process', and there may be several pools in it: what they need is counted
//! together, and the limit is lowered again when the last of them is over.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::WorkersError;
use crate::sys;

/// What a worker costs its parent: a pidfd, and its end of the socket.
const PER_WORKER: u64 = 2;
/// What a worker whose output is captured costs beside that: two pipes, those of the run before, and a
/// file.
const PER_CAPTURE: u64 = 5;
/// What a worker with a watchdog costs beside that: its timer.
const PER_WATCHED: u64 = 1;
/// What is open for a moment during a start, and what the application may open meanwhile.
const SPARE: u64 = 64;

/// What all pools of this process need.
struct Claims {
    /// What the pools that are not over need together.
    sum: u64,
    /// What was open beside their descriptors, as far as can be told.
    others: u64,
    /// The limit from before the first raise, and what it was raised to.
    raised: Option<(Rlimit, u64)>,
}

static CLAIMS: Mutex<Claims> = Mutex::new(Claims { sum: 0, others: 0, raised: None });

fn claims() -> MutexGuard<'static, Claims> {
    // A thread that has panicked with the lock has changed numbers only.
    CLAIMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One pool's part of the limit, given back when it is dropped.
pub(crate) struct OpenFiles {
    need: u64,
    /// The soft limit that a worker should have: the one from before; `None`: it was not raised.
    before: Option<u64>,
}

impl OpenFiles {
    /// Makes sure that so many workers can be had.
    pub(crate) fn for_workers(
        workers: usize,
        captured: usize,
        watched: usize,
    ) -> Result<OpenFiles, WorkersError> {
        let mut open_files = OpenFiles { need: 0, before: None };
        open_files.grow(workers, captured, watched)?;
        Ok(open_files)
    }

    /// Makes sure that so many can be had now. What there was room for once stays.
    pub(crate) fn grow(
        &mut self,
        workers: usize,
        captured: usize,
        watched: usize,
    ) -> Result<(), WorkersError> {
        let own = PER_WORKER * workers as u64
            + PER_CAPTURE * captured as u64
            + PER_WATCHED * watched as u64;
        let own = own.max(self.need);
        let mut claims = claims();
        let limit = getrlimit(Resource::Nofile);
        // Some of the open descriptors may be those of pools, which `sum` counts already.
        let others = claims.others.max(open_now().saturating_sub(claims.sum));
        let sum = claims.sum - self.need + own;
        let need = others + sum + SPARE;
        if let Some(hard) = limit.maximum
            && hard < need
        {
            return Err(WorkersError::TooManyWorkers { workers, need, limit: hard });
        }
        if let Some(soft) = limit.current.filter(|soft| *soft < need) {
            let raised = Rlimit { current: Some(need), maximum: limit.maximum };
            setrlimit(Resource::Nofile, raised).map_err(|error| WorkersError::Io {
                step: "raise the limit of descriptors",
                source: io::Error::from(error),
            })?;
            // If the limit was raised for another pool, and nobody has changed it since, the one from
            // before that is what we go back to.
            let before = claims.raised.take().filter(|(_, to)| *to == soft);
            claims.raised = Some((before.map_or(limit, |(before, _)| before), need));
        }
        claims.sum = sum;
        claims.others = others;
        self.need = own;
        self.before = claims.raised.as_ref().and_then(|(before, _)| before.current);
        Ok(())
    }

    /// The soft limit that a worker should have: the one from before.
    pub(crate) fn before(&self) -> Option<u64> {
        self.before
    }

    /// The same for workers that may be started again after the limit was raised for more of them.
    pub(crate) fn before_or_now(&self) -> Option<u64> {
        self.before.or_else(|| getrlimit(Resource::Nofile).current)
    }

    /// Gives it back: nobody needs it any more.
    pub(crate) fn release(&mut self) {
        let mut claims = claims();
        claims.sum -= std::mem::take(&mut self.need);
        if claims.sum > 0 {
            return;
        }
        claims.others = 0;
        if let Some((before, to)) = claims.raised.take()
            && let now = getrlimit(Resource::Nofile)
            && now.current == Some(to)
        {
            // Lowering is always allowed. What the application has set meanwhile stays, and so does a hard
            // limit that somebody has lowered.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: before.current, ..now });
        }
    }
}

impl Drop for OpenFiles {
    fn drop(&mut self) {
        self.release();
    }
}

fn open_now() -> u64 {
    // Where nobody tells, a guess has to do.
    sys::open_descriptors().unwrap_or(SPARE)
}
