//! A process that is killed in the middle of a rotation, wherever that is.

use std::process::{Command, Stdio};

use crate::support::bed::{Bed, Player};
use crate::support::lines::{Found, record};

/// The system calls of a rotation, and of the records around it.
const CALLS: [&str; 12] = [
    "openat",
    "openat2",
    "flock",
    "statx",
    "fstat",
    "newfstatat",
    "getdents64",
    "renameat2",
    "unlink",
    "unlinkat",
    "fcntl",
    "write",
];

/// More than any of them is called while the part is played.
const TIMES: usize = 60;

/// Each record needs a file of its own, so the second one rotates, and the third.
const RECORDS: u64 = 4;

/// Case: LOG-01
pub(crate) fn killed_at_any_system_call_a_rotation_loses_nothing_and_the_next_goes_on() {
    if !can_trace() {
        println!("skipped: strace cannot be used here");
        return;
    }
    let mut kills = 0;
    for call in CALLS {
        for time in 1..=TIMES {
            match killed_at(call, time) {
                true => kills += 1,
                false => break,
            }
        }
    }
    println!("killed at {kills} system calls");
    assert!(kills > 50, "a few rotations should have more system calls than {kills}");
}

fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}

/// Whether the process called `call` so often that it was killed at it.
fn killed_at(call: &str, time: usize) -> bool {
    let bed = Bed::new();
    let options = bed.options("rotation: size\nmax_size: 80\nkeep: 1000\n");
    let part = Player::command("count", &options, "victim-0", &[&RECORDS.to_string(), "60"]);
    let mut strace = Command::new("strace");
    strace.args(["-o", "/dev/null", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=KILL:when={time}")]);
    strace.arg(part.get_program()).args(part.get_args());
    let mut victim = Player::spawn(strace.stderr(Stdio::null()));
    let mut told = Vec::new();
    loop {
        match victim.reply() {
            line if line.is_empty() => break,
            line => told.push(line),
        }
    }
    let killed = told.last().is_none_or(|line| !line.starts_with("wrote"));

    // Whatever it left behind, the next one writes and rotates.
    let mut next = Player::start("count", &options, "next", &["3", "60"]);
    assert_eq!(next.reply(), "wrote 3");
    let contents = bed.everything();
    let found = Found::in_any_order(contents.iter().map(String::as_str));
    assert_eq!(found.records["next"], 3, "after {call} {time}");
    if !killed {
        assert_eq!(found.records["victim-0"], RECORDS);
    }
    // A write that is killed has happened or not; none of these is long enough to be cut.
    assert_eq!(found.fragments, [""; 0], "after {call} {time}");
    let names = bed.names();
    assert!(contents.iter().all(|contents| contents.len() <= 80), "{names:?}");
    assert!(
        names.iter().all(|name| name == "app.log" || name.starts_with("app.log.2")),
        "nothing is left but log files: {names:?}"
    );
    assert!(bed.read("app.log").contains(&record("next", 2, 60)));
    killed
}
