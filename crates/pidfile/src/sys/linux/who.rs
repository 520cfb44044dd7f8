//! Which processes have a byte of a pid file locked, as far as /proc tells.
//!
//! The system does not say whose a lock of an open file description is (its pid is -1), since it
//! may be several processes'. But each descriptor's fdinfo lists the locks of its description.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, StatxFlags, makedev, statx};
use rustix::io::Errno;

use super::process::has_ended;
use crate::bytes::Byte;
use crate::id::Id;

/// What counts as a lock on a dependent's byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinds {
    /// Locks of bytes, which need a descriptor open for writing.
    Bytes,
    /// Also one of flock(2), if the process with this number has taken it: a reader can have one, too.
    AndFlockBy(u32),
    /// Also one of flock(2), whoever has taken it.
    AndAnyFlock,
}

/// Every process that has the byte locked; empty if none, or if /proc does not tell.
pub(super) fn holders(file: Id, byte: Byte, kinds: Kinds) -> Vec<u32> {
    all(file, byte, kinds, "WRITE")
}

/// Every process that has a shared lock on the byte, as anybody can who may read the file.
pub(crate) fn readers(file: Id, byte: Byte) -> Vec<u32> {
    all(file, byte, Kinds::Bytes, "READ")
}

fn all(file: Id, byte: Byte, kinds: Kinds, access: &str) -> Vec<u32> {
    if !proc_speaks_of_us() {
        return Vec::new();
    }
    let Some(processes) = processes() else { return Vec::new() };
    let mut found: Vec<u32> =
        processes.filter(|pid| has(*pid, file, byte, kinds, access) == Some(true)).collect();
    found.sort_unstable();
    found
}

fn processes() -> Option<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc").ok()?.flatten();
    Some(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

/// Whether it is certain that no process of this user has an exclusive lock of flock(2) on the file, nor
/// any other process that we can look into.
pub(super) fn nobody_has_flock(file: Id, user: u32) -> bool {
    let has_not = |pid: u32| match holds_flock(pid, file) {
        Some(has) => !has,
        None => users(pid).map_or_else(|| has_ended(pid), |users| !users.contains(&user)),
    };
    processes().is_some_and(|mut processes| processes.all(has_not))
}

/// Whether this process has the byte locked; `None` if /proc does not tell.
pub(crate) fn has_locked(pid: u32, file: Id, byte: Byte) -> Option<bool> {
    has(pid, file, byte, Kinds::Bytes, "WRITE")
}

/// Whether this process has an exclusive lock of flock(2) on the file; `None` if /proc does not tell.
pub(super) fn holds_flock(pid: u32, file: Id) -> Option<bool> {
    has(pid, file, Byte::Dependent, Kinds::AndAnyFlock, "WRITE")
}

fn has(pid: u32, file: Id, byte: Byte, kinds: Kinds, access: &str) -> Option<bool> {
    if !proc_speaks_of_us() {
        return None;
    }
    let process = PathBuf::from(format!("/proc/{pid}"));
    let descriptors = fs::read_dir(process.join("fdinfo")).ok()?;
    let names: Vec<_> = descriptors.flatten().map(|entry| entry.file_name()).collect();
    let mut hidden = false;
    for name in names {
        // Files only: what the system tells of an epoll, say, waits for its owner, who may have it wait for ever.
        let info = match fs::read_link(process.join("fd").join(&name)) {
            Ok(link) if !is_of_a_file(&link) => continue,
            Ok(_) => fs::read_to_string(process.join("fdinfo").join(&name)),
            Err(error) => Err(error),
        };
        let info = match info {
            Ok(info) => info,
            Err(error) => {
                // A descriptor that was closed meanwhile is not hidden, nor is one of a process that has
                // just ended.
                hidden |= error.kind() != io::ErrorKind::NotFound
                    && error.raw_os_error() != Some(Errno::SRCH.raw_os_error());
                continue;
            }
        };
        if info.lines().any(|line| is_lock_on(line, byte, kinds, access))
            && is_same_file(&process.join("fd").join(&name), file)
        {
            return Some(true);
        }
    }
    (!hidden).then_some(false)
}

/// The real and the effective user of a process; `None` if /proc does not tell.
pub(crate) fn users(pid: u32) -> Option<[u32; 2]> {
    if !proc_speaks_of_us() {
        return None;
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mut users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace();
    Some([users.next()?.parse().ok()?, users.next()?.parse().ok()?])
}

/// The numbers of a process in its own pid namespace and in those above it, as far as we see them
/// (proc_pid_status(5), `NSpid`); empty if /proc does not tell.
pub(super) fn numbers(pid: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    line.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Whether each process that has a lock of flock(2) on the file is of our own pid namespace, and there
/// is one: then whoever took it had the number there that we see.
pub(super) fn all_are_of_our_namespace(file: Id) -> bool {
    let ours = fs::read_link("/proc/self/ns/pid").ok();
    let left = holders(file, Byte::Dependent, Kinds::AndAnyFlock);
    let is_ours = |pid: &u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok() == ours;
    ours.is_some() && !left.is_empty() && left.iter().all(is_ours)
}

/// Whether this is the first pid namespace of the machine, in which every process has a number, the dead
/// ones that took a lock too. Elsewhere the kernel translates such a number to whoever has it now.
pub(super) fn is_first_namespace() -> bool {
    // `PROC_PID_INIT_INO` of linux/proc_ns.h.
    fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link == Path::new("pid:[4026531836]"))
}

/// The numbers in /proc are those of the pid namespace in which it was mounted. If that is not
/// ours, a number in it means another process than the same number does to us.
pub(super) fn proc_speaks_of_us() -> bool {
    let ours = std::process::id().to_string();
    fs::read_link("/proc/self").is_ok_and(|target| target == Path::new(&ours))
}

/// Whether a descriptor is of a file, by what its link is called (proc_pid_fd(5)): all else has a kind and a
/// number. Where that file cannot be reached from our root, the link says so in front.
fn is_of_a_file(link: &Path) -> bool {
    let link = link.as_os_str().as_bytes();
    link.starts_with(b"/") || link.starts_with(b"(unreachable)/")
}

/// Asked of the file through the descriptor, so that numbers of devices and inodes are as `stat` tells
/// them (fdinfo's own are not, on btrfs and overlayfs). The file system is not asked, since it may be
/// that of a user who lets it never answer: what the kernel knows of an open file is enough.
fn is_same_file(descriptor: &Path, file: Id) -> bool {
    let seen = statx(rustix::fs::CWD, descriptor, AtFlags::STATX_DONT_SYNC, StatxFlags::INO);
    seen.is_ok_and(|seen| {
        let device = makedev(seen.stx_dev_major, seen.stx_dev_minor);
        Id { device, inode: seen.stx_ino } == file
    })
}

/// Whether a line of fdinfo (proc_pid_fdinfo(5)) tells of such a lock that covers the byte:
/// `lock: 1: OFDLCK ADVISORY WRITE -1 fd:01:131 1 1`, the last two being first and last byte. A dependent
/// can have one of flock(2), too. A locker has the number 0 if our pid namespace does not know it, or no
/// longer.
fn is_lock_on(line: &str, byte: Byte, kinds: Kinds, access: &str) -> bool {
    let Some(lock) = line.strip_prefix("lock:") else { return false };
    let words: Vec<&str> = lock.split_whitespace().collect();
    let [_, kind, _, found, locker, _, first, last] = words[..] else { return false };
    let flock_counts = match kinds {
        Kinds::Bytes => false,
        Kinds::AndFlockBy(number) => {
            locker.parse().is_ok_and(|locker: u32| locker == number || locker == 0)
        }
        Kinds::AndAnyFlock => true,
    };
    let counts = match kind {
        "OFDLCK" | "POSIX" => true,
        "FLOCK" => byte == Byte::Dependent && flock_counts,
        _ => false,
    };
    if found != access || !counts {
        return false;
    }
    let byte = byte as u64;
    first.parse().is_ok_and(|first: u64| first <= byte)
        && (last == "EOF" || last.parse().is_ok_and(|last: u64| byte <= last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Kinds = Kinds::AndAnyFlock;

    #[track_caller]
    fn check(line: &str, covered: &[Byte]) {
        let all = [Byte::TakeOver, Byte::Holder, Byte::Dependent];
        let found: Vec<Byte> =
            all.into_iter().filter(|byte| is_lock_on(line, *byte, ANY, "WRITE")).collect();
        assert_eq!(found, covered, "{line:?}");
    }

    #[test]
    fn a_lock_is_recognized_by_kind_and_range() {
        check("lock:\t1: OFDLCK ADVISORY  WRITE -1 fd:01:131 1 1", &[Byte::Holder]);
        check(
            "lock:\t2: OFDLCK ADVISORY  WRITE -1 fd:01:131 1 2",
            &[Byte::Holder, Byte::Dependent],
        );
        check(
            "lock:\t1: POSIX  ADVISORY  WRITE 77 fd:01:131 0 EOF",
            &[Byte::TakeOver, Byte::Holder, Byte::Dependent],
        );
        check("lock:\t1: OFDLCK ADVISORY  READ -1 fd:01:131 1 1", &[]);
        check("lock:\t1: FLOCK  ADVISORY  WRITE 77 fd:01:131 0 EOF", &[Byte::Dependent]);
        check("lock:\t1: FLOCK  ADVISORY  READ 77 fd:01:131 0 EOF", &[]);
        check("lock:\t1: LEASE  ACTIVE    WRITE 77 fd:01:131 0 EOF", &[]);
        check("lock:", &[]);
        check("flags:\t02100002", &[]);
    }

    /// What /proc shows of an epoll, as of some other kinds, waits for the process that has it.
    ///
    /// Case: FLT-D5
    #[test]
    fn only_descriptors_of_files_are_looked_into() {
        for file in ["/run/d.pid", "/tmp/#77 (deleted)", "(unreachable)/d.pid"] {
            assert!(is_of_a_file(Path::new(file)), "{file}");
        }
        for other in ["anon_inode:[eventpoll]", "socket:[7]", "pipe:[7]", "net:[7]"] {
            assert!(!is_of_a_file(Path::new(other)), "{other}");
        }
    }

    /// A reader can have one of flock(2), and pass it on to whom he likes.
    #[test]
    fn a_lock_of_flock_counts_by_who_took_it() {
        let line = "lock:\t1: FLOCK  ADVISORY  WRITE 77 fd:01:131 0 EOF";
        let counts = |kinds| is_lock_on(line, Byte::Dependent, kinds, "WRITE");
        assert!(counts(Kinds::AndFlockBy(77)));
        assert!(!counts(Kinds::AndFlockBy(78)));
        assert!(!counts(Kinds::Bytes));
        let of_nobody_here = line.replace("77", "0");
        assert!(is_lock_on(&of_nobody_here, Byte::Dependent, Kinds::AndFlockBy(78), "WRITE"));
    }
}
