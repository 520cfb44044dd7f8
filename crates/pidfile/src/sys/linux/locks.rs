//! Locks of bytes: those of open file descriptions (fcntl(2), `F_OFD_SETLK`).
//!
//! They end when the last descriptor of that very `open` is closed, so at the latest when the process
//! ends, however it ends; they work between threads; and closing some other descriptor of the file
//! drops nothing.

use std::os::fd::BorrowedFd;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::io::Errno;

use crate::bytes::Byte;

/// Locks `byte` exclusively, if nobody else has it locked. Needs a descriptor open for writing.
pub(crate) fn try_lock(file: BorrowedFd<'_>, byte: Byte) -> Result<bool, Errno> {
    match call(file, FcntlArg::F_OFD_SETLK(&range(byte, libc::F_WRLCK))) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Gives `byte` back, for all copies of the descriptor.
pub(crate) fn unlock(file: BorrowedFd<'_>, byte: Byte) -> Result<(), Errno> {
    call(file, FcntlArg::F_OFD_SETLK(&range(byte, libc::F_UNLCK)))
}

/// Gives all bytes back, for all copies of the descriptor.
pub(crate) fn unlock_all(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let to_the_end = libc::flock { l_len: 0, ..range(Byte::TakeOver, libc::F_UNLCK) };
    call(file, FcntlArg::F_OFD_SETLK(&to_the_end))
}

/// Blocks until nobody else has `byte`, in the sense of [`is_locked`].
pub(crate) fn wait_unlocked(file: BorrowedFd<'_>, byte: Byte) -> Result<(), Errno> {
    loop {
        match call(file, FcntlArg::F_OFD_SETLKW(&range(byte, libc::F_RDLCK))) {
            Ok(()) => return unlock(file, byte),
            Err(Errno::INTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether another open file description has `byte` exclusively. Takes nothing; a descriptor open for
/// reading is enough.
///
/// To have a shared lock takes no more than permission to read, so anybody could, and it says nothing
/// about who is alive or who takes over.
pub(crate) fn is_locked(file: BorrowedFd<'_>, byte: Byte) -> Result<bool, Errno> {
    let mut answer = range(byte, libc::F_RDLCK);
    call(file, FcntlArg::F_OFD_GETLK(&mut answer))?;
    Ok(i32::from(answer.l_type) != libc::F_UNLCK)
}

fn call(file: BorrowedFd<'_>, request: FcntlArg<'_>) -> Result<(), Errno> {
    fcntl(file, request).map(drop).map_err(|errno| Errno::from_raw_os_error(errno as i32))
}

fn range(byte: Byte, kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte as libc::off_t,
        l_len: 1,
        l_pid: 0, // Must be 0 for locks of open file descriptions.
    }
}
