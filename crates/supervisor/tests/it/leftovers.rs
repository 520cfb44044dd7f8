//! What is left when somebody has died or left something behind.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use supervisor::{DaemonOptions, StopStatus, stop_daemon};

use crate::bed::{Bed, LIMIT, deaf, expect_gone, gone, kill, launch, signal};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        orphans_go_with_the_daemon,
        a_guardian_that_can_open_nothing_stops_it_all,
        a_stop_takes_one_grace_and_not_two,
        an_executor_that_is_stopped_blocks_nobody,
        an_executor_goes_with_its_guardian,
    ]
}

/// Leaves a process behind that is in a session of its own, and nobody's child.
pub(crate) fn leaves_orphans(journal: PathBuf) {
    let script = "setsid sh -c 'echo $$ >> \"$0\"; exec sleep 1000' \"$0\" &";
    let status = Command::new("sh").args(["-c", script]).arg(&journal).status().unwrap();
    assert!(status.success());
    quit::sleep(LIMIT);
}

/// The same, but it ignores SIGTERM; and it does not quit either.
pub(crate) fn leaves_stubborn_orphans(journal: PathBuf) {
    let script =
        "setsid sh -c 'trap \"\" TERM; echo $$ >> \"$0\"; while :; do sleep 1000; done' \"$0\" &";
    let status = Command::new("sh").args(["-c", script]).arg(&journal).status().unwrap();
    assert!(status.success());
    loop {
        std::thread::park();
    }
}

/// Case: ORP-08
fn orphans_go_with_the_daemon() {
    let bed = Bed::new();
    let pid = launch(DaemonOptions::new(bed.pid_file(), leaves_orphans, bed.path("journal")));
    bed.expect("\n");
    let orphan: u32 = bed.journal().trim().parse().unwrap();
    assert!(!gone(orphan));
    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid });
    assert!(gone(orphan));
}

/// How often a process has gone to sleep.
fn sleeps(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.map_or(0, |count| count.trim().parse().unwrap())
}

/// The guardian wanted a list of its children before it believed that none is left, could not open it,
/// and span for ever. The orphan that it must not forget is one that only the list shows.
///
/// Case: DIE-13
fn a_guardian_that_can_open_nothing_stops_it_all() {
    let bed = Bed::new();
    let pid = launch(DaemonOptions::new(bed.pid_file(), leaves_orphans, bed.path("journal")));
    bed.expect("\n");
    let orphan: u32 = bed.journal().trim().parse().unwrap();
    // The guardian holds the pid file, so the number is its own.
    let guardian = Pid::from_raw(i32::try_from(pid).unwrap());
    let none = Rlimit { current: Some(3), maximum: getrlimit(Resource::Nofile).maximum };
    prlimit(guardian, Resource::Nofile, none).unwrap();
    // It needs more descriptors than that. Told that a child was stopped or has ended, it looks, and
    // waits again.
    let before = sleeps(pid);
    signal(pid, Signal::CHILD);
    let expected = Instant::now() + LIMIT;
    while sleeps(pid) <= before && !gone(pid) {
        assert!(Instant::now() < expected, "it does not wait any more");
        quit::sleep(Duration::from_millis(5));
    }
    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid });
    assert!(gone(orphan));
}

/// Cases: STOP-02, ORP-08
fn a_stop_takes_one_grace_and_not_two() {
    let bed = Bed::new();
    let grace = Duration::from_secs(3);
    let options = DaemonOptions::new(bed.pid_file(), leaves_stubborn_orphans, bed.path("journal"));
    launch(options.grace(grace));
    bed.expect("\n");
    let orphan: u32 = bed.journal().trim().parse().unwrap();
    let asked = Instant::now();
    assert!(matches!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { .. }));
    // What is left has no grace of its own when the executor has used it up.
    assert!(grace <= asked.elapsed() && asked.elapsed() < 2 * grace, "{:?}", asked.elapsed());
    assert!(gone(orphan));
}

/// An executor that was stopped after its guardian was killed was there for ever: nobody was left to kill
/// it.
///
/// Case: DIE-29
fn an_executor_that_is_stopped_blocks_nobody() {
    let bed = Bed::new();
    let grace = Duration::from_secs(2);
    let options = || DaemonOptions::new(bed.pid_file(), deaf, bed.path("journal")).grace(grace);
    for stop_it in [true, false] {
        let pid = launch(options());
        bed.expect("called");
        let executor = bed.executor();
        kill(pid);
        expect_gone(pid);
        signal(executor, Signal::STOP);
        if stop_it {
            assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::NotRunning);
        } else {
            launch(options());
        }
        // Its lock goes a moment before it does, when its files are closed (exit(2)).
        expect_gone(executor);
    }
}

/// Cases: ORP-02, PID-18
fn an_executor_goes_with_its_guardian() {
    let bed = Bed::new();
    let options = || {
        DaemonOptions::new(bed.pid_file(), deaf, bed.path("journal"))
            .grace(Duration::from_millis(100))
    };
    let pid = launch(options());
    bed.expect("called");
    let executor = bed.executor();
    kill(pid);
    expect_gone(pid);
    let again = launch(options());
    // Its lock goes a moment before it does, when its files are closed (exit(2)).
    expect_gone(executor);
    assert_ne!(again, pid);
}
