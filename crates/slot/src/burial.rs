//! The end of a run: what it leaves is gone before the run is over.
//!
//! A process group has the number of its leader, and nobody else gets that number until the leader is
//! reaped. So the group is killed between the leader's end and its reaping: by number, and yet surely the
//! right one (kill(2), waitid(2) with `WNOWAIT`). Processes that have left the group are known by a
//! variable that every process of the run has inherited. They are found where they have become children
//! of a guardian, as orphans below one do.

use std::time::{Duration, Instant};

use nix::sys::wait::{Id, WaitPidFlag};
use proc_spawn::Child;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process,
    test_kill_process_group, waitid,
};

use crate::search::Search;
use crate::tree::{self, Herd};
use lifecycle::{Machine, Phase};
use policy::{Leftovers, RunEnd};

/// Between two looks: this at first, then twice as long each time.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What cannot be killed by then (it is in uninterruptible sleep, or its parent does not take note
/// of its end) no longer holds up the next run.
const PATIENCE: Duration = Duration::from_secs(10);

/// If somebody was promised an answer (to a start, or the end of a grace), what is left holds it up no
/// longer than promised. But it has at least this long, since what was killed needs a moment to die.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// A run that has ended, but is not over.
#[derive(Debug)]
pub(crate) struct Burial {
    /// When the end was seen.
    at: Instant,
    look_at: Instant,
    /// When it was looked at last.
    looked_at: Instant,
    pause: Duration,
    /// How it ended; `None`: it cannot be reaped yet.
    end: Option<RunEnd>,
    group: Option<Pid>,
    mark: Option<String>,
    /// There is a guardian above this process. It ends what is left when this process is asked to quit.
    has_guardian: bool,
    /// Some members of the group were children of our own.
    has_siblings: bool,
    /// The search for processes that bear the mark, and for what is left of the group.
    search: Option<Search>,
    /// What was found without a search, where no thread could be had for one.
    herd: Herd,
}

/// What is known of a child's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// It lives.
    None,
    /// It is dead, and its number is its own until it is reaped.
    Reapable,
    /// It is dead, but a tracer has not let go of it (ptrace(2)): it cannot be reaped yet, though its
    /// pidfd is readable.
    Held,
    /// Somebody else has reaped it.
    Reaped,
}

impl Death {
    pub(crate) fn of(child: &Child) -> Death {
        let Some(pid) = pid_of(child) else { return Death::Reaped };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            return match waitid(WaitId::Pid(pid), options) {
                Ok(Some(_)) => Death::Reapable,
                Ok(None) if is_readable(child) => Death::Held,
                Ok(None) => Death::None,
                Err(Errno::INTR) => continue,
                Err(_) => Death::Reaped,
            };
        }
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn is_readable(child: &Child) -> bool {
    waiter::readable(&[child.pidfd()], Some(Instant::now())).unwrap_or(false)
}

/// Kills the group of a child that has not been reaped; gives back its number.
pub(crate) fn end_group(child: &Child) -> Option<Pid> {
    let leader = pid_of(child)?;
    let _ = kill_process_group(leader, Signal::KILL);
    Some(leader)
}

/// Whether another process has the number of a group whose leader was reaped. The system gives a number out
/// again only when nobody has it, be it as that of a group, so the group is gone. A leader that its tracer does
/// not let go of is dead, and no other one.
fn is_anothers(group: Pid) -> bool {
    test_kill_process(group) != Err(Errno::SRCH)
        && tree::readable_proc().unwrap_or(false)
        && tree::look(group.as_raw_nonzero().get().unsigned_abs()).is_ok_and(|it| it.is_some())
}

/// Whether any of a group are children of our own, dead or not, as one can make itself (clone(2),
/// `CLONE_PARENT`). Reaps those that are dead: nobody else does, and their zombies keep the group. Its leader has
/// been reaped: whoever has that number is another one.
fn reap_siblings(group: Pid) -> bool {
    /// In one look.
    const MOST: usize = 256;
    let raw = nix::unistd::Pid::from_raw(group.as_raw_nonzero().get());
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
    let mut are_any = false;
    for _ in 0..MOST {
        // This also succeeds, without a pid, while such children are not dead yet; without any it is an
        // error (`ECHILD`).
        let found = nix::sys::wait::waitid(Id::PGid(raw), flags | WaitPidFlag::WNOWAIT);
        are_any |= found.is_ok();
        let Some(pid) = found.ok().and_then(|status| status.pid()).filter(|pid| *pid != raw) else {
            break;
        };
        let _ = nix::sys::wait::waitid(Id::Pid(pid), flags);
    }
    are_any
}

impl Burial {
    /// The burial of a child that is dead, or was killed, and is not reaped yet.
    pub(crate) fn held(now: Instant) -> Burial {
        let look_at = now + FIRST_LOOK;
        let (end, group, mark, search) = (None, None, None, None);
        Burial {
            at: now,
            look_at,
            looked_at: now,
            pause: FIRST_LOOK,
            end,
            group,
            mark,
            has_guardian: false,
            has_siblings: false,
            search,
            herd: Herd::default(),
        }
    }

    /// When to look again.
    pub(crate) fn look_at(&self, machine: &Machine) -> Instant {
        if self.is_left_to_the_guardian() {
            return self.at;
        }
        // If patience was over at the last look already, the next one is after the usual pause.
        match self.patience_until(machine) {
            Some(over) if over > self.looked_at => over.min(self.look_at),
            _ => self.look_at,
        }
    }

    /// Whether the end of the run has been waited for as long as may be.
    pub(crate) fn is_patience_over(&self, machine: &Machine, now: Instant) -> bool {
        self.patience_until(machine).is_some_and(|over| over <= now)
    }

    /// Until when the end of the run may be waited for: not beyond what was promised to others, as the
    /// answer to a start or the end of a grace. `None`: without end.
    fn patience_until(&self, machine: &Machine) -> Option<Instant> {
        let promised = machine.allowed_until();
        // The child had missed its deadline and was killed, so nothing is promised any more.
        let killed = machine.phase() == Phase::Stopping && promised.is_none();
        let least = self.at.checked_add(LEAST_PATIENCE);
        if self.is_held() {
            return promised.or(least.filter(|_| killed));
        }
        let longest = self.at.checked_add(PATIENCE);
        if let Some(promised) = promised {
            return longest.min(least.map(|least| least.max(promised)));
        }
        // After a kill nobody was promised the next run. But if this process is to quit itself, its
        // parent expects it to end.
        if killed && quit::quit_requested() { least } else { longest }
    }

    /// Whether the guardian above is to end what is left: it is, once this process itself is asked to
    /// quit and must not use up its grace by waiting for the dead.
    fn is_left_to_the_guardian(&self) -> bool {
        !self.is_held() && self.has_guardian && quit::quit_requested()
    }

    /// When the run ended.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    pub(crate) fn is_held(&self) -> bool {
        self.end.is_none()
    }

    /// Takes note that the child was reaped, and has left what is in this group, and what bears this
    /// mark.
    pub(crate) fn reaped(
        &mut self,
        end: RunEnd,
        group: Option<Pid>,
        mark: Option<String>,
        has_guardian: bool,
    ) {
        (self.end, self.group, self.mark) = (Some(end), group, mark);
        self.has_guardian = has_guardian;
        self.pause = FIRST_LOOK;
    }

    /// Ends what is left. Gives back the end of the run once nothing is, or patience is over.
    pub(crate) fn go_on(&mut self, machine: &Machine, now: Instant) -> Option<RunEnd> {
        if let Some(group) = self.group {
            self.look_at_group(group);
        }
        self.look_at_search();
        let left = self.group.is_some() || self.mark.is_some() || self.search.is_some();
        if self.is_left_to_the_guardian() {
            return self.end.take();
        }
        if left && !self.is_patience_over(machine, now) {
            self.later(now);
            return None;
        }
        if left {
            let group = self.group.map(|group| format!(" in group {}", group.as_raw_nonzero()));
            log::warn!(
                "what a run has left{} does not go though it was killed: it is waited for no longer",
                group.unwrap_or_default()
            );
        }
        self.end.take()
    }

    /// Looks whether the group is there. Somebody else may have its number by now, so nothing is killed
    /// here.
    fn look_at_group(&mut self, group: Pid) {
        let mut there = test_kill_process_group(group);
        // Where numbers come round soon, a new worker of ours may have this one.
        if there != Err(Errno::SRCH) && is_anothers(group) {
            there = Err(Errno::SRCH);
        }
        if there.is_ok() && reap_siblings(group) {
            self.has_siblings = true;
            there = test_kill_process_group(group);
        }
        if there == Err(Errno::PERM) {
            log::warn!(
                "what is left in process group {} belongs to somebody else, and cannot be killed; the \
                 next run begins beside it",
                group.as_raw_nonzero()
            );
        }
        if there.is_err() {
            self.group = None;
            self.search.iter().for_each(Search::forget_group);
        }
    }

    /// Begins a search, and looks whether it has come to its end. While there is a group, the first look
    /// does not search: what was killed in it needs a moment to die, and its own children come to the
    /// guardian only then. The second look does, since a zombie in the group, or a process that cannot
    /// die, must not keep us from it.
    fn look_at_search(&mut self) {
        let is_first = self.pause == FIRST_LOOK;
        let waits = self.group.is_some() && is_first;
        if self.search.is_none() && !waits && (self.group.is_some() || self.mark.is_some()) {
            match Search::begin(self.mark.as_deref(), self.group, self.has_siblings) {
                Ok(search) => (self.search, self.mark) = (search, None),
                Err(_) => self.search_without_thread(),
            }
        }
        if self.search.as_ref().is_some_and(Search::is_done) {
            (self.search, self.group) = (None, None);
        }
    }

    fn search_without_thread(&mut self) {
        let look = || tree::living_groups().ok().flatten();
        let living = self.group.and_then(|_| look());
        let number = |group: Pid| group.as_raw_nonzero().get().unsigned_abs();
        if let Some(living) = living {
            self.group = self.group.filter(|group| living.contains(&number(*group)));
        }
        let Burial { mark, has_siblings, herd, .. } = self;
        let nothing = mark.as_ref().is_none_or(|mark| Search::turn(mark, *has_siblings, herd));
        if nothing && self.group.is_none() {
            self.mark = None;
        }
    }

    /// Puts off the next look, each time for twice as long.
    pub(crate) fn later(&mut self, now: Instant) {
        self.looked_at = now;
        self.look_at = now + self.pause;
        self.pause = (self.pause * 2).min(LAST_LOOK);
    }
}

/// Whether what a run leaves is ended with it.
pub(crate) fn ends(leftovers: Leftovers) -> bool {
    leftovers == Leftovers::Kill
}

#[cfg(test)]
mod tests;
