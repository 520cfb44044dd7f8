//! The only loop of the guardian: wait for something to happen, ask the keeper, have the slot do it.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exit::SetupError;

use proc_spawn::Stdio;
use quit::DeadlineWatch;

use crate::descendants::{Descendants, Sweep};
use crate::desk::{Asked, Desk, Seen};
use crate::starter::Starter;
use crate::stop_signals::{StopSignals, is_hurry};
use crate::watched::WatchedPidFile;
use capture::Recorder;
use lifecycle::{Action, Event, HURRY, Keeper, KeeperChange, KeeperEvent, Machine, Outcome};
use policy::Policy;
use slot::{Report, RunOver, Slot, Teller};

/// What can wake it, in the order in which it is looked at:
///
/// 1. A child's end. A quit that arrives together with the end must not be told to a process that
///    is already gone.
/// 2. A request to quit, from a signal or from a starter that has given up.
/// 3. The deadline. It is looked at last because the two above often make it pointless.
pub(crate) struct Runner<'a> {
    keeper: Keeper,
    slot: Slot,
    signals: &'a StopSignals,
    descendants: &'a Descendants,
    recorder: Option<&'a Recorder>,
    pid_file: &'a mut WatchedPidFile,
    starter: &'a mut dyn Starter,
    /// Who asks how the daemon is.
    desk: &'a mut Desk,
    quit: BorrowedFd<'static>,
    /// Readable when the end has to come sooner than it had.
    sooner: DeadlineWatch,
    teller: Teller,
    /// The sweep of what the executor has left behind.
    sweep: Sweep,
    /// When the executor was killed, if it has not been seen dead since.
    killed_at: Option<Instant>,
    /// The log has been told that the executor does not end though it was killed.
    is_stuck: bool,
    /// Where standard error goes from the second run on.
    late_stderr: Option<Stdio>,
    /// How it went, once nothing more is to be done.
    outcome: Option<Outcome>,
}

/// What a guardian has beside its executor.
pub(crate) struct Around<'a> {
    pub(crate) signals: &'a StopSignals,
    pub(crate) descendants: &'a Descendants,
    pub(crate) recorder: Option<&'a Recorder>,
    pub(crate) pid_file: &'a mut WatchedPidFile,
    pub(crate) starter: &'a mut dyn Starter,
    pub(crate) desk: &'a mut Desk,
}

/// An executor that was killed is gone after this time, unless it is in uninterruptible sleep.
const STUCK: Duration = Duration::from_secs(1);

/// How it went.
pub(crate) struct Kept {
    pub(crate) outcome: Outcome,
    /// Whether the entry was ever called.
    pub(crate) launched: bool,
    /// What the last run wrote last to standard error, if that is captured.
    pub(crate) last_words: Vec<String>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(
        policy: Policy,
        slot: Slot,
        around: Around<'a>,
    ) -> Result<Runner<'a>, SetupError> {
        let Around { signals, descendants, recorder, pid_file, starter, desk } = around;
        let quit = quit::descriptor().map_err(|error| SetupError::new("wait", &error))?;
        let sooner = quit::watch_deadline().map_err(|error| SetupError::new("wait", &error))?;
        // Any number will do: it only keeps the delays of two guardians out of step.
        let seed = RandomState::new().hash_one(std::process::id());
        Ok(Runner {
            keeper: Keeper::new(Machine::new(policy, seed)),
            slot,
            signals,
            descendants,
            recorder,
            pid_file,
            starter,
            desk,
            quit,
            sooner,
            teller: Teller::default(),
            sweep: Sweep::default(),
            killed_at: None,
            is_stuck: false,
            late_stderr: None,
            outcome: None,
        })
    }

    pub(crate) fn run(mut self, early_stderr: Option<Stdio>) -> Result<Kept, SetupError> {
        let failed = |error: io::Error| SetupError::new("wait", &error);
        // What the first run says before it has streams of its own is for the starter to read.
        self.late_stderr = early_stderr.map(|early| {
            self.slot.spawn_mut().set_stderr(early);
            Stdio::Inherit
        });
        // If quit was requested before there was anything to stop, nothing is started.
        self.look_at_quit();
        self.on(KeeperEvent::Begin);
        loop {
            self.look_at_children();
            if !self.keeper.is_launched() && self.starter.gave_up() {
                quit::request(quit::Reason::Requested);
            }
            if let Some(hold) = self.pid_file.look() {
                self.slot.spawn_mut().set_keep_open(Arc::new(hold));
                // Whatever has taken the pid file has perhaps taken the socket, too.
                self.desk.restore();
            }
            self.look_at_quit();
            self.look_at_time();
            self.look_at_files();
            self.look_at_desk();
            if let Some(outcome) = self.outcome.take() {
                self.slot.remove_left_pid_files();
                let launched = self.keeper.is_launched();
                let last_words = self.slot.last_lines().map(|lines| lines.stderr.clone());
                let last_words = last_words.unwrap_or_default();
                return Ok(Kept { outcome, launched, last_words });
            }
            self.wait().map_err(failed)?;
        }
    }

    fn on(&mut self, event: KeeperEvent) {
        let now = Instant::now();
        let changes = self.keeper.on(event, now);
        self.carry_out(changes, now);
    }

    fn carry_out(&mut self, changes: Vec<KeeperChange>, now: Instant) {
        let (mut changes, mut now) = (changes, now);
        loop {
            let mut next = None;
            for change in changes {
                match change {
                    KeeperChange::Stepped(step) => {
                        let (teller, desk) = (&mut self.teller, &mut *self.desk);
                        let tell = &mut |report| tell(teller, desk, &report);
                        let follows = self.slot.carry_out(&step, self.keeper.machine(), now, tell);
                        if let Some(phase) = step.entered {
                            self.desk.entered(phase);
                        }
                        if matches!(follows, Some(Event::Ended { .. })) {
                            self.sweep = Sweep::default();
                        }
                        next = follows.map(after_start).or(next);
                        if step.action.kills() {
                            self.killed_at = Some(now);
                        } else if step.action == Action::Spawn {
                            (self.killed_at, self.is_stuck) = (None, false);
                        }
                        self.outcome = step.outcome().or(self.outcome.take());
                    }
                    KeeperChange::Launched => self.launched(),
                    KeeperChange::Extended { by } => {
                        self.starter.extended(by.saturating_duration_since(now));
                    }
                    KeeperChange::Hurried => log::warn!("asked again: {HURRY:?} are left"),
                }
            }
            let Some(event) = next else { return };
            now = Instant::now();
            changes = self.keeper.on(event, now);
        }
    }

    fn launched(&mut self) {
        self.desk.forget_last_words();
        if let Some(stderr) = self.late_stderr.take() {
            self.slot.spawn_mut().set_stderr(stderr);
        }
        if !self.starter.launched() {
            quit::request(quit::Reason::Requested);
        }
    }

    fn look_at_children(&mut self) {
        self.descendants.clear();
        let (teller, desk) = (&mut self.teller, &mut *self.desk);
        let tell = &mut |report| tell(teller, desk, &report);
        let mut said = self.slot.listen(Instant::now(), tell);
        let machine = self.keeper.machine();
        if self.slot.silence(machine).is_some() {
            said.extend(self.slot.hear_silence(Instant::now()));
        }
        let over = self.slot.reap(machine, &mut said, Instant::now(), tell);
        for event in said {
            self.on(KeeperEvent::Child(event));
        }
        // The executor is dead, but cannot be reaped yet, since its tracer has not let go of it.
        if self.slot.looks_at(self.keeper.machine()).is_some() {
            self.on(KeeperEvent::Child(Event::Died));
        }
        if let Some(RunOver { end, at }) = over {
            self.sweep = Sweep::default();
            self.on(KeeperEvent::Reaped { end, at });
        }
        if self.keeper.awaits_leftovers() {
            self.end_leftovers();
        } else if self.stuck_at().is_some_and(|at| at <= Instant::now()) {
            self.free_executor();
        } else {
            // Orphans that have ended are reaped; those that live are the executor's business.
            self.descendants.reap(self.slot.pid());
        }
        if self.slot.pid().is_none() {
            self.desk.gone();
        }
    }

    /// When an executor that was killed should have been gone.
    fn stuck_at(&self) -> Option<Instant> {
        let lives =
            self.slot.pid().is_some() && self.slot.looks_at(self.keeper.machine()).is_none();
        self.killed_at.filter(|_| lives).and_then(|at| at.checked_add(STUCK))
    }

    /// Kills what the executor has started, since the executor was killed and does not end. It is in the
    /// kernel, and may wait there for one of those processes (which writes to a pipe that it reads, or
    /// serves a file system): so they are ended first.
    fn free_executor(&mut self) {
        let Some(pid) = self.slot.pid() else { return };
        if !std::mem::replace(&mut self.is_stuck, true) {
            log::error!(
                "executor, pid {pid}, does not end though it was killed: it is in uninterruptible sleep; what it \
                 has started is killed, too"
            );
        }
        let now = Instant::now();
        if self.sweep.look_at().is_none_or(|at| at <= now) {
            self.descendants.sweep(&mut self.sweep, Some(pid), Some(now), now);
        }
    }

    fn end_leftovers(&mut self) {
        let kill_at = self.keeper.leftovers_until();
        if self.descendants.sweep(&mut self.sweep, None, kill_at, Instant::now()) {
            self.on(KeeperEvent::LeftoversGone);
        }
    }

    fn look_at_quit(&mut self) {
        // The flag is read before the signals are counted: a signal that has set the flag may be counted
        // now, or in a later turn.
        let asked = quit::quit_requested();
        self.on(KeeperEvent::Hurried(self.signals.take_hurry()));
        if !asked {
            return;
        }
        let reason = quit::reason();
        if let Some(reason) = reason.as_ref().filter(|_| !self.keeper.is_quitting()) {
            log::info!("asked to quit: {reason}");
        }
        self.desk.stopping();
        self.sooner.hear();
        let in_hurry = is_hurry(reason.as_ref());
        self.on(KeeperEvent::Quit { by: quit::deadline(), in_hurry });
    }

    fn look_at_time(&mut self) {
        let now = Instant::now();
        if self.keeper.awaits_leftovers() {
            // What was asked in this turn may leave the leftovers less time.
            let over = self.keeper.leftovers_until().is_some_and(|at| at <= now);
            if over && !self.sweep.has_killed() {
                self.end_leftovers();
            }
            return;
        }
        if self.keeper.deadline().is_some_and(|due| due <= now) {
            self.on(KeeperEvent::DeadlinePassed);
        }
    }

    /// Answers who asks, and does what he wants.
    fn look_at_desk(&mut self) {
        let seen = Seen { machine: self.keeper.machine(), slot: &self.slot };
        for asked in self.desk.turn(Instant::now(), seen) {
            match asked {
                Asked::Stop => quit::request(quit::Reason::Stop),
                Asked::Reopen => {
                    self.reopen();
                    self.desk.restore();
                }
                Asked::Restart(ticket) => {
                    let now = Instant::now();
                    let done = self.keeper.restart(now);
                    self.desk.reply_to_restart(&ticket, done.as_ref().map(|_| ()));
                    if let Ok((_, changes)) = done {
                        self.carry_out(changes, now);
                    }
                }
            }
        }
        // Also of what came of that.
        self.desk.tell_readers(Instant::now(), &self.slot);
    }

    fn look_at_files(&mut self) {
        if self.signals.take_reopen() {
            self.reopen();
            self.desk.restore();
        }
        // After the files: what is read anew may be told in them.
        if self.signals.take_reload() {
            log::info!("asked to reload");
            if !self.slot.reload() {
                log::warn!("nothing is reloaded: nobody in the executor listens for that");
            }
        }
    }

    fn reopen(&self) {
        surroundings::reopen::reopen_beside();
        if let Some(recorder) = self.recorder {
            recorder.reopen();
        }
        self.slot.reopen();
    }

    fn wait(&self) -> io::Result<()> {
        // Once the leftovers have been killed, only their end changes anything.
        let patience = self.keeper.leftovers_until().filter(|_| !self.sweep.has_killed());
        let stuck = self.stuck_at();
        let sweeps = self.keeper.awaits_leftovers() || stuck.is_some();
        let look = self.sweep.look_at().filter(|_| sweeps);
        // Once the executor is known to be stuck, the sweep says when to look.
        let stuck = stuck.filter(|_| !self.is_stuck);
        let file = self.pid_file.look_at();
        let (own, reap) = (self.keeper.deadline(), self.slot.looks_at(self.keeper.machine()));
        let listen = self.slot.listens_at();
        let desk = self.desk.deadline();
        let deadline = [own, reap, listen, patience, look, stuck, file, desk];
        let deadline = deadline.into_iter().flatten().min();
        let quit = Some(self.quit).filter(|_| !self.keeper.is_quitting());
        let starter = self.starter.descriptor().filter(|_| !self.keeper.is_launched());
        // The pidfd is waited for beside SIGCHLD, which goes to the tracer when a traced child ends
        // (ptrace(2)). An executor that is known to be dead is looked at by the clock, since its pidfd
        // stays readable.
        let executor = self.slot.ended().filter(|_| reap.is_none());
        let sources = [
            Some(self.descendants.ended()),
            executor,
            quit,
            Some(self.signals.hurry()),
            Some(self.sooner.descriptor()),
            self.slot.messages(),
            self.slot.silence(self.keeper.machine()),
            self.signals.reopen(),
            self.signals.reload(),
            self.pid_file.descriptor(),
            starter,
        ];
        let sources = sources.into_iter().flatten().chain(self.desk.descriptors());
        let sources: Vec<_> = sources.collect();
        // This also returns when a signal was handled: so one whose handler could not write to its pipe
        // is seen all the same.
        waiter::wait_once(&sources, deadline).map(drop)
    }
}

/// A start that has failed may have left something, as any run: a process that cannot be watched is killed after it
/// has begun.
fn after_start(event: Event) -> KeeperEvent {
    if let Event::Ended { end, at } = event {
        return KeeperEvent::Reaped { end, at };
    }
    KeeperEvent::Child(event)
}

/// What the guardian says of its executor.
fn tell(teller: &mut Teller, desk: &mut Desk, report: &Report) {
    teller.log("executor", report);
    desk.note(report);
}

#[cfg(test)]
mod tests;
