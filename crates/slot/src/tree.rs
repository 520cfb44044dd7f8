//! Processes below others, as /proc shows them, and signals that reach nobody else.

mod herd;

use std::collections::BTreeSet;
use std::{fs, io, process};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

pub use herd::{Herd, MOST};

/// A process as it was seen: two sightings that are equal are of the same one, since no number comes
/// round within a tick of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Its number.
    pub pid: u32,
    /// When it began, in ticks since the boot (proc_pid_stat(5)).
    began: u64,
}

/// The same process later, dead or alive; `None`: it has gone.
///
/// # Errors
///
/// The system does not say so now, for want of descriptors or memory: nothing is known of it.
pub fn seen(pid: u32) -> io::Result<Option<Seen>> {
    Ok(read(pid)?.map(|process| process.seen))
}

/// Looks at a process; `None`: it has gone, or is a zombie, which nobody can do anything about.
///
/// # Errors
///
/// As [`seen`].
pub fn look(pid: u32) -> io::Result<Option<Seen>> {
    Ok(read(pid)?.filter(|process| !process.is_dead).map(|process| process.seen))
}

/// Whether a process is dead for certain, though somebody has still to take note of that.
pub fn is_zombie(pid: u32) -> bool {
    read(pid).is_ok_and(|process| process.is_some_and(|process| process.is_dead))
}

/// The process groups with a member that is no zombie; `None`: this /proc does not show them.
///
/// # Errors
///
/// As [`seen`].
pub fn living_groups() -> io::Result<Option<BTreeSet<u32>>> {
    if !readable_proc()? {
        return Ok(None);
    }
    let living = all()?.into_iter().filter(|process| !process.is_dead);
    Ok(Some(living.map(|process| process.group).collect()))
}

/// The children of a process, zombies included, where the system has no [lists](children_of) of them.
///
/// # Errors
///
/// As [`seen`].
pub fn children_by_parent(pid: u32) -> io::Result<Vec<u32>> {
    let children = all()?.into_iter().filter(|process| process.parent == pid);
    Ok(children.map(|process| process.seen.pid).collect())
}

fn all() -> io::Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number {
            all.extend(read(number)?);
        }
    }
    Ok(all)
}

/// Whether /proc shows processes by our numbers: those of one that belongs to another namespace mean somebody else.
///
/// # Errors
///
/// As [`seen`].
pub fn readable_proc() -> io::Result<bool> {
    let own = process::id().to_string();
    Ok(there(fs::read_link("/proc/self"))?.is_some_and(|link| link.as_os_str() == own.as_str()))
}

/// `None`: there is no such file, or process, or it is hidden from us. Any other error says nothing.
pub(crate) fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::SRCH | Errno::NOTDIR | Errno::ACCESS | Errno::PERM) => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

struct Process {
    seen: Seen,
    parent: u32,
    group: u32,
    is_dead: bool,
}

fn read(pid: u32) -> io::Result<Option<Process>> {
    let stat = there(fs::read(format!("/proc/{pid}/stat")))?;
    Ok(stat.and_then(|stat| parse(pid, &stat)))
}

fn parse(pid: u32, stat: &[u8]) -> Option<Process> {
    // The name before it may contain anything, also what is no text, so count from its closing bracket.
    let stat = String::from_utf8_lossy(stat);
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    // The state was the third field, these are the fourth and fifth, the twentieth and the twenty-second.
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let threads: u32 = fields.nth(14)?.parse().ok()?;
    let began = fields.nth(1)?.parse().ok()?;
    // The first thread may have ended without the others.
    let is_dead = ended && threads <= 1;
    Some(Process { seen: Seen { pid, began }, parent, group, is_dead })
}

/// The children of a process, zombies included; none if it has gone.
///
/// # Errors
///
/// As [`seen`].
pub fn children_of(pid: u32) -> io::Result<Vec<u32>> {
    let mut children = Vec::new();
    let Some(tasks) = there(fs::read_dir(format!("/proc/{pid}/task")))? else {
        return Ok(children);
    };
    for task in tasks {
        // A thread may end meanwhile, and the process with its last one.
        let Some(task) = there(task)? else { continue };
        let list = there(fs::read_to_string(task.path().join("children")))?.unwrap_or_default();
        children.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(children)
}

/// Those of `roots` that are `wanted`, and those below them that are; at most so many.
///
/// # Errors
///
/// As [`seen`], or `wanted` says one: there may be others.
pub fn below(
    roots: &[u32],
    most: usize,
    mut wanted: impl FnMut(Seen) -> io::Result<bool>,
) -> io::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    let mut next: Vec<u32> = roots.to_vec();
    while let Some(pid) = next.pop() {
        if seen.len() == most {
            break;
        }
        if let Some(process) = look(pid)?
            && wanted(process)?
        {
            seen.push(process);
            next.extend(children_of(pid)?);
        }
    }
    Ok(seen)
}

/// Sends a signal to the process that was seen, and to nobody who has got its number since.
pub fn signal(seen: &Seen, signal: Signal) {
    let Some(pid) = i32::try_from(seen.pid).ok().and_then(Pid::from_raw) else { return };
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    // Looked at after the descriptor was opened: if it is the one that was seen, so is the descriptor's.
    if !look(seen.pid).is_ok_and(|found| found == Some(*seen)) {
        return;
    }
    match pidfd_send_signal(&process, signal) {
        Ok(()) | Err(Errno::SRCH) => (),
        Err(error) => log::error!("cannot signal process {pid:?}: {}", io::Error::from(error)),
    }
}

#[cfg(test)]
mod tests;
