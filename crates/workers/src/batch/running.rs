//! A batch that runs beside its program.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use lifecycle::batch;
use policy::Problems;
use serde::de::DeserializeOwned;

use super::feeder::Feeder;
use super::report::Untyped;
use super::{BatchReport, STACK};
use crate::error::WorkersError;
use crate::pool::{News, Progress, Shared};

/// A batch whose jobs are done by threads of its own, and what may be asked of it meanwhile, from any thread.
///
/// Dropping it changes nothing: the jobs go on, until they are done or this process is asked to quit; nobody learns what
/// they have returned. A program that ends without [waiting](RunningBatch::wait) lets the jobs go that run: they quit.
pub struct RunningBatch<T> {
    shared: Arc<Shared>,
    news: Sender<News>,
    progress: Arc<Progress>,
    jobs: usize,
    /// `None`: it was not begun.
    outcome: Option<Receiver<Result<Untyped, WorkersError>>>,
    returns: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> RunningBatch<T> {
    pub(super) fn new(
        shared: Arc<Shared>,
        news: Sender<News>,
        progress: Arc<Progress>,
        jobs: usize,
    ) -> RunningBatch<T> {
        RunningBatch { shared, news, progress, jobs, outcome: None, returns: PhantomData }
    }

    pub(super) fn begin(mut self, feeder: Feeder) -> Result<RunningBatch<T>, WorkersError> {
        let (to, outcome) = channel();
        let feed = move || {
            // Nobody may wait for it any more.
            let _ = to.send(feeder.run());
        };
        let refused = |source| {
            self.shared.end_jobs();
            WorkersError::Io { step: "start the batch's thread", source }
        };
        helper_thread::spawn("batch", STACK, feed).map_err(refused)?;
        self.outcome = Some(outcome);
        Ok(self)
    }

    /// Has so many run at a time, from now on; with none it waits for another number. Those that run already are brought
    /// to their end. Nothing happens if it is over.
    ///
    /// # Errors
    ///
    /// There cannot be so many: nothing has changed.
    pub fn at_most(&self, count: u32) -> Result<(), WorkersError> {
        let mut problems = Problems::new();
        let policy = policy::batch::BatchPolicy::default();
        policy::batch::BatchPolicy { at_most: count, ..policy }.check(&mut problems, true);
        problems.or(()).map_err(WorkersError::Options)?;
        self.shared.make_room_for_jobs(self.jobs.min(count as usize))?;
        // If nobody hears it, it is over.
        let _ = self.news.send(News::AtMost(count));
        Ok(())
    }

    /// How far it has come. Looking changes nothing.
    pub fn counts(&self) -> batch::Counts {
        self.progress.get().0
    }

    /// Begins no job any more, and asks those that run to quit; each is killed when its grace is over.
    pub fn stop(&self) {
        let _ = self.news.send(News::Stop);
    }

    /// Waits until nothing is left to be done.
    ///
    /// # Errors
    ///
    /// The system has refused something that nothing works without: the jobs that ran were let go, and quit.
    pub fn wait(self) -> Result<BatchReport<T>, WorkersError> {
        let gone = || WorkersError::Io {
            step: "wait for the jobs",
            source: std::io::Error::other("the batch's thread has panicked"),
        };
        let outcome = self.outcome.as_ref().and_then(|outcome| outcome.recv().ok());
        outcome.ok_or_else(gone)??.typed()
    }
}

impl<T> fmt::Debug for RunningBatch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningBatch").field("progress", &self.progress).finish_non_exhaustive()
    }
}
