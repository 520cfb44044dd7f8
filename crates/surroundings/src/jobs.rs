//! Jobs that this process does, by its own count: some leak, and a run of them does only so many.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use policy::RecyclePolicy;

use crate::words::Word;

static DONE: AtomicU64 = AtomicU64::new(0);

/// After how many its parent is told; 0: never.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// Its parent has been told, or is being told.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Counts a job that this process has done.
///
/// When a worker of a set has done as many as [one run of it does](RecyclePolicy::jobs), whoever keeps it is told, and
/// replaces it in its turn, by asking it to quit as always: until then it works on. Anywhere else this only counts.
///
/// It may be called by any thread, costs one atomic addition, and never waits: if its parent has no room for the word
/// now, it is told after the next job.
pub fn job_done() {
    let done = DONE.fetch_add(1, Ordering::Relaxed) + 1;
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit == 0 || done < limit || IS_TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    if proc_spawn::tell_now(&Word::JobsDone(done)).is_err() {
        IS_TOLD.store(false, Ordering::Relaxed);
    }
}

/// Draws how many jobs this run does.
pub(crate) fn limit(policy: &RecyclePolicy) {
    // Runs that were started together are to differ.
    let seed = RandomState::new().hash_one(std::process::id());
    if let Some(jobs) = policy.jobs_of(seed) {
        LIMIT.store(jobs, Ordering::Relaxed);
    }
}
