//! A folder of logs, their writers, and what is expected of who reads them.
#![allow(dead_code, reason = "each test program uses its part")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use log_file::{LogFile, Options, Rotation};
use log_reader::{Follower, Last, Line, Source, last};

/// However slow the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of its own, removed with it.
pub(crate) struct Bed {
    folder: tempfile::TempDir,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn append(&self, name: &str, text: &str) {
        append(&self.path(name), text);
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// As gzip(1) does, which passes the times on.
    pub(crate) fn gzip(&self, name: &str) {
        let status = Command::new("gzip").arg(self.path(name)).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn plain(&self, name: &str) -> Source {
        Source::plain(name, self.path(name))
    }

    pub(crate) fn log_file(&self, name: &str) -> Source {
        Source::log_file(name, self.path(name))
    }

    pub(crate) fn logrotate(&self, name: &str) -> Source {
        Source::logrotate(name, self.path(name))
    }

    /// A writer whose file is put aside at this size, and kept.
    pub(crate) fn writer(&self, name: &str, max_size: u64, compress: bool) -> LogFile {
        let options = Options::file(self.path(name)).rotation(Rotation::Size).max_size(max_size);
        options.keep(100_000).compress(compress).open().unwrap()
    }

    /// The files beside it that were put aside.
    pub(crate) fn put_aside(&self, name: &str) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|other| other.starts_with(&format!("{name}.")));
        names.sort();
        names
    }
}

pub(crate) fn append(path: &Path, text: &str) {
    let mut file = File::options().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The text of a line, `~` where it goes on from a piece, or does not end.
pub(crate) fn text(line: &Line) -> String {
    let (before, after) =
        (["", "~"][usize::from(line.continued)], ["~", ""][usize::from(line.complete)]);
    format!("{before}{}{after}", String::from_utf8_lossy(&line.bytes))
}

/// The last lines of these sources.
pub(crate) fn last_texts(sources: impl IntoIterator<Item = Source>, lines: u64) -> Vec<String> {
    let mut last = last(sources, lines);
    let texts = last.by_ref().map(|line| text(&line)).collect();
    assert_eq!(last.problems(), [] as [String; 0]);
    texts
}

pub(crate) fn follow(sources: impl IntoIterator<Item = Source>) -> Follower {
    last(sources, 0).follow()
}

pub(crate) fn follow_all(last: &mut Last) -> Vec<String> {
    last.map(|line| text(&line)).collect()
}

/// The next line, which comes.
#[track_caller]
pub(crate) fn next(follower: &mut Follower) -> Line {
    let line = follower.next(Some(Instant::now() + PATIENCE));
    line.unwrap_or_else(|| panic!("no line comes; {:?}", follower.problems()))
}

/// Expects these lines, and no other before them.
#[track_caller]
pub(crate) fn expect(follower: &mut Follower, expected: &[&str]) {
    for expected in expected {
        assert_eq!(text(&next(follower)), *expected);
    }
}

/// Nothing is there: not now, and not when everything that waits for time is over.
#[track_caller]
pub(crate) fn expect_nothing(follower: &mut Follower) {
    for later in [0, 1, 5] {
        let line = follower.turn(Instant::now() + Duration::from_secs(later));
        assert_eq!(line.as_ref().map(text), None);
    }
}

/// The descriptors that this process has on files below a folder.
pub(crate) fn descriptors(bed: &Bed) -> usize {
    let folder = fs::canonicalize(bed.folder.path()).unwrap();
    let fds = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = fds.filter_map(|fd| fs::read_link(fd.path()).ok());
    targets.filter(|target| target.starts_with(&folder)).count()
}
