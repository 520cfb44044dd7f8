//! From a path to the folder and the last name in it, link by link, so that each can be judged.
//!
//! The kernel would follow links for us, but without asking who made them. Every step starts from
//! an open folder, so nobody can exchange what has already been judged.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Fault, Step};
use crate::rules::{self, Item, Whom};
use crate::seen::{Identity, Seen};
use crate::sys::{self, Look};
use crate::trust::Trust;

/// As many as Linux follows in one path (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// A folder that has been reached.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) fd: OwnedFd,
    pub(crate) rules: rules::Folder,
    pub(crate) identity: Identity,
    /// Its name, for messages.
    pub(crate) path: PathBuf,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) folder: Folder,
    /// The last name. No link, unless `by_kernel`, or links at the end were not to be followed.
    pub(crate) name: OsString,
    /// What is there now, if anything.
    pub(crate) found: Option<Seen>,
    /// One of the links that the kernel makes in /proc, which lead to no path: only it can follow.
    pub(crate) by_kernel: bool,
}

/// Which links are followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Whom to trust; `None`: links are followed whoever made them, only to see where they lead.
    pub(crate) trust: Option<Trust>,
    /// Whether a link at the last name is followed.
    pub(crate) to_the_end: bool,
}

/// Opens a folder only to start from it.
fn open_folder(at: impl AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, name, sys::NAMED | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// What is wrong with a path whatever is on the disk.
pub(crate) fn misspelt(path: &Path) -> Option<Fault> {
    let bytes = path.as_os_str().as_bytes();
    let last = bytes.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if bytes.is_empty() {
        Some(Fault::Empty)
    } else if bytes.contains(&0) {
        Some(Fault::Nul)
    } else if matches!(last, b"" | b"." | b"..") {
        Some(Fault::IsFolder)
    } else {
        None
    }
}

/// A walk that ended early.
pub(crate) struct Stuck {
    pub(crate) error: Error,
    /// If it ended where a name was missing.
    pub(crate) missing: Option<Box<Missing>>,
}

/// Where a name was missing: what had been reached, and the names still to go, the next one last.
pub(crate) struct Missing {
    pub(crate) folder: Folder,
    pub(crate) names: Vec<OsString>,
}

impl From<Error> for Stuck {
    fn from(error: Error) -> Stuck {
        Stuck { error, missing: None }
    }
}

pub(crate) fn walk(path: &Path, manner: Manner) -> Result<Reached, Stuck> {
    let fault = |fault| Error::Path { path: path.to_owned(), fault };
    if let Some(wrong) = misspelt(path) {
        return Err(fault(wrong).into());
    }
    let trust = manner.trust.unwrap_or_default();
    // The names still to go, the next one last.
    let mut names = names(path);
    let mut links = 0;
    let mut here = match without_links(path, trust) {
        Some(here) => {
            names.truncate(1);
            here
        }
        None => start(path, trust)?,
    };
    loop {
        let Some(name) = names.pop() else { return Err(fault(Fault::IsFolder).into()) };
        let last = names.is_empty();
        let stuck = |at: &Folder, errno: Errno| {
            let at = at.path.join(&name);
            Error::System { step: Step::Find, at, source: errno.into() }
        };
        let seen = match sys::look(&here.fd, &name, last) {
            Ok(seen) => seen,
            Err(Errno::NOENT) if last => {
                return Ok(Reached { folder: here, name, found: None, by_kernel: false });
            }
            Err(Errno::NOENT) => {
                let error = stuck(&here, Errno::NOENT);
                names.push(name);
                let missing = Some(Box::new(Missing { folder: here, names }));
                return Err(Stuck { error, missing });
            }
            Err(errno) => return Err(stuck(&here, errno).into()),
        };
        match seen {
            Look::Link(seen, _) if last && !manner.to_the_end => {
                return Ok(Reached { folder: here, name, found: Some(seen), by_kernel: false });
            }
            Look::Link(seen, leads_to) => {
                if manner.trust.is_some()
                    && let Some(wrong) = unsafe_to_follow(&here, &name, &seen)
                {
                    return Err(fault(wrong).into());
                }
                links += 1;
                if links > MOST_LINKS {
                    return Err(stuck(&here, Errno::LOOP).into());
                }
                if !sys::kernel_makes_links_in(&here.fd) {
                    names.extend(self::names(&leads_to));
                    if leads_to.is_absolute() {
                        here = start(&leads_to, trust)?;
                    }
                    continue;
                }
                if last {
                    let found = rustix::fs::statat(&here.fd, &name, AtFlags::empty());
                    let found = found.map_err(|errno| stuck(&here, errno))?;
                    let found = Some(Seen::new(&found));
                    return Ok(Reached { folder: here, name, found, by_kernel: true });
                }
                let next = open_folder(&here.fd, &name).map_err(|errno| stuck(&here, errno))?;
                here = Folder::reached(next, here.path.join(&name), trust)?;
            }
            Look::Folder(seen, _) | Look::Other(seen) if last => {
                return Ok(Reached { folder: here, name, found: Some(seen), by_kernel: false });
            }
            Look::Folder(seen, fd) => {
                let Some(fd) = fd else { return Err(stuck(&here, Errno::NOTDIR).into()) };
                here = Folder::new(fd, &seen, here.path.join(&name), trust);
            }
            Look::Other(_) => return Err(stuck(&here, Errno::NOTDIR).into()),
        }
    }
}

/// Why a link is not followed, if it is not.
fn unsafe_to_follow(folder: &Folder, name: &OsStr, link: &Seen) -> Option<Fault> {
    let whom = Whom::now();
    if folder.rules.may_follow(Item::of(link), whom) {
        return None;
    }
    let path = folder.path.join(name);
    let owner_is_fine = folder.rules.may_follow(Item { links: 1, ..Item::of(link) }, whom);
    Some(match owner_is_fine {
        true => Fault::SecondLink { link: path },
        false => Fault::ForeignLink { link: path, owner: link.owner },
    })
}

/// The folder of `path`, if there is no link on the way, which is nearly always: then nothing has to
/// be judged before its last name, and the kernel finds it in one call.
fn without_links(path: &Path, trust: Trust) -> Option<Folder> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    let opened = sys::open_without_links(folder)?;
    Folder::reached(opened, folder.to_owned(), trust).ok()
}

fn start(path: &Path, trust: Trust) -> Result<Folder, Error> {
    let (name, shown) = if path.is_absolute() { ("/", "/") } else { (".", "") };
    let opened = open_folder(rustix::fs::CWD, name).map_err(|errno| Error::System {
        step: Step::Find,
        at: name.into(),
        source: errno.into(),
    })?;
    Folder::reached(opened, shown.into(), trust)
}

impl Folder {
    fn reached(fd: OwnedFd, path: PathBuf, trust: Trust) -> Result<Folder, Error> {
        match rustix::fs::fstat(&fd) {
            Ok(stat) => Ok(Folder::new(fd, &Seen::new(&stat), path, trust)),
            Err(errno) => Err(Error::System { step: Step::Find, at: path, source: errno.into() }),
        }
    }

    fn new(fd: OwnedFd, seen: &Seen, path: PathBuf, trust: Trust) -> Folder {
        let has_named_writers = rules::looks_shared(seen.mode) && sys::names_a_writer(&fd);
        let rules = rules::Folder { owner: seen.owner, mode: seen.mode, trust, has_named_writers };
        Folder { fd, rules, identity: seen.identity, path }
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
