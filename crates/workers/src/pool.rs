//! The only loop of this crate: wait for something to happen to any worker, see it done.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proc_spawn::Spawner;
use quit::Reason;
use supervisor::{Event, Outcome, Recorder, ReopenListener, Report, RunEnd, Slot, inner_grace};

use crate::error::WorkersError;
use crate::group::{Group, Happened, Order};
use crate::limit::OpenFiles;
use crate::report::{TooManyRestarts, WorkerEnd, WorkersReport};
use crate::spec::{self, Plan, WorkerStartInfo, WorkersOptions};
use crate::status::StatusFile;
use crate::wait::{Source, Waiter};

/// Starts workers, keeps each alive, and returns when all are done or have been stopped.
///
/// A worker that fails is started again after [`restart_interval`](WorkersOptions::restart_interval).
/// When this process is asked to quit, every worker is asked at once, and killed when its grace is
/// over; each gets a little less time than this process has itself. If it has been asked before, none
/// is started.
///
/// The calling thread must live as long as its workers do, which it does, since this call blocks.
///
/// # Errors
///
/// The list is wrong: all problems at once, and nothing was started. Or the system refused
/// something that nothing works without; then the workers are let go, and quit.
pub fn start_workers(
    workers: impl IntoIterator<Item = WorkerStartInfo>,
    options: WorkersOptions,
) -> Result<WorkersReport, WorkersError> {
    let plan = spec::plan(workers.into_iter().collect(), options)?;
    let captured = plan.workers.iter().filter(|worker| worker.capture.is_some()).count();
    let open_files = OpenFiles::for_workers(plan.workers.len(), captured)?;
    let gate = plan.ready_when_all;
    let pool = Pool::new(plan, &open_files)?;
    let report = pool.run().map_err(io_error("wait for the workers"))?;
    if gate {
        report.all_were_ready()?;
    }
    Ok(report)
}

fn io_error(step: &'static str) -> impl FnOnce(io::Error) -> WorkersError {
    move |source| WorkersError::Io { step, source }
}

struct Worker {
    name: String,
    pid_filename: std::path::PathBuf,
    slot: Slot,
    /// Which run's descriptors are being watched.
    watched: u64,
    /// Whether the worker's words are being watched too.
    hears: bool,
}

struct Pool {
    workers: Vec<Worker>,
    group: Group,
    /// Those that may start, but not all at once.
    starts: VecDeque<usize>,
    start_stagger: Duration,
    /// When the next of them may.
    next_start: Option<Instant>,
    /// Whether we are ready when all workers are, and are not yet.
    announces_ready: bool,
    /// Whether one that had to become ready has not.
    launch_failed: bool,
    waiter: Waiter,
    /// Keeps the output of those whose output is captured; `None`: nobody's is.
    recorder: Option<Recorder>,
    reopen: ReopenListener,
    status: StatusFile,
    /// Those that are not finished.
    left: usize,
    quit_told: bool,
    /// Whose end was the last that called for a restart.
    last_failure: Option<(usize, RunEnd)>,
    gave_up: Option<TooManyRestarts>,
}

impl Pool {
    fn new(plan: Plan, open_files: &OpenFiles) -> Result<Pool, WorkersError> {
        let waiter = Waiter::new(plan.workers.len()).map_err(io_error("create an epoll"))?;
        let status = StatusFile::new(plan.debug_filename, plan.debug_trust, &plan.workers);
        // Where the system does not let us have one, a start costs more, and nothing else changes.
        let spawner = Spawner::start().inspect_err(|error| {
            log::debug!("children are started by this thread: {error}");
        });
        let spawner = spawner.ok().map(Arc::new);
        let reopen = ReopenListener::new().map_err(io_error("create an eventfd"))?;
        let captured = plan.workers.iter().any(|worker| worker.capture.is_some());
        let recorder = captured.then(Recorder::start).transpose();
        let recorder = recorder.map_err(io_error("capture output"))?;
        let workers: Vec<_> =
            plan.workers
                .into_iter()
                .map(|mut worker| {
                    worker.setup.open_files = open_files.before();
                    let spawn = worker.spawn.setup(&worker.setup);
                    let spawn = spawn.map_err(|source| WorkersError::Spawn { source })?;
                    let spawn = match &spawner {
                        Some(spawner) => spawn.spawned_by(Arc::clone(spawner)),
                        None => spawn,
                    };
                    let mut slot = Slot::new(spawn, worker.policy);
                    if let (Some(recorder), Some(capture)) = (&recorder, &worker.capture) {
                        let recording = recorder.record(capture, &worker.name);
                        slot = slot.recorded(recording.map_err(|source| {
                            WorkersError::Capture { worker: worker.name.clone(), source }
                        })?);
                    }
                    Ok(Worker {
                        name: worker.name,
                        pid_filename: worker.pid_filename,
                        slot,
                        watched: 0,
                        hears: false,
                    })
                })
                .collect::<Result<_, _>>()?;
        let left = workers.len();
        Ok(Pool {
            workers,
            group: plan.group,
            starts: VecDeque::new(),
            start_stagger: plan.start_stagger,
            next_start: None,
            announces_ready: plan.ready_when_all,
            launch_failed: false,
            waiter,
            recorder,
            reopen,
            status,
            left,
            quit_told: false,
            last_failure: None,
            gave_up: None,
        })
    }

    fn run(mut self) -> io::Result<WorkersReport> {
        let quit = quit::descriptor().map_err(io::Error::other)?;
        self.waiter.watch(quit, Source::Quit)?;
        self.waiter.watch(self.reopen.descriptor(), Source::Reopen)?;
        if let Some(recorder) = self.recorder.as_ref().filter(|_| self.status.is_wanted()) {
            self.waiter.watch(recorder.changed(), Source::Lost)?;
        }
        // Should all of us be killed together, somebody else has to remove them. Who is gone need not
        // know.
        let pid_files = self.workers.iter().map(|worker| worker.pid_filename.as_path());
        let _ = supervisor::leave_pid_files(pid_files);
        self.happened(Happened::Begin)?;
        while self.left > 0 {
            self.look_at_quit(quit)?;
            let start_at = self.start_next()?;
            while let Some(worker) = self.waiter.next_due(Instant::now()) {
                self.look_at_time(worker)?;
            }
            let write_at = self.write_status_if_due();
            if self.left == 0 {
                break;
            }
            let also = [start_at, write_at].into_iter().flatten().min();
            for source in self.waiter.wait(also)? {
                match source {
                    Source::Quit => (),
                    Source::Lost => self.hear_of_losses(),
                    Source::Reopen => self.reopen_files(),
                    Source::Ended(worker) => self.look_at_end(worker)?,
                    Source::Said(worker) => self.look_at_words(worker)?,
                }
            }
        }
        if let Some(recorder) = self.recorder.take() {
            // As much of our own time as can be spared.
            recorder.finish(quit::remaining().map(|left| left / 2));
        }
        self.count_losses();
        self.status.write();
        let workers = self.workers.into_iter().filter_map(|worker| {
            let Worker { name, slot, .. } = worker;
            let outcome = slot.outcome()?.clone();
            let (runs, last_lines) = (slot.runs(), slot.last_lines().cloned().unwrap_or_default());
            Some(WorkerEnd { name, runs, outcome, last_lines })
        });
        Ok(WorkersReport { workers: workers.collect(), gave_up: self.gave_up })
    }

    fn write_status_if_due(&mut self) -> Option<Instant> {
        let due = self.status.due()?;
        if Instant::now() < due {
            return Some(due);
        }
        self.count_losses();
        self.status.write();
        None
    }

    fn reopen_files(&self) {
        self.reopen.hear();
        if let Some(recorder) = &self.recorder {
            recorder.reopen();
        }
        self.workers.iter().for_each(|worker| worker.slot.reopen());
    }

    /// What it was is looked at when the status is written next: at most ten times a second.
    fn hear_of_losses(&mut self) {
        if let Some(recorder) = &self.recorder {
            recorder.hear();
            self.status.change();
        }
    }

    /// Takes note of what output was lost.
    fn count_losses(&mut self) {
        if let Some(recorder) = &self.recorder {
            recorder.look();
        }
        for (index, worker) in self.workers.iter().enumerate() {
            if let Some(recording) = worker.slot.recording() {
                self.status.note_lost(index, recording.lost());
            }
        }
    }

    fn look_at_quit(&mut self, quit: std::os::fd::BorrowedFd<'_>) -> io::Result<()> {
        if quit::quit_requested() && !self.quit_told {
            self.quit_told = true;
            // Readable for ever, and we know by now.
            self.waiter.forget(quit)?;
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

    /// Starts whoever has waited for a start of its own; says when the next one may.
    fn start_next(&mut self) -> io::Result<Option<Instant>> {
        while let Some(worker) = self.starts.front().copied() {
            let now = Instant::now();
            if let Some(at) = self.next_start.filter(|at| now < *at) {
                return Ok(Some(at));
            }
            self.starts.pop_front();
            self.next_start = now.checked_add(self.start_stagger);
            let happened = self.step(worker, Event::Started)?;
            self.tell_group(happened)?;
        }
        Ok(None)
    }

    fn look_at_time(&mut self, worker: usize) -> io::Result<()> {
        let happened = if self.workers[worker].slot.machine().waiting() {
            // Whether it may start is for the group to say, which is asked only once.
            self.waiter.set_deadline(worker, None);
            Some(Happened::Due(worker))
        } else {
            self.step(worker, Event::DeadlinePassed)?
        };
        self.tell_group(happened)
    }

    fn tell_group(&mut self, happened: Option<Happened>) -> io::Result<()> {
        match happened {
            Some(happened) => self.happened(happened),
            None => Ok(()),
        }
    }

    /// Tells the group, and does what it wants, until it wants nothing more.
    fn happened(&mut self, happened: Happened) -> io::Result<()> {
        let mut orders = VecDeque::from(self.ask_group(happened));
        while let Some(order) = orders.pop_front() {
            let (Order::Start(worker) | Order::Pause(worker) | Order::Quit(worker)) = order;
            self.starts.retain(|waiting| *waiting != worker);
            let event = match order {
                // Whoever asked to quit before it was started gets nothing started.
                Order::Start(_) if quit::quit_requested() => continue,
                Order::Start(_) if !self.start_stagger.is_zero() => {
                    self.starts.push_back(worker);
                    continue;
                }
                Order::Start(_) => Event::Started,
                Order::Pause(_) => Event::Pause,
                Order::Quit(_) => {
                    Event::QuitRequested { within: quit::remaining().map(inner_grace) }
                }
            };
            let mut next = self.step(worker, event)?;
            // One that has not been started yet has nothing to stop.
            if next.is_none() && matches!(order, Order::Pause(_)) {
                let idle = self.workers[worker].slot.machine().idle();
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

    fn look_at_end(&mut self, worker: usize) -> io::Result<()> {
        let Pool { workers, status, .. } = self;
        let Worker { name, slot, pid_filename, .. } = &mut workers[worker];
        let end = slot.reap(&mut |report| told(worker, name, &report, status))?;
        let Some(end) = end else { return Ok(()) };
        // It has removed it itself, unless it was killed. Somebody else's is not touched.
        if let Err(error) = pidfile::remove_stale(pid_filename) {
            log::warn!("{}", proc_spawn::ErrorText::new(&error).chain());
        }
        let happened = self.step(worker, Event::Ended { end, at: Instant::now() })?;
        self.tell_group(happened)
    }

    fn look_at_words(&mut self, worker: usize) -> io::Result<()> {
        let Pool { workers, status, .. } = self;
        let Worker { name, slot, .. } = &mut workers[worker];
        let was_ready = slot.machine().ready();
        slot.listen(Instant::now(), &mut |report| told(worker, name, &report, status));
        let is_ready = slot.machine().ready() && !was_ready;
        self.watch(worker)?;
        self.announce_ready();
        self.tell_group(is_ready.then_some(Happened::Ready(worker)))
    }

    /// When all workers have become ready, so have we.
    fn announce_ready(&mut self) {
        if self.announces_ready && self.workers.iter().all(|worker| worker.slot.launched()) {
            self.announces_ready = false;
            // A parent that is gone is the lifeline's business.
            let _ = supervisor::ready();
        }
    }

    /// Steps one worker's machine, and says what the group should know of it.
    fn step(&mut self, worker: usize, event: Event) -> io::Result<Option<Happened>> {
        let Pool { workers, status, .. } = self;
        let Worker { name, slot, .. } = &mut workers[worker];
        let machine = slot.machine();
        let (was_waiting, was_idle, runs) = (machine.waiting(), machine.idle(), machine.runs());
        let was_over = slot.outcome().is_some();
        let mut ended = None;
        slot.step(event, Instant::now(), &mut |report| {
            told(worker, name, &report, status);
            if let Report::Ended { end, .. } = report {
                ended = Some(end);
            }
        });
        let machine = slot.machine();
        let happened = if slot.outcome().is_some() && !was_over {
            self.left -= 1;
            self.launch_failed |= matches!(slot.outcome(), Some(Outcome::NotLaunched(_)));
            Some(Happened::Over { worker, well: self.is_well(worker) })
        // Also one whose run could not even begin: it waits as before, but anew.
        } else if machine.waiting() && !(was_waiting && machine.runs() == runs) {
            self.last_failure = ended.map(|end| (worker, end));
            Some(Happened::Failed(worker))
        } else if machine.idle() && !was_idle {
            Some(Happened::Paused(worker))
        } else {
            None
        };
        self.watch(worker)?;
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

    /// Waits for what this worker needs now.
    fn watch(&mut self, index: usize) -> io::Result<()> {
        let worker = &mut self.workers[index];
        self.waiter.set_deadline(index, worker.slot.deadline());
        let Some(child) = worker.slot.child() else { return Ok(()) };
        if worker.watched != worker.slot.runs() {
            worker.watched = worker.slot.runs();
            worker.hears = true;
            self.waiter.watch(child.pidfd(), Source::Ended(index))?;
            self.waiter.watch(child.messages(), Source::Said(index))?;
        } else if worker.hears && worker.slot.messages().is_none() {
            // It has closed its end, which would be readable for ever.
            worker.hears = false;
            self.waiter.forget(child.messages())?;
        }
        Ok(())
    }
}

fn told(index: usize, name: &str, report: &Report, status: &mut StatusFile) {
    supervisor::report::log(&format!("worker {name}"), report);
    status.note(index, report);
}

/// A status file is not written more often than this.
pub(crate) const STATUS_INTERVAL: Duration = Duration::from_millis(100);
