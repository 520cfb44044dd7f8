//! Jobs of which there is an end, and how many of them run at a time.
//!
//! A batch decides which job is begun next, and what becomes of each. It owns no process and no clock: it is told how a
//! run has ended, and answers whom to begin and whom to stop.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use policy::batch;
use policy::{Delays, RunEnd};

use crate::machine::Outcome;

/// Something that has happened to a batch, or is asked of it. Jobs are numbered from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The time told by [`Batch::deadline`] has come, the first of which is now. One job is begun, so that whoever does
    /// that can look at what else has happened.
    Due,
    /// The run of this job is over, and all that it has left is gone.
    Ended {
        /// Which.
        job: u32,
        /// How.
        how: JobEnd,
    },
    /// This job was to be begun, and was not, since everything is being stopped: it has not been tried.
    Refused(u32),
    /// From now on so many run at a time. Those that run already are brought to their end.
    AtMost(u32),
    /// No job is begun any more, and those that run are stopped.
    Stop,
}

/// How a run of a job ended, as far as that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It has done what it was to do.
    Well,
    /// It has not.
    Failed {
        /// Another run would only fail again.
        for_good: bool,
        /// No process could be started.
        not_started: bool,
    },
    /// It was stopped by request, whatever it made of that.
    Stopped,
}

impl JobEnd {
    /// How a run counts that was the only one of its child. Who was asked to quit by a signal from outside has not done
    /// his job, however politely he went.
    pub fn of(outcome: &Outcome) -> JobEnd {
        match outcome {
            Outcome::Quit(_) | Outcome::Stopped => JobEnd::Stopped,
            Outcome::Ended(end) | Outcome::NotLaunched(end) | Outcome::GaveUp(_, end) => {
                if end.is_success() && !matches!(end, RunEnd::QuitBySignal { .. }) {
                    return JobEnd::Well;
                }
                let not_started = matches!(end, RunEnd::NotStarted(_));
                JobEnd::Failed { for_good: end.is_permanent(), not_started }
            }
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// This job is to be begun.
    Start(u32),
    /// The run of this job is to be stopped.
    Stop(u32),
}

/// What has become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It waits for its turn, the first or another.
    Pending,
    /// It runs.
    Running,
    /// It is done.
    Done,
    /// It has failed as often as it may, or for good.
    Failed,
    /// It ran, and was stopped.
    Stopped,
    /// It was not to be begun any more, or not again.
    Cancelled,
}

/// How many jobs there are, by what has become of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They wait for their turn.
    pub pending: u32,
    /// They run.
    pub running: u32,
    /// They are done.
    pub done: u32,
    /// They have failed for good.
    pub failed: u32,
    /// They were stopped, or not begun any more.
    pub cancelled: u32,
}

impl Counts {
    fn of(&mut self, fate: Fate) -> &mut u32 {
        match fate {
            Fate::Pending => &mut self.pending,
            Fate::Running => &mut self.running,
            Fate::Done => &mut self.done,
            Fate::Failed => &mut self.failed,
            Fate::Stopped | Fate::Cancelled => &mut self.cancelled,
        }
    }

    /// How many jobs there are.
    pub fn total(&self) -> u32 {
        self.pending + self.running + self.done + self.failed + self.cancelled
    }
}

#[derive(Clone, Copy, Debug)]
struct Job {
    fate: Fate,
    tries: u32,
}

/// The jobs of a batch, in a few bytes each.
#[derive(Debug)]
pub struct Batch {
    policy: batch::BatchPolicy,
    jobs: Vec<Job>,
    counts: Counts,
    /// The first that was never begun.
    next: u32,
    /// Those that are tried again, behind those that were never begun.
    again: VecDeque<u32>,
    /// Those that run, and whether they are being stopped.
    running: BTreeMap<u32, bool>,
    /// No job is begun any more.
    is_halted: bool,
    /// Of starts that fail.
    delays: Delays,
    not_before: Instant,
}

impl Batch {
    /// So many jobs, none of which was begun.
    pub fn new(jobs: u32, policy: batch::BatchPolicy, now: Instant) -> Batch {
        Batch {
            policy,
            jobs: vec![Job { fate: Fate::Pending, tries: 0 }; jobs as usize],
            counts: Counts { pending: jobs, ..Counts::default() },
            next: 0,
            again: VecDeque::new(),
            running: BTreeMap::new(),
            is_halted: false,
            delays: Delays::new(0),
            not_before: now,
        }
    }

    /// How many jobs there are, by what has become of them: each is counted once.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many run at a time.
    pub fn at_most(&self) -> u32 {
        self.policy.at_most
    }

    /// What has become of a job.
    ///
    /// # Panics
    ///
    /// There are no so many.
    pub fn fate(&self, job: u32) -> Fate {
        self.jobs[job as usize].fate
    }

    /// How often a job was begun.
    ///
    /// # Panics
    ///
    /// There are no so many.
    pub fn tries(&self, job: u32) -> u32 {
        self.jobs[job as usize].tries
    }

    /// Whether nothing more will be done.
    pub fn is_over(&self) -> bool {
        self.counts.pending == 0 && self.counts.running == 0
    }

    /// When to come back with [`Event::Due`] if nothing happens first; `None`: only the outside can go on, by an end
    /// or by another number.
    pub fn deadline(&self) -> Option<Instant> {
        let has_place = self.counts.running < self.policy.at_most;
        (has_place && self.counts.pending > 0).then_some(self.not_before)
    }

    /// Decides what follows, in this order.
    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Order> {
        match event {
            Event::Due => self.begin(now),
            Event::Ended { job, how } => self.ended(job, how, now),
            Event::Refused(job) => {
                if self.running.remove(&job).is_some() {
                    self.jobs[job as usize].tries -= 1;
                    self.set(job, Fate::Cancelled);
                }
                self.halt(true)
            }
            Event::AtMost(at_most) => {
                self.policy.at_most = at_most;
                Vec::new()
            }
            Event::Stop => self.halt(true),
        }
    }

    fn begin(&mut self, now: Instant) -> Vec<Order> {
        if self.deadline().is_none_or(|due| now < due) {
            return Vec::new();
        }
        let first = (self.next < self.counts.total()).then_some(self.next);
        self.next += u32::from(first.is_some());
        let Some(job) = first.or_else(|| self.again.pop_front()) else { return Vec::new() };
        self.jobs[job as usize].tries += 1;
        self.running.insert(job, false);
        self.set(job, Fate::Running);
        vec![Order::Start(job)]
    }

    fn ended(&mut self, job: u32, how: JobEnd, now: Instant) -> Vec<Order> {
        // Old news.
        if self.running.remove(&job).is_none() {
            return Vec::new();
        }
        let not_started = matches!(how, JobEnd::Failed { not_started: true, .. });
        // A process that could not be started is not tried again at once, nor is another: the system would only refuse
        // again.
        let floor = self.delays.floor_after(not_started);
        if floor > Duration::ZERO {
            self.not_before = now.checked_add(floor).unwrap_or(now);
        }
        match how {
            JobEnd::Well => self.set(job, Fate::Done),
            JobEnd::Stopped => self.set(job, Fate::Stopped),
            JobEnd::Failed { for_good, .. } => {
                let may_again = self.tries(job) < self.policy.tries && !for_good && !self.is_halted;
                if may_again {
                    self.set(job, Fate::Pending);
                    self.again.push_back(job);
                    return Vec::new();
                }
                self.set(job, Fate::Failed);
                return match self.policy.on_failure {
                    batch::Halt::GoOn => Vec::new(),
                    batch::Halt::Soon => self.halt(false),
                    batch::Halt::Now => self.halt(true),
                };
            }
        }
        Vec::new()
    }

    /// Begins no job any more; perhaps stops those that run.
    fn halt(&mut self, stops: bool) -> Vec<Order> {
        if !self.is_halted {
            self.is_halted = true;
            let first = std::mem::replace(&mut self.next, self.counts.total());
            let never_begun = first..self.next;
            for job in never_begun.chain(std::mem::take(&mut self.again)) {
                self.set(job, Fate::Cancelled);
            }
        }
        let running = self.running.iter_mut().filter(|(_, stopping)| stops && !**stopping);
        let stop = running.map(|(job, stopping)| {
            *stopping = true;
            Order::Stop(*job)
        });
        stop.collect()
    }

    fn set(&mut self, job: u32, fate: Fate) {
        let before = std::mem::replace(&mut self.jobs[job as usize].fate, fate);
        *self.counts.of(before) -= 1;
        *self.counts.of(fate) += 1;
    }
}

#[cfg(test)]
mod tests;
