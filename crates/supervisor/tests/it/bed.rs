//! A folder, a daemon in it, and entries for more than one topic.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use supervisor::{DaemonOptions, DaemonRunStatus, start_daemon, stop_daemon};

/// Far beyond what anything here takes, also on a machine that is busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn write_line(path: &Path, line: &str) {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

pub(crate) fn rounds(journal: PathBuf) {
    write_line(&journal, "called");
    while !quit::quit_requested() {
        quit::sleep(LIMIT);
    }
    write_line(&journal, "asked to quit");
}

pub(crate) fn deaf(journal: PathBuf) {
    write_line(&journal, "called");
    loop {
        std::thread::park();
    }
}

/// A folder of its own, and a daemon that does not outlive the test.
pub(crate) struct Bed {
    pub(crate) folder: tempfile::TempDir,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.path("d.pid")
    }

    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.path("journal")).unwrap_or_default()
    }

    /// Waits until the journal says so.
    pub(crate) fn expect(&self, text: &str) {
        let expected = Instant::now() + LIMIT;
        while !self.journal().contains(text) {
            assert!(Instant::now() < expected, "no `{text}` in {:?}", self.journal());
            quit::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn guardian(&self) -> u32 {
        fs::read_to_string(self.pid_file()).unwrap().trim().parse().unwrap()
    }

    pub(crate) fn executor(&self) -> u32 {
        let guardian = self.guardian();
        let path = format!("/proc/{guardian}/task/{guardian}/children");
        fs::read_to_string(path).unwrap().split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = stop_daemon(self.pid_file());
    }
}

pub(crate) fn launch(options: DaemonOptions) -> u32 {
    match start_daemon(options).unwrap() {
        DaemonRunStatus::Launched { pid } => pid,
        DaemonRunStatus::AlreadyRunning { pid } => panic!("already running, pid {pid}"),
    }
}

pub(crate) fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Whether the process is gone, or only waits for somebody to take note of it.
pub(crate) fn gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

pub(crate) fn expect_gone(pid: u32) {
    let expected = Instant::now() + LIMIT;
    while !gone(pid) {
        assert!(Instant::now() < expected, "process {pid} is still there");
        quit::sleep(Duration::from_millis(5));
    }
}
