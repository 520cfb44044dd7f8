//! A stop, as it is asked for and as the entry sees it.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use policy::{StopBy, StopPolicy};
use rustix::process::Signal;
use signal_hook::consts::{SIGUSR1, SIGUSR2};
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
        the_steps_of_a_stop_are_taken_one_after_the_other,
        a_stop_takes_longer_if_the_entry_asks_and_may,
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
    // Asked twice by SIGTERM, the guardian waits for its executor for ever; so the calls here do not
    // wait.
    for _ in 0..2 {
        assert!(stop_daemon_within(bed.pid_file(), Duration::from_millis(50)).is_err());
    }
    // Only a signal that comes after the stop has begun is a hurry, so more than one may be needed.
    while let Some(holder) = pidfile::holder(bed.pid_file()).unwrap() {
        holder.signal(Signal::INT.as_raw()).unwrap();
        holder.wait(Some(Duration::from_millis(100))).unwrap();
    }
    expect_gone(pid);
    assert_eq!(daemon_status(bed.pid_file()).unwrap(), DaemonStatus::NotRunning { stale: false });
}

/// Says what it is told, and does nothing about it.
pub(crate) fn hears_everything(journal: PathBuf) {
    for (signal, name) in [(SIGUSR1, "SIGUSR1"), (SIGUSR2, "SIGUSR2")] {
        let (mut heard, tell) = UnixStream::pair().unwrap();
        signal_hook::low_level::pipe::register(signal, tell).unwrap();
        let journal = journal.clone();
        std::thread::spawn(move || {
            while heard.read_exact(&mut [0]).is_ok() {
                write_line(&journal, name);
            }
        });
    }
    write_line(&journal, "called");
    quit::sleep(LIMIT);
    write_line(&journal, "asked to quit");
    loop {
        std::thread::park();
    }
}

/// Case: STOP-05
fn the_steps_of_a_stop_are_taken_one_after_the_other() {
    let bed = Bed::new();
    let step = Duration::from_millis(200);
    let steps = StopPolicy::kill()
        .then(StopBy::Signal(SIGUSR1), step)
        .then(StopBy::Quit, step)
        .then(StopBy::Signal(SIGUSR2), step);
    let options = DaemonOptions::new(bed.pid_file(), hears_everything, bed.path("journal"));
    let pid = launch(options.stop(steps));
    bed.expect("called");
    let executor = bed.executor();
    let asked = Instant::now();
    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid });
    assert!(3 * step <= asked.elapsed(), "killed before its last step was over");
    assert_eq!(bed.journal(), "called\nSIGUSR1\nasked to quit\nSIGUSR2\n");
    assert!(gone(executor));
}

/// Takes so long to quit, and asks for the time: once, or again and again.
pub(crate) fn needs_time((journal, needs): (PathBuf, Option<Duration>)) {
    write_line(&journal, "called");
    quit::sleep(LIMIT);
    let asked = Instant::now();
    proc_spawn::extend_timeout(LIMIT).unwrap();
    while needs.is_none_or(|needs| asked.elapsed() < needs) {
        std::thread::park_timeout(Duration::from_millis(50));
        proc_spawn::extend_timeout(LIMIT).unwrap();
    }
    write_line(&journal, "done");
}

/// Case: STOP-15
fn a_stop_takes_longer_if_the_entry_asks_and_may() {
    let grace = Duration::from_millis(300);
    let stop = |most: Duration, needs: Option<Duration>| {
        let bed = Bed::new();
        let args = (bed.path("journal"), needs);
        let options = DaemonOptions::new(bed.pid_file(), needs_time, args);
        launch(options.stop(StopPolicy::grace(grace).extend_up_to(most)));
        bed.expect("called");
        let asked = Instant::now();
        stop_daemon(bed.pid_file()).unwrap();
        (bed.journal(), asked.elapsed())
    };
    assert_eq!(stop(LIMIT, Some(3 * grace)).0, "called\ndone\n", "it got what it asked for");
    let (journal, took) = stop(2 * grace, None);
    assert_eq!(journal, "called\n", "it got more than it may have");
    assert!(2 * grace <= took, "it got less than it may have");
}
