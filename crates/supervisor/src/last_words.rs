//! Why a daemon is not running, kept in a file beside its pid file: `<pid_filename>.last`.
//!
//! Whoever is called because a daemon does not come back asks after its end, when nobody is left who could
//! answer. So a guardian whose executor has ended badly, and is not started again, leaves what it knows. The next
//! launch removes it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use control::service::Process;
use serde::{Deserialize, Serialize};
use trusted_path::{Access, Place, Trust};

/// What a daemon that gave up has left, for who asks why it does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LastWords {
    /// The daemon's name.
    pub name: String,
    /// When its guardian ended, as RFC 3339 has it.
    pub at: String,
    /// The executor as it was known last: its ends, its last lines, why it is not started again.
    pub executor: Process,
}

/// What a child wrote is for the owner alone.
const MODE: u32 = 0o600;

/// A disk that stands still holds up the end of a guardian for no longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than a guardian writes.
const LONGEST: u64 = 1 << 20;

fn path_of(pid_filename: &Path) -> PathBuf {
    let mut path = pid_filename.as_os_str().to_owned();
    path.push(".last");
    path.into()
}

/// Leaves it. What cannot be written is told in the log.
pub(crate) fn leave(pid_filename: &Path, words: &LastWords) {
    let path = path_of(pid_filename);
    let Ok(mut text) = serde_json::to_vec(words) else { return };
    text.push(b'\n');
    let (done, is_done) = channel();
    beside(move || {
        let replaced =
            Place::find_name(&path, Trust::default()).and_then(|place| place.replace(&text, MODE));
        if let Err(error) = replaced {
            log::warn!("the last words cannot be kept in `{}`: {error}", path.display());
        }
        let _ = done.send(());
    });
    let _ = is_done.recv_timeout(PATIENCE);
}

/// Removes what an earlier daemon has left, and waits for no thread.
pub(crate) fn forget(pid_filename: &Path) {
    let path = path_of(pid_filename);
    // Mostly there is none, which needs no thread. The look is at the folder of the pid file, which is looked at anyway.
    if path.symlink_metadata().is_err() {
        return;
    }
    beside(move || {
        let removed = Place::find_name(&path, Trust::default()).and_then(|place| place.remove());
        if let Err(error) = removed {
            log::warn!("`{}` of an earlier end cannot be removed: {error}", path.display());
        }
    });
}

/// Does it in a thread, as it would wait for a disk. Without one it is not done.
fn beside(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = helper_thread::spawn("last-words", 256 << 10, work) {
        log::warn!("there is no thread for the file of last words: {error}");
    }
}

/// What the last daemon of this pid file has left when it gave up; `None`: nothing that is its own.
pub(crate) fn read(pid_filename: &Path) -> Option<LastWords> {
    use std::io::Read;
    let path = path_of(pid_filename);
    let place = Place::find(&path, Trust::default()).ok()?;
    let opened = place.open(Access::Read).ok()?;
    let mut text = Vec::new();
    opened.file().take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_come_back_and_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let pid_filename = folder.path().join("d.pid");
        assert_eq!(read(&pid_filename), None);
        forget(&pid_filename);
        let words = LastWords { name: "d".into(), at: "now".into(), executor: Process::default() };
        for _ in 0..2 {
            leave(&pid_filename, &words);
            assert_eq!(read(&pid_filename).as_ref(), Some(&words));
        }
        std::fs::write(path_of(&pid_filename), "garbage").unwrap();
        assert_eq!(read(&pid_filename), None);
        forget(&pid_filename);
        let until = std::time::Instant::now() + Duration::from_secs(30);
        while path_of(&pid_filename).exists() {
            assert!(std::time::Instant::now() < until, "it is not forgotten");
            std::thread::yield_now();
        }
    }
}
