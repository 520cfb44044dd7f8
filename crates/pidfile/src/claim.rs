//! The right to remove a stale file: one process has it at a time, and no reader can keep it from
//! anybody.
//!
//! It is an exclusive lock on byte 0 of the file. But whoever may read the file may have a shared lock on
//! that byte for as long as he likes, and then an exclusive one is refused. In that case the right is an
//! exclusive lock on a second file beside it, `.<name>.taking`, that nobody else can open. The second
//! file is there for the moment only, except after a kill; the next take-over removes it.
//!
//! Never do two have the right. Whoever has locked byte 0 looks for the second file afterwards, and
//! whoever has locked the second file looks at byte 0 afterwards: each lets go of its own lock if
//! somebody else has the other.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::bytes::Byte;
use crate::deadline::Deadline;
use crate::detail::{Danger, Op};
use crate::error::Error;
use crate::old_file::OldFile;
use crate::place::Place;
use crate::sys;
use crate::wait::{Awaited, Waited, until_free};

/// The right; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Claim<'file> {
    /// The file whose byte 0 we have locked, if we have.
    byte_0: Option<&'file OldFile>,
    second: Option<Second>,
}

/// Takes the right. `None`: somebody else had it, and has let go; look again.
pub(crate) fn take<'file>(
    file: &'file OldFile,
    place: &Place,
    patience: Deadline,
    wake: Option<BorrowedFd<'_>>,
) -> Result<Option<Claim<'file>>, Error> {
    if file.try_lock(Byte::TakeOver, place)? {
        let mut claim = Claim { byte_0: Some(file), second: None };
        if let Some(second) = Second::open(file, place)? {
            if !second.lock(place)? {
                drop(claim);
                return second.wait(place, patience, wake);
            }
            claim.second = Some(second);
        }
        return Ok(Some(claim));
    }
    if file.is_locked(Byte::TakeOver, place)? {
        return wait(file, place, patience, wake);
    }
    // A reader's shared lock is in the way.
    let Some(second) = Second::open_or_create(file, place)? else { return Ok(None) };
    if !second.lock(place)? {
        return second.wait(place, patience, wake);
    }
    let claim = Claim { byte_0: None, second: Some(second) };
    if file.is_locked(Byte::TakeOver, place)? {
        drop(claim);
        return wait(file, place, patience, wake);
    }
    Ok(Some(claim))
}

fn wait<'file>(
    file: &OldFile,
    place: &Place,
    patience: Deadline,
    wake: Option<BorrowedFd<'_>>,
) -> Result<Option<Claim<'file>>, Error> {
    let path = || place.path().to_owned();
    match until_free(file, Awaited::Byte(Byte::TakeOver), patience, wake, place.path())? {
        Waited::Interrupted => Err(Error::Interrupted { path: path() }),
        Waited::TimedOut => Err(Error::Busy { path: path() }),
        Waited::Free => Ok(None),
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        // The second file goes before byte 0 is unlocked, so that whoever locks byte 0 next finds none.
        drop(self.second.take());
        if let Some(file) = self.byte_0 {
            // Unlocked by hand, not left to the closing of the file: a child that is being started may
            // have a copy of the descriptor, see `Dependent`.
            let _ = sys::unlock(file.fd(), Byte::TakeOver);
        }
    }
}

/// The second file.
#[derive(Debug)]
struct Second {
    file: OldFile,
    place: Place,
    locked: std::cell::Cell<bool>,
}

const FLAGS: OFlags = OFlags::RDWR
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

impl Second {
    /// Opens the second file that is there, if it is one of ours. Anything else with that name is
    /// nobody's claim.
    fn open(file: &OldFile, place: &Place) -> Result<Option<Second>, Error> {
        let name = name(place);
        let seen = statat(place.folder(), &name, AtFlags::SYMLINK_NOFOLLOW);
        // An error here says that there is none, as is most often so, or that the name is too long to be
        // any file's.
        if !seen.is_ok_and(|seen| is_one(&seen, file, place)) {
            return Ok(None);
        }
        match openat(place.folder(), &name, FLAGS, Mode::empty()) {
            Ok(found) => {
                let stat = fstat(&found).map_err(Error::io(Op::TakeOver, place.path()))?;
                if !is_one(&stat, file, place) {
                    return Ok(None);
                }
                let place = place.beside(&name)?;
                Ok(Some(Second { file: OldFile::of(found, &stat), place, locked: false.into() }))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io(Op::TakeOver, place.path())(errno)),
        }
    }

    /// `None`: another process has made it meanwhile.
    fn open_or_create(file: &OldFile, place: &Place) -> Result<Option<Second>, Error> {
        if let Some(second) = Second::open(file, place)? {
            return Ok(Some(second));
        }
        let name = name(place);
        let flags = FLAGS | OFlags::CREATE | OFlags::EXCL;
        let io = || Error::io::<Errno>(Op::TakeOver, place.path());
        match openat(place.folder(), &name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(made) => {
                let stat = fstat(&made).map_err(io())?;
                let place = place.beside(&name)?;
                Ok(Some(Second { file: OldFile::of(made, &stat), place, locked: false.into() }))
            }
            Err(Errno::EXIST) => {
                let there = statat(place.folder(), &name, AtFlags::SYMLINK_NOFOLLOW);
                match there {
                    Ok(there) if !is_one(&there, file, place) => Err(Error::Insecure {
                        path: place.path().with_file_name(name),
                        danger: Danger::ForeignOwner { uid: there.st_uid },
                    }),
                    _ => Ok(None),
                }
            }
            Err(errno) => Err(io()(errno)),
        }
    }

    /// Locks it, if nobody has it, and if it still is the file of that name.
    fn lock(&self, place: &Place) -> Result<bool, Error> {
        let locked = sys::try_lock(self.file.fd(), Byte::TakeOver)
            .map_err(Error::lock(place.path()))?
            && self.place.leads_to(self.file.id())?;
        self.locked.set(locked);
        Ok(locked)
    }

    fn wait<'file>(
        &self,
        place: &Place,
        patience: Deadline,
        wake: Option<BorrowedFd<'_>>,
    ) -> Result<Option<Claim<'file>>, Error> {
        wait(&self.file, place, patience, wake)
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        if self.locked.get() {
            let _ = unlinkat(self.place.folder(), self.place.name(), AtFlags::empty());
        }
        let _ = sys::unlock(self.file.fd().as_fd(), Byte::TakeOver);
    }
}

fn name(place: &Place) -> OsString {
    let mut name = OsString::from(".");
    name.push(place.name());
    name.push(".taking");
    name
}

/// Whether it was made by somebody who may take over: ourselves, root, or who owns the pid file or the
/// folder; and can be opened by nobody else.
fn is_one(stat: &Stat, file: &OldFile, place: &Place) -> bool {
    let folder = fstat(place.folder()).map_or(0, |stat| stat.st_uid);
    let owners = [0, geteuid().as_raw(), file.owner(), folder];
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && owners.contains(&stat.st_uid)
        && Mode::from_raw_mode(stat.st_mode).intersection(Mode::RWXG | Mode::RWXO).is_empty()
        && stat.st_nlink == 1
}
