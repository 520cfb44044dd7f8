//! A new pid file: locked and complete before it has a name, so that nobody ever sees half of one,
//! and made without a temporary file, so that a kill leaves nothing behind.

use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{
    AtFlags, CWD, Dir, Mode, OFlags, RenameFlags, fchmod, fstat, linkat, openat, renameat_with,
    unlinkat,
};
use rustix::io::{Errno, fcntl_dupfd_cloexec, pwrite, retry_on_intr};
use rustix::process::geteuid;

use crate::bytes::{self, Byte};
use crate::error::{Error, Op};
use crate::place::{Id, Place};

/// What everybody may know: who runs. Independent of the umask.
const MODE: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::ROTH);
/// Until it is complete nobody else has business with it.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Makes the file and gives it its name. `None`: somebody else was there first; look again.
pub(crate) fn create(place: &Place) -> Result<Option<(OwnedFd, Id)>, Error> {
    match create_nameless(place)? {
        Nameless::Created(file) => Ok(Some(file)),
        Nameless::SomebodyWasFirst => Ok(None),
        Nameless::Unsupported => create_named(place),
    }
}

enum Nameless {
    Created((OwnedFd, Id)),
    SomebodyWasFirst,
    Unsupported,
}

/// `O_TMPFILE`, then a name: see open(2), which also explains the two ways to give one.
fn create_nameless(place: &Place) -> Result<Nameless, Error> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = match openat(place.folder(), ".", flags, PRIVATE) {
        Ok(file) => file,
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
            return Ok(Nameless::Unsupported);
        }
        Err(errno) => return Err(Error::io(Op::Create, place.path())(errno)),
    };
    let (file, id) = fill(file, place)?;
    // By descriptor it needs no /proc, but a kernel of 6.10 or a privilege.
    let linked = match linkat(&file, "", place.folder(), place.name(), AtFlags::EMPTY_PATH) {
        Err(errno) if errno != Errno::EXIST => {
            let by_number = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(CWD, by_number, place.folder(), place.name(), AtFlags::SYMLINK_FOLLOW)
        }
        done => done,
    };
    Ok(match linked {
        Ok(()) => Nameless::Created((file, id)),
        Err(Errno::EXIST) => Nameless::SomebodyWasFirst,
        // No /proc, or a file system that cannot link: if it is something else, the second way
        // meets it again and says so.
        Err(_) => Nameless::Unsupported,
    })
}

/// The way of file systems without `O_TMPFILE` or without links: a temporary name, removed again
/// in all cases but one: a kill between two calls. What that leaves is removed by the next start.
fn create_named(place: &Place) -> Result<Option<(OwnedFd, Id)>, Error> {
    sweep(place);
    let mut temporary = Temporary { place, name: Temporary::new_name(), named: false };
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
    let file = match openat(place.folder(), &temporary.name, flags, PRIVATE) {
        Ok(file) => file,
        Err(Errno::EXIST) => return Ok(None),
        // It was there when it was opened.
        Err(Errno::NOENT) => return Err(place.no_folder()),
        Err(errno) => return Err(Error::io(Op::Create, place.path())(errno)),
    };
    temporary.named = true;
    let (file, id) = fill(file, place)?;
    match temporary.rename() {
        Ok(()) => Ok(Some((file, id))),
        // Gone: another starter swept it in the moment before it was locked.
        Err(Errno::EXIST | Errno::NOENT) => Ok(None),
        Err(errno) => Err(Error::io(Op::Name, place.path())(errno)),
    }
}

/// Locks and writes a new file. Never one that was there before.
fn fill(file: OwnedFd, place: &Place) -> Result<(OwnedFd, Id), Error> {
    let file = above_stdio(file).map_err(Error::io(Op::Create, place.path()))?;
    if !bytes::try_lock(file.as_fd(), Byte::Holder).map_err(Error::lock(place.path()))? {
        // A temporary name can be found and locked by others; then it is no use to us.
        return Err(Error::Busy { path: place.path().to_owned() });
    }
    let line = format!("{}\n", std::process::id());
    let written = retry_on_intr(|| pwrite(&file, line.as_bytes(), 0))
        .and_then(|count| if count == line.len() { Ok(()) } else { Err(Errno::NOSPC) });
    written.map_err(Error::io(Op::Write, place.path()))?;
    match fchmod(&file, MODE) {
        // Our own new file: refused only where modes are not kept at all.
        Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP) => (),
        Err(errno) => return Err(Error::io(Op::Create, place.path())(errno)),
    }
    let stat = fstat(&file).map_err(Error::io(Op::Create, place.path()))?;
    Ok((file, Id::of(&stat)))
}

/// Descriptors 0 to 2 will be replaced by whoever redirects the streams, and the lock with them.
pub(crate) fn above_stdio(file: OwnedFd) -> Result<OwnedFd, Errno> {
    if file.as_raw_fd() > 2 { Ok(file) } else { fcntl_dupfd_cloexec(&file, 3) }
}

/// A name that goes when this is dropped, unless the file got its real one.
struct Temporary<'a> {
    place: &'a Place,
    name: String,
    named: bool,
}

impl Temporary<'_> {
    const START: &'static str = ".pidfile-";

    /// Unpredictable: the keys of std's hash maps come from the system's random numbers.
    fn new_name() -> String {
        format!("{}{:016x}", Self::START, RandomState::new().build_hasher().finish())
    }

    fn is_one(name: &OsStr) -> bool {
        let digits = name.as_bytes().strip_prefix(Self::START.as_bytes());
        digits.is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
    }

    fn rename(&mut self) -> Result<(), Errno> {
        let (folder, name) = (self.place.folder(), self.place.name());
        match renameat_with(folder, &self.name, folder, name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.named = false;
                Ok(())
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(folder, &self.name, folder, name, AtFlags::empty())
            }
            Err(errno) => Err(errno),
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if self.named {
            let _ = unlinkat(self.place.folder(), &self.name, AtFlags::empty());
        }
    }
}

/// Removes temporary files of ours that nobody has locked. A failure is not worth failing for.
fn sweep(place: &Place) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = openat(place.folder(), ".", flags, Mode::empty()) else { return };
    let Ok(entries) = Dir::read_from(&folder) else { return };
    let left =
        entries.flatten().map(|entry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
    for name in left.filter(|name| Temporary::is_one(name)) {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Ok(file) = openat(place.folder(), &name, flags, Mode::empty()) else { continue };
        let ours = fstat(&file)
            .is_ok_and(|stat| stat.st_uid == geteuid().as_raw() && place.check(&stat).is_ok());
        if ours && bytes::is_locked(file.as_fd(), Byte::Holder) == Ok(false) {
            let _ = unlinkat(place.folder(), &name, AtFlags::empty());
        }
    }
}
