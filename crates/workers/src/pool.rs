//! The only loop of this crate: wait for something to happen to any worker, see it done.

use std::io;
use std::time::{Duration, Instant};

use quit::Reason;
use supervisor::{Event, Report, Slot, inner_grace};

use crate::error::WorkersError;
use crate::limit::OpenFiles;
use crate::report::{WorkerEnd, WorkersReport};
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
    let open_files = OpenFiles::for_workers(plan.workers.len())?;
    Pool::new(plan, &open_files)?.run().map_err(io_error("wait for the workers"))
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
    waiter: Waiter,
    status: StatusFile,
    /// Those that are not finished.
    left: usize,
    quit_told: bool,
}

impl Pool {
    fn new(plan: Plan, open_files: &OpenFiles) -> Result<Pool, WorkersError> {
        let waiter = Waiter::new(plan.workers.len()).map_err(io_error("create an epoll"))?;
        let status = StatusFile::new(plan.debug_filename, &plan.workers);
        let workers: Vec<_> = plan
            .workers
            .into_iter()
            .map(|mut worker| {
                worker.setup.open_files = open_files.before();
                let spawn = worker.spawn.setup(&worker.setup);
                let spawn = spawn.map_err(|source| WorkersError::Spawn { source })?;
                Ok(Worker {
                    name: worker.name,
                    pid_filename: worker.pid_filename,
                    slot: Slot::new(spawn, worker.policy),
                    watched: 0,
                    hears: false,
                })
            })
            .collect::<Result<_, _>>()?;
        let left = workers.len();
        Ok(Pool { workers, waiter, status, left, quit_told: false })
    }

    fn run(mut self) -> io::Result<WorkersReport> {
        let quit = quit::descriptor().map_err(io::Error::other)?;
        self.waiter.watch(quit, Source::Quit)?;
        for worker in 0..self.workers.len() {
            if quit::quit_requested() {
                break;
            }
            self.step(worker, Event::Started)?;
        }
        while self.left > 0 {
            self.look_at_quit(quit)?;
            while let Some(worker) = self.waiter.next_due(Instant::now()) {
                self.step(worker, Event::DeadlinePassed)?;
            }
            let write_at = self.status.write_if_due();
            if self.left == 0 {
                break;
            }
            for source in self.waiter.wait(write_at)? {
                match source {
                    Source::Quit => (),
                    Source::Ended(worker) => self.look_at_end(worker)?,
                    Source::Said(worker) => self.look_at_words(worker)?,
                }
            }
        }
        self.status.write();
        let workers = self.workers.into_iter().filter_map(|worker| {
            let outcome = worker.slot.outcome()?.clone();
            Some(WorkerEnd { name: worker.name, runs: worker.slot.runs(), outcome })
        });
        Ok(WorkersReport { workers: workers.collect() })
    }

    fn look_at_quit(&mut self, quit: std::os::fd::BorrowedFd<'_>) -> io::Result<()> {
        if quit::quit_requested() && !self.quit_told {
            self.quit_told = true;
            // Readable for ever, and we know by now.
            self.waiter.forget(quit)?;
            let reason = quit::reason().unwrap_or(Reason::Requested);
            log::info!("asking {} workers to quit: {reason}", self.left);
            let within = quit::remaining().map(inner_grace);
            for worker in 0..self.workers.len() {
                self.step(worker, Event::QuitRequested { within })?;
            }
        }
        Ok(())
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
        self.step(worker, Event::Ended { end, at: Instant::now() })
    }

    fn look_at_words(&mut self, worker: usize) -> io::Result<()> {
        let Pool { workers, status, .. } = self;
        let Worker { name, slot, .. } = &mut workers[worker];
        slot.listen(Instant::now(), &mut |report| told(worker, name, &report, status));
        self.watch(worker)
    }

    fn step(&mut self, worker: usize, event: Event) -> io::Result<()> {
        let Pool { workers, status, .. } = self;
        let Worker { name, slot, .. } = &mut workers[worker];
        let before = slot.outcome().is_some();
        slot.step(event, Instant::now(), &mut |report| told(worker, name, &report, status));
        if slot.outcome().is_some() && !before {
            self.left -= 1;
        }
        self.watch(worker)
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
