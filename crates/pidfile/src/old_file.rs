//! A pid file that is there: opened so that nothing else is touched, and asked who is alive.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;

use crate::bytes::Byte;
use crate::descriptor::above_stdio;
use crate::detail::{FileKind, Op};
use crate::error::Error;
use crate::id::Id;
use crate::number;
use crate::place::Place;
use crate::sys;

/// The path is looked at before it is opened, so that no device and no pipe is; these flags cover
/// the moment in between: no link followed, no waiting for a pipe's other end, no terminal gained.
const CAREFUL: OFlags =
    OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// What the file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Questions only.
    Read,
    /// Locking a byte, if the file lets us; questions otherwise.
    Lock,
}

/// An open pid file.
#[derive(Debug)]
pub(crate) struct OldFile {
    file: OwnedFd,
    id: Id,
    /// The user to whom it belongs.
    owner: u32,
    /// Why no byte of it can be locked, if none can.
    read_only: Option<Errno>,
}

impl OldFile {
    /// Opens what stands at the place, if anything does.
    pub(crate) fn open(place: &Place, access: Access) -> Result<Option<OldFile>, Error> {
        let Some(seen) = place.look()? else { return Ok(None) };
        place.check(seen)?;
        let open = |flags| openat(place.folder(), place.name(), flags | CAREFUL, Mode::empty());
        let opened = match access {
            Access::Read => open(OFlags::RDONLY).map(|file| (file, None)),
            Access::Lock => match open(OFlags::RDWR) {
                Ok(file) => Ok((file, None)),
                Err(why @ (Errno::ACCESS | Errno::PERM | Errno::ROFS)) => {
                    open(OFlags::RDONLY).map(|file| (file, Some(why)))
                }
                Err(errno) => Err(errno),
            },
        };
        let (file, read_only) = match opened {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => {
                return Err(Error::NotAFile {
                    path: place.path().to_owned(),
                    kind: FileKind::Symlink,
                });
            }
            Err(errno) => return Err(Error::io(Op::Open, place.path())(errno)),
        };
        let stat = fstat(&file).map_err(Error::io(Op::Look, place.path()))?;
        place.check(&stat)?;
        Ok(Some(OldFile { read_only, ..OldFile::of(file, &stat) }))
    }

    /// A file that was opened for locking, and looked at.
    pub(crate) fn of(file: OwnedFd, stat: &Stat) -> OldFile {
        OldFile { file, id: Id::of(stat), owner: stat.st_uid, read_only: None }
    }

    pub(crate) fn owner(&self) -> u32 {
        self.owner
    }

    pub(crate) fn id(&self) -> Id {
        self.id
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The same on a descriptor above 2, for a file that is kept open: descriptors 0 to 2 may be
    /// replaced.
    pub(crate) fn above_stdio(self, place: &Place) -> Result<OldFile, Error> {
        let file = above_stdio(self.file).map_err(Error::io(Op::Open, place.path()))?;
        Ok(OldFile { file, ..self })
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.file
    }

    /// Whether a process is alive for which a successor of the holder waits.
    pub(crate) fn has_dependent(&self, place: &Place) -> Result<bool, Error> {
        Ok(self.is_locked(Byte::Dependent, place)?
            || sys::has_hold(self.fd()).map_err(Error::lock(place.path()))?)
    }

    /// Whether somebody else has this byte, through another `open` at least.
    pub(crate) fn is_locked(&self, byte: Byte, place: &Place) -> Result<bool, Error> {
        sys::is_locked(self.fd(), byte).map_err(Error::lock(place.path()))
    }

    /// Locks a byte of it until `self` is dropped, if nobody has it.
    pub(crate) fn try_lock(&self, byte: Byte, place: &Place) -> Result<bool, Error> {
        if let Some(why) = self.read_only {
            let op = if byte == Byte::TakeOver { Op::TakeOver } else { Op::Lock };
            return Err(Error::io::<io::Error>(op, place.path())(why.into()));
        }
        sys::try_lock(self.fd(), byte).map_err(Error::lock(place.path()))
    }

    /// Fails with `error`, unless that is about a file that is no longer the one at the path: then
    /// nothing was learnt, and the caller looks again.
    pub(crate) fn refuse(&self, place: &Place, error: Error) -> Result<(), Error> {
        if place.leads_to(self.id)? { Err(error) } else { Ok(()) }
    }

    /// The error for a file that is no pid file by what stands in it; `None` if it may be one.
    pub(crate) fn not_a_pid_file(&self, place: &Place) -> Result<Option<Error>, Error> {
        let start = number::what_else(self.fd()).map_err(Error::io(Op::Read, place.path()))?;
        let Some(start) = start else { return Ok(None) };
        let size = fstat(self.fd()).map_err(Error::io(Op::Look, place.path()))?.st_size;
        let (path, size) = (place.path().to_owned(), u64::try_from(size).unwrap_or_default());
        Ok(Some(Error::NotAPidFile { path, size, start }))
    }

    /// The number in it. Without a lock that vouches for it, it informs and decides nothing.
    pub(crate) fn number(&self, place: &Place) -> Result<Option<u32>, Error> {
        number::read(self.fd()).map_err(Error::io(Op::Read, place.path()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A holder removes its file before it unlocks. Who opened it before would call it held.
    #[test]
    fn a_refusal_counts_only_while_the_path_leads_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        std::fs::write(&path, "123\n").unwrap();
        let place = Place::open(&path).unwrap();
        let file = OldFile::open(&place, Access::Read).unwrap().unwrap();
        let error = || Error::NotHeld { path: path.clone() };
        assert!(matches!(file.refuse(&place, error()), Err(Error::NotHeld { .. })));

        std::fs::remove_file(&path).unwrap();
        assert!(file.refuse(&place, error()).is_ok());
        // Another one; ours is open, so its inode cannot be the same.
        std::fs::write(&path, "123\n").unwrap();
        assert!(file.refuse(&place, error()).is_ok());
    }
}
