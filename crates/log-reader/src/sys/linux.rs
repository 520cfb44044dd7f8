//! Changes in folders, told by inotify(7). An event only wakes those whose name it has: what has happened is seen by
//! looking.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

const OF_FOLDER: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
/// The folders themselves are concerned, or it is not known what was.
const OF_FOLDERS: ReadFlags = ReadFlags::DELETE_SELF
    .union(ReadFlags::MOVE_SELF)
    .union(ReadFlags::IGNORED)
    .union(ReadFlags::ISDIR)
    .union(ReadFlags::UNMOUNT)
    .union(ReadFlags::QUEUE_OVERFLOW);
/// Folders on the way may come and go while we look for the lowest that there is.
const ATTEMPTS: usize = 100;

/// One inotify for all folders. Dropping it ends the watches.
#[derive(Debug)]
pub(crate) struct Folders(OwnedFd);

impl Folders {
    pub(crate) fn new() -> io::Result<Folders> {
        Ok(Folders(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?))
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Watches the folder in which the path's name stands, and that of the file to which it leads by links. Where a
    /// folder is not there, the lowest one on the way to it. Gives that file's name.
    pub(crate) fn watch(&self, path: &Path) -> io::Result<Option<OsString>> {
        self.watch_folder_of(path)?;
        let Ok(led_to) = std::fs::canonicalize(path) else { return Ok(None) };
        self.watch_folder_of(&led_to)?;
        Ok(led_to.file_name().map(OsStr::to_owned))
    }

    fn watch_folder_of(&self, path: &Path) -> io::Result<()> {
        watch_lowest(&folder(path), |folder| {
            inotify::add_watch(&self.0, folder, OF_FOLDER).map(drop)
        })
    }

    /// Tells the names to which something has happened since the last call. Says whether folders have come or gone, so
    /// that others are to be watched, and everything is to be looked at.
    pub(crate) fn take(&self, mut tell: impl FnMut(&OsStr)) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let mut has_moved = false;
        loop {
            match events.next() {
                Ok(event) => {
                    match event.file_name() {
                        Some(name) => tell(OsStr::from_bytes(name.to_bytes())),
                        None => has_moved = true,
                    }
                    has_moved |= event.events().intersects(OF_FOLDERS);
                    // The rest of a buffer is there the next time, unless it was read already.
                    if events.is_buffer_empty() {
                        return has_moved;
                    }
                }
                Err(Errno::INTR) => (),
                Err(_) => return has_moved,
            }
        }
    }
}

/// Watches this folder, or the lowest that there is on the way to it.
fn watch_lowest(named: &Path, watch: impl Fn(&Path) -> Result<(), Errno>) -> io::Result<()> {
    let mut found = named.to_owned();
    for _ in 0..ATTEMPTS {
        match watch(&found) {
            Ok(()) => match below(&found, named) {
                // It may have been made before the one above it was watched.
                Some(next) if next.is_dir() => found = next,
                Some(_) | None => return Ok(()),
            },
            Err(Errno::NOENT | Errno::NOTDIR) => found = folder(&found),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The next folder on the way from one to another below it.
fn below(folder: &Path, named: &Path) -> Option<PathBuf> {
    if folder == named {
        return None;
    }
    let from = if folder == Path::new(".") { Path::new("") } else { folder };
    let next = named.strip_prefix(from).ok()?.components().next()?;
    Some(from.join(next))
}

/// The folder of a name; that of `/` is itself.
fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;

    use super::*;

    /// The folders below are made right after it was seen that they are not there.
    #[test]
    fn folders_that_are_made_meanwhile_are_watched_however_many() {
        let bed = tempfile::tempdir().unwrap();
        let at = |name: &str| bed.path().join(name);
        for (made, named) in [("a/b", "a/b/c"), ("x/y/z", "x/y/z"), ("p", "p/q/r"), ("", "q/r")] {
            let named = at(named);
            let watched = RefCell::new(Vec::new());
            watch_lowest(&named, |folder| {
                if !folder.is_dir() {
                    if folder == at(made) {
                        fs::create_dir_all(folder).unwrap();
                    }
                    return Err(Errno::NOENT);
                }
                watched.borrow_mut().push(folder.to_owned());
                Ok(())
            })
            .unwrap();
            assert_eq!(watched.into_inner().last(), Some(&at(made)), "{made}");
        }
    }

    #[test]
    fn the_way_from_one_folder_to_another_is_gone_step_by_step() {
        for (folder, named, next) in [
            ("/", "/a/b", Some("/a")),
            ("/a", "/a/b", Some("/a/b")),
            ("/a/b", "/a/b", None),
            (".", "a/b", Some("a")),
            ("a", "a/b", Some("a/b")),
            (".", ".", None),
        ] {
            let found = below(Path::new(folder), Path::new(named));
            assert_eq!(found.as_deref(), next.map(Path::new), "{folder} {named}");
        }
    }
}
