//! Processes as /proc shows them, and signals by pidfd.

use std::fs::File;
use std::{fs, io, process as this};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process as it was seen: two sightings that are equal are of the same one, since no number comes
/// round within a tick of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Its number.
    pub pid: u32,
    /// When it began, in ticks since the boot (proc_pid_stat(5)).
    began: u64,
}

/// What is known of a process.
pub(crate) struct Process {
    pub(crate) seen: Seen,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) is_dead: bool,
}

/// `None`: there is none, or none that we may see.
pub(crate) fn process(pid: u32) -> io::Result<Option<Process>> {
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

/// All that we may see.
pub(crate) fn all() -> io::Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number {
            all.extend(process(number)?);
        }
    }
    Ok(all)
}

/// Whether /proc shows processes by our numbers. In a /proc that belongs to another namespace the same
/// numbers mean other processes.
pub(crate) fn shows_us() -> io::Result<bool> {
    let own = this::id().to_string();
    Ok(there(fs::read_link("/proc/self"))?.is_some_and(|link| link.as_os_str() == own.as_str()))
}

/// The children of a process, zombies included; none if it has gone.
pub(crate) fn children_of(pid: u32) -> io::Result<Vec<u32>> {
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

/// The variables of a process, each ended by a zero, to be read; `None` as with [`process`].
pub(crate) fn environment(pid: u32) -> io::Result<Option<File>> {
    there(File::open(format!("/proc/{pid}/environ")))
}

/// `None`: there is no such file, or process, or it is hidden from us. Any other error says nothing.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
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

/// Sends a signal to the process that was seen, and to nobody who has got its number since.
pub(crate) fn signal(seen: &Seen, signal: Signal) {
    let Some(pid) = i32::try_from(seen.pid).ok().and_then(Pid::from_raw) else { return };
    let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    // Looked at after the descriptor was opened: if the number still means the process that was seen, so
    // does the descriptor.
    let found = process(seen.pid).ok().flatten();
    if !found.is_some_and(|found| !found.is_dead && found.seen == *seen) {
        return;
    }
    match pidfd_send_signal(&descriptor, signal) {
        Ok(()) | Err(Errno::SRCH) => (),
        Err(error) => log::error!("cannot signal process {pid:?}: {}", io::Error::from(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands behind the name is read whatever that is.
    ///
    /// Case: FLT-F1
    #[test]
    fn a_name_hides_nothing_of_a_process() {
        let rest = "S 3 5 5 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 777 8 9";
        for name in [&b"sleep"[..], b"a) Z 1 1", b"a\n) X (", b"\xff\xfe", b""] {
            let stat = [b"7 (", name, b") ", rest.as_bytes()].concat();
            let process = parse(7, &stat).unwrap();
            assert_eq!((process.parent, process.group, process.is_dead), (3, 5, false));
            assert_eq!(process.seen, Seen { pid: 7, began: 777 });
        }
        for (state, threads, is_dead) in [('Z', 1, true), ('X', 0, true), ('Z', 2, false)] {
            let stat = format!("7 (a) {state} 3 5{} {threads} 0 777", " 0".repeat(14));
            assert_eq!(parse(7, stat.as_bytes()).unwrap().is_dead, is_dead, "{stat}");
        }
        assert!(parse(7, b"7 (a) S 3").is_none());
    }
}
