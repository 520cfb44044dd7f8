//! Names of files: given later, given again, given only if they are free.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, openat, renameat_with};
use rustix::io::Errno;

use crate::descriptor::above_stdio;

/// Makes a file without a name (open(2), `O_TMPFILE`), which goes when nobody has it open any more, to be
/// [named](give_name) when it is complete. `None`: here files have a name from the start, or this one is
/// [to be opened again](reopen) and cannot be.
pub(crate) fn create_nameless(
    folder: BorrowedFd<'_>,
    mode: Mode,
    to_be_reopened: bool,
) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = match openat(folder, ".", flags, mode) {
        Ok(file) => above_stdio(file)?,
        Err(Errno::OPNOTSUPP
            | Errno::NOSYS
            | Errno::ISDIR
            | Errno::INVAL
            // Some file systems say this of a folder that was removed.
            | Errno::NOENT
            | Errno::PERM) => {
            return Ok(None);
        }
        Err(errno) => return Err(errno),
    };
    // Without /proc a file can only be opened again by a name, and this one has none.
    let can_be = !to_be_reopened || reopen(file.as_fd(), OFlags::PATH).is_ok();
    Ok(can_be.then_some(file))
}

/// Opens a file anew that we have open already, with this access and whatever its names are.
pub(crate) fn reopen(file: BorrowedFd<'_>, access: OFlags) -> Result<OwnedFd, Errno> {
    openat(CWD, by_number(file), access | OFlags::CLOEXEC, Mode::empty())
}

/// Gives a file that we have open another name, or its first one; `EXIST` if that is taken. One that
/// has lost its last name cannot have any more (linkat(2), `ENOENT`).
pub(crate) fn give_name(
    file: BorrowedFd<'_>,
    folder: BorrowedFd<'_>,
    name: &OsStr,
) -> Result<(), Errno> {
    // linkat(2) by descriptor needs no /proc, but Linux 6.10 or a privilege.
    match linkat(file, "", folder, name, AtFlags::EMPTY_PATH) {
        Err(errno) if errno != Errno::EXIST => {
            linkat(CWD, by_number(file), folder, name, AtFlags::SYMLINK_FOLLOW)
        }
        done => done,
    }
}

/// The link in /proc of this thread, which may have a table of descriptors of its own.
fn by_number(file: BorrowedFd<'_>) -> String {
    format!("/proc/thread-self/fd/{}", file.as_raw_fd())
}

/// Renames within a folder, replacing nothing: `EXIST` if the name is taken; `INVAL`, `NOSYS` or
/// `OPNOTSUPP` where there is no such way (rename(2), `RENAME_NOREPLACE`).
pub(crate) fn rename_to_free(
    folder: BorrowedFd<'_>,
    from: &OsStr,
    to: &OsStr,
) -> Result<(), Errno> {
    renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE)
}
