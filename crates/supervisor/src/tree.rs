//! Processes below others, as /proc shows them, and signals that reach nobody else.

use std::fs;
use std::io;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process as it was seen: two sightings that are equal are of the same one, since no number comes
/// round within a tick of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    /// When it began, in ticks since the boot (proc_pid_stat(5)).
    began: u64,
}

/// Looks at a process; `None`: it has gone, or is a zombie, which nobody can do anything about.
pub(crate) fn look(pid: u32) -> Option<Seen> {
    read(pid).filter(|(_, is_dead)| !is_dead).map(|(seen, _)| seen)
}

/// Whether a process is dead for certain, though somebody has still to take note of that.
pub(crate) fn is_zombie(pid: u32) -> bool {
    read(pid).is_some_and(|(_, is_dead)| is_dead)
}

fn read(pid: u32) -> Option<(Seen, bool)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may contain anything, so count from its closing bracket.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    // The state was the third field, these are the twentieth and twenty-second.
    let threads: u32 = fields.nth(16)?.parse().ok()?;
    let began = fields.nth(1)?.parse().ok()?;
    // The first thread may have ended without the others.
    Some((Seen { pid, began }, ended && threads <= 1))
}

/// The children of a process, zombies included; none if that cannot be known.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let mut children = Vec::new();
    for list in lists {
        children.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    children
}

/// Those of `roots` that are `wanted`, and those below them that are; at most so many.
pub(crate) fn below(roots: &[u32], most: usize, mut wanted: impl FnMut(Seen) -> bool) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut next: Vec<u32> = roots.to_vec();
    while let Some(pid) = next.pop() {
        if seen.len() == most {
            break;
        }
        if let Some(process) = look(pid)
            && wanted(process)
        {
            seen.push(process);
            next.extend(children_of(pid));
        }
    }
    seen
}

/// Sends a signal to the process that was seen, and to nobody who has got its number since.
pub(crate) fn signal(seen: &Seen, signal: Signal) {
    let Some(pid) = i32::try_from(seen.pid).ok().and_then(Pid::from_raw) else { return };
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    // Looked at after the descriptor was opened: if it is the one that was seen, so is the descriptor's.
    if look(seen.pid).as_ref() != Some(seen) {
        return;
    }
    match pidfd_send_signal(&process, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => (),
        Err(error) => log::error!("cannot signal process {pid:?}: {}", io::Error::from(error)),
    }
}
