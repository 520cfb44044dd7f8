//! A pool whose workers are the jobs of a batch: they come as places get free, and leave when they are over. Who feeds
//! it is another thread, which decides which is next; the pool tells it how each has ended.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use control::service;
use lifecycle::{Event, Id, Outcome, Phase, RosterEvent};
use lifecycle::{batch, group};
use proc_spawn::Call;
use proc_spawn::value;

use super::handle::Ending;
use super::{Loop, RequestError, Shared, unboxed};
use crate::desk::Lists;
use crate::error::WorkersError;
use crate::limit::OpenFiles;
use crate::spec::{BatchPlan, WorkersOptions};

/// What who feeds a pool is told.
pub(crate) enum News {
    /// A job's run is over, what it has left is gone, and its name is free.
    Over { id: Id, outcome: Outcome, value: Option<value::Value> },
    /// All are being stopped.
    Quit,
    /// The pool is gone.
    Gone,
    /// Somebody wants so many at a time.
    AtMost(u32),
    /// Somebody wants no more of it.
    Stop,
}

/// Why a job has not been begun.
pub(crate) enum NotBegun {
    /// All are being stopped.
    Stopping,
    /// This one cannot be.
    Failed(WorkersError),
}

/// How far a batch has come, as who feeds it has said last. The lock is held for as long as it takes to copy it.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<(batch::Counts, u32)>);

impl Progress {
    pub(crate) fn set(&self, counts: batch::Counts, at_most: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (counts, at_most);
    }

    pub(crate) fn get(&self) -> (batch::Counts, u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the loop keeps of a batch.
pub(super) struct Jobs {
    name: String,
    progress: Arc<Progress>,
    news: Sender<News>,
    /// Those that are over, and were not told yet.
    over: Vec<Id>,
    quit_told: bool,
}

impl Drop for Jobs {
    fn drop(&mut self) {
        let _ = self.news.send(News::Gone);
    }
}

/// A pool that waits for the jobs of a batch, how it is reached, and what it tells.
pub(crate) struct PoolOfJobs {
    pub(crate) pool: Loop,
    pub(crate) shared: Arc<Shared>,
    pub(crate) news: Sender<News>,
    pub(crate) heard: Receiver<News>,
}

/// Makes a pool for the jobs of a batch, of which none has come.
pub(crate) fn prepare_jobs(
    plan: BatchPlan,
    progress: Arc<Progress>,
) -> Result<PoolOfJobs, WorkersError> {
    let at_once = plan.at_once;
    let captured = if plan.is_captured { at_once } else { 0 };
    let open_files = OpenFiles::for_workers(at_once, captured, 0)?;
    let mut pool = Loop::new(plan.pool, WorkersOptions::default(), open_files, true)?;
    let (news, heard) = channel();
    let (name, over) = (plan.name, Vec::new());
    pool.jobs = Some(Jobs { name, progress, news: news.clone(), over, quit_told: false });
    let shared = Arc::clone(&pool.shared);
    Ok(PoolOfJobs { pool, shared, news, heard })
}

impl Loop {
    /// Runs until all are over, and says so to who waits for that.
    pub(crate) fn run_for(self, shared: Arc<Shared>) {
        let outcome = Ending(Arc::clone(&shared));
        shared.end(self.run());
        drop(outcome);
    }

    /// Whether nothing is left to be kept. While there is a batch another job may come.
    pub(super) fn is_over(&self) -> bool {
        self.roster.is_over() && (self.jobs.is_none() || self.roster.is_quitting())
    }

    /// Takes note of a job that is over, or was stopped by request and so does not come back.
    pub(super) fn note_over(&mut self, id: Id) {
        let Some(jobs) = &mut self.jobs else { return };
        let phase = self.workers.get(&id).map(|worker| worker.record.phase());
        if matches!(phase, Some(Phase::Finished | Phase::Stopped)) && !jobs.over.contains(&id) {
            jobs.over.push(id);
        }
    }

    /// Tells who feeds the pool what has become of jobs, and lets these go.
    pub(super) fn tell_jobs(&mut self) {
        let Some(jobs) = &mut self.jobs else { return };
        if self.roster.is_quitting() && !jobs.quit_told {
            jobs.quit_told = true;
            let _ = jobs.news.send(News::Quit);
        }
        for id in std::mem::take(&mut jobs.over) {
            let told = self.workers.get_mut(&id).map(|worker| {
                let outcome = worker.outcome.take().map_or(Outcome::Stopped, unboxed);
                News::Over { id, outcome, value: worker.slot.value().cloned() }
            });
            // Nobody comes after a job.
            if let Ok(changes) = self.roster.remove(id, Instant::now()) {
                self.carry_out_all(changes);
            }
            // When it is gone, and its name with it.
            if let Some((jobs, news)) = self.jobs.as_mut().zip(told) {
                let _ = jobs.news.send(news);
            }
        }
    }

    /// What is told beside the workers.
    pub(super) fn lists(&self) -> Lists {
        Lists { sets: self.sets(), batches: self.batches() }
    }

    fn batches(&self) -> Vec<service::Batch> {
        let told = self.jobs.iter().map(|jobs| {
            let (counts, at_most) = jobs.progress.get();
            let batch::Counts { pending, running, done, failed, cancelled } = counts;
            let name = jobs.name.clone();
            service::Batch { name, at_most, pending, running, done, failed, cancelled }
        });
        told.collect()
    }
}

impl Shared {
    /// Begins a job. Whoever asks makes its worker, in his own thread.
    pub(crate) fn begin_job(&self, number: u32, call: Call) -> Result<Id, NotBegun> {
        let mut makes = self.makes();
        let plan = makes.planner.job(number, call).map_err(NotBegun::Failed)?;
        let policy = Arc::clone(&plan.policy);
        let worker = makes.worker(plan).map_err(NotBegun::Failed)?;
        let recorder = makes.recorder.clone();
        let begun = self.call(move |pool| {
            if pool.roster.is_quitting() {
                return Err(NotBegun::Stopping);
            }
            pool.record_with(recorder);
            // Its end is nobody else's business.
            let member = group::Member { temporary: true, ..group::Member::default() };
            let (id, changes) = pool.roster.add(member, policy, Instant::now());
            pool.enter(id, worker);
            pool.carry_out_all(changes);
            Ok(id)
        });
        begun.unwrap_or(Err(NotBegun::Stopping))
    }

    /// Asks a job to quit, which does not come back then.
    pub(crate) fn stop_job(&self, id: Id) {
        self.post(move |pool| pool.on(RosterEvent::Child(id, Event::Quit { within: None })));
    }

    /// Makes sure that so many jobs can be run at a time.
    pub(crate) fn make_room_for_jobs(&self, at_once: usize) -> Result<(), WorkersError> {
        let mut makes = self.makes();
        let captured = if makes.planner.is_captured(0) { at_once } else { 0 };
        makes.open_files.grow(at_once, captured, 0)
    }

    /// No other job comes: the pool ends.
    pub(crate) fn end_jobs(&self) {
        let _: Result<(), RequestError> = self.call(|pool| pool.on(RosterEvent::Quit { by: None }));
    }

    /// Waits until the pool is over.
    pub(crate) fn wait_for_jobs(&self) -> io::Result<()> {
        self.wait().map(drop)
    }
}
