//! What is done about each thing that can happen to a pool: it is told to the roster, and what that answers
//! is carried out.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use lifecycle::{Action, Event, Id, Phase, RosterChange, RosterEvent, Step};
use quit::Reason;
use record::Record;
use slot::{Report, RunOver, Teller};

use super::{Loop, Worker};
use crate::desk::Desk;
use crate::ends::TooManyRestarts;
use crate::status::StatusFile;
use crate::wait::Wake;

/// So many starts, or deadlines, have their turn before an end or a request to quit has its own: a
/// start takes about a millisecond.
const MOST: usize = 64;

impl Loop {
    pub(super) fn look_at_quit(&mut self, quit: BorrowedFd<'_>) {
        if quit::quit_requested() && !self.quit_told {
            self.quit_told = true;
            // The descriptor stays readable for ever, and we know by now.
            self.waiter.forget(quit);
            let reason = quit::reason().unwrap_or(Reason::Requested);
            log::info!("asking {} workers to quit: {reason}", self.roster.left());
            self.quit();
        }
    }

    fn quit(&mut self) {
        self.on(RosterEvent::Quit { by: quit::deadline() });
        // What dead workers have left may have less time now, and is to be looked at sooner.
        for id in self.waiter.due_by_the_clock() {
            self.watch(id);
        }
    }

    /// There is less time than the workers were told: those that are quitting are told again.
    pub(super) fn look_at_deadline(&mut self) {
        self.deadline.hear();
        if self.quit_told {
            self.quit();
        }
    }

    /// Does what is due by the clock, but no more than [`MOST`] of it in a turn: then ends and requests
    /// to quit have theirs.
    pub(super) fn look_at_what_is_due(&mut self) {
        let now = Instant::now();
        for _ in 0..MOST {
            let Some(id) = self.waiter.next_due(now) else { break };
            let rests =
                |id| self.workers.get(&id).is_some_and(|worker| worker.slot.listens_at().is_some());
            match rests(id) {
                true => self.look_at_words(id),
                false => self.look_at_end(id),
            }
        }
        for _ in 0..MOST {
            let now = Instant::now();
            // Once quit was requested nobody is started any more, also before the roster is told.
            if self.roster.deadline().is_none_or(|due| now < due)
                || quit::quit_requested() && !self.quit_told
            {
                break;
            }
            self.on(RosterEvent::DeadlinePassed);
        }
    }

    /// A worker that was taken off the list is gone.
    fn forget(&mut self, id: Id) {
        self.roster.let_go(id);
        let Some(worker) = self.workers.remove(&id) else { return };
        self.waiter.look_at(id, None);
        self.status.remove(id);
        if worker.slot.has_released() {
            let _ = slot::forget_pid_files([worker.pid_filename.as_path()]);
        }
    }

    /// Tells the roster, and does what it wants, until it wants nothing more.
    pub(super) fn on(&mut self, event: RosterEvent) {
        let changes = self.roster.on(event, Instant::now());
        self.carry_out_all(changes);
    }

    pub(super) fn carry_out_all(&mut self, changes: Vec<RosterChange>) {
        let mut changes = VecDeque::from(changes);
        while let Some(change) = changes.pop_front() {
            match change {
                RosterChange::Stepped(id, step) => {
                    if let Some(event) = self.carry_out(id, step) {
                        let event = RosterEvent::Child(id, event);
                        changes.extend(self.roster.on(event, Instant::now()));
                    }
                }
                RosterChange::Removed(id) => self.forget(id),
                RosterChange::Rolled(set, step) => self.rolled(set, step),
                RosterChange::Recycled { id, why, fails } => {
                    self.recycled(id, &why.to_string(), fails);
                }
                RosterChange::TooMuchMemory(id, used) => {
                    self.too_much_memory(id, &used.to_string());
                }
                RosterChange::Ready => {
                    // If the parent is gone, the lifeline sees to that.
                    let _ = proc_spawn::tell_ready();
                }
                RosterChange::LaunchFailed => {
                    log::error!("not all workers became ready: stopping the others");
                }
                RosterChange::GaveUp { limit, id, end } => {
                    let worker =
                        self.workers.get(&id).map(|worker| worker.record.name().to_owned());
                    let worker = worker.unwrap_or_default();
                    let too_many = TooManyRestarts { limit, worker, end };
                    log::error!("giving up, and stopping all workers: {too_many}");
                    self.status.gave_up(&too_many);
                    self.gave_up = Some(too_many);
                }
            }
        }
    }

    fn carry_out(&mut self, id: Id, step: Step) -> Option<Event> {
        let Loop { workers, roster, status, desk, .. } = self;
        let (worker, machine) = (workers.get_mut(&id)?, roster.machine(id)?);
        if step.action == Action::Spawn {
            worker.renew();
        }
        let Worker { record, slot, teller, outcome, .. } = &mut **worker;
        let next = slot.carry_out(&step, machine, Instant::now(), &mut |report| {
            told((id, record), &report, teller, status, desk);
        });
        status.note_phase(id, step.entered);
        if let Some(phase) = step.entered {
            record.entered(phase, &mut desk.events);
            if phase == Phase::Finished {
                *outcome = step.outcome().map(Box::new);
            } else if phase == Phase::Starting {
                // Somebody has asked for one that was over.
                *outcome = None;
            }
        }
        self.watch(id);
        self.note_over(id);
        next
    }

    pub(super) fn look_at_end(&mut self, id: Id) {
        let Loop { workers, roster, status, waiter, chores, desk, .. } = self;
        let (Some(worker), Some(machine)) = (workers.get_mut(&id), roster.machine(id)) else {
            return;
        };
        let now = Instant::now();
        // Nobody waits for the timer of who is dead.
        let _ = worker.watch_silence(id, false, waiter);
        let Worker { record, slot, teller, pid_filename, .. } = &mut **worker;
        let child = slot.child();
        let had_child = child.is_some();
        if let Some(child) = child {
            // The worker is dead and says nothing more, whether it can be reaped now or later. From here
            // on only the clock brings us back to it, so the slot has to know.
            waiter.forget(child.pidfd());
            waiter.forget(child.messages());
            slot.note_death(now);
        }
        let mut said = Vec::new();
        let over = slot.reap(machine, &mut said, now, &mut |report| {
            told((id, record), &report, teller, status, desk);
        });
        if had_child && slot.child().is_none() {
            status.note_gone(id);
            if !slot.has_released() {
                // A file that somebody holds is not touched.
                chores.remove_stale(pid_filename.clone());
            }
        }
        self.hear(id, said);
        match over {
            Some(RunOver { end, at }) => {
                self.on(RosterEvent::Child(id, Event::Ended { end, at }));
                self.watch(id);
            }
            None => {
                self.watch(id);
                self.on(RosterEvent::Child(id, Event::Died));
            }
        }
        // It may be over by now, and the next one begun.
        if let Some(worker) =
            self.workers.get_mut(&id).filter(|worker| worker.slot.child().is_none())
        {
            worker.record.gone(&mut self.desk.events);
        }
    }

    pub(super) fn look_at_words(&mut self, id: Id) {
        let Loop { workers, status, desk, .. } = self;
        let Some(worker) = workers.get_mut(&id) else { return };
        let Worker { record, slot, teller, .. } = &mut **worker;
        let said = slot.listen(Instant::now(), &mut |report| {
            told((id, record), &report, teller, status, desk);
        });
        let reloads = slot.reloads();
        self.hear(id, said);
        self.look_at_jobs(id);
        self.watch(id);
        if reloads {
            // Whoever keeps this process is to know that a reload finds somebody.
            surroundings::reload::listens();
        }
    }

    pub(super) fn hear(&mut self, id: Id, said: Vec<Event>) {
        for event in said {
            self.on(RosterEvent::Child(id, event));
        }
    }

    /// Waits for what this worker needs now. If the system does not let us, its run has failed.
    pub(super) fn watch(&mut self, id: Id) {
        let Loop { workers, roster, waiter, .. } = self;
        let (Some(worker), Some(machine)) = (workers.get_mut(&id), roster.machine(id)) else {
            return;
        };
        let mut lost = false;
        // A dead worker is looked at by the clock, and not by its descriptors.
        let looks_at = worker.slot.looks_at(machine);
        if let Some(child) = worker.slot.child().filter(|_| looks_at.is_none()) {
            let mut watched = Ok(());
            if worker.watched != worker.slot.run() {
                (worker.watched, worker.hears) = (worker.slot.run(), false);
                watched = waiter.watch(child.pidfd(), Wake::Ended(id));
            }
            // `None`: the worker has closed its end, which would be readable for ever, or it rests.
            let hears = worker.slot.messages().is_some();
            if hears != worker.hears {
                worker.hears = hears;
                match hears {
                    true => {
                        let hears = |()| waiter.watch(child.messages(), Wake::Said(id));
                        watched = watched.and_then(hears);
                    }
                    false => waiter.forget(child.messages()),
                }
            }
            let silence = worker.slot.silence(machine).is_some();
            watched = watched.and_then(|()| worker.watch_silence(id, silence, waiter));
            if let Err(error) = watched
                && let Some(child) = worker.slot.child()
            {
                waiter.forget(child.pidfd());
                worker.slot.lose(&error, Instant::now());
                lost = true;
            }
        }
        let looks_at = worker.slot.looks_at(machine).or(worker.slot.listens_at());
        waiter.look_at(id, looks_at);
        if lost {
            self.on(RosterEvent::Child(id, Event::Died));
        }
    }
}

fn told(
    (id, record): (Id, &mut Record),
    report: &Report,
    teller: &mut Teller,
    status: &mut StatusFile,
    desk: &mut Desk,
) {
    teller.log(&format!("worker {}", record.name()), report);
    status.note(id, report);
    record.note(report, &mut desk.events);
}
