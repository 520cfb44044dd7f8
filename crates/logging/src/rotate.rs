//! Putting a file aside, by one process at a time, without anybody waiting.
//!
//! Who rotates holds a lock on the *folder* for a few system calls. Whoever does not get it at once
//! goes on writing to the file as it is: a record that arrives after the rename is in the file that
//! was put aside, which is as good a place. So a process that is stopped or killed in the middle of a
//! rotation holds up nobody's records.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use crate::names::{self, Keep, Name};
use crate::open::{self, Identity};

/// What became of an attempt.
#[derive(Debug)]
pub(crate) enum Rotated {
    /// The file has a new name. The old name leads nowhere, or to a file that is new already.
    PutAside,
    /// Someone else is at it right now.
    Busy,
    /// Someone else was faster: the name leads to another file already.
    NotOurs,
}

/// Renames the file after `stamp`, if the name still leads to it, and removes what is too old.
///
/// `too_many` is told about old files that could not be removed; the rotation succeeded then.
pub(crate) fn put_aside(
    path: &Path,
    identity: Identity,
    stamp: &str,
    keep: Keep,
    too_many: &mut dyn FnMut(io::Error),
) -> io::Result<Rotated> {
    let Some(log) = path.file_name() else { return Ok(Rotated::NotOurs) };
    let folder = open::folder_of(path);
    let Some(_lock) = lock(folder)? else { return Ok(Rotated::Busy) };
    if !open::leads_to(path, identity) {
        return Ok(Rotated::NotOurs);
    }
    let mut name = Name::next(stamp.to_owned(), &list(folder, log)?);
    loop {
        match rename_without_replacing(path, &folder.join(name.file_name(log))) {
            Ok(()) => break,
            // Something that is no file of ours has this name, a folder perhaps.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                name.number = name.number.checked_add(1).ok_or(error)?;
            }
            // Someone who knows nothing of our lock was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Rotated::NotOurs),
            Err(error) => return Err(error),
        }
    }
    let with_size = |name: Name| {
        let size =
            fs::symlink_metadata(folder.join(name.file_name(log))).map_or(0, |file| file.len());
        (name, size)
    };
    let existing = list(folder, log)?.into_iter().map(with_size).collect();
    for old in names::surplus(existing, keep) {
        if let Err(error) = fs::remove_file(folder.join(old.file_name(log)))
            && error.kind() != io::ErrorKind::NotFound
        {
            too_many(error);
        }
    }
    Ok(Rotated::PutAside)
}

/// Gives a file that has just begun the permissions of its predecessor, and its owner if we may:
/// others who could write to that one must be able to write to this one.
pub(crate) fn inherit(predecessor: &File, successor: &File) {
    let (Ok(old), Ok(new)) = (predecessor.metadata(), successor.metadata()) else { return };
    if new.len() > 0 {
        return; // Someone writes to it already, so it suits.
    }
    // What is refused stays as it is: the writers who cannot open the new file stay with the old.
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        let owner = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
        let _ = rustix::fs::fchown(successor, Some(owner.0), Some(owner.1));
    }
    if old.mode() & 0o777 != new.mode() & 0o777 {
        let _ = successor.set_permissions(fs::Permissions::from_mode(old.mode() & 0o777));
    }
}

/// None: someone else has it.
fn lock(folder: &Path) -> io::Result<Option<rustix::fd::OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(folder, flags, Mode::empty())?;
    match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(fd)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The files that were put aside, in no order.
pub(crate) fn list(folder: &Path, log: &OsStr) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(name) = Name::parse(log, &entry.file_name())
            && entry.file_type().is_ok_and(|kind| kind.is_file())
        {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) fn rename_without_replacing(from: &Path, to: &PathBuf) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system does not know how.
        Err(Errno::INVAL | Errno::NOSYS) => link_and_unlink(from, to),
        result => Ok(result?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) fn rename_without_replacing(from: &Path, to: &PathBuf) -> io::Result<()> {
    link_and_unlink(from, to)
}

/// A link never replaces anything either. Killed in between, the file has two names: the next
/// rotation gives it a third and removes the first.
fn link_and_unlink(from: &Path, to: &PathBuf) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_somebody_else_has_replaced_is_not_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let old = open::open(&path).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        let keep = Keep { files: 7, bytes: 1 << 30 };
        let put_aside = |identity| {
            put_aside(&path, identity, "2026-11-21", keep, &mut |error| panic!("{error}"))
        };
        assert!(matches!(put_aside(old.identity).unwrap(), Rotated::NotOurs), "there is none");
        let new = open::open(&path).unwrap();
        assert!(matches!(put_aside(old.identity).unwrap(), Rotated::NotOurs), "it is another");
        assert!(path.exists());
        assert!(matches!(put_aside(new.identity).unwrap(), Rotated::PutAside));
        assert!(!path.exists());
    }

    /// A folder with the next name cannot be ours, and is in the way.
    #[test]
    fn a_name_that_is_taken_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        fs::create_dir(folder.path().join("app.log.2026-11-21")).unwrap();
        let file = open::open(&path).unwrap();
        let keep = Keep { files: 7, bytes: 1 << 30 };
        put_aside(&path, file.identity, "2026-11-21", keep, &mut |error| panic!("{error}"))
            .unwrap();
        assert!(folder.path().join("app.log.2026-11-21").is_dir());
        assert!(folder.path().join("app.log.2026-11-21.0001").is_file());
    }

    #[test]
    fn by_link_a_file_is_renamed_without_replacing_either() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        let error = link_and_unlink(&from, &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        fs::remove_file(&to).unwrap();
        link_and_unlink(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert!(!from.exists());
    }
}
