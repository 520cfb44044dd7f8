//! Who feeds a pool with the jobs of a batch: it waits for what has become of them, has the batch decide, and sees that
//! done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use exit::ErrorText;
use lifecycle::batch;
use lifecycle::{Id, Outcome};
use policy::RunEnd;
use proc_spawn::Call;
use proc_spawn::value;

use super::report::{Ran, Untyped};
use crate::error::WorkersError;
use crate::pool::{News, NotBegun, Progress, Shared};

pub(super) struct Feeder {
    name: String,
    batch: batch::Batch,
    calls: Vec<Call>,
    shared: Arc<Shared>,
    heard: Receiver<News>,
    progress: Arc<Progress>,
    /// Which job the pool has under an id.
    running: BTreeMap<Id, u32>,
    /// How the last run of each job ended.
    ran: Vec<Option<Box<Ran>>>,
}

impl Feeder {
    pub(super) fn new(
        name: String,
        calls: Vec<Call>,
        policy: policy::batch::BatchPolicy,
        shared: Arc<Shared>,
        heard: Receiver<News>,
        progress: Arc<Progress>,
    ) -> Feeder {
        let jobs = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let batch = batch::Batch::new(jobs, policy, Instant::now());
        progress.set(batch.counts(), batch.at_most());
        let (running, ran) = (BTreeMap::new(), calls.iter().map(|_| None).collect());
        Feeder { name, batch, calls, shared, heard, progress, running, ran }
    }

    /// Runs until nothing is left to be done, and the pool is over.
    pub(super) fn run(mut self) -> Result<Untyped, WorkersError> {
        while !self.batch.is_over() {
            // What has happened is known before another job is begun.
            if let Ok(news) = self.heard.try_recv() {
                self.hear(news);
                continue;
            }
            let now = Instant::now();
            let news = match self.batch.deadline() {
                Some(due) if due <= now => {
                    self.on(batch::Event::Due);
                    continue;
                }
                Some(due) => match self.heard.recv_timeout(due - now) {
                    Ok(news) => news,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => News::Gone,
                },
                None => self.heard.recv().unwrap_or(News::Gone),
            };
            self.hear(news);
        }
        self.shared.end_jobs();
        let over = self.shared.wait_for_jobs();
        over.map_err(|source| WorkersError::Io { step: "wait for the jobs", source })?;
        let counts = self.batch.counts();
        log::info!(
            "batch {}: {} of {} jobs done, {} failed, {} cancelled",
            self.name,
            counts.done,
            counts.total(),
            counts.failed,
            counts.cancelled
        );
        let jobs = (0..counts.total()).zip(self.ran);
        let jobs = jobs.map(|(job, ran)| (self.batch.fate(job), self.batch.tries(job), ran));
        Ok(Untyped { jobs: jobs.collect(), counts })
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Over { id, outcome, value } => {
                if let Some(job) = self.running.remove(&id) {
                    self.over(job, outcome, value);
                }
            }
            News::AtMost(at_most) => self.on(batch::Event::AtMost(at_most)),
            News::Quit | News::Stop => self.on(batch::Event::Stop),
            News::Gone => {
                self.on(batch::Event::Stop);
                // Nobody tells any more how they end.
                for job in std::mem::take(&mut self.running).into_values() {
                    self.over(job, Outcome::Stopped, None);
                }
            }
        }
    }

    fn over(&mut self, job: u32, outcome: Outcome, value: Option<value::Value>) {
        let how = batch::JobEnd::of(&outcome);
        self.ran[job as usize] = Some(Box::new(Ran { outcome, value }));
        self.on(batch::Event::Ended { job, how });
    }

    /// Has the batch decide, and does what it wants, until it wants nothing more.
    fn on(&mut self, event: batch::Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for order in self.batch.on(event, Instant::now()) {
                events.extend(self.carry_out(order));
            }
        }
        self.progress.set(self.batch.counts(), self.batch.at_most());
    }

    fn carry_out(&mut self, order: batch::Order) -> Option<batch::Event> {
        match order {
            batch::Order::Start(job) => {
                // Told before the process is there: who looks sees it as one that runs.
                self.progress.set(self.batch.counts(), self.batch.at_most());
                let call = self.calls[job as usize].clone();
                match self.shared.begin_job(job + 1, call) {
                    Ok(id) => {
                        self.running.insert(id, job);
                        None
                    }
                    Err(NotBegun::Stopping) => Some(batch::Event::Refused(job)),
                    Err(NotBegun::Failed(error)) => {
                        log::error!("job {}-{} cannot be begun: {error}", self.name, job + 1);
                        let end = RunEnd::NotStarted(ErrorText::new(&error));
                        let outcome = Outcome::Ended(end);
                        let how = batch::JobEnd::of(&outcome);
                        self.ran[job as usize] = Some(Box::new(Ran { outcome, value: None }));
                        Some(batch::Event::Ended { job, how })
                    }
                }
            }
            batch::Order::Stop(job) => {
                let id = self.running.iter().find(|(_, running)| **running == job);
                if let Some((id, _)) = id {
                    self.shared.stop_job(*id);
                }
                None
            }
        }
    }
}

impl Ran {
    /// How the run ended that was the last one; `None`: it did not come to that.
    pub(super) fn end(&self) -> Option<&RunEnd> {
        match &self.outcome {
            Outcome::Quit(end) => end.as_ref(),
            Outcome::Stopped => None,
            Outcome::Ended(end) | Outcome::NotLaunched(end) | Outcome::GaveUp(_, end) => Some(end),
        }
    }
}
