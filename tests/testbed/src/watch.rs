//! Waiting for something to be true of a folder, without guessing how long it takes.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::inotify;

use crate::failure::{Failure, Outcome};
use crate::interrupt;

/// What no file tells (a child in /proc, a file system without inotify) is looked at this often.
const SECOND_LOOK: Duration = Duration::from_millis(50);

/// A folder whose changes wake us.
pub struct Watch {
    folder: PathBuf,
    changes: OwnedFd,
}

impl Watch {
    /// Of this folder, and of those in it.
    pub fn new(folder: &Path) -> Outcome<Self> {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let changes = inotify::init(flags).map_err(Failure::at("watch", folder))?;
        let folder = folder.to_owned();
        Ok(Watch { folder, changes })
    }

    /// Looks until there is something to see: at once, and after every change in the folder or one
    /// of its subfolders. `None` when `limit` passed first. Fails when somebody asks us to stop.
    pub fn until<T>(&self, limit: Duration, look: impl FnMut() -> Option<T>) -> Outcome<Option<T>> {
        self.until_beside(None, limit, look)
    }

    /// The same, woken also by a descriptor that becomes readable: the end of a process.
    pub fn until_beside<T>(
        &self,
        beside: Option<BorrowedFd<'_>>,
        limit: Duration,
        mut look: impl FnMut() -> Option<T>,
    ) -> Outcome<Option<T>> {
        let until = Instant::now() + limit;
        loop {
            // Watch before looking: what comes into being between a look and a wait wakes us.
            self.add(&self.folder);
            if let Some(seen) = look() {
                return Ok(Some(seen));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.wait(beside, left.min(SECOND_LOOK))?;
        }
    }

    /// Adding a folder a second time changes nothing. One that has just gone needs no watch.
    fn add(&self, folder: &Path) {
        use inotify::WatchFlags;
        // Not what only reading causes: we read ourselves.
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MODIFY
            | WatchFlags::MOVE
            | WatchFlags::ATTRIB;
        let _ = inotify::add_watch(&self.changes, folder, flags);
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.add(&entry.path());
            }
        }
    }

    fn wait(&self, beside: Option<BorrowedFd<'_>>, limit: Duration) -> Outcome {
        let descriptors: Vec<_> = [self.changes.as_fd()].into_iter().chain(beside).collect();
        interrupt::wait_for(&descriptors, limit)?;
        // Which file it was does not matter: everything is looked at again.
        let mut events = [0; 4096];
        while rustix::io::read(&self.changes, &mut events).is_ok_and(|read| read > 0) {}
        Ok(())
    }
}
#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::Watch;

    #[test]
    fn a_file_in_a_new_folder_is_seen_and_one_that_never_comes_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::new(folder.path()).unwrap();
        let file = folder.path().join("a/b");
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| {
                fs::create_dir(folder.path().join("a")).unwrap();
                fs::write(&file, "text").unwrap();
            });
            watch.until(Duration::from_secs(20), || {
                fs::read_to_string(&file).ok().filter(|text| !text.is_empty())
            })
        });
        assert_eq!(seen.unwrap().as_deref(), Some("text"));
        let never = watch
            .until(Duration::from_millis(1), || folder.path().join("c").exists().then_some(()));
        assert_eq!(never.unwrap(), None);
    }
}
