//! Jobs that this process does, by its own count: some leak, and a run of them does only so many.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use policy::RecyclePolicy;

use crate::words::Word;

static JOBS: Jobs = Jobs::new();

/// Counts a job that this process has done.
///
/// When a worker of a set has done as many as [one run of it does](RecyclePolicy::jobs), whoever keeps it is told, and
/// replaces it in its turn, by asking it to quit as always: until then it works on. Anywhere else this only counts.
///
/// It may be called by any thread, costs one atomic addition, and never waits: if its parent has no room for the word
/// now, it is told after the next job.
pub fn job_done() {
    JOBS.done(|jobs| proc_spawn::tell_now(&Word::JobsDone(jobs)).is_ok());
}

/// Draws how many jobs this run does.
pub(crate) fn limit(policy: &RecyclePolicy) {
    // Runs that were started together are to differ.
    let seed = RandomState::new().hash_one(std::process::id());
    if let Some(jobs) = policy.jobs_of(seed) {
        JOBS.limit.store(jobs, Ordering::Relaxed);
    }
}

struct Jobs {
    done: AtomicU64,
    /// After how many somebody is told; 0: never.
    limit: AtomicU64,
    /// Somebody has been told, or is being told.
    is_told: AtomicBool,
}

impl Jobs {
    const fn new() -> Jobs {
        Jobs { done: AtomicU64::new(0), limit: AtomicU64::new(0), is_told: AtomicBool::new(false) }
    }

    /// One more is done. `tell` says whether it was taken: then it is not called again.
    fn done(&self, tell: impl FnOnce(u64) -> bool) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let limit = self.limit.load(Ordering::Relaxed);
        let is_due = limit > 0 && limit <= done && !self.is_told.load(Ordering::Relaxed);
        if is_due && !self.is_told.swap(true, Ordering::Relaxed) && !tell(done) {
            self.is_told.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_word_is_said_once_and_again_only_if_nobody_took_it() {
        let jobs = Jobs::new();
        let said = RefCell::new(Vec::new());
        let done = |takes: bool| {
            jobs.done(|count| {
                said.borrow_mut().push(count);
                takes
            });
        };
        done(true);
        assert!(said.borrow().is_empty(), "there is no limit");
        jobs.limit.store(3, Ordering::Relaxed);
        done(true);
        // There is no room for it twice.
        for takes in [false, false, true, true, true] {
            done(takes);
        }
        assert_eq!(*said.borrow(), [3, 4, 5]);
    }

    #[test]
    fn of_several_threads_one_says_it() {
        let jobs = Jobs::new();
        jobs.limit.store(1000, Ordering::Relaxed);
        let said = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        jobs.done(|_| said.fetch_add(1, Ordering::Relaxed) == 0);
                    }
                });
            }
        });
        assert_eq!(said.into_inner(), 1);
    }
}
