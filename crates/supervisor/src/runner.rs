//! The only loop of the guardian: wait for something to happen, ask the slot, see it done.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exit::SetupError;

use proc_spawn::Stream;
use quit::DeadlineWatch;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::descendants::{Descendants, Sweep};
use crate::guardian::Starter;
use crate::report::Teller;
use crate::slot::{Report, RunOver, Slot};
use crate::stop_signals::{HURRY, Hurry, StopSignals};
use crate::watched::WatchedPidFile;
use capture::Recorder;
use lifecycle::{Action, Event, Leftovers, Machine, Outcome, Phase, Policy, RunEnd};

/// Before the same is asked of the system again.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// By so much a starter may be told more than there is.
const MARGIN: Duration = Duration::from_secs(1);

/// What can wake it, in the order in which it is looked at:
///
/// 1. A child's end. A quit that arrives together with the end must not be told to a process that
///    is already gone.
/// 2. A request to quit, from a signal or from a starter that has given up.
/// 3. The deadline. It is looked at last because the two above often make it pointless.
pub(crate) struct Runner<'a> {
    machine: Machine,
    slot: Slot,
    signals: &'a StopSignals,
    descendants: &'a Descendants,
    recorder: Option<&'a Recorder>,
    pid_file: &'a mut WatchedPidFile,
    quit: BorrowedFd<'static>,
    /// The deadline of the start that the starter was told last.
    ready_by: Option<Instant>,
    launched: bool,
    quit_told: bool,
    /// Readable when the end has to come sooner than it had.
    sooner: DeadlineWatch,
    /// When it has to have come, as far as the executor was told.
    quit_by: Option<Instant>,
    hurry: Hurry,
    teller: Teller,
    /// The executor has ended, and what it has left behind has not yet.
    ending: Option<Ending>,
    /// Nothing more is to be done.
    outcome: Option<Outcome>,
}

struct Ending {
    end: RunEnd,
    at: Instant,
    sweep: Sweep,
}

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
        signals: &'a StopSignals,
        descendants: &'a Descendants,
        recorder: Option<&'a Recorder>,
        pid_file: &'a mut WatchedPidFile,
    ) -> Result<Runner<'a>, SetupError> {
        let quit = quit::descriptor().map_err(|error| SetupError::new("wait", &error))?;
        let sooner = quit::watch_deadline().map_err(|error| SetupError::new("wait", &error))?;
        let (launched, quit_told, ending, ready_by) = (false, false, None, None);
        // Any number will do: it only keeps the delays of two guardians out of step.
        let seed = RandomState::new().hash_one(std::process::id());
        Ok(Runner {
            machine: Machine::new(policy, seed),
            slot,
            signals,
            descendants,
            recorder,
            pid_file,
            quit,
            ready_by,
            launched,
            quit_told,
            sooner,
            quit_by: None,
            hurry: Hurry::default(),
            teller: Teller::default(),
            ending,
            outcome: None,
        })
    }

    pub(crate) fn run(
        mut self,
        early_stderr: Option<Stream>,
        starter: &mut dyn Starter,
    ) -> Result<Kept, SetupError> {
        let failed = |error: io::Error| SetupError::new("wait", &error);
        // What the first run says before it has streams of its own is for the starter to read.
        let late_stderr = early_stderr.map(|early| {
            self.slot.spawn_mut().set_stderr(early);
            Stream::Inherit
        });
        // Whoever asked before there was anything to stop gets nothing started.
        self.look_at_quit();
        self.step(Event::Start, Instant::now());
        self.ready_by = self.machine.deadline();
        loop {
            self.look_at_children();
            if self.machine.launched() && !self.launched {
                self.launched = true;
                if let Some(stderr) = &late_stderr {
                    self.slot.spawn_mut().set_stderr(stderr.clone());
                }
                if !starter.launched() {
                    quit::request(quit::Reason::Requested);
                }
            }
            if !self.launched
                && let Some(at) = self.machine.deadline()
                && self.ready_by.is_some_and(|told| told < at)
            {
                // A little more than there is: an executor that asks for more again and again is told
                // of no more often than it gains so much.
                let told = at + MARGIN;
                self.ready_by = Some(told);
                starter.extended(told.saturating_duration_since(Instant::now()));
            }
            if !self.launched && starter.gave_up() {
                quit::request(quit::Reason::Requested);
            }
            if let Some(hold) = self.pid_file.look() {
                self.slot.spawn_mut().set_keep_open(Arc::new(hold));
            }
            self.look_at_quit();
            self.look_at_time();
            self.look_at_files();
            if let Some(outcome) = self.outcome.take() {
                self.slot.pid_files().remove();
                let launched = self.launched;
                let last_words = self.slot.last_lines().map(|lines| lines.stderr.clone());
                let last_words = last_words.unwrap_or_default();
                return Ok(Kept { outcome, launched, last_words });
            }
            self.wait(starter.descriptor().filter(|_| !self.launched)).map_err(failed)?;
        }
    }

    fn look_at_children(&mut self) {
        self.descendants.clear();
        let mut said = self.slot.listen(&mut |report| tell(&mut self.teller, &report));
        let over = self.slot.reap(&self.machine, &mut said, Instant::now(), &mut |report| {
            tell(&mut self.teller, &report);
        });
        for event in said {
            self.step(event, Instant::now());
        }
        if let Some(RunOver { end, at }) = over {
            let sweep = Sweep::until(time_left_behind(&self.machine, at));
            self.ending = Some(Ending { end, at, sweep });
        }
        let Some(mut ending) = self.ending.take() else {
            // Orphans that have ended are reaped; those that live are the executor's business.
            self.descendants.reap(self.slot.child().map(proc_spawn::Child::id));
            return;
        };
        let now = Instant::now();
        let kept = self.machine.policy().leftovers == Leftovers::Keep;
        if kept || self.descendants.sweep(&mut ending.sweep, now) {
            let Ending { end, at, .. } = ending;
            self.step(Event::Ended { end, at }, now);
        } else {
            self.ending = Some(ending);
        }
    }

    fn look_at_quit(&mut self) {
        if quit::quit_requested() && !self.quit_told {
            self.quit_told = true;
            if let Some(reason) = quit::reason() {
                log::info!("asked to quit: {reason}");
            }
            self.ask_to_quit(quit::remaining());
        }
        if self.quit_told {
            self.sooner.hear();
            if self.quit_by != quit::deadline() {
                // Somebody has asked again, for an end that comes sooner.
                self.ask_to_quit(quit::remaining());
            }
        }
        self.hurry.hear(self.signals.take_hurry());
        if self.quit_told {
            self.hurry.begin(quit::reason());
        }
        if self.hurry.take() {
            log::warn!("asked again: {HURRY:?} are left");
            self.ask_to_quit(Some(HURRY));
        }
    }

    fn ask_to_quit(&mut self, within: Option<Duration>) {
        self.quit_by = quit::deadline();
        self.step(Event::Quit { within }, Instant::now());
    }

    fn step(&mut self, event: Event, now: Instant) {
        let mut next = Some(event);
        while let Some(event) = next {
            let step = self.machine.step(event, now);
            let tell = &mut |report| tell(&mut self.teller, &report);
            next = self.slot.carry_out(&step, &self.machine, now, tell);
            // It has nobody to wait for.
            if step.entered == Some(Phase::Due) {
                next = Some(Event::Start);
            }
            if let Action::Finish(outcome) = step.action {
                self.outcome = Some(outcome);
            }
        }
    }

    fn look_at_time(&mut self) {
        let now = Instant::now();
        if let Some(ending) = &mut self.ending {
            // Who is dead misses no deadline, neither of its start nor of its stop: how it ended is told, as
            // soon as what it left is gone. That has no more time than it would have had itself.
            if ending.sweep.is_patient(now) {
                ending.sweep.kill_by(time_left_behind(&self.machine, ending.at));
                if !ending.sweep.is_patient(now) {
                    self.descendants.sweep(&mut ending.sweep, now);
                }
            }
            return;
        }
        // What is to be reaped was looked at first.
        if self.slot.looks_at().is_none() && self.machine.deadline().is_some_and(|due| due <= now) {
            self.step(Event::DeadlinePassed, now);
        }
    }

    fn look_at_files(&self) {
        if self.signals.take_reopen() {
            crate::reopen::reopen_beside();
            if let Some(recorder) = self.recorder {
                recorder.reopen();
            }
            self.slot.reopen();
        }
    }

    fn wait(&self, starter: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let now = Instant::now();
        // Patience that is over changes nothing any more: only an end does.
        let patience = self.ending.as_ref().and_then(|ending| ending.sweep.kill_at);
        let patience = patience.filter(|at| now < *at);
        let look = self.ending.as_ref().and_then(|ending| ending.sweep.look_at);
        let file = self.pid_file.look_at();
        // Nor does a deadline of who has ended.
        let own = self.slot.looks_at().or_else(|| self.machine.deadline());
        let own = own.filter(|_| self.ending.is_none());
        let deadline = [own, patience, look, file].into_iter().flatten().min();
        let quit = Some(self.quit).filter(|_| !self.quit_told);
        // Of the end of a traced child its tracer has the signal (ptrace(2)). One that is known to be
        // dead is looked at by the clock.
        let child = self.slot.child().filter(|_| self.slot.looks_at().is_none());
        let sources = [
            Some(self.descendants.ended()),
            child.map(proc_spawn::Child::pidfd),
            quit,
            Some(self.signals.hurry()),
            Some(self.sooner.descriptor()),
            self.slot.messages(),
            self.signals.reopen(),
            self.pid_file.descriptor(),
            starter,
        ];
        wait(sources.into_iter().flatten(), deadline)
    }
}

/// Until when what somebody has left may go by itself who has ended at `at`. Whoever has asked for a start has
/// its answer in time.
fn time_left_behind(machine: &Machine, at: Instant) -> Option<Instant> {
    let ready_by = machine.deadline().filter(|_| machine.phase() == Phase::Starting);
    [machine.leftovers_until(at), ready_by].into_iter().flatten().min()
}

/// Waits until one of `sources` is readable or the deadline has come.
fn wait<'a>(
    sources: impl Iterator<Item = BorrowedFd<'a>>,
    deadline: Option<Instant>,
) -> io::Result<()> {
    let mut fds: Vec<_> = sources.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let timeout = deadline.map(|at| {
        let left = at.saturating_duration_since(Instant::now());
        Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
    });
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        // The system lacks memory for a moment, or somebody has set our limit of descriptors below
        // the number of those here (poll(2)). Neither is a reason to let a daemon go.
        Err(Errno::NOMEM | Errno::INVAL) => {
            let _ = rustix::thread::nanosleep(&PAUSE);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// What the guardian says of its executor.
fn tell(teller: &mut Teller, report: &Report) {
    teller.log("executor", report);
}
