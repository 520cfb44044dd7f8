//! A file behind a lock, as loggers have it: what it does not take is counted.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use log_file::{Error, LogFile, Options};
use tempfile::TempDir;

pub(crate) struct Log(Mutex<Counted>);

struct Counted {
    file: LogFile,
    dropped: u64,
    why: String,
}

impl Log {
    pub(crate) fn open(path: &Path, change: impl FnOnce(Options) -> Options) -> Log {
        let file = change(Options::file(path)).open().unwrap();
        Log(Mutex::new(Counted { file, dropped: 0, why: String::new() }))
    }

    /// Appends a line.
    pub(crate) fn append(&self, text: &str) {
        let mut counted = self.counted();
        if let Err(error) = writeln!(counted.file, "{text}") {
            counted.dropped += 1;
            counted.why = error.to_string();
        }
    }

    pub(crate) fn reopen(&self) -> Result<(), Error> {
        self.counted().file.reopen()
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.counted().file.complaints()
    }

    /// How many lines it has not taken.
    pub(crate) fn dropped(&self) -> u64 {
        self.counted().dropped
    }

    /// Why it has not taken the last of them.
    pub(crate) fn why(&self) -> String {
        self.counted().why.clone()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder with a file in it that is appended to.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) file: Log,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed::with(|options| options)
    }

    pub(crate) fn with(change: impl FnOnce(Options) -> Options) -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let file = Log::open(&path, change);
        Bed { folder, path, file }
    }

    pub(crate) fn log(&self, text: &str) {
        self.file.append(text);
    }

    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn contents(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    /// The names beside the file that begin like it, sorted.
    pub(crate) fn old_files(&self) -> Vec<PathBuf> {
        let mut names: Vec<PathBuf> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| *path != self.path)
            .collect();
        names.sort();
        names
    }
}
