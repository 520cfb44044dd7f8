//! What a child inherits without being asked, put right before anything else runs.

use std::ffi::{CString, OsStr};
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{env, fs, io};

use nix::sys::signal::SigSet;
use rustix::fs::{Dir, Mode, OFlags};

/// Signals, stray descriptors, and the name that `top` shows.
pub(crate) fn reset(comm: &OsStr) {
    // A signal blocked in the thread that spawned us would stay so for ever, SIGTERM too.
    let _ = SigSet::empty().thread_set_mask();
    unignore_signals();
    close_strays();
    let name: Vec<u8> =
        comm.as_bytes().iter().copied().filter(|byte| *byte != 0).take(15).collect();
    if let Ok(name) = CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
}

/// The parent's socket, taken from descriptor 0, which becomes `/dev/null`.
pub(crate) fn take_stdin() -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    rustix::net::sockopt::socket_type(stdin)?;
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 3)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(socket)
}

/// Gives every ignored signal its default back.
///
/// A disposition of "ignored" survives exec, a handler does not. So whoever finds one registers a
/// handler that does nothing and executes itself once more; nobody else pays for it. SIGPIPE is
/// left as it is in any Rust program, and the two signals that glibc keeps for itself are not ours.
fn unignore_signals() {
    const OWN: &[i32] = &[signal_hook::consts::SIGPIPE, 32, 33];
    let ignored = ignored_signals();
    let mut changed = false;
    for signal in (1..=64).filter(|signal| ignored & (1 << (signal - 1)) != 0) {
        if !OWN.contains(&signal) {
            let flag = std::sync::Arc::default();
            changed |= signal_hook::flag::register(signal, flag).is_ok();
        }
    }
    if changed {
        let mut args = env::args_os();
        let title = args.next().unwrap_or_default();
        // Comes back only if it failed; then the handlers, which do nothing, have to do.
        let _ = Command::new("/proc/self/exe").arg0(title).args(args).exec();
    }
}

/// Bit n-1 for signal n, as /proc tells (proc_pid_status(5)); none where there is no /proc.
fn ignored_signals() -> u64 {
    let status = read_small("/proc/self/status").unwrap_or_default();
    let field = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    field.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

/// A file in /proc in one read, and another one for its end. Its length is not told before, so std
/// would feel its way from 32 bytes on.
fn read_small(path: &str) -> io::Result<String> {
    let mut text = String::with_capacity(8 * 1024);
    fs::File::open(path)?.take(u64::MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Closes what was inherited without being meant to be: every descriptor from 3 on that lacks
/// close-on-exec. Closing any other would break a runtime that was started before us.
fn close_strays() {
    let open = open_descriptors("/proc/self/fd").unwrap_or_default();
    for fd in open.into_iter().filter(|fd| !closes_on_exec(*fd)) {
        let _ = nix::unistd::close(fd);
    }
}

/// The descriptors from 3 on that are open in the table that this folder shows.
pub(crate) fn open_descriptors(folder: &str) -> io::Result<Vec<i32>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let own = folder.as_raw_fd();
    // Collected first: the folder that is read is itself one of them.
    let numbers = Dir::new(folder)?
        .filter_map(|entry| entry.ok()?.file_name().to_str().ok()?.parse().ok())
        .filter(|fd| *fd >= 3 && *fd != own);
    Ok(numbers.collect())
}

/// Whether fdinfo shows the flag O_CLOEXEC (proc_pid_fdinfo(5)). One that is gone is closed.
fn closes_on_exec(fd: i32) -> bool {
    let Ok(info) = read_small(&format!("/proc/self/fdinfo/{fd}")) else { return true };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok());
    flags.is_none_or(|flags| flags & OFlags::CLOEXEC.bits() != 0)
}
