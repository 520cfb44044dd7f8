//! Systems other than Linux, by what nearly all of them have.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::Look;
use crate::seen::{Identity, Kind, Seen};

/// FreeBSD can name a folder without the right to list it.
#[cfg(target_os = "freebsd")]
pub(crate) const NAMED: OFlags = OFlags::PATH;
#[cfg(not(target_os = "freebsd"))]
pub(crate) const NAMED: OFlags = OFlags::RDONLY;

/// There is no such call: the way is walked.
pub(crate) fn open_without_links(_: &Path) -> Option<OwnedFd> {
    None
}

/// What `name` is. A link cannot be opened: it is read between two looks that must agree.
pub(crate) fn look(folder: &OwnedFd, name: &OsStr, _: bool) -> Result<Look, Errno> {
    let now = || {
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok::<Seen, Errno>(Seen::new(&stat))
    };
    let seen = now()?;
    Ok(match seen.kind {
        Kind::Link => {
            let leads_to = readlinkat(folder, name, Vec::new())?;
            let again = now()?;
            if (again.identity, again.owner) != (seen.identity, seen.owner) {
                return Err(Errno::LOOP);
            }
            Look::link(seen, leads_to)
        }
        Kind::Folder => {
            let flags = NAMED | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = openat(folder, name, flags, Mode::empty())?;
            Look::Folder(Seen::new(&fstat(&opened)?), Some(opened))
        }
        Kind::File | Kind::Fifo | Kind::Socket | Kind::Device | Kind::Other => Look::Other(seen),
    })
}

/// No links here have to be left to the kernel: what stands in `/dev/fd` are devices.
pub(crate) fn kernel_makes_links_in(_: &OwnedFd) -> bool {
    false
}

/// The access control lists of these systems are of other kinds, and are not read.
pub(crate) fn names_a_writer(_: &OwnedFd) -> bool {
    false
}

/// Everybody has a user id of his own.
pub(crate) fn stands_for_root() -> Option<u32> {
    None
}

/// Which file has this name.
pub(crate) fn identity(folder: &OwnedFd, name: &OsStr, flags: AtFlags) -> Result<Identity, Errno> {
    Ok(Seen::new(&statat(folder, name, flags)?).identity)
}

/// These systems do not remember by which name a file was opened: a name that was taken away and made
/// again in between is not noticed.
pub(crate) fn has_lost_its_name(_: &OwnedFd) -> bool {
    false
}

/// Renames within a folder, replacing nothing (renamex_np(2), `RENAME_EXCL`).
#[cfg(target_vendor = "apple")]
pub(crate) fn rename_to_free(folder: &OwnedFd, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    use rustix::fs::{RenameFlags, renameat_with};
    renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE)
}

/// There is no such call.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn rename_to_free(_: &OwnedFd, _: &OsStr, _: &OsStr) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}
