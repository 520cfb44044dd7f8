//! Linux: links opened themselves, the kernel's memory of names, lists of access, user namespaces.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, PROC_SUPER_MAGIC, RenameFlags, ResolveFlags, StatxFlags, fstat,
    fstatfs, makedev, openat, openat2, readlink, readlinkat, renameat_with, statat, statx,
};
use rustix::io::Errno;

use super::Look;
use crate::seen::{Identity, Kind, Seen};

mod acl;
mod namespace;

pub(crate) use namespace::stands_for_root;

/// Opens a folder only to name it, which takes no right to list it.
pub(crate) const NAMED: OFlags = OFlags::PATH;

/// Android ends a program for a system call that its filter does not know.
const KNOWS_NEW_CALLS: bool = cfg!(target_os = "linux");

/// The folder at a path, if there is no link on the way.
pub(crate) fn open_without_links(folder: &Path) -> Option<OwnedFd> {
    if !KNOWS_NEW_CALLS {
        return None;
    }
    let flags = NAMED | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(CWD, folder, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()
}

/// What `name` is. Link and owner are read from one and the same link, even if the name is being
/// exchanged meanwhile.
pub(crate) fn look(folder: &OwnedFd, name: &OsStr, last: bool) -> Result<Look, Errno> {
    if last {
        // One call is enough to see that it is no link, which is nearly always.
        let seen = Seen::new(&statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?);
        match seen.kind {
            Kind::Link => (),
            Kind::Folder => return Ok(Look::Folder(seen, None)),
            Kind::File | Kind::Fifo | Kind::Socket | Kind::Device | Kind::Other => {
                return Ok(Look::Other(seen));
            }
        }
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let it = openat(folder, name, flags, Mode::empty())?;
    let seen = Seen::new(&fstat(&it)?);
    Ok(match seen.kind {
        Kind::Link => Look::link(seen, readlinkat(&it, "", Vec::new())?),
        Kind::Folder => Look::Folder(seen, Some(it)),
        Kind::File | Kind::Fifo | Kind::Socket | Kind::Device | Kind::Other => Look::Other(seen),
    })
}

/// Whether the links in this folder may lead to no path, so that only the kernel can follow them: /proc.
pub(crate) fn kernel_makes_links_in(folder: &OwnedFd) -> bool {
    fstatfs(folder).is_ok_and(|system| system.f_type == PROC_SUPER_MAGIC)
}

/// Whether an access control list lets somebody whom it names write to the folder.
pub(crate) fn names_a_writer(folder: &OwnedFd) -> bool {
    cfg!(target_os = "linux") && acl::names_a_writer(folder.as_fd())
}

/// Which file has this name.
pub(crate) fn identity(folder: &OwnedFd, name: &OsStr, flags: AtFlags) -> Result<Identity, Errno> {
    let by_stat = || Ok(Seen::new(&statat(folder, name, flags)?).identity);
    if !KNOWS_NEW_CALLS {
        return by_stat();
    }
    // Nothing but the inode is asked for: times and sizes would make some file systems ask a server, or
    // another processor.
    match statx(folder, name, flags, StatxFlags::INO) {
        Ok(seen) => Ok(Identity {
            device: makedev(seen.stx_dev_major, seen.stx_dev_minor),
            inode: seen.stx_ino,
        }),
        // A sandbox that is older than the call forbids it.
        Err(Errno::NOSYS | Errno::PERM) => by_stat(),
        Err(errno) => Err(errno),
    }
}

/// Whether the name by which it was opened has been taken away since. The kernel remembers that name, and
/// that it went, also if another file, or the same one again, has got it.
pub(crate) fn has_lost_its_name(opened: &OwnedFd) -> bool {
    // The links are those of this thread, which may have a table of descriptors of its own.
    let by_number = format!("/proc/thread-self/fd/{}", opened.as_raw_fd());
    readlink(by_number, Vec::new()).is_ok_and(|path| path.as_bytes().ends_with(b" (deleted)"))
}

/// Renames within a folder, replacing nothing; `INVAL` where the file system does not know how.
pub(crate) fn rename_to_free(folder: &OwnedFd, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE)
}
