//! Pid files of processes further down, which nobody removes when those who would are killed.
//!
//! A worker removes its own pid file. If the worker is killed, the executor that called `start_workers`
//! removes it. If the executor is killed too, the guardian does, once all are gone; so the executor tells
//! the guardian of the files beforehand.
//!
//! The executor runs the user's code, and may have given up rights that the guardian still has. So each
//! path is kept with the user who has told of it, as the kernel has noted with the word, and the file is
//! removed with that user's rights and no others.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use std::{fs, io};

use exit::ErrorText;
use proc_spawn::{Speaker, tell};

use crate::sys;
use surroundings::Word;

/// Asks the guardian, if it is the parent of this process, to remove those of these pid files that are
/// stale in the end, with the rights of the real user and group that this thread has now. For a process
/// that starts others with pid files of their own. The parent of a worker is no guardian, and removes
/// none.
///
/// # Errors
///
/// The guardian is gone, or the paths cannot be encoded.
pub fn leave_pid_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<()> {
    in_parts(paths, Word::PidFiles)
}

/// Tells the guardian, if there is one above this process, that nothing is left of these pid files, which it was
/// [told of](leave_pid_files) by this user.
///
/// # Errors
///
/// The guardian is gone, or the paths cannot be encoded.
pub fn forget_pid_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<()> {
    in_parts(paths, Word::PidFilesGone)
}

/// Tells the paths in several words, since a list of thousands is longer than a word may be.
fn in_parts<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
    word: impl Fn(Vec<Cow<'a, Path>>) -> Word<'a>,
) -> io::Result<()> {
    let mut paths = paths.into_iter().peekable();
    while paths.peek().is_some() {
        let part = paths.by_ref().take(PART).map(Cow::Borrowed).collect();
        tell(&word(part))?;
    }
    Ok(())
}

/// So many paths go into a word: they fit even if each is as long as a path can be (path_resolution(7)).
const PART: usize = 200;

/// How long all of it may take: somebody who holds a lock on each of them, or whose disk does not answer, holds up no end.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the files of so many askers have taken too long, those of the remaining askers are left alone.
const MOST_SLOW: usize = 8;

/// As many as there may be workers, and more; and as much text as they need.
const MOST_FILES: usize = 65_536;
const MOST_BYTES: usize = 8 << 20;

/// Whose rights count for a file: the real user and group of who told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asker {
    user: u32,
    group: u32,
}

/// What a guardian was told of, in all runs of its executor: most often the same in each.
#[derive(Debug, Default)]
pub(crate) struct LeftPidFiles {
    files: BTreeMap<Box<Path>, Asker>,
    bytes: usize,
    /// The log has been told that not all of them fit.
    full: bool,
}

impl LeftPidFiles {
    /// Takes note of what a child has told.
    pub(crate) fn note(&mut self, speaker: Speaker, paths: Vec<Cow<'_, Path>>) {
        let asker = Asker { user: speaker.user, group: speaker.group };
        for path in paths {
            if let Some(before) = self.files.get_mut(&*path) {
                // The next run of the executor tells the same paths again. If it has given up our rights
                // since, the fewer ones count from now on. A path told with fewer rights never comes to
                // have ours.
                if before.user == us().user {
                    *before = asker;
                }
                continue;
            }
            let bytes = self.bytes + path.as_os_str().as_bytes().len();
            if self.files.len() == MOST_FILES || bytes > MOST_BYTES {
                if !self.full {
                    log::warn!(
                        "process {} has told of more pid files than are kept \
                         ({MOST_FILES}, {MOST_BYTES} bytes): the others are left alone",
                        speaker.pid
                    );
                    self.full = true;
                }
                return;
            }
            self.bytes = bytes;
            self.files.insert(path.into(), asker);
        }
    }

    /// Nothing is left of these. What somebody else has told of stays.
    pub(crate) fn forget(&mut self, speaker: Speaker, paths: &[Cow<'_, Path>]) {
        self.forget_of(Asker { user: speaker.user, group: speaker.group }, paths);
    }

    fn forget_of(&mut self, asker: Asker, paths: &[Cow<'_, Path>]) {
        for path in paths {
            if self.files.get(&**path) == Some(&asker) {
                self.files.remove(&**path);
                self.bytes -= path.as_os_str().as_bytes().len();
            }
        }
    }

    /// Removes those that are stale, as far as that does not take too long. Somebody else's is not
    /// touched.
    ///
    /// A file may be on a disk that does not answer. So threads do it, which this one waits for no longer
    /// than it may, and which end with the process: one for each asker, since a thread that has taken the
    /// rights of an asker keeps them until its end.
    pub(crate) fn remove(&self) {
        let until = Instant::now() + PATIENCE;
        let mut lists = BTreeMap::<_, Vec<_>>::new();
        for (path, asker) in &self.files {
            // Ours are under `None`, which comes first: the slow files of others cannot use up their
            // time.
            let asker = (asker.user != us().user).then_some(*asker);
            lists.entry(asker).or_default().push(path.to_path_buf());
        }
        let mut slow = Vec::new();
        for (asker, paths) in lists {
            let done = remove_all(asker, paths, until);
            // Half of what is left, so that the next asker has some time, too.
            if !ends_by(&done, Instant::now() + until.saturating_duration_since(Instant::now()) / 2)
            {
                slow.push(done);
            }
            if slow.len() == MOST_SLOW {
                break;
            }
        }
        if !slow.iter().all(|done| ends_by(done, until)) {
            log::warn!("not all pid files that were left could be looked at within {PATIENCE:?}");
        }
    }
}

/// Has a thread remove what is stale of these, with the rights of `asker`, or with ours if there is none.
/// The channel that it gives back is closed when that is done.
fn remove_all(asker: Option<Asker>, paths: Vec<PathBuf>, until: Instant) -> Receiver<Infallible> {
    let (ends, done) = channel();
    let ours = asker.is_none().then(|| paths.clone());
    let all = move |paths: Vec<PathBuf>| {
        for path in paths {
            // Most often there is none.
            if Instant::now() < until && fs::symlink_metadata(&path).is_ok() {
                remove(&path);
            }
        }
    };
    let thread = helper_thread::spawn("pid-files", 256 << 10, move || {
        let _ends: Sender<Infallible> = ends;
        match asker.map_or(Ok(()), |asker| sys::become_user(asker.user, asker.group)) {
            Ok(()) => all(paths),
            Err(error) => log::warn!("cannot remove pid files as {asker:?}: {error}"),
        }
    });
    // Where no thread can be had, ours are better removed slowly than left.
    if thread.is_err() {
        all(ours.unwrap_or_default());
    }
    done
}

fn ends_by(done: &Receiver<Infallible>, until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    done.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
}

fn remove(path: &Path) {
    if let Err(error) = pidfile::try_remove_stale(path) {
        log::warn!("{}", ErrorText::new(&error).chain());
    }
}

fn us() -> Asker {
    Asker { user: nix::unistd::geteuid().as_raw(), group: nix::unistd::getegid().as_raw() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_not_looked_for_and_nobody_else_can_say_so() {
        let (one, other) = (Asker { user: 1, group: 0 }, Asker { user: 2, group: 0 });
        let files = ["/a", "/b"].map(|path| (Path::new(path).into(), one));
        let mut left = LeftPidFiles { files: files.into(), bytes: 4, full: false };
        let path = |path| Cow::Borrowed(Path::new(path));
        left.forget_of(other, &[path("/a")]);
        assert_eq!((left.files.len(), left.bytes), (2, 4));
        left.forget_of(one, &[path("/a"), path("/c")]);
        assert_eq!((left.files.keys().next(), left.bytes), (Some(&Path::new("/b").into()), 2));
    }
}
