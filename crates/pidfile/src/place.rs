//! Where a pid file is: its folder, found without following anybody else's links, and its name.
//!
//! Every operation opens the folder once and names the file only within it, so that all its steps
//! speak of the same folder, whatever is renamed meanwhile. Which links are followed on the way is
//! judged by trusted-path, as for all files; which file is believed to be a pid file is judged here.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Stat, fstat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use trusted_path::{Fault, Kind, Trust};

use crate::detail::{Danger, FileKind, Op};
use crate::error::Error;
use crate::id::Id;

/// What was seen of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    id: Id,
    kind: FileKind,
    owner: u32,
    mode: Mode,
    links: u64,
}

impl From<&Stat> for Seen {
    fn from(stat: &Stat) -> Seen {
        let (owner, mode) = (stat.st_uid, Mode::from_raw_mode(stat.st_mode));
        #[allow(clippy::useless_conversion, reason = "its type differs from machine to machine")]
        let links = u64::from(stat.st_nlink);
        Seen { id: Id::of(stat), kind: kind_of(stat), owner, mode, links }
    }
}

impl From<&trusted_path::Seen> for Seen {
    fn from(seen: &trusted_path::Seen) -> Seen {
        let trusted_path::Identity { device, inode } = seen.identity;
        let kind = match seen.kind {
            Kind::File => FileKind::File,
            Kind::Folder => FileKind::Folder,
            Kind::Link => FileKind::Symlink,
            Kind::Fifo => FileKind::Fifo,
            Kind::Socket => FileKind::Socket,
            Kind::Device => FileKind::Device,
            Kind::Other | _ => FileKind::Other,
        };
        // The permission bits fit any raw mode, also where it has 16 bits only.
        let mode = Mode::from_bits_truncate(seen.mode as _);
        let (owner, links) = (seen.owner, seen.links);
        Seen { id: Id { device, inode }, kind, owner, mode, links }
    }
}

/// An absolute path whose folder is open.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    at: trusted_path::Place,
    /// Whether nobody has looked yet: then what was seen when the folder was found counts, once, as what
    /// stands there now.
    fresh: Cell<bool>,
}

impl Place {
    /// Resolves a relative path against the present working directory and opens the folder.
    pub(crate) fn open(path: &Path) -> Result<Place, Error> {
        let path = absolute(path)?;
        match trusted_path::Place::find_name(&path, Trust::RootAndUs) {
            Ok(at) => Ok(Place { path, at, fresh: true.into() }),
            Err(error) => Err(not_found(path, error)),
        }
    }

    /// Another name in the same folder.
    pub(crate) fn beside(&self, name: &OsStr) -> Result<Place, Error> {
        let path = self.path.with_file_name(name);
        match self.at.sibling(name) {
            Ok(at) => Ok(Place { path, at, fresh: false.into() }),
            Err(error) => Err(not_found(path, error)),
        }
    }

    /// Whether nobody can put names into the folder who is not trusted.
    pub(crate) fn is_closed(&self) -> bool {
        self.at.is_closed()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn folder(&self) -> BorrowedFd<'_> {
        self.at.folder()
    }

    pub(crate) fn name(&self) -> &OsStr {
        self.at.name()
    }

    pub(crate) fn no_folder(&self) -> Error {
        let folder = self.path.parent().unwrap_or(Path::new("/")).to_owned();
        Error::NoFolder { path: self.path.clone(), folder }
    }

    /// What stands there, without following a link and without opening anything.
    pub(crate) fn look(&self) -> Result<Option<Seen>, Error> {
        if self.fresh.take() {
            return Ok(self.at.found().map(Seen::from));
        }
        match statat(self.folder(), self.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Seen::from(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io(Op::Look, &self.path)(errno)),
        }
    }

    /// Has the next look ask the system again: what was seen so far is about to change.
    pub(crate) fn forget(&self) {
        self.fresh.set(false);
    }

    /// Whether the path still leads to this file. To be asked again after every lock, taken or
    /// refused: a lock on a file that has lost its name guards nothing and tells nothing.
    pub(crate) fn leads_to(&self, id: Id) -> Result<bool, Error> {
        self.forget();
        Ok(self.look()?.is_some_and(|seen| seen.id == id))
    }

    /// Whether it led to this file when it was looked at last, which is now unless it was just opened.
    pub(crate) fn led_to(&self, id: Id) -> Result<bool, Error> {
        Ok(self.look()?.is_some_and(|seen| seen.id == id))
    }

    /// Removes the name; a name that is gone already is as good.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match unlinkat(self.folder(), self.name(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(Error::io(Op::Remove, &self.path)(errno)),
        }
    }

    /// Whether such a file can be believed to be a pid file of ours.
    pub(crate) fn check(&self, seen: impl Into<Seen>) -> Result<(), Error> {
        let seen = seen.into();
        let path = || self.path.clone();
        if seen.kind != FileKind::File {
            return Err(Error::NotAFile { path: path(), kind: seen.kind });
        }
        let insecure = |danger| Err(Error::Insecure { path: path(), danger });
        if seen.mode.contains(Mode::WOTH) {
            return insecure(Danger::WorldWritable);
        }
        // In such a folder nobody else can have put it there.
        if self.at.is_closed() {
            return Ok(());
        }
        // Whoever can put names here has perhaps linked another daemon's file.
        if seen.links > 1 {
            return insecure(Danger::SecondName { links: seen.links });
        }
        if seen.owner != 0 && seen.owner != geteuid().as_raw() {
            // His own file in a folder of his own does no harm: that he is the holder is still to be
            // proved, and what is removed is his.
            let folder = fstat(self.folder()).map_err(Error::io(Op::Find, &self.path))?;
            let others = Mode::from_raw_mode(folder.st_mode).intersects(Mode::WGRP | Mode::WOTH);
            if others || folder.st_uid != seen.owner {
                return insecure(Danger::ForeignOwner { uid: seen.owner });
            }
        }
        Ok(())
    }
}

/// The path from the root, taken now: a later change of the working directory does not matter.
fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let bytes = path.as_os_str().as_bytes();
    let last = bytes.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if matches!(last, b"" | b"." | b"..") || bytes.contains(&0) {
        return Err(Error::BadPath { path: path.to_owned() });
    }
    std::path::absolute(path).map_err(|error| {
        // It is the current directory that is gone (getcwd(3)), which the path does not show.
        let text = format!(
            "cannot find the current directory that it is relative to: {error}; give an absolute \
             path, or start from a directory that is there"
        );
        Error::io(Op::Find, path)(io::Error::new(error.kind(), text))
    })
}

/// Why the folder was not reached, in words about a pid file.
fn not_found(path: PathBuf, error: trusted_path::Error) -> Error {
    match error {
        trusted_path::Error::Path { fault: Fault::ForeignLink { link, owner }, .. } => {
            Error::Insecure { path, danger: Danger::ForeignLink { link, uid: owner } }
        }
        trusted_path::Error::Path { fault: Fault::SecondLink { link }, .. } => {
            Error::Insecure { path, danger: Danger::SecondLink { link } }
        }
        trusted_path::Error::Path { .. } => Error::BadPath { path },
        trusted_path::Error::System { at, source, .. } => {
            if source.kind() == io::ErrorKind::NotFound {
                Error::NoFolder { path, folder: at }
            } else if source.kind() == io::ErrorKind::NotADirectory {
                let kind = statat(CWD, &at, AtFlags::SYMLINK_NOFOLLOW);
                let kind = kind.map_or(FileKind::Other, |stat| kind_of(&stat));
                Error::NotAFolder { path, folder: at, kind }
            } else {
                Error::Io { op: Op::Find, path, source }
            }
        }
    }
}

fn kind_of(stat: &Stat) -> FileKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Folder,
        FileType::Symlink => FileKind::Symlink,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice | FileType::BlockDevice => FileKind::Device,
        FileType::Unknown => FileKind::Other,
    }
}
