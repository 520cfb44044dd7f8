//! Changes in folders, told by inotify(7). An event only wakes: what has happened is seen by looking.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::Happened;

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
    /// folder is not there, the lowest one on the way to it.
    pub(crate) fn watch(&self, path: &Path) -> io::Result<()> {
        self.watch_folder_of(path)?;
        match std::fs::canonicalize(path) {
            Ok(led_to) => self.watch_folder_of(&led_to),
            Err(_) => Ok(()),
        }
    }

    fn watch_folder_of(&self, path: &Path) -> io::Result<()> {
        let named = folder(path);
        let mut found = named.clone();
        for _ in 0..ATTEMPTS {
            match inotify::add_watch(&self.0, &found, OF_FOLDER) {
                Ok(_) if found == named => return Ok(()),
                // It may have been made before this one was watched.
                Ok(_) if !named.is_dir() => return Ok(()),
                Ok(_) => found.clone_from(&named),
                Err(Errno::NOENT | Errno::NOTDIR) => found = folder(&found),
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// What has happened since the last call.
    pub(crate) fn take(&self) -> Happened {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let mut happened = Happened::default();
        loop {
            match events.next() {
                Ok(event) => {
                    happened.is_any = true;
                    happened.has_moved |= event.events().intersects(OF_FOLDERS);
                    // The rest of a buffer is there the next time, unless it was read already.
                    if events.is_buffer_empty() {
                        return happened;
                    }
                }
                Err(Errno::INTR) => (),
                Err(_) => return happened,
            }
        }
    }
}

/// The folder of a name; that of `/` is itself.
fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    }
}
