//! Which descriptors are open, of this process and of its parent (proc_pid_fd(5), proc_pid_fdinfo(5)).

use std::fs;
use std::io;
use std::os::fd::AsRawFd;

use rustix::fs::{Dir, Mode, OFlags};

use super::small::read_small;

/// The descriptors of this process, from 3 on. Fails where there is no /proc.
pub(crate) fn open() -> io::Result<Vec<i32>> {
    listed("/proc/self/fd")
}

/// The descriptors of this thread, which may have a table of its own.
pub(super) fn open_in_thread() -> io::Result<Vec<i32>> {
    listed("/proc/thread-self/fd")
}

/// Whether a descriptor of this process is closed by exec(2). One that is gone counts as closed.
pub(crate) fn closes_on_exec(fd: i32) -> bool {
    closes("self", fd)
}

/// Whether our parent has handed this one on to us. A parent whose table cannot be seen (proc(5),
/// `hidepid`; ptrace(2), access mode) may have.
pub(super) fn is_of(parent: Option<u32>, fd: i32) -> bool {
    let Some(parent) = parent.map(|parent| parent.to_string()) else { return true };
    if fs::read_dir(format!("/proc/{parent}/fd")).is_err() {
        return true;
    }
    let target = |whose: &str| fs::read_link(format!("/proc/{whose}/fd/{fd}")).ok();
    !closes(&parent, fd) && target(&parent) == target("self")
}

/// The descriptors from 3 on that are open in the table that this folder shows.
fn listed(folder: &str) -> io::Result<Vec<i32>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let own = folder.as_raw_fd();
    // The descriptor of the folder that is being read is listed, too, and left out.
    let numbers = Dir::new(folder)?
        .filter_map(|entry| entry.ok()?.file_name().to_str().ok()?.parse().ok())
        .filter(|fd| *fd >= 3 && *fd != own);
    Ok(numbers.collect())
}

/// Whether fdinfo shows the flag O_CLOEXEC (proc_pid_fdinfo(5)). A descriptor that is gone counts as
/// closed.
fn closes(whose: &str, fd: i32) -> bool {
    let Ok(info) = read_small(&format!("/proc/{whose}/fdinfo/{fd}")) else { return true };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok());
    flags.is_none_or(|flags| flags & OFlags::CLOEXEC.bits() != 0)
}
