//! The only loop of this crate: wait for something to happen to any worker, have the roster decide, see it
//! done.

mod asked;
mod change;
mod events;
mod goals;
mod handle;
mod jobs;
mod memory;
mod newcomers;
mod refused;
mod reload;
mod renewal;
mod requests;
mod rolling;
mod shared;
mod silence;
mod view;
mod worker;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::iter::zip;
use std::sync::Arc;
use std::time::Instant;

use capture::Recorder;
use lifecycle::{Id, Roster, RosterEvent};
use policy::Policy;
use proc_spawn::Spawner;
use quit::DeadlineWatch;
use surroundings::reopen;

use crate::chores::Chores;
use crate::desk::Desk;
use crate::ends::TooManyRestarts;
use crate::error::WorkersError;
use crate::limit::OpenFiles;
use crate::report::WorkersReport;
use crate::spec::{self, Listed, Plan, WorkersOptions};
use crate::status::{StatusFile, StatusPlace};
use crate::wait::{Waiter, Wake};
pub use change::{Change, ChangePart, Difference};
use goals::Waiting;
pub use goals::{Pending, WaitError};
pub use handle::{Pool, PoolStatus};
use jobs::Jobs;
pub(crate) use jobs::{News, NotBegun, PoolOfJobs, Progress, prepare_jobs};
use memory::Looks;
pub use refused::RequestError;
pub(crate) use rolling::Amend;
use rolling::KeptSet;
use shared::Makes;
pub(crate) use shared::Shared;
pub(crate) use worker::Worker;

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
    list: impl IntoIterator<Item = impl Into<Listed>>,
    options: WorkersOptions,
) -> Result<WorkersReport, WorkersError> {
    let list = list.into_iter().map(Into::into).collect();
    let (pool, _, gate) = prepare(list, options, false)?;
    let report = pool.run().map_err(io_error("wait for the workers"))?;
    if gate {
        report.all_were_ready()?;
    }
    Ok(report)
}

/// A pool that is not running yet, how it is reached from other threads, and whether all of its workers have to be
/// ready once.
fn prepare(
    list: Vec<Listed>,
    options: WorkersOptions,
    has_handle: bool,
) -> Result<(Loop, Arc<Shared>, bool), WorkersError> {
    let plan = spec::plan(list, options.clone())?;
    let captured = plan.workers.iter().filter(|worker| worker.capture.is_some()).count();
    let watched = plan.workers.iter().filter(|worker| worker.policy.watchdog.is_some()).count();
    let open_files = OpenFiles::for_workers(plan.workers.len(), captured, watched)?;
    let gate = plan.ready_when_all;
    let may_grow = has_handle || !plan.sets.is_empty() || options.source.is_some();
    let pool = Loop::new(plan, options, open_files, may_grow)?;
    let shared = Arc::clone(&pool.shared);
    Ok((pool, shared, gate))
}

/// What is in a box, whose room is free from now on.
#[expect(clippy::boxed_local, reason = "that is what it is for")]
fn unboxed<T>(boxed: Box<T>) -> T {
    *boxed
}

fn io_error(step: &'static str) -> impl FnOnce(io::Error) -> WorkersError {
    move |source| WorkersError::Io { step, source }
}

/// What keeps the workers, in the thread that waits for them.
pub(crate) struct Loop {
    /// Each in a box, so that thousands need not be moved when the map changes.
    workers: BTreeMap<Id, Box<Worker>>,
    /// Decides about all workers.
    roster: Roster,
    waiter: Waiter,
    /// Keeps the output of those whose output is captured; `None`: nobody's is.
    recorder: Option<Arc<Recorder>>,
    reopen: reopen::ReopenListener,
    reload: surroundings::reload::ReloadListener,
    /// Tells when the time that we have ourselves to quit gets shorter: the workers have a part of it.
    deadline: DeadlineWatch,
    status: StatusFile,
    /// Does what would wait for a disk.
    chores: Chores,
    /// Who asks for the workers.
    desk: Desk,
    quit_told: bool,
    gave_up: Option<TooManyRestarts>,
    /// The sets, in the order of the list.
    sets: Vec<KeptSet>,
    /// The batch whose jobs these workers are; `None`: they are none.
    jobs: Option<Jobs>,
    /// How other threads reach this one.
    shared: Arc<Shared>,
    /// Who waits until something is so.
    waiting: Vec<Waiting>,
    /// Other than it was as soon as the list is another.
    version: u64,
    /// Which list is in force: 1 for the first.
    revision: u64,
    /// When somebody looks how much memory they have.
    looks: Looks,
}

impl Loop {
    fn new(
        plan: Plan,
        options: WorkersOptions,
        open_files: OpenFiles,
        may_grow: bool,
    ) -> Result<Loop, WorkersError> {
        let waiter = Waiter::new().map_err(io_error("create an epoll"))?;
        // If the system does not grant the spawner's thread, a start costs more, and nothing else
        // changes.
        let spawner = Spawner::start().inspect_err(|error| {
            log::debug!("children are started by this thread: {error}");
        });
        let spawner = spawner.ok().map(Arc::new);
        let desk = Desk::new().map_err(io_error("create an eventfd"))?;
        let reopen = reopen::ReopenListener::new().map_err(io_error("create an eventfd"))?;
        let reload_listener = surroundings::reload::ReloadListener::silent()
            .map_err(io_error("create an eventfd"))?;
        let deadline = quit::watch_deadline().map_err(io::Error::other);
        let deadline = deadline.map_err(io_error("create a pipe"))?;
        let captured = plan.workers.iter().any(|worker| worker.capture.is_some())
            || plan.sets.iter().any(|set| set.capture.is_some());
        let recorder = captured.then(Recorder::start).transpose();
        let recorder = recorder.map_err(io_error("capture output"))?.map(Arc::new);
        let policies = plan.workers.iter().map(|worker| Arc::clone(&worker.policy)).collect();
        let of_sets = plan.sets.iter().filter_map(|set| set.capture.as_ref());
        let captures =
            plan.workers.iter().filter_map(|worker| worker.capture.as_deref()).chain(of_sets);
        let place =
            plan.debug_filename.map(|path| StatusPlace::new(path, plan.debug_trust, captures));
        let planner = plan.planner;
        if options.source.is_some() {
            surroundings::reload::listens();
        }
        let mut makes = Makes { planner, options, open_files, may_grow, spawner, recorder };
        let workers = plan.workers.into_iter().map(|worker| makes.worker(unboxed(worker)));
        let workers: Vec<Box<Worker>> = workers.collect::<Result<_, _>>()?;
        // Any number will do: it only keeps the delays of two pools out of step. What decides about each worker comes
        // when there is room where its plan was.
        let seed = RandomState::new().hash_one(std::process::id());
        let mut roster = Roster::new(plan.group, policies, seed)
            .start_stagger(plan.start_stagger)
            .announces_ready(plan.ready_when_all);
        let names = workers.iter().map(|worker| worker.record.name());
        let status = StatusFile::new(place, zip(roster.ids(), names));
        let workers = zip(roster.ids(), workers).collect();
        let ids: Vec<Id> = if plan.sets.is_empty() { Vec::new() } else { roster.ids().collect() };
        let mut strays = Vec::new();
        let sets = plan.sets.into_iter().map(|set| {
            let wanted = set.workers.len();
            let members = ids[set.workers.clone()].iter().copied();
            // Nobody waits for the first start of those that come later.
            let later = Arc::new(Policy { must_launch: false, ..(*set.policy).clone() });
            let id = roster.set(members, set.member.clone(), later);
            roster.max_unavailable(id, set.max_unavailable);
            roster.recycle(id, set.recycle.clone());
            roster.memory_hard_limit(id, set.memory_hard_limit);
            strays.push((Arc::clone(&set.pid_file_of), wanted));
            KeptSet::new(id, set, u32::try_from(wanted).unwrap_or(u32::MAX))
        });
        let sets = sets.collect();
        let mut chores = Chores::default();
        if !strays.is_empty() {
            chores.remove_strays(strays);
        }
        let recorder = makes.recorder.clone();
        let shared = Arc::new(Shared::new(makes).map_err(io_error("create an eventfd"))?);
        Ok(Loop {
            workers,
            roster,
            waiter,
            recorder,
            reopen,
            reload: reload_listener,
            deadline,
            status,
            chores,
            desk,
            quit_told: false,
            gave_up: None,
            sets,
            jobs: None,
            shared,
            waiting: Vec::new(),
            // A change of another pool fits no list of this one.
            version: RandomState::new().hash_one(std::process::id()) >> 1,
            revision: 1,
            looks: Looks::default(),
        })
    }

    fn run(mut self) -> io::Result<WorkersReport> {
        let _closed = shared::Closing(Arc::clone(&self.shared));
        reopen::queue_log_of_this_thread();
        let quit = quit::descriptor().map_err(io::Error::other)?;
        self.waiter.watch(quit, Wake::Quit)?;
        self.waiter.watch(self.reopen.descriptor(), Wake::Reopen)?;
        self.waiter.watch(self.reload.descriptor(), Wake::Reload)?;
        self.waiter.watch(self.deadline.descriptor(), Wake::Deadline)?;
        self.waiter.watch(self.desk.callers(), Wake::Callers)?;
        self.waiter.watch(self.shared.descriptor(), Wake::Letters)?;
        if let Some(recorder) = self.recorder.as_ref().filter(|_| self.status.is_wanted()) {
            self.waiter.watch(recorder.changed(), Wake::Lost)?;
        }
        // If this process is killed together with its workers, the guardian removes their pid files. A
        // guardian that is gone need not know them.
        let pid_files = self.workers.values().map(|worker| worker.pid_filename.as_path());
        let _ = slot::leave_pid_files(pid_files);
        self.on(RosterEvent::Begin);
        while !self.is_over() {
            self.look_at_quit(quit);
            self.look_at_what_is_due();
            self.tell_jobs();
            self.look_at_memory();
            let write_at = self.write_status_if_due();
            self.desk.tell_readers();
            self.answer_who_waits();
            if self.is_over() {
                break;
            }
            let deadlines = [self.roster.deadline(), write_at, self.looks.due()];
            let deadline = deadlines.into_iter().flatten().min();
            for source in self.waiter.wait(deadline)? {
                match source {
                    Wake::Quit => (),
                    Wake::Lost => self.hear_of_losses(),
                    Wake::Reopen => self.reopen_files(),
                    Wake::Reload => self.hear_of_reload(),
                    Wake::Deadline => self.look_at_deadline(),
                    Wake::Callers => self.look_at_callers(),
                    Wake::Desk => self.look_at_desk(),
                    Wake::Letters => self.look_at_letters(),
                    Wake::Ended(worker) => self.look_at_end(worker),
                    Wake::Said(worker) => self.look_at_words(worker),
                    Wake::Silent(worker) => self.look_at_silence(worker),
                }
            }
        }
        self.tell_jobs();
        self.answer_the_last();
        self.answer_who_waits();
        if let Some(recorder) = self.recorder.take() {
            // For at most half of the time that we have left ourselves.
            recorder.finish(quit::remaining().map(|left| left / 2));
        }
        self.count_losses();
        self.status.write(&mut self.chores);
        self.chores.finish(quit::remaining().map(|left| left / 2));
        let released = self.workers.values().filter(|worker| worker.slot.has_released());
        let _ = slot::forget_pid_files(released.map(|worker| worker.pid_filename.as_path()));
        let workers = self.workers.into_values().filter_map(|worker| worker.end());
        Ok(WorkersReport { workers: workers.collect(), gave_up: self.gave_up })
    }

    /// Takes note of what keeps the output of workers, since the first whose output is captured has come.
    fn record_with(&mut self, recorder: Option<Arc<Recorder>>) {
        if self.recorder.is_some() {
            return;
        }
        self.recorder = recorder;
        if let Some(recorder) = self.recorder.as_ref().filter(|_| self.status.is_wanted())
            && let Err(error) = self.waiter.watch(recorder.changed(), Wake::Lost)
        {
            log::warn!("what is lost of output is told late: {error}");
        }
    }

    fn write_status_if_due(&mut self) -> Option<Instant> {
        let due = self.status.due()?;
        if Instant::now() < due {
            return Some(due);
        }
        self.count_losses();
        self.status.write(&mut self.chores);
        None
    }

    fn reopen_files(&self) {
        self.reopen.hear();
        if let Some(recorder) = &self.recorder {
            recorder.reopen();
        }
        self.workers.values().for_each(|worker| worker.slot.reopen());
    }

    fn hear_of_reload(&mut self) {
        self.reload.hear();
        self.shared.reload_beside();
    }

    /// Takes note that output was lost. How much is looked at when the status is written next, at most
    /// ten times a second.
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
        for (id, worker) in &self.workers {
            if let Some(recording) = worker.slot.recording() {
                self.status.note_lost(*id, recording.lost());
            }
        }
    }
}
