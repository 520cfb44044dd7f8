//! Why a daemon is not running, kept in a file beside its pid file: `<pid_filename>.last`.
//!
//! Whoever is called because a daemon does not come back asks after its end, when nobody is left who could
//! answer. So a guardian whose executor has ended badly, and is not started again, leaves what it knows, and so does
//! one whose launch has failed: in place of what an earlier one has left. The next launch removes it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use control::service;
use exit::SetupError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trusted_path::{Access, Kind, Place, Trust};

/// What a daemon that gave up, or could not be launched, has left, for who asks why it does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LastWords {
    /// The daemon's name.
    pub name: String,
    /// When its guardian ended, as RFC 3339 has it.
    pub at: String,
    /// The executor as it was known last: its ends, its last lines, why it is not started again.
    pub executor: service::Process,
}

impl LastWords {
    /// Those of now.
    pub(crate) fn new(name: &str, executor: service::Process) -> LastWords {
        LastWords { name: name.to_owned(), at: record::stamp(Timestamp::now()), executor }
    }

    /// Those of a guardian that came to no executor.
    pub(crate) fn of_guardian(name: &str, error: &SetupError) -> LastWords {
        let outcome = format!("the guardian could not be set up: {}", error.chain());
        let (name, role) = (name.to_owned(), "executor".to_owned());
        let phase = "finished".to_owned();
        let executor = service::Process {
            name: name.clone(),
            role,
            phase,
            outcome: Some(outcome),
            ..service::Process::default()
        };
        LastWords::new(&name, executor)
    }
}

/// What a child wrote is for the owner alone.
const MODE: u32 = 0o600;

/// A disk that stands still holds up the end of a guardian for no longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than a guardian writes.
const LONGEST: u64 = 1 << 20;

/// Where it is, beside a daemon's pid file.
pub(crate) fn path_of(pid_filename: &Path) -> PathBuf {
    let mut path = pid_filename.as_os_str().to_owned();
    path.push(".last");
    path.into()
}

/// That the file is being removed. Dropping it changes nothing about that.
pub(crate) struct Forgetting(Receiver<()>);

impl Forgetting {
    /// Waits until it is gone, but no longer than a disk may hold up the end of a guardian.
    pub(crate) fn wait(&self) {
        // Its other end is dropped when the thread is done.
        let _ = self.0.recv_timeout(PATIENCE);
    }
}

/// Leaves it, after what was there [is gone](forget). What cannot be written is told in the log.
pub(crate) fn leave(pid_filename: &Path, words: &LastWords, forgetting: Option<Forgetting>) {
    let path = path_of(pid_filename);
    let Ok(mut text) = serde_json::to_vec(words) else { return };
    text.push(b'\n');
    let left = beside(move || {
        // However long that takes: this would be removed with it.
        let _ = forgetting.map(|Forgetting(is_gone)| is_gone.recv());
        let left = own_or_none(&path).and_then(|place| Ok(place.replace(&text, MODE)?));
        if let Err(error) = left {
            log::warn!("the last words cannot be kept in `{}`: {error}", path.display());
        }
    });
    let _ = left.map(|is_left| is_left.recv_timeout(PATIENCE));
}

/// Removes what an earlier daemon has left, and waits for no thread. `None`: there is none.
pub(crate) fn forget(pid_filename: &Path) -> Option<Forgetting> {
    let path = path_of(pid_filename);
    // Mostly there is none, which needs no thread. The look is at the folder of the pid file, which is looked at anyway.
    path.symlink_metadata().ok()?;
    let removed = beside(move || {
        let removed = own_or_none(&path).and_then(|place| Ok(place.remove()?));
        if let Err(error) = removed {
            log::warn!("`{}` is not removed: {error}", path.display());
        }
    });
    removed.map(Forgetting)
}

/// Does it in a thread, as it would wait for a disk. It is done when what this gives back is at its end. Without a thread
/// it is not done.
fn beside(work: impl FnOnce() + Send + 'static) -> Option<Receiver<()>> {
    let (working, is_done) = channel();
    let thread = helper_thread::spawn("last-words", 256 << 10, move || {
        let _working: Sender<()> = working;
        work();
    });
    thread
        .inspect_err(|error| log::warn!("there is no thread for the file of last words: {error}"))
        .ok()
        .map(|_| is_done)
}

/// The place, if nothing is there but what a daemon of ours has left. Anything else is somebody's, and stays.
fn own_or_none(path: &Path) -> io::Result<Place> {
    let place = Place::find_name(path, Trust::default())?;
    let Some(seen) = place.look()? else { return Ok(place) };
    let is_ours = seen.kind == Kind::File && place.is_ours(&seen);
    match is_ours && words_in(place.open(Access::Read)?.file()).is_some() {
        true => Ok(place),
        false => Err(io::Error::other("something else is there, which is left as it is")),
    }
}

/// What the last daemon of this pid file has left when it gave up, or could not be launched; `None`: nothing that it can have left. Believed is who
/// owns the folder, beside root and us; nobody else in a folder where others can write.
pub(crate) fn read(pid_filename: &Path) -> Option<LastWords> {
    let place = Place::find_name(&path_of(pid_filename), Trust::FolderOwners).ok()?;
    let seen = place.look().ok()??;
    let is_believed = seen.kind == Kind::File && place.is_ours(&seen);
    is_believed.then(|| words_in(place.open(Access::Read).ok()?.file()))?
}

/// An object with all that a guardian writes: serde would read a list as one, too.
fn words_in(file: &File) -> Option<LastWords> {
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    let words: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).ok()?;
    let is_whole = ["name", "at", "executor"].iter().all(|name| words.contains_key(*name));
    serde_json::from_value(words.into()).ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn words() -> LastWords {
        LastWords { name: "d".into(), at: "now".into(), executor: service::Process::default() }
    }

    #[test]
    fn last_words_come_back_and_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let pid_filename = folder.path().join("d.pid");
        assert_eq!(read(&pid_filename), None);
        assert!(forget(&pid_filename).is_none());
        for _ in 0..2 {
            leave(&pid_filename, &words(), None);
            assert_eq!(read(&pid_filename), Some(words()));
        }
        forget(&pid_filename).unwrap().wait();
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    /// Some were removed with those before them.
    #[test]
    fn new_last_words_stay_though_old_ones_are_being_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let pid_filename = folder.path().join("d.pid");
        leave(&pid_filename, &words(), None);
        for number in 0..300 {
            let new = LastWords { at: number.to_string(), ..words() };
            let forgetting = forget(&pid_filename);
            leave(&pid_filename, &new, forgetting);
            assert_eq!(read(&pid_filename), Some(new));
        }
    }

    /// Somebody's text, another daemon's pid file, a list, a link.
    #[test]
    fn what_no_daemon_has_left_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pid_filename = folder.path().join("d.pid");
        let path = path_of(&pid_filename);
        for other in ["garbage", "4711\n", "[]", r#"{"name":"lie"}"#] {
            fs::write(&path, other).unwrap();
            assert_eq!(read(&pid_filename), None);
            leave(&pid_filename, &words(), None);
            own_or_none(&path).unwrap_err();
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        fs::remove_file(&path).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        leave(&elsewhere, &words(), None);
        symlink(path_of(&elsewhere), &path).unwrap();
        leave(&pid_filename, &LastWords::default(), None);
        assert!(path.is_symlink());
        assert_eq!(read(&elsewhere), Some(words()));
    }

    /// Whoever can write to a folder of all could say anything of a daemon's end.
    #[test]
    fn a_strangers_words_are_not_believed() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let pid_filename = folder.path().join("d.pid");
        leave(&pid_filename, &words(), None);
        let mode = |mode| fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode));
        mode(0o1777).unwrap();
        assert!(read(&pid_filename).is_some());
        chown(path_of(&pid_filename), Some(12345), None).unwrap();
        assert_eq!(read(&pid_filename), None);
        // His own folder is his to say.
        mode(0o755).unwrap();
        chown(folder.path(), Some(12345), None).unwrap();
        assert!(read(&pid_filename).is_some());
    }
}
