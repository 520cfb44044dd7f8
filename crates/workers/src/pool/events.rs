//! What is done about each thing that can happen to a pool.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use lifecycle::{Action, Event, Outcome, Phase, inner_grace};
use quit::Reason;
use supervisor::{Report, RunOver};

use super::{Pool, Worker, told};
use crate::report::TooManyRestarts;
use crate::wait::Source;
use lifecycle::{Happened, Order};

/// So many starts, or deadlines, have their turn before an end or a request to quit has its own: a
/// start takes about a millisecond.
const MOST: usize = 64;

impl Pool {
    pub(super) fn look_at_quit(&mut self, quit: std::os::fd::BorrowedFd<'_>) -> io::Result<()> {
        if quit::quit_requested() && !self.quit_told {
            self.quit_told = true;
            // Readable for ever, and we know by now.
            self.waiter.forget(quit);
            let reason = quit::reason().unwrap_or(Reason::Requested);
            log::info!("asking {} workers to quit: {reason}", self.left);
            self.happened(Happened::Quit)?;
        }
        if self.launch_failed && self.announces_ready {
            self.announces_ready = false;
            log::error!("not all workers became ready: stopping the others");
            self.happened(Happened::Quit)?;
        }
        Ok(())
    }

    /// There is less time than the workers were told: those that are quitting are told again.
    pub(super) fn look_at_deadline(&mut self) -> io::Result<()> {
        self.deadline.hear();
        let within = quit::remaining().map(inner_grace);
        for worker in 0..self.workers.len() {
            if self.workers[worker].quits {
                let happened = self.step(worker, Event::Quit { within })?;
                self.tell_group(happened)?;
            }
        }
        Ok(())
    }

    /// Starts those that may be started, but not too many at once; says when the next one may be.
    pub(super) fn start_next(&mut self) -> io::Result<Option<Instant>> {
        let mut left = MOST;
        while let Some(worker) = self.starts.front().copied() {
            // Whoever asked to quit before it was started gets nothing started.
            if quit::quit_requested() {
                return Ok(None);
            }
            let now = Instant::now();
            if let Some(at) = self.next_start.filter(|at| now < *at) {
                return Ok(Some(at));
            }
            if left == 0 {
                return Ok(Some(now));
            }
            left -= 1;
            self.starts.pop_front();
            self.next_start = now.checked_add(self.start_stagger);
            let happened = self.step(worker, Event::Start)?;
            self.tell_group(happened)?;
        }
        Ok(None)
    }

    /// Only what was due when the turn began, and so much of it: ends and requests come first, and have
    /// their turn again.
    pub(super) fn look_at_what_is_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        for _ in 0..MOST {
            let Some(worker) = self.waiter.next_due(now) else { break };
            self.look_at_time(worker)?;
        }
        Ok(())
    }

    fn look_at_time(&mut self, worker: usize) -> io::Result<()> {
        if self.workers[worker].slot.looks_at().is_some() {
            return self.look_at_end(worker);
        }
        let happened = self.step(worker, Event::DeadlinePassed)?;
        self.tell_group(happened)
    }

    fn tell_group(&mut self, happened: Option<Happened>) -> io::Result<()> {
        match happened {
            Some(happened) => self.happened(happened),
            None => Ok(()),
        }
    }

    /// Tells the group, and does what it wants, until it wants nothing more.
    pub(super) fn happened(&mut self, happened: Happened) -> io::Result<()> {
        let mut orders = VecDeque::from(self.ask_group(happened));
        while let Some(order) = orders.pop_front() {
            let (Order::Start(worker) | Order::Pause(worker) | Order::Quit(worker)) = order;
            self.starts.retain(|waiting| *waiting != worker);
            let event = match order {
                // It has its turn with the others, and none if somebody asks to quit before.
                Order::Start(_) => {
                    self.starts.push_back(worker);
                    continue;
                }
                Order::Pause(_) => Event::Pause,
                Order::Quit(_) => {
                    self.workers[worker].quits = true;
                    Event::Quit { within: quit::remaining().map(inner_grace) }
                }
            };
            let mut next = self.step(worker, event)?;
            // One that has not been started yet has nothing to stop.
            if next.is_none() && matches!(order, Order::Pause(_)) {
                let idle = self.workers[worker].slot.machine().phase() == Phase::Idle;
                next = idle.then_some(Happened::Paused(worker));
            }
            if let Some(next) = next {
                orders.extend(self.ask_group(next));
            }
        }
        Ok(())
    }

    /// What the group wants; says when it has given up.
    fn ask_group(&mut self, happened: Happened) -> Vec<Order> {
        let orders = self.group.on(happened, Instant::now());
        if self.gave_up.is_none()
            && let Some(limit) = self.group.gave_up()
            && let Some((worker, end)) = self.last_failure.take()
        {
            let too_many =
                TooManyRestarts { limit, worker: self.workers[worker].name.clone(), end };
            log::error!("giving up, and stopping all workers: {too_many}");
            self.status.gave_up(&too_many);
            self.gave_up = Some(too_many);
        }
        orders
    }

    pub(super) fn look_at_end(&mut self, worker: usize) -> io::Result<()> {
        let Pool { workers, status, waiter, chores, .. } = self;
        let Worker { name, slot, teller, pid_filename, .. } = &mut workers[worker];
        let now = Instant::now();
        let child = slot.child();
        let had_child = child.is_some();
        if let Some(child) = child {
            // Whether it can be reaped now or later: it says nothing more. From here on nothing but the
            // clock tells of it, so the slot has to know.
            waiter.forget(child.pidfd());
            waiter.forget(child.messages());
            slot.note_death(now);
        }
        let over = slot.reap(now, &mut |report| {
            told((worker, name), &report, teller, status);
        });
        if had_child && slot.child().is_none() {
            // It has removed it itself, unless it was killed. Somebody else's is not touched.
            chores.remove_stale(pid_filename.clone());
        }
        let Some(RunOver { end, at }) = over else {
            waiter.set_deadline(worker, slot.deadline());
            return Ok(());
        };
        let happened = self.step(worker, Event::Ended { end, at })?;
        self.tell_group(happened)
    }

    pub(super) fn look_at_words(&mut self, worker: usize) -> io::Result<()> {
        let Pool { workers, status, .. } = self;
        let Worker { name, slot, teller, .. } = &mut workers[worker];
        let entered = slot
            .listen(Instant::now(), &mut |report| told((worker, name), &report, teller, status));
        status.note_phase(worker, entered);
        self.watch(worker);
        self.announce_ready();
        self.tell_group(entered.map(|_| Happened::Ready(worker)))
    }

    /// When all workers have become ready, so have we.
    fn announce_ready(&mut self) {
        if self.announces_ready && self.workers.iter().all(|worker| worker.slot.launched()) {
            self.announces_ready = false;
            // A parent that is gone is the lifeline's business.
            let _ = proc_spawn::tell_ready();
        }
    }

    /// Steps one worker's machine, and says what the group should know of it.
    fn step(&mut self, worker: usize, event: Event) -> io::Result<Option<Happened>> {
        let Pool { workers, status, .. } = self;
        let Worker { name, slot, teller, .. } = &mut workers[worker];
        let mut ended = None;
        let step = slot.step(event, Instant::now(), &mut |report| {
            told((worker, name), &report, teller, status);
            if let Report::Ended { end, .. } = report {
                ended = Some(end);
            }
        });
        status.note_phase(worker, step.entered);
        if let Action::Finish(outcome) = &step.action {
            self.left -= 1;
            self.launch_failed |= matches!(outcome, Outcome::NotLaunched(_));
        }
        let happened = match step.entered {
            Some(Phase::Finished) => Some(Happened::Over { worker, well: self.is_well(worker) }),
            Some(Phase::Waiting) => {
                self.last_failure = ended.map(|end| (worker, end));
                Some(Happened::Failed(worker))
            }
            Some(Phase::Due) => Some(Happened::Due(worker)),
            Some(Phase::Idle) => Some(Happened::Paused(worker)),
            _ => None,
        };
        self.watch(worker);
        Ok(happened)
    }

    /// Whether a worker that is over is so as it should be.
    fn is_well(&self, worker: usize) -> bool {
        let slot = &self.workers[worker].slot;
        let restart = &slot.machine().policy().restart;
        match slot.outcome() {
            Some(Outcome::Ended(end)) => self.group.is_temporary(worker) || restart.is_clean(end),
            Some(Outcome::GaveUp(..) | Outcome::NotLaunched(_)) => self.group.is_temporary(worker),
            Some(Outcome::Quit(_)) | None => true,
        }
    }

    /// Waits for what this worker needs now. If the system does not let us, its run has failed.
    fn watch(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if let Some(child) = worker.slot.child() {
            if worker.watched != worker.slot.runs() {
                worker.watched = worker.slot.runs();
                worker.hears = true;
                let watched = self.waiter.watch(child.pidfd(), Source::Ended(index));
                let watched =
                    watched.and_then(|()| self.waiter.watch(child.messages(), Source::Said(index)));
                if let Err(error) = watched {
                    self.waiter.forget(child.pidfd());
                    worker.slot.lose(&error, Instant::now());
                }
            } else if worker.hears && worker.slot.messages().is_none() {
                // It has closed its end, which would be readable for ever.
                worker.hears = false;
                self.waiter.forget(child.messages());
            }
        }
        self.waiter.set_deadline(index, worker.slot.deadline());
    }
}
