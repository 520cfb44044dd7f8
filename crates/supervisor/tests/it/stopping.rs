//! A stop, as it is asked for and as the entry sees it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::Signal;
use supervisor::{
    DaemonOptions, DaemonStatus, StopFailed, StopStatus, daemon_status, stop_daemon,
    stop_daemon_within,
};

use crate::bed::{Bed, LIMIT, deaf, expect_gone, gone, launch, write_line};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        an_entry_that_ignores_quit_is_killed,
        an_entry_knows_why_and_until_when,
        a_second_request_in_a_hurry_is_heard,
    ]
}

/// Says what it knows of its quit, also in hooks at its end, one of which fails.
pub(crate) fn tells_why(journal: PathBuf) {
    let hook = journal.clone();
    proc_spawn::at_end(move || write_line(&hook, "first hook"));
    proc_spawn::at_end(|| panic!("a hook that fails"));
    let hook = journal.clone();
    proc_spawn::at_end(move || write_line(&hook, "last hook"));
    write_line(&journal, "called");
    quit::sleep(LIMIT);
    let remaining = quit::remaining().unwrap();
    let within = remaining > Duration::ZERO && remaining <= Duration::from_secs(5);
    write_line(&journal, &format!("{}, in time: {within}", quit::reason().unwrap()));
}

/// Cases: STOP-02, STOP-07
fn an_entry_that_ignores_quit_is_killed() {
    let bed = Bed::new();
    let grace = Duration::from_millis(300);
    let pid = launch(DaemonOptions::new(bed.pid_file(), deaf, bed.path("journal")).grace(grace));
    bed.expect("called");
    let executor = bed.executor();
    let asked = Instant::now();
    let error = stop_daemon_within(bed.pid_file(), Duration::ZERO).unwrap_err();
    assert!(matches!(&error, StopFailed::StillRunning { pids, .. } if pids == &[pid]), "{error}");
    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid });
    assert!(grace <= asked.elapsed(), "not before its grace was over");
    assert!(gone(executor));
}

/// Cases: STOP-14, STOP-19, QUIT-13
fn an_entry_knows_why_and_until_when() {
    let bed = Bed::new();
    let options = DaemonOptions::new(bed.pid_file(), tells_why, bed.path("journal"));
    launch(options.grace(Duration::from_secs(5)));
    bed.expect("called");
    stop_daemon(bed.pid_file()).unwrap();
    assert_eq!(bed.journal(), "called\nstop, in time: true\nlast hook\nfirst hook\n");
}

/// Cases: STOP-04, STOP-10
fn a_second_request_in_a_hurry_is_heard() {
    let bed = Bed::new();
    let forever = DaemonOptions::new(bed.pid_file(), deaf, bed.path("journal"));
    let pid = launch(forever.grace(Duration::MAX));
    bed.expect("called");
    // Asked twice in the ordinary way, it waits for its executor for ever; so nobody is waited for.
    for _ in 0..2 {
        assert!(stop_daemon_within(bed.pid_file(), Duration::from_millis(50)).is_err());
    }
    // Only one that comes after the stop has begun is in a hurry, so more than one may be needed.
    while let Some(holder) = pidfile::holder(bed.pid_file()).unwrap() {
        holder.signal(Signal::INT.as_raw()).unwrap();
        holder.wait(Some(Duration::from_millis(100))).unwrap();
    }
    expect_gone(pid);
    assert_eq!(daemon_status(bed.pid_file()).unwrap(), DaemonStatus::NotRunning { stale: false });
}
