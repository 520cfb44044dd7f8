//! One place for a child: its process, and what is done to it.
//!
//! A slot neither decides nor waits: a [`Machine`] does the one, alone or in a roster, and the loop of a
//! guardian or of a pool the other, with the descriptors that a slot gives it.

mod act;
mod hear;
mod reap;
mod silence;

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use proc_spawn::{Child, Role, Spawn, Value};

use exit::ErrorText;
use quit::Reason;

use self::hear::Talk;
use self::silence::Watch;
use crate::burial::{self, Burial};
use crate::pid_files::LeftPidFiles;
use capture::{LastLines, Recording};
use lifecycle::{Machine, Outcome, Silent};
use policy::{Leftovers, RunEnd, StopBy};

/// Something to tell about a child, when it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// A process was started.
    Started {
        /// Its process id.
        pid: u32,
        /// Which run this is: 1 for the first.
        run: u64,
    },
    /// Its entry is being called.
    Ready {
        /// Its process id.
        pid: u32,
        /// Which run this is.
        run: u64,
    },
    /// It was ready, and can do its work no more just now, or again.
    Readiness {
        /// Its process id.
        pid: u32,
        /// Whether it can.
        ready: bool,
    },
    /// Nothing was heard of it for too long.
    Silent(Silent),
    /// The run is over.
    Ended {
        /// Whose; `None` if no process could be started.
        pid: Option<u32>,
        /// How.
        end: RunEnd,
        /// After what time it is started again; `None`: it is not.
        restart_in: Option<Duration>,
        /// What it wrote last, if its output is captured.
        last_lines: LastLines,
        /// How large what its entry has returned is, if that was asked for and has come whole.
        value_bytes: Option<u64>,
    },
    /// What it is doing, in its own words.
    Status {
        /// The words.
        text: String,
    },
    /// It was told to stop.
    Terminating {
        /// In which way.
        by: StopBy,
        /// How long it has; `None`: as long as it takes.
        remaining: Option<Duration>,
    },
    /// It was killed.
    Killing,
    /// Nothing more will be done.
    Finished(Outcome),
}

/// A run that is over, and when it ended: what it had left may have taken longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOver {
    /// How it ended.
    pub end: RunEnd,
    /// When.
    pub at: Instant,
}

/// One child that a machine decides about.
///
/// Dropping it lets go of the child, which then sees its parent gone and quits.
#[derive(Debug)]
pub struct Slot {
    spawn: Spawn,
    /// Which run the present one is, or the last was.
    run: u64,
    child: Option<Child>,
    /// The child has closed its end of the socket: there is nothing more to hear.
    deaf: bool,
    /// The turns that it has had of late with words.
    talk: Option<Talk>,
    /// `None`: nobody waits for its beats.
    watch: Option<Box<Watch>>,
    /// The present run has been ready.
    was_ready: bool,
    /// `None`: pid files that it tells of are nobody's business here.
    pid_files: Option<Box<LeftPidFiles>>,
    last_pid: Option<u32>,
    /// What a child is told when it is asked to quit.
    reason: Reason,
    /// There may be thousands of slots: what most do not have takes no room in them.
    recorded: Option<Box<Recorded>>,
    /// The run has ended, and is not over.
    burial: Option<Box<Burial>>,
    /// Who sees to what a run leaves.
    leaves: Leaves,
    /// Why the run could not be kept: the child was killed for that.
    lost: Option<Box<ErrorText>>,
    /// The child was asked to stop.
    asked: bool,
    /// The child was asked to stop by word.
    asked_by_word: bool,
    /// The signal upon which the child is quitting, by its own account.
    quits_by: Option<i32>,
    /// What the child said last of what it is doing.
    status: Option<Box<str>>,
    /// The child has removed its own pid file, by its own account.
    released: bool,
    /// The child has told what cannot be understood.
    confuses: bool,
    /// How often the child has told that somebody in it answers now.
    answers: u64,
    /// It has done so in the present run.
    answers_now: bool,
    /// What the last run's entry has returned.
    value: Option<Box<Value>>,
    /// How many jobs the run has done that does no more, if nobody has taken note; 0: it has not said so.
    jobs_done: u64,
    /// The child has told that somebody in it wants to know when to reload.
    reloads: bool,
}

/// Who sees to what a run leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    /// Whoever has the slot.
    Unseen,
    /// The slot itself: what is in the child's process group.
    Group,
    /// That, and what bears the mark of this slot.
    Marked(u64),
}

impl Leaves {
    fn of(leftovers: Leftovers) -> Leaves {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let guarded = proc_spawn::current().role == Role::Executor;
        match burial::ends(leftovers) {
            false => Leaves::Unseen,
            true if guarded => Leaves::Marked(NEXT.fetch_add(1, Ordering::Relaxed)),
            true => Leaves::Group,
        }
    }
}

/// A child's output.
#[derive(Debug)]
struct Recorded {
    recording: Recording,
    /// What the run that has ended last has written last.
    last_lines: LastLines,
}

impl Slot {
    /// A place whose child is started when a step says so.
    pub fn new(spawn: Spawn) -> Slot {
        Slot {
            spawn,
            run: 0,
            child: None,
            deaf: false,
            talk: None,
            watch: None,
            was_ready: false,
            pid_files: None,
            last_pid: None,
            reason: Reason::Stop,
            recorded: None,
            burial: None,
            leaves: Leaves::Unseen,
            lost: None,
            asked: false,
            asked_by_word: false,
            quits_by: None,
            status: None,
            released: false,
            confuses: false,
            answers: 0,
            answers_now: false,
            value: None,
            jobs_done: 0,
            reloads: false,
        }
    }

    /// Has the slot itself end what a run leaves behind, before the run is over, unless it is to be
    /// [kept](Leftovers::Keep): what is in the child's process group; and what left that,
    /// as far as it can be told by a variable in its environment, where orphans come to this process'
    /// parent (a guardian).
    ///
    /// Default: whoever has the slot sees to that.
    #[must_use]
    pub fn ends(mut self, leftovers: Leftovers) -> Slot {
        self.leaves = Leaves::of(leftovers);
        self
    }

    /// Keeps a list of the pid files that the child tells of, for [`remove_left_pid_files`]: what a guardian
    /// does for processes below its executor. Default: such words are skipped.
    ///
    /// [`remove_left_pid_files`]: Slot::remove_left_pid_files
    #[must_use]
    pub fn notes_pid_files(mut self) -> Slot {
        self.pid_files = Some(Box::default());
        self
    }

    /// Has the output of the child recorded. Default: it goes where the [`Spawn`] says.
    #[must_use]
    pub fn recorded(mut self, recording: Recording) -> Slot {
        self.recorded = Some(Box::new(Recorded { recording, last_lines: LastLines::default() }));
        self
    }

    /// What records the child's output.
    pub fn recording(&self) -> Option<&Recording> {
        self.recorded.as_ref().map(|recorded| &recorded.recording)
    }

    /// What the child wrote last in the run that has ended last; `None` if nobody records it.
    pub fn last_lines(&self) -> Option<&LastLines> {
        self.recorded.as_ref().map(|recorded| &recorded.last_lines)
    }

    /// Why the child is told to quit, from now on, if it is not to come back ([`Reason::Restart`]). Default:
    /// [`Reason::Stop`].
    pub fn set_reason(&mut self, reason: Reason) {
        self.reason = reason;
    }

    /// The child, while its end has not been seen.
    pub fn child(&self) -> Option<&Child> {
        self.child.as_ref()
    }

    /// The child's number, while its end has not been seen.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Readable once the child has ended; `None` when its end has been seen.
    pub fn ended(&self) -> Option<BorrowedFd<'_>> {
        self.child.as_ref().map(Child::pidfd)
    }

    /// What to wait on for [`listen`](Slot::listen); `None` while the child [rests](Slot::listens_at), too.
    pub fn messages(&self) -> Option<BorrowedFd<'_>> {
        let hears = !self.deaf && self.words_rest_until().is_none();
        self.child.as_ref().filter(|_| hears).map(Child::messages)
    }

    /// When to [`reap`](Slot::reap) again, if the child is dead and nothing tells when its run is over:
    /// it cannot be reaped yet, or what it has left is still going. It may come sooner when its `machine` is
    /// asked to stop.
    pub fn looks_at(&self, machine: &Machine) -> Option<Instant> {
        self.burial.as_ref().map(|burial| burial.look_at(machine))
    }

    /// Which run the present one is, or the last was: 1 for the first, 0 before it.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Whether the child of the present run, or of the last, has removed its own pid file, as it says, and has
    /// the rights that this process has: then nobody needs to look for it.
    pub fn has_released(&self) -> bool {
        self.released
    }

    /// How often a child has told, in all runs, that a loop has begun in it that answers who is [handed
    /// down](Child::hand_down).
    pub fn answers(&self) -> u64 {
        self.answers
    }

    /// Whether the present run has told so.
    pub fn answers_now(&self) -> bool {
        self.child.is_some() && self.answers_now
    }

    /// How many jobs the present run has done, if it has said since the last call that it is to do no more.
    pub fn take_jobs_done(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.jobs_done)).filter(|jobs| *jobs > 0)
    }

    /// What the entry of the last run has returned, until the next one begins; `None`: that was not
    /// [asked for](proc_spawn::Spawn::keep_value), or has not come whole.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_deref()
    }

    /// What runs are started by.
    pub fn spawn(&self) -> &Spawn {
        &self.spawn
    }

    /// What the next runs are started by. For changing where their standard error goes before they have
    /// set themselves up.
    pub fn spawn_mut(&mut self) -> &mut Spawn {
        &mut self.spawn
    }

    /// Whether somebody in the present run wants to know when to [reload](Slot::reload).
    pub fn reloads(&self) -> bool {
        self.child.is_some() && self.reloads
    }

    /// Has the runs that begin from now on be others: started by this, with their output recorded by `recording`, which is
    /// as it was where that is `None`, and with what they leave ended or kept. Gives by what they were started, and how their output was
    /// recorded if that is other now. While
    /// there is a child this is too early.
    pub fn renew(
        &mut self,
        spawn: Spawn,
        recording: Option<Option<Recording>>,
        leftovers: Leftovers,
    ) -> (Spawn, Option<Option<Recording>>) {
        let spawn = std::mem::replace(&mut self.spawn, spawn);
        self.leaves = Leaves::of(leftovers);
        let recording = recording.map(|recording| {
            let last_lines = self.last_lines().cloned().unwrap_or_default();
            let recorded = recording.map(|recording| Box::new(Recorded { recording, last_lines }));
            let before = std::mem::replace(&mut self.recorded, recorded);
            before.map(|recorded| recorded.recording)
        });
        (spawn, recording)
    }

    /// Removes the pid files of processes below the child's that were [noted](Slot::notes_pid_files) and are
    /// stale. Takes at most a few seconds, whatever disks they are on, where the system grants threads.
    pub fn remove_left_pid_files(&self) {
        if let Some(files) = &self.pid_files {
            files.remove();
        }
    }

    /// Says how many its set is to have, to the runs that begin from now on.
    pub fn set_count(&mut self, count: u32) {
        self.spawn.set_count(count);
    }
}
