//! From a path to the folder and the last name in it, link by link, so that each can be judged.
//!
//! The kernel would follow links for us, but without asking who made them. Every step starts from
//! an open folder, so nobody can exchange what has already been judged.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::rules::Folder;

/// As many as Linux follows in one path (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Linux and FreeBSD can name a folder without the right to list it.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const NAMED: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const NAMED: OFlags = OFlags::RDONLY;

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) folder: OwnedFd,
    pub(crate) rules: Folder,
    /// The last name. No link, unless `by_kernel`.
    pub(crate) name: OsString,
    /// What is there now, if anything.
    pub(crate) found: Option<Stat>,
    /// One of the links that the kernel makes in /proc, which lead to no path: only it can follow.
    pub(crate) by_kernel: bool,
}

/// Why a path leads nowhere.
#[derive(Debug)]
pub(crate) enum Stuck {
    /// It names a folder by its form.
    IsFolder,
    /// The next step is a link that somebody else may have made.
    ForeignLink { link: PathBuf, owner: u32 },
    /// The system refused a step.
    System { at: PathBuf, errno: Errno },
}

/// Opens a folder only to start from it.
pub(crate) fn folder(at: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, name, NAMED | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

pub(crate) fn find(path: &Path) -> Result<Place, Stuck> {
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Stuck::IsFolder);
    }
    let us = rustix::process::geteuid().as_raw();
    // The names still to go, the next one last.
    let mut names = names(path);
    let mut links = 0;
    let mut here = match without_links(path) {
        Some(here) => {
            names.truncate(1);
            here
        }
        None => Here::start(path)?,
    };
    loop {
        let Some(name) = names.pop() else { return Err(Stuck::IsFolder) };
        let last = names.is_empty();
        let stuck = |errno| Stuck::System { at: here.path.join(&name), errno };
        let seen = match look(&here.folder, &name) {
            Ok(seen) => seen,
            Err(Errno::NOENT) if last => return Ok(here.place(name, None, false)),
            Err(errno) => return Err(stuck(errno)),
        };
        match seen {
            Seen::Link(..) if kernel_makes_links_in(&here.folder) => {
                if last {
                    let found = rustix::fs::statat(&here.folder, &name, AtFlags::empty());
                    let found = found.map_err(stuck)?;
                    return Ok(here.place(name, Some(found), true));
                }
                let folder = folder(&here.folder, &name).map_err(stuck)?;
                here = Here::at(folder, here.path.join(&name))?;
            }
            Seen::Link(stat, leads_to) => {
                if !here.rules.may_follow(stat.st_uid, us) {
                    let link = here.path.join(&name);
                    return Err(Stuck::ForeignLink { link, owner: stat.st_uid });
                }
                links += 1;
                if links > MOST_LINKS {
                    return Err(stuck(Errno::LOOP));
                }
                names.extend(self::names(&leads_to));
                if leads_to.is_absolute() {
                    here = Here::start(&leads_to)?;
                }
            }
            Seen::Folder(stat, _) | Seen::Other(stat) if last => {
                return Ok(here.place(name, Some(stat), false));
            }
            Seen::Folder(stat, folder) => {
                here = Here { folder, rules: Folder::new(&stat), path: here.path.join(&name) };
            }
            Seen::Other(_) => return Err(stuck(Errno::NOTDIR)),
        }
    }
}

/// The folder of `path`, if there is no link on the way, which is nearly always: then nothing has to
/// be judged before its last name, and the kernel finds it in one call.
#[cfg(target_os = "linux")]
fn without_links(path: &Path) -> Option<Here> {
    use rustix::fs::{CWD, ResolveFlags, openat2};
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    // `..` as the last name leads elsewhere than its parent in the path.
    path.file_name()?;
    let flags = NAMED | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = openat2(CWD, folder, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()?;
    Here::at(opened, folder.to_owned()).ok()
}

#[cfg(not(target_os = "linux"))]
fn without_links(_: &Path) -> Option<Here> {
    None
}

/// The folder that has been reached.
struct Here {
    folder: OwnedFd,
    rules: Folder,
    /// Its name, for messages.
    path: PathBuf,
}

impl Here {
    fn start(path: &Path) -> Result<Here, Stuck> {
        let (name, shown) = if path.is_absolute() { ("/", "/") } else { (".", "") };
        let opened = folder(rustix::fs::CWD, name)
            .map_err(|errno| Stuck::System { at: name.into(), errno })?;
        Here::at(opened, shown.into())
    }

    fn at(folder: OwnedFd, path: PathBuf) -> Result<Here, Stuck> {
        match rustix::fs::fstat(&folder) {
            Ok(stat) => Ok(Here { folder, rules: Folder::new(&stat), path }),
            Err(errno) => Err(Stuck::System { at: path, errno }),
        }
    }

    fn place(self, name: OsString, found: Option<Stat>, by_kernel: bool) -> Place {
        Place { folder: self.folder, rules: self.rules, name, found, by_kernel }
    }
}

/// The names in a path, the first one last.
fn names(path: &Path) -> Vec<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(name).collect()
}

enum Seen {
    Link(Stat, PathBuf),
    Folder(Stat, OwnedFd),
    Other(Stat),
}

/// What `name` is. Link and owner are read from one and the same link, even if the name is being
/// exchanged meanwhile.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn look(folder: &OwnedFd, name: &OsStr) -> Result<Seen, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let it = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&it)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    Ok(if kind == FileType::Symlink {
        Seen::Link(stat, path(rustix::fs::readlinkat(&it, "", Vec::new())?))
    } else if kind == FileType::Directory {
        Seen::Folder(stat, it)
    } else {
        Seen::Other(stat)
    })
}

/// As above, for systems that cannot open a link: it is read between two looks that must agree.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn look(folder: &OwnedFd, name: &OsStr) -> Result<Seen, Errno> {
    let now = || rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    let stat = now()?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    Ok(if kind == FileType::Symlink {
        let leads_to = path(rustix::fs::readlinkat(folder, name, Vec::new())?);
        let again = now()?;
        if (again.st_dev, again.st_ino, again.st_uid) != (stat.st_dev, stat.st_ino, stat.st_uid) {
            return Err(Errno::LOOP);
        }
        Seen::Link(stat, leads_to)
    } else if kind == FileType::Directory {
        let flags = NAMED | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(folder, name, flags, Mode::empty())?;
        Seen::Folder(rustix::fs::fstat(&opened)?, opened)
    } else {
        Seen::Other(stat)
    })
}

fn path(bytes: std::ffi::CString) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes.as_bytes()))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn kernel_makes_links_in(folder: &OwnedFd) -> bool {
    rustix::fs::fstatfs(folder).is_ok_and(|system| system.f_type == rustix::fs::PROC_SUPER_MAGIC)
}

/// Elsewhere `/dev/fd` is made of devices.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn kernel_makes_links_in(_: &OwnedFd) -> bool {
    false
}
