//! A clock that is set back while somebody waits: by libfaketime, of which only the processes of the test know.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::bed::{Bed, Ended, expect, lingers, slow};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![a_clock_that_is_set_back_delays_nothing]
}

/// What is loaded into a process to show it another clock. `None`: it is not installed here.
fn library() -> Option<PathBuf> {
    let places =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let library = |place: &str| PathBuf::from(place).join("faketime/libfaketime.so.1");
    let found = places.map(library).into_iter().find(|library| library.exists());
    if found.is_none() {
        let text = "skipped: libfaketime is not here, and no clock is set for a test";
        let _ = writeln!(std::io::stderr(), "{text}");
    }
    found
}

/// A daemon and its commands, for which it is what the file `clock` says.
struct Clocked {
    bed: Bed,
    library: PathBuf,
}

impl Clocked {
    fn new(library: PathBuf, bed: Bed) -> Clocked {
        let clocked = Clocked { bed, library };
        clocked.set("+0");
        clocked
    }

    /// In one piece, since it may be read at any time.
    fn set(&self, offset: &str) {
        self.bed.write("clock.new", offset);
        fs::rename(self.bed.path("clock.new"), self.bed.path("clock")).unwrap();
    }

    fn begin(&self, words: &str) -> Child {
        let mut command: Command = self.bed.command("one", words);
        command.env("LD_PRELOAD", &self.library);
        command.env("FAKETIME_TIMESTAMP_FILE", self.bed.path("clock"));
        // The clock that cannot be set goes on as it does on any machine.
        for name in ["FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_NO_CACHE", "NO_FAKE_STAT"] {
            command.env(name, "1");
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// What came of it within the time that a test may take.
fn ended(mut child: Child) -> Ended {
    let end = std::cell::RefCell::new(&mut child);
    expect("it ends", || end.borrow_mut().try_wait().unwrap().is_some());
    Ended::of(child.wait_with_output().unwrap())
}

/// Ready when the file is there; does not go when it is asked to.
pub(crate) fn lags(go: PathBuf) {
    slow(go.clone());
    lingers(go.with_extension("never"));
}

fn seconds_of(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// Case: CC-29
fn a_clock_that_is_set_back_delays_nothing() {
    let Some(library) = library() else { return };
    let bed = Bed::new();
    let go = serde_json::to_string(&bed.path("go")).unwrap();
    let entry = "daemon_entry: 'it::clock:lags', start: { ready: told }, grace: 2s";
    bed.write("jobd.yaml", &format!("{{ pid_filename: jobd.pid, {entry}, daemon_args: {go} }}"));
    let clocked = Clocked::new(library, bed);
    let bed = &clocked.bed;

    let start = clocked.begin("start");
    expect("it is starting", || bed.one("status").code == 150);
    let wait = clocked.begin("wait --timeout 2s");
    expect("it is asked", || bed.has_connection(wait.id()));
    clocked.set("-1h");
    ended(wait).complains(99, "jobd: not ready when the time was over\n");
    bed.write("go", "");
    assert_eq!(ended(start).code, 0);
    let read: Value = serde_json::from_str(&bed.one("status --json").stdout).unwrap();
    let since = |role: &str| seconds_of(read["daemons"][0][role]["ready_since"].as_str().unwrap());
    assert!(since("executor") < since("guardian"), "the clock was not set back: {read}");

    // It does not go by itself: its grace ends, by whatever clock.
    clocked.set("+0");
    let stop = clocked.begin("stop");
    expect("it is stopping", || bed.one("status").code == 151);
    clocked.set("-1h");
    let stopped = ended(stop);
    assert_eq!((stopped.code, stopped.stderr.as_str()), (0, ""), "{stopped:?}");
    bed.one("status").says(3, "jobd: not running\n");
}
