//! The right to be the one, as a value.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::fstat;

use crate::bytes::Byte;
use crate::detail::Op;
use crate::error::Error;
use crate::fill::New;
use crate::id::Id;
use crate::place::Place;
use crate::sys;

/// The right to be the one running instance, held until released or dropped.
///
/// Dropping this removes the file, if the path still leads to it, and then gives up the lock; what
/// goes wrong with it is not told, [`release`](PidFile::release) tells. Two exceptions: while a
/// [`Dependent`](crate::Dependent) is alive, the file is left, so that a successor waits for it;
/// and a forked copy of the process has a copy of this value but not the duty, so there it only
/// closes its descriptor.
///
/// The descriptor is close-on-exec and 3 or higher.
#[must_use = "the pid file is given up as soon as this value is dropped"]
#[derive(Debug)]
pub struct PidFile {
    /// `None` once given up.
    file: Option<OwnedFd>,
    /// Whether a hold was made, and its descriptor until somebody takes that.
    hold: (bool, Option<OwnedFd>),
    path: PathBuf,
    /// Who acquired it.
    owner: u32,
}

impl PidFile {
    pub(crate) fn new(new: New, path: &Path) -> PidFile {
        let New { file, pid: owner, hold } = new;
        PidFile { file: Some(file), hold: (hold.is_some(), hold), path: path.to_owned(), owner }
    }

    /// Takes the descriptor that [`Options::with_hold`](crate::Options::with_hold) has made, once.
    ///
    /// It is for processes that work for the holder. As long as one of them has a copy of it, they
    /// count as a [`Dependent`](crate::Dependent): a successor waits, and so does whoever waits for the
    /// file to be [free](crate::wait_free). Nothing can be written through it, so that it can be left to
    /// a process that lowers its rights. The holder closes its own copies before it
    /// [releases](PidFile::release) the file.
    pub fn take_hold(&mut self) -> Option<OwnedFd> {
        self.hold.1.take()
    }

    pub(crate) fn wants_hold(&self) -> bool {
        self.hold.0
    }

    pub(crate) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number in the file: the process that acquired it.
    pub fn pid(&self) -> u32 {
        self.owner
    }

    /// Whether the path still leads to this file. False means that somebody removed or replaced it
    /// by hand: then a second instance can start, and nobody finds this one.
    ///
    /// # Errors
    ///
    /// If the path cannot be looked at.
    pub fn is_in_place(&self) -> Result<bool, Error> {
        match Place::open(&self.path) {
            Ok(place) => match &self.file {
                Some(file) => place.leads_to(self.id(file)?),
                None => Ok(false),
            },
            Err(Error::NoFolder { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives it up: removes the file if the path still leads to it, then unlocks.
    ///
    /// # Errors
    ///
    /// The lock is given up in any case. [`Error::Orphaned`]: a [`Dependent`](crate::Dependent) is
    /// alive, and the file was left for a successor to wait for it. [`Error::Io`]: the file could
    /// not be removed, and is stale now. That somebody had removed it already is no error.
    pub fn release(self) -> Result<(), Error> {
        self.release_and_tell().map(drop)
    }

    /// The same; says whether the file was in its place and was removed. Otherwise somebody else's is there, or
    /// nothing.
    ///
    /// # Errors
    ///
    /// As [`release`](PidFile::release).
    pub fn release_and_tell(mut self) -> Result<bool, Error> {
        self.give_up(true)
    }

    /// If `tell`, an error names the dependents that are left. For that every process of the machine is
    /// looked into, so it is done only where somebody hears of the error.
    fn give_up(&mut self, tell: bool) -> Result<bool, Error> {
        let Some(file) = self.file.take() else { return Ok(false) };
        if self.owner != std::process::id() {
            return Ok(false);
        }
        if self.wants_hold() {
            drop(self.hold.1.take());
            // Closing a descriptor of the hold, here or by who has taken it, has dropped the proof.
            // Somebody who wants to stop us must still be able to verify us.
            sys::take_proof(file.as_fd());
        }
        let removed = self.remove(&file, tell);
        // By hand: a child that is just being started has a copy of the descriptor until its exec,
        // and closing ours alone would not end the lock before.
        let unlocked = sys::unlock_all(file.as_fd()).map_err(Error::lock(&self.path));
        removed.and_then(|removed| unlocked.map(|()| removed))
    }

    fn remove(&self, file: &OwnedFd, tell: bool) -> Result<bool, Error> {
        // Taken rather than looked at, so that nobody becomes a dependent of a file that is about
        // to go. A shared lock, which any reader can have, refuses us but is no dependent.
        let locked = || Error::lock(&self.path);
        let hold_is_left = self.wants_hold() && sys::has_hold(file.as_fd()).map_err(locked())?;
        let is_left = hold_is_left
            || !sys::try_lock(file.as_fd(), Byte::Dependent).map_err(locked())?
                && sys::is_locked(file.as_fd(), Byte::Dependent).map_err(locked())?;
        // The place is looked for after the locks, so that what is seen there is as it is now.
        let place = match Place::open(&self.path) {
            Err(Error::NoFolder { .. }) => return Ok(false),
            place => place?,
        };
        let id = self.id(file)?;
        if is_left {
            let left = if tell { sys::dependents(file.as_fd(), id) } else { Vec::new() };
            return Err(Error::Orphaned { path: self.path.clone(), left });
        }
        let is_ours = place.led_to(id)?;
        if is_ours {
            place.remove()?;
        }
        Ok(is_ours)
    }

    fn id(&self, file: &OwnedFd) -> Result<Id, Error> {
        Ok(Id::of(&fstat(file).map_err(Error::io(Op::Look, &self.path))?))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = self.give_up(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Probe, probe};

    /// A process forked without exec has such a copy.
    #[test]
    fn a_copy_in_another_process_neither_removes_nor_unlocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        let original = PidFile::acquire(&path).unwrap();
        let held = Probe::Held { pid: Some(original.pid()) };
        let copy = || {
            let file = original.file.as_ref().unwrap().try_clone().unwrap();
            let mut copy = PidFile::new(New { file, pid: original.owner, hold: None }, &path);
            copy.owner += 1;
            copy
        };
        drop(copy());
        assert_eq!(probe(&path).unwrap(), held);
        copy().release().unwrap();
        assert_eq!(probe(&path).unwrap(), held);

        original.release().unwrap();
        assert_eq!(probe(&path).unwrap(), Probe::Absent);
    }

    /// A child that is just being started has copies of all descriptors until its exec.
    #[test]
    fn a_copy_of_the_descriptor_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        let original = PidFile::acquire(&path).unwrap();
        let by_hand = folder.path().join("kept.pid");
        std::fs::rename(&path, &by_hand).unwrap();
        let _copy = original.file.as_ref().unwrap().try_clone().unwrap();
        drop(original);
        assert!(matches!(probe(&by_hand).unwrap(), Probe::Stale { .. }));
    }
}
