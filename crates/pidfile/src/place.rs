//! Where a pid file is: its folder, found without following anybody else's links, and its name.
//!
//! Every operation opens the folder once and names the file only within it, so that all its steps
//! speak of the same folder, whatever is renamed meanwhile.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, readlinkat,
    statat, unlinkat,
};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::geteuid;

use crate::detail::{Danger, FileKind, Op};
use crate::error::Error;

/// As the kernel's own limit (path_resolution(7)).
const MOST_LINKS: usize = 40;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A file's identity while somebody has it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    device: u64,
    inode: u64,
}

impl Id {
    pub(crate) fn of(stat: &Stat) -> Id {
        Id { device: stat.st_dev, inode: stat.st_ino }
    }

    pub(crate) fn from_metadata(metadata: &std::fs::Metadata) -> Id {
        use std::os::unix::fs::MetadataExt;
        Id { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// An absolute path whose folder is open.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    folder: OwnedFd,
    name: OsString,
}

impl Place {
    /// Resolves a relative path against the present working directory and opens the folder.
    pub(crate) fn open(path: &Path) -> Result<Place, Error> {
        let path = absolute(path)?;
        let bad = || Error::BadPath { path: path.clone() };
        let name = path.file_name().ok_or_else(bad)?.to_owned();
        let folder = open_folder(path.parent().ok_or_else(bad)?, &path)?;
        Ok(Place { path, folder, name })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Another name in the same folder.
    pub(crate) fn beside(&self, name: OsString) -> Result<Place, Error> {
        let folder =
            fcntl_dupfd_cloexec(&self.folder, 3).map_err(Error::io(Op::Find, &self.path))?;
        Ok(Place { path: self.path.with_file_name(&name), folder, name })
    }

    pub(crate) fn no_folder(&self) -> Error {
        let folder = self.path.parent().unwrap_or(Path::new("/")).to_owned();
        Error::NoFolder { path: self.path.clone(), folder }
    }

    /// What stands there now, without following a link and without opening anything.
    pub(crate) fn stat(&self) -> Result<Option<Stat>, Error> {
        match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io(Op::Look, &self.path)(errno)),
        }
    }

    /// Whether the path still leads to this file. To be asked again after every lock, taken or
    /// refused: a lock on a file that has lost its name guards nothing and tells nothing.
    pub(crate) fn leads_to(&self, id: Id) -> Result<bool, Error> {
        Ok(self.stat()?.is_some_and(|stat| Id::of(&stat) == id))
    }

    /// Removes the name; a name that is gone already is as good.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match unlinkat(&self.folder, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(Error::io(Op::Remove, &self.path)(errno)),
        }
    }

    /// Whether a file with this `stat` can be believed to be a pid file of ours.
    pub(crate) fn check(&self, stat: &Stat) -> Result<(), Error> {
        let path = || self.path.clone();
        let kind = kind_of(stat);
        if kind != FileKind::File {
            return Err(Error::NotAFile { path: path(), kind });
        }
        if anybody_may_write(stat) {
            return Err(Error::Insecure { path: path(), danger: Danger::WorldWritable });
        }
        if is_foreign(stat) {
            let folder = fstat(&self.folder).map_err(Error::io(Op::Find, &self.path))?;
            if anybody_may_write(&folder) {
                return Err(Error::Insecure {
                    path: path(),
                    danger: Danger::ForeignOwner { uid: stat.st_uid },
                });
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
    std::path::absolute(path).map_err(Error::io(Op::Find, path))
}

/// Without a link on the way, which is nearly always, the kernel finds the folder in one call;
/// whatever hinders it is found, and named, by walking.
fn open_folder(folder: &Path, path: &Path) -> Result<OwnedFd, Error> {
    openat2(CWD, folder, FOLDER, Mode::empty(), ResolveFlags::NO_SYMLINKS)
        .or_else(|_| walk(folder, path))
}

/// Goes from the root step by step. A symbolic link is followed unless it stands where everybody
/// may write and belongs to neither us nor root (law: no link of a stranger is followed).
fn walk(folder: &Path, path: &Path) -> Result<OwnedFd, Error> {
    let refused = || Error::io::<Errno>(Op::Find, path);
    let root = || openat(CWD, "/", FOLDER, Mode::empty()).map_err(refused());
    let mut here = PathBuf::from("/");
    let mut at = root()?;
    let mut todo = steps(folder);
    let mut links = 0;
    while let Some(step) = todo.pop() {
        if step == "/" {
            at = root()?;
            here = PathBuf::from("/");
            continue;
        }
        if step == ".." {
            at = openat(&at, "..", FOLDER, Mode::empty()).map_err(refused())?;
            here.pop();
            continue;
        }
        let next = match openat(
            &at,
            &step,
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        ) {
            Ok(next) => next,
            Err(Errno::NOENT) => {
                return Err(Error::NoFolder { path: path.to_owned(), folder: here.join(step) });
            }
            Err(errno) => return Err(refused()(errno)),
        };
        let stat = fstat(&next).map_err(refused())?;
        match kind_of(&stat) {
            FileKind::Folder => {
                at = next;
                here.push(step);
            }
            FileKind::Symlink => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(refused()(Errno::LOOP));
                }
                if is_foreign(&stat) && anybody_may_write(&fstat(&at).map_err(refused())?) {
                    let danger = Danger::ForeignLink { link: here.join(step), uid: stat.st_uid };
                    return Err(Error::Insecure { path: path.to_owned(), danger });
                }
                let target = readlinkat(&next, "", Vec::new()).map_err(refused())?;
                todo.extend(steps(Path::new(&OsString::from_vec(target.into_bytes()))));
            }
            kind @ (FileKind::File
            | FileKind::Fifo
            | FileKind::Socket
            | FileKind::Device
            | FileKind::Other) => {
                return Err(Error::NotAFolder {
                    path: path.to_owned(),
                    folder: here.join(step),
                    kind,
                });
            }
        }
    }
    Ok(at)
}

/// The steps of a path, last one first.
fn steps(path: &Path) -> Vec<OsString> {
    let step = |component: Component<'_>| match component {
        Component::CurDir | Component::Prefix(_) => None,
        Component::RootDir => Some(OsString::from("/")),
        Component::ParentDir => Some(OsString::from("..")),
        Component::Normal(name) => Some(name.to_owned()),
    };
    path.components().rev().filter_map(step).collect()
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

fn anybody_may_write(stat: &Stat) -> bool {
    Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH)
}

fn is_foreign(stat: &Stat) -> bool {
    stat.st_uid != 0 && stat.st_uid != geteuid().as_raw()
}
