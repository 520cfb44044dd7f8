//! Processes below others, and signals that reach nobody else.

mod herd;

use std::collections::BTreeSet;
use std::io;

use rustix::process::Signal;

use crate::sys;

pub use crate::sys::Seen;
pub use herd::{Herd, MOST};

/// What tells a process, dead or alive, from another that gets its number later; `None`: it has gone.
///
/// # Errors
///
/// The system does not say so now, for want of descriptors or memory: nothing is known of it.
pub fn seen(pid: u32) -> io::Result<Option<Seen>> {
    Ok(sys::process(pid)?.map(|process| process.seen))
}

/// Looks at a process; `None`: it has gone, or is a zombie, which nobody can do anything about.
///
/// # Errors
///
/// As [`seen`].
pub fn look(pid: u32) -> io::Result<Option<Seen>> {
    Ok(sys::process(pid)?.filter(|process| !process.is_dead).map(|process| process.seen))
}

/// Whether a process is dead for certain, though somebody has still to take note of that.
pub fn is_zombie(pid: u32) -> bool {
    sys::process(pid).is_ok_and(|process| process.is_some_and(|process| process.is_dead))
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
    let living = sys::all()?.into_iter().filter(|process| !process.is_dead);
    Ok(Some(living.map(|process| process.group).collect()))
}

/// The children of a process, zombies included, where the system has no [lists](children_of) of them.
///
/// # Errors
///
/// As [`seen`].
pub fn children_by_parent(pid: u32) -> io::Result<Vec<u32>> {
    let children = sys::all()?.into_iter().filter(|process| process.parent == pid);
    Ok(children.map(|process| process.seen.pid).collect())
}

/// Whether numbers of processes mean here what they mean to kill(2): not so in a namespace that sees the /proc of
/// another one.
///
/// # Errors
///
/// As [`seen`].
pub fn readable_proc() -> io::Result<bool> {
    sys::shows_us()
}

/// The children of a process, zombies included; none if it has gone.
///
/// # Errors
///
/// As [`seen`].
pub fn children_of(pid: u32) -> io::Result<Vec<u32>> {
    sys::children_of(pid)
}

/// Those of `roots` that are `wanted`, and those below them that are; at most `most`.
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
    sys::signal(seen, signal);
}

#[cfg(test)]
mod tests;
