//! Waiting for something to be true of a folder, without guessing how long it takes.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// What no file tells (a process that has gone) is looked at this often.
const SECOND_LOOK: Duration = Duration::from_millis(50);

/// A folder whose changes wake us.
pub(crate) struct Watch {
    folder: PathBuf,
    changes: OwnedFd,
}

impl Watch {
    pub(crate) fn new(folder: &Path) -> io::Result<Watch> {
        let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let watch = Watch { folder: folder.to_owned(), changes };
        watch.add(folder);
        Ok(watch)
    }

    /// Looks until there is something to see: at once, and after every change in the folder or one
    /// of its subfolders. `None` when `limit` passed first.
    pub(crate) fn until<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let until = Instant::now() + limit;
        loop {
            if let Some(seen) = look() {
                return Some(seen);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.wait(left.min(SECOND_LOOK));
        }
    }

    fn add(&self, folder: &Path) {
        // Not what only reading causes: we read ourselves.
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MODIFY
            | WatchFlags::MOVE
            | WatchFlags::ATTRIB;
        // One that has just gone needs no watch.
        let _ = inotify::add_watch(&self.changes, folder, flags);
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.add(&entry.path());
            }
        }
    }

    fn wait(&self, limit: Duration) {
        let mut waiting = [PollFd::new(&self.changes, PollFlags::IN)];
        let _ = poll(&mut waiting, Timespec::try_from(limit).ok().as_ref());
        // Which file it was does not matter: everything is looked at again.
        let mut events = [0; 4096];
        while rustix::io::read(&self.changes, &mut events).is_ok_and(|read| read > 0) {}
        // A folder may have been made meanwhile; adding one a second time changes nothing.
        self.add(&self.folder);
    }
}
