//! A folder, the program in it, and the entries of its daemons.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use supervisor::stop_daemon;

/// Far beyond what anything here takes, also on a machine that is busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Which of the two programs this process is; unset in the one that tries them.
pub(crate) const PROGRAM: &str = "COMMAND_LINE_TEST_PROGRAM";

/// Runs until it is asked to stop.
pub(crate) fn rounds() {
    while !quit::quit_requested() {
        quit::sleep(LIMIT);
    }
}

/// The same, but it is ready only when the file is there.
pub(crate) fn slow(go: PathBuf) {
    let _ = proc_spawn::tell_status("warming up");
    while !go.exists() && !quit::quit_requested() {
        quit::sleep(Duration::from_millis(5));
    }
    let _ = proc_spawn::tell_ready();
    fs::write(go.with_extension("ready"), "").unwrap();
    rounds();
}

/// Says that it was asked to stop, and goes only when the file is there.
pub(crate) fn lingers(go: PathBuf) {
    rounds();
    let _ = proc_spawn::tell_status("lingering");
    while !go.exists() {
        // `quit::sleep` waits no more, since it has been asked.
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Does not stop, whoever asks.
pub(crate) fn deaf() {
    loop {
        std::thread::park();
    }
}

/// Ends badly, and is not started again.
pub(crate) fn fails() -> Result<(), String> {
    Err("no such key".to_owned())
}

/// A folder of its own; no daemon in it outlives the test.
pub(crate) struct Bed {
    folder: tempfile::TempDir,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed { folder: tempfile::tempdir().unwrap() }
    }

    /// With the options of the only daemon.
    pub(crate) fn with_one() -> Bed {
        let bed = Bed::new();
        bed.write("jobd.yaml", "{ pid_filename: jobd.pid, daemon_entry: 'it::bed:rounds' }");
        bed
    }

    /// With a daemon that is ready when the file `go` is there.
    pub(crate) fn slow() -> Bed {
        let bed = Bed::new();
        let go = serde_json::to_string(&bed.path("go")).unwrap();
        let entry = "daemon_entry: 'it::bed:slow', start: { ready: told }";
        bed.write(
            "jobd.yaml",
            &format!("{{ pid_filename: jobd.pid, {entry}, daemon_args: {go} }}"),
        );
        bed
    }

    /// Whether the process has a socket that is not its standard streams.
    pub(crate) fn has_connection(&self, pid: u32) -> bool {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
        links.into_iter().any(|link| link.to_string_lossy().starts_with("socket:"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The program with these words.
    pub(crate) fn command(&self, program: &str, words: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.current_dir(self.folder.path()).env(PROGRAM, program).env("LANG", "C.UTF-8");
        command.env("TERM", "xterm").env_remove("NO_COLOR").env_remove("LC_ALL");
        command.args(words.split_whitespace()).stdin(Stdio::null());
        command
    }

    /// The service of one daemon, with these words, to its end.
    pub(crate) fn one(&self, words: &str) -> Ended {
        Ended::of(self.command("one", words).output().unwrap())
    }

    /// The same of several daemons.
    pub(crate) fn several(&self, words: &str) -> Ended {
        Ended::of(self.command("several", words).output().unwrap())
    }

    pub(crate) fn pid(&self, file: &str) -> u32 {
        fs::read_to_string(self.path(file)).unwrap().trim().parse().unwrap()
    }
}

impl Ended {
    pub(crate) fn of(output: Output) -> Ended {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// With this code, this on standard output, and nothing on standard error.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, stdout: &str) {
        assert_eq!((self.code, self.stdout.as_str(), self.stderr.as_str()), (code, stdout, ""));
    }

    /// With this code, nothing on standard output, and this on standard error.
    #[track_caller]
    pub(crate) fn complains(&self, code: i32, stderr: &str) {
        assert_eq!((self.code, self.stdout.as_str(), self.stderr.as_str()), (code, "", stderr));
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "pid") {
                let _ = stop_daemon(entry.path());
            }
        }
    }
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn expect(what: &str, mut is_so: impl FnMut() -> bool) {
    let expected = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < expected, "not yet: {what}");
        quit::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
pub(crate) fn expect_file(path: &Path) {
    expect(&format!("{path:?} is there"), || path.exists());
}
