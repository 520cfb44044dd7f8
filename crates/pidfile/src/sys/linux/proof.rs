//! Who holds the file, as the kernel itself says it: a classic lock beside the holder's.
//!
//! Of a lock of an open file description nobody can say whose it is: the description can be passed on,
//! also to somebody who did not ask for it. A classic one (fcntl(2), `F_SETLK`) belongs to the process
//! that called, which is told to everybody who may read the file, in the numbers of his own pid
//! namespace. That needs no /proc, and works for a program whose descriptors /proc hides.
//!
//! It proves, and guards nothing: the holder loses it when it closes any other descriptor of the file,
//! as by asking who holds it. Then there is what /proc shows, see `who`.

use std::os::fd::BorrowedFd;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Byte 3. The others belong to locks that decide.
const BYTE: libc::off_t = 3;

/// Takes it for this process. A file system that refuses leaves the proof to /proc.
pub(crate) fn take_proof(file: BorrowedFd<'_>) {
    let _ = fcntl(file, FcntlArg::F_SETLK(&lock(libc::F_WRLCK)));
}

/// The process that has taken it; `None` if nobody has, if it is ourselves, or if our pid namespace
/// does not know it. A reader's shared lock is not seen.
pub(crate) fn proven_holder(file: BorrowedFd<'_>) -> Option<u32> {
    let mut answer = lock(libc::F_RDLCK);
    fcntl(file, FcntlArg::F_GETLK(&mut answer)).ok()?;
    let found = i32::from(answer.l_type) == libc::F_WRLCK;
    // Locks of open file descriptions have -1, a process that we cannot see 0.
    u32::try_from(answer.l_pid).ok().filter(|pid| found && *pid > 0)
}

fn lock(kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: BYTE,
        l_len: 1,
        l_pid: 0,
    }
}
