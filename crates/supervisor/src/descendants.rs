//! What a child leaves behind: found, ended and reaped before anything is started again.
//!
//! The guardian is a subreaper (prctl(2), `PR_SET_CHILD_SUBREAPER`): whatever loses its parent
//! below it becomes its child, in whatever session or group. A direct child that nobody else reaps
//! cannot lose its number, so signalling by number is safe here, and only here.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;
use std::{fs, io, process};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, set_child_subreaper, waitid,
};

/// The children of this process that are not the one it keeps alive.
pub(crate) struct Descendants {
    /// Readable when some child has ended.
    ended: UnixStream,
    /// Children that this process had before: not ours to touch.
    foreign: BTreeSet<u32>,
}

/// The end of one incarnation: what it left behind is told to go, and then made to.
pub(crate) struct Sweep {
    /// When patience ends.
    pub(crate) kill_at: Option<Instant>,
    told: BTreeSet<u32>,
}

impl Sweep {
    pub(crate) fn until(kill_at: Option<Instant>) -> Sweep {
        Sweep { kill_at, told: BTreeSet::new() }
    }
}

impl Descendants {
    /// Becomes the one to whom orphans come.
    pub(crate) fn adopt() -> io::Result<Descendants> {
        let (ended, wake) = UnixStream::pair()?;
        ended.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(signal_hook::consts::SIGCHLD, wake)?;
        set_child_subreaper(Some(getpid()))?;
        Ok(Descendants { ended, foreign: children().into_iter().collect() })
    }

    /// Readable when some child has ended. To be cleared before looking.
    pub(crate) fn ended(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// Cleared first, then looked at: what ends in between wakes us again.
    pub(crate) fn clear(&self) {
        let mut buffer = [0u8; 64];
        while rustix::net::recv(&self.ended, &mut buffer, RecvFlags::DONTWAIT)
            .is_ok_and(|(read, _)| read > 0)
        {}
    }

    /// Reaps what has ended, and gives back what has not.
    pub(crate) fn reap(&self, except: Option<u32>) -> Vec<u32> {
        loop {
            let mut alive = children();
            let found = alive.len();
            alive
                .retain(|pid| Some(*pid) != except && !self.foreign.contains(pid) && !reaped(*pid));
            // The list may leave out a child while another one is ending (proc_pid_children(5)).
            // An empty one is believed only if the system says so too.
            if found > 0 || !self.foreign.is_empty() || no_children() {
                return alive;
            }
        }
    }

    /// Moves a sweep on. True when nothing is left.
    pub(crate) fn sweep(&self, sweep: &mut Sweep, now: Instant) -> bool {
        let left = self.reap(None);
        let patient = sweep.kill_at.is_none_or(|at| now < at);
        for pid in &left {
            if !patient {
                signal(*pid, Signal::KILL);
            } else if sweep.told.insert(*pid) {
                signal(*pid, Signal::TERM);
                // One that is stopped would not see it.
                signal(*pid, Signal::CONT);
            }
        }
        left.is_empty()
    }
}

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn reaped(pid: u32) -> bool {
    let Some(pid) = pid_of(pid) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match waitid(WaitId::Pid(pid), options) {
        Ok(status) => status.is_some(),
        // Somebody else has reaped it.
        Err(error) => error == Errno::CHILD,
    }
}

/// Whether this process has no child at all, dead or alive.
fn no_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // Without /proc nothing can be listed, and there is nothing to look at again.
    matches!(waitid(WaitId::All, options), Err(Errno::CHILD)) || !readable_proc()
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = pid_of(pid)
        && let Err(error) = kill_process(pid, signal)
    {
        log::error!("cannot signal process {}: {}", pid.as_raw_nonzero(), io::Error::from(error));
    }
}

/// The direct children of this process, zombies included.
///
/// Asked of every thread, since a child is listed under the one that made or adopted it
/// (proc_pid_task_children(5)); without that file, by looking at every process' parent.
fn children() -> Vec<u32> {
    if !readable_proc() {
        return Vec::new();
    }
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists: Option<Vec<String>> = tasks
        .map(|task| match fs::read_to_string(task.path().join("children")) {
            // A thread that has ended meanwhile has passed its children on.
            Err(error) if task.path().exists() && error.kind() == io::ErrorKind::NotFound => None,
            list => Some(list.unwrap_or_default()),
        })
        .collect();
    match lists {
        Some(lists) => lists
            .iter()
            .flat_map(|list| list.split_ascii_whitespace())
            .filter_map(|pid| pid.parse().ok())
            .collect(),
        None => children_by_parent(),
    }
}

/// The numbers of a /proc that belongs to another namespace mean somebody else.
fn readable_proc() -> bool {
    let own = process::id().to_string();
    fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == own.as_str())
}

fn children_by_parent() -> Vec<u32> {
    let us = process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The name before it may contain anything, so count from its closing bracket.
            let after = stat.rsplit_once(") ").map(|(_, after)| after).unwrap_or_default();
            after.split(' ').nth(1) == Some(us.as_str())
        })
        .collect()
}
