//! One file opened or created: never waiting, never through a link, never a stranger's.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Gid, Mode, OFlags, Uid};
use rustix::io::{Errno, retry_on_intr};

use crate::error::{Error, Fault, Step};
use crate::place::Place;
use crate::rules::Purpose;
use crate::seen::{Identity, Kind, Seen};
use crate::sys;
use crate::trust::Trust;

/// How many times we try anew because the name led elsewhere between a look and the next step. Somebody
/// who does nothing else may spoil one try, but hardly all of them.
const ATTEMPTS: usize = 100;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Reading from its beginning.
    Read,
    /// Writing to its end.
    Append,
    /// Writing to its end, and reading.
    ReadAppend,
    /// Reading and writing anywhere.
    ReadWrite,
}

impl Access {
    fn purpose(self) -> Purpose {
        match self {
            Access::Read => Purpose::Read,
            Access::Append | Access::ReadAppend | Access::ReadWrite => Purpose::Write,
        }
    }

    fn flags(self) -> OFlags {
        // NONBLOCK: a FIFO without a partner must not hold us. NOCTTY: a terminal is used, not taken.
        let always = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        always
            | match self {
                Access::Read => OFlags::RDONLY,
                Access::Append => OFlags::WRONLY | OFlags::APPEND,
                Access::ReadAppend => OFlags::RDWR | OFlags::APPEND,
                Access::ReadWrite => OFlags::RDWR,
            }
    }
}

/// A file that is open, with what was seen of it then. Dropping it closes the file.
#[derive(Debug)]
pub struct Opened {
    file: File,
    seen: Seen,
    ours: bool,
    created: bool,
    by_kernel: bool,
}

/// Opens what a path leads to, which must be there.
///
/// # Errors
///
/// As [`Place::find`] and [`Place::open`].
pub fn open(path: &Path, access: Access, trust: Trust) -> Result<Opened, Error> {
    anew(path, trust, |place| place.open(access))
}

/// Opens what a path leads to; creates a regular file if there is nothing.
///
/// # Errors
///
/// As [`Place::find`] and [`Place::open_or_create`].
pub fn open_or_create(
    path: &Path,
    access: Access,
    mode: u32,
    trust: Trust,
) -> Result<Opened, Error> {
    anew(path, trust, |place| place.open_or_create(access, mode))
}

/// Looks for the place anew when a link has taken the file's place between the look and the opening: so
/// that link is judged, too.
fn anew(
    path: &Path,
    trust: Trust,
    open: impl Fn(&Place) -> Result<Opened, Error>,
) -> Result<Opened, Error> {
    for _ in 0..ATTEMPTS {
        match open(&Place::find(path, trust)?) {
            Err(Error::Path { fault: Fault::IsLink, .. }) => (),
            done => return done,
        }
    }
    Err(Error::Path { path: path.to_owned(), fault: Fault::Unsteady })
}

impl Place {
    /// Opens the file, which must be there.
    ///
    /// What has been opened is judged, by its descriptor. Where others can put names into the folder,
    /// what stands at the name is judged before, too, since opening alone can have an effect, on a FIFO
    /// or a device. The open does not wait; reading and writing do.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] with what is wrong with the file, [`Error::System`] with what the system said.
    pub fn open(&self, access: Access) -> Result<Opened, Error> {
        for _ in 0..ATTEMPTS {
            match self.attempt(access)? {
                Attempt::Opened(opened) => return Ok(opened),
                Attempt::Missing => return Err(self.refused(Step::Open)(Errno::NOENT)),
                Attempt::Again => (),
            }
        }
        Err(self.fault(Fault::Unsteady))
    }

    /// Opens the file if it is there, and creates it if not: see [`create`](Place::create).
    ///
    /// # Errors
    ///
    /// As [`open`](Place::open).
    pub fn open_or_create(&self, access: Access, mode: u32) -> Result<Opened, Error> {
        for _ in 0..ATTEMPTS {
            match self.attempt(access)? {
                Attempt::Opened(opened) => return Ok(opened),
                // A link that only the kernel can follow leads to no path, so nothing can be created
                // through it.
                Attempt::Missing if self.by_kernel => {
                    return Err(self.refused(Step::Open)(Errno::NOENT));
                }
                Attempt::Missing => {
                    if let Some(created) = self.create(access, mode)? {
                        return Ok(created);
                    }
                }
                Attempt::Again => (),
            }
        }
        Err(self.fault(Fault::Unsteady))
    }

    /// Creates a regular file, with these permissions less the umask. `None`: something is there.
    ///
    /// What is created is ours, whoever else can put names into the folder: `O_EXCL` follows no link
    /// and uses nothing that is there (open(2)).
    ///
    /// # Errors
    ///
    /// [`Error::System`]
    pub fn create(&self, access: Access, mode: u32) -> Result<Option<Opened>, Error> {
        let flags = access.flags() | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        // The permission bits fit any raw mode, also where it has 16 bits only.
        let mode = Mode::from_bits_truncate((mode & 0o777) as _);
        let open = || rustix::fs::openat(&self.folder.fd, &self.name, flags, mode);
        let fd = match retry_on_intr(open) {
            Ok(fd) => fd,
            Err(Errno::EXIST) => return Ok(None),
            Err(errno) => return Err(self.refused(Step::Create)(errno)),
        };
        let seen = rustix::fs::fstat(&fd).map_err(self.refused(Step::Create))?;
        let (file, seen) = (File::from(fd), Seen::new(&seen));
        Ok(Some(Opened { file, seen, ours: true, created: true, by_kernel: false }))
    }

    fn attempt(&self, access: Access) -> Result<Attempt, Error> {
        let closed = self.by_kernel || self.is_closed();
        if !closed {
            let Some(seen) = self.look()? else { return Ok(Attempt::Missing) };
            self.judge(&seen, access.purpose()).map_err(|fault| self.fault(fault))?;
        }
        let mut flags = access.flags();
        if !self.by_kernel {
            // A link that takes the name now has not been judged, so it is not followed.
            flags |= OFlags::NOFOLLOW;
        }
        let open = || rustix::fs::openat(&self.folder.fd, &self.name, flags, Mode::empty());
        let fd = match retry_on_intr(open) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Attempt::Missing),
            Err(errno) => return Err(self.why_not(errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(self.refused(Step::Open))?;
        let seen = Seen::new(&stat);
        // What was opened is judged, since another file may have taken the name meanwhile.
        let ours = self.judge(&seen, access.purpose()).map_err(|fault| self.fault(fault))?;
        if seen.links == 0 || !closed && !self.is_still_at_its_name(&fd, seen.identity) {
            return self.removed(fd, seen, ours, closed);
        }
        self.opened(fd, seen, ours)
    }

    /// What becomes of a file that has lost its name. If a link of the kernel led to it, somebody else
    /// has it open, and it is used; so is a FIFO or a device in a closed folder. Otherwise the name is
    /// tried again: what is written to a file without a name is seen by nobody.
    fn removed(&self, fd: OwnedFd, seen: Seen, ours: bool, closed: bool) -> Result<Attempt, Error> {
        if self.by_kernel || closed && seen.kind != Kind::File {
            return self.opened(fd, seen, ours);
        }
        Ok(Attempt::Again)
    }

    fn opened(&self, fd: OwnedFd, seen: Seen, ours: bool) -> Result<Attempt, Error> {
        if seen.kind != Kind::File {
            // Only the open was not to wait; whoever reads and writes expects to.
            wait_again(&fd).map_err(self.refused(Step::Open))?;
        }
        let (file, by_kernel) = (File::from(fd), self.by_kernel);
        Ok(Attempt::Opened(Opened { file, seen, ours, created: false, by_kernel }))
    }

    /// What an error of openat(2) means, where that depends on what stands at the name.
    fn why_not(&self, errno: Errno) -> Error {
        let kind = || self.stat().map(|seen| seen.kind);
        let fault = match errno {
            Errno::ISDIR => Fault::IsFolder,
            // FreeBSD says MLINK, NetBSD FTYPE; both have their own numbers elsewhere.
            _ if !self.by_kernel && kind() == Ok(Kind::Link) => Fault::IsLink,
            Errno::NXIO | Errno::OPNOTSUPP => match kind() {
                Ok(Kind::Socket) => Fault::IsSocket,
                Ok(Kind::Fifo) => Fault::NoReader,
                _ => return self.refused(Step::Open)(errno),
            },
            _ => return self.refused(Step::Open)(errno),
        };
        self.fault(fault)
    }

    /// Whether the name by which `fd` was opened has been its own until now.
    ///
    /// Where somebody else can put names, he may take one away between our opening and our count of the
    /// file's names. If that was a second name of a stranger's file, the file then has one name,
    /// elsewhere, and seems to be none that was linked here. A name that was lost once, and made again,
    /// is not the same name.
    fn is_still_at_its_name(&self, fd: &OwnedFd, identity: Identity) -> bool {
        !sys::has_lost_its_name(fd) && self.leads_to(identity)
    }
}

enum Attempt {
    Opened(Opened),
    Missing,
    /// The file was exchanged meanwhile: try again.
    Again,
}

fn wait_again(opened: &OwnedFd) -> Result<(), Errno> {
    let flags = rustix::fs::fcntl_getfl(opened)?;
    rustix::fs::fcntl_setfl(opened, flags - OFlags::NONBLOCK)
}

impl Opened {
    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The file alone.
    pub fn into_file(self) -> File {
        self.file
    }

    /// What was seen of it when it was opened.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Which file it is.
    pub fn identity(&self) -> Identity {
        self.seen.identity
    }

    /// Whether it is proved to be ours: nobody who is not trusted can have put it there. Otherwise it
    /// belongs to a member of the group that shares the folder, or (to read only) to a stranger.
    pub fn is_ours(&self) -> bool {
        self.ours
    }

    /// Whether it did not exist before.
    pub fn is_created(&self) -> bool {
        self.created
    }

    /// Whether it was reached by one of the links in /proc that only the kernel can follow: it has no
    /// name that could be given to another file.
    pub fn is_by_kernel(&self) -> bool {
        self.by_kernel
    }

    /// Gives a file that we have just created the owner, group and permissions of its predecessor,
    /// as far as we may: others who could write to that one must be able to write to this one.
    ///
    /// Only if this one was created, and the other is proved to be ours: a file that somebody else
    /// has laid out decides about no file. Says whether it was so; what the system refuses stays as
    /// it is.
    pub fn inherit(&self, predecessor: &Opened) -> bool {
        if !self.created || !predecessor.ours {
            return false;
        }
        let (Ok(old), Ok(new)) = (predecessor.file.as_fd_seen(), self.file.as_fd_seen()) else {
            return false;
        };
        if (old.owner, old.group) != (new.owner, new.group) {
            let owner = (Uid::from_raw(old.owner), Gid::from_raw(old.group));
            let _ = rustix::fs::fchown(&self.file, Some(owner.0), Some(owner.1));
        }
        if old.mode & 0o777 != new.mode & 0o777 {
            let mode = Mode::from_bits_truncate((old.mode & 0o777) as _);
            let _ = rustix::fs::fchmod(&self.file, mode);
        }
        true
    }
}

trait AsFdSeen {
    fn as_fd_seen(&self) -> Result<Seen, Errno>;
}

impl AsFdSeen for File {
    fn as_fd_seen(&self) -> Result<Seen, Errno> {
        Ok(Seen::new(&rustix::fs::fstat(self.as_fd())?))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::*;

    /// A name that is taken away and made again leads to the same file, and is not the name by which
    /// that was opened: in between the file may have seemed to have no other.
    #[test]
    fn a_name_that_was_lost_once_is_not_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        let (elsewhere, name) = (folder.path().join("elsewhere"), folder.path().join("name"));
        fs::write(&elsewhere, "").unwrap();
        fs::hard_link(&elsewhere, &name).unwrap();
        let place = Place::find(&name, Trust::default()).unwrap();
        let opened = place.open(Access::Read).unwrap();
        let identity = opened.identity();
        let fd = OwnedFd::from(opened.into_file());
        assert!(place.is_still_at_its_name(&fd, identity));

        fs::remove_file(&name).unwrap();
        assert_eq!(rustix::fs::fstat(&fd).unwrap().st_nlink, 1);
        assert!(!place.is_still_at_its_name(&fd, identity));
        fs::hard_link(&elsewhere, &name).unwrap();
        assert!(place.leads_to(identity));
        assert!(!place.is_still_at_its_name(&fd, identity));
    }
}
