//! The end of a run: what it leaves is gone before the run is over.
//!
//! A process group has its number from its leader, which keeps it until it is reaped. So the group is
//! killed between the leader's end and its reaping: by number, and yet surely the right one
//! (kill(2), waitid(2) with `WNOWAIT`). What left the group is told by a variable that every process
//! of the run has inherited, where it came to a guardian, as orphans below one do.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use proc_spawn::Child;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};

use crate::end::RunEnd;
use crate::herd::Herd;
use crate::policy::Leftovers;
use crate::search::Search;

/// Between two looks: this at first, then twice as long each time.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What cannot be killed by then (it is in uninterruptible sleep, or its parent does not take note
/// of its end) no longer holds up the next run.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run that has ended, but is not over.
#[derive(Debug)]
pub(crate) struct Burial {
    /// When the end was seen.
    at: Instant,
    look_at: Instant,
    pause: Duration,
    /// How it ended; `None`: it cannot be reaped yet.
    end: Option<RunEnd>,
    group: Option<Pid>,
    mark: Option<String>,
    /// For what bore the mark.
    search: Option<Search>,
    /// What was found without.
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
    let pidfd = child.pidfd();
    let mut fds = [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}

/// Kills the group of a child that has not been reaped; gives back its number.
pub(crate) fn end_group(child: &Child) -> Option<Pid> {
    let leader = pid_of(child)?;
    let _ = kill_process_group(leader, Signal::KILL);
    Some(leader)
}

impl Burial {
    /// Of one that is dead, but cannot be reaped.
    pub(crate) fn held(now: Instant) -> Burial {
        let look_at = now + FIRST_LOOK;
        let (end, group, mark, search) = (None, None, None, None);
        Burial {
            at: now,
            look_at,
            pause: FIRST_LOOK,
            end,
            group,
            mark,
            search,
            herd: Herd::default(),
        }
    }

    /// When to look again.
    pub(crate) fn look_at(&self) -> Instant {
        self.look_at
    }

    /// When the run ended.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    pub(crate) fn is_held(&self) -> bool {
        self.end.is_none()
    }

    /// It was reaped, and has left what is in this group, and what bears this mark.
    pub(crate) fn reaped(&mut self, end: RunEnd, group: Option<Pid>, mark: Option<String>) {
        (self.end, self.group, self.mark) = (Some(end), group, mark);
        self.pause = FIRST_LOOK;
    }

    /// Ends what is left. Gives back the end of the run once nothing is, or patience is over.
    pub(crate) fn go_on(&mut self, now: Instant) -> Option<RunEnd> {
        // Whoever else has this number by now is only asked whether it is there.
        if self.group.is_some_and(|group| test_kill_process_group(group).is_err()) {
            self.group = None;
        }
        // Not before: children of one that is dying come to the guardian when it is dead.
        if self.group.is_none()
            && let Some(mark) = &self.mark
        {
            match Search::begin(mark) {
                Ok(search) => (self.search, self.mark) = (search, None),
                Err(_) if Search::turn(mark, &mut self.herd) => self.mark = None,
                Err(_) => (),
            }
        }
        if self.search.as_ref().is_some_and(Search::is_done) {
            self.search = None;
        }
        let left = self.group.is_some() || self.mark.is_some() || self.search.is_some();
        if left && now.saturating_duration_since(self.at) < PATIENCE {
            self.later(now);
            return None;
        }
        if left {
            log::warn!("what a run has left does not go though it was killed; the next one begins");
        }
        self.end.take()
    }

    /// Later, but by then at the latest.
    pub(crate) fn later_but_by(&mut self, now: Instant, by: Option<Instant>) {
        self.later(now);
        self.look_at = by.map_or(self.look_at, |by| by.min(self.look_at));
    }

    /// Not now, but later: each time twice as late.
    pub(crate) fn later(&mut self, now: Instant) {
        self.look_at = now + self.pause;
        self.pause = (self.pause * 2).min(LAST_LOOK);
    }
}

/// Whether what a run leaves is ended with it.
pub(crate) fn ends(leftovers: Leftovers) -> bool {
    leftovers == Leftovers::Kill
}
