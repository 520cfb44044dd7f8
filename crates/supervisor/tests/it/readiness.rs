//! A start that waits for the entry to say that it is ready.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use policy::{Readiness, RunEnd, StartPolicy};
use supervisor::{
    Daemon, DaemonOptions, DaemonStatus, LaunchCause, daemon_status, start_daemon, stop_daemon,
};

use crate::bed::{Bed, LIMIT, expect_gone, launch, write_line};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        launched_waits_for_who_says_when_it_is_ready,
        a_start_that_is_not_ready_in_time_is_undone,
        an_end_before_ready_is_told_at_once,
        a_start_that_failed_leaves_why_and_no_older_reason,
        a_daemon_that_is_done_was_launched,
    ]
}

/// What an entry does before it is ready.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) enum Before {
    /// It extends its time, twice, and then is ready.
    Extends,
    Hangs,
    /// It is ready, and done.
    Done,
    Exits(i32),
    Aborts,
    Panics,
    Fails,
}

#[expect(clippy::disallowed_methods, reason = "an application may")]
pub(crate) fn becomes_ready((journal, before): (PathBuf, Before)) -> Result<(), Box<dyn Error>> {
    write_line(&journal, "called");
    match before {
        Before::Extends => {
            for _ in 0..2 {
                proc_spawn::extend_timeout(LIMIT)?;
                quit::sleep(Duration::from_millis(300));
            }
            proc_spawn::tell_status("warmed up")?;
            write_line(&journal, "ready");
            proc_spawn::tell_ready()?;
            proc_spawn::tell_ready()?;
            quit::sleep(LIMIT);
        }
        Before::Hangs => {
            quit::sleep(LIMIT);
        }
        Before::Done => proc_spawn::tell_ready()?,
        Before::Exits(code) => {
            eprintln!("no such database");
            std::process::exit(code);
        }
        Before::Aborts => std::process::abort(),
        Before::Panics => panic!("boom"),
        Before::Fails => return Err("no such host".into()),
    }
    Ok(())
}

fn told(bed: &Bed, before: Before) -> DaemonOptions {
    let args = (bed.path("journal"), before);
    let ready = Readiness::Told;
    DaemonOptions::new(bed.pid_file(), becomes_ready, args).start(StartPolicy {
        ready,
        timeout: Duration::from_millis(400),
        ..Default::default()
    })
}

/// Cases: HS-02, HS-19, HS-21
fn launched_waits_for_who_says_when_it_is_ready() {
    let bed = Bed::new();
    let extendable = StartPolicy { ready: Readiness::Told, ..Default::default() };
    launch(told(&bed, Before::Extends).start(extendable));
    assert_eq!(bed.journal(), "called\nready\n");
    stop_daemon(bed.pid_file()).unwrap();
    // Without the extension it would have been late.
    launch(told(&bed, Before::Extends));
}

/// Case: HS-03
fn a_start_that_is_not_ready_in_time_is_undone() {
    let bed = Bed::new();
    let began = Instant::now();
    let error = start_daemon(told(&bed, Before::Hangs)).unwrap_err();
    assert!(Duration::from_millis(400) <= began.elapsed());
    let end = matches!(error.cause(), LaunchCause::Executor(RunEnd::NotReady { .. }));
    assert!(end, "{error:?}");
    assert!(!bed.pid_file().exists());
    assert_eq!(daemon_status(bed.pid_file()).unwrap(), DaemonStatus::NotRunning { stale: false });
}

/// Cases: HS-04, HS-05, HS-06, HS-07
fn an_end_before_ready_is_told_at_once() {
    let endings = [
        (Before::Exits(3), "exited with code 3"),
        (Before::Aborts, "was ended by SIGABRT"),
        (Before::Panics, "panicked: boom, at crates/supervisor/tests/it/readiness.rs:"),
        (Before::Fails, "returned an error: no such host"),
    ];
    for (before, text) in endings {
        let bed = Bed::new();
        let file = bed.path("stderr");
        fs::write(&file, "from before\n").unwrap();
        let exits = matches!(before, Before::Exits(_));
        let options = told(&bed, before).start_timeout(LIMIT).stderr_filename(&file);
        let error = start_daemon(options).unwrap_err();
        let cause = error.cause().to_string();
        assert!(cause.contains(text), "no `{text}` in `{cause}`");
        assert!(!error.stderr().contains("from before"), "{error:?}");
        assert!(!exits || error.stderr() == "no such database\n", "{error:?}");
        assert!(!bed.pid_file().exists());
    }
}

/// An older reason was told, of another failure.
///
/// Case: CC-45
fn a_start_that_failed_leaves_why_and_no_older_reason() {
    let bed = Bed::new();
    let left = || Daemon::at(bed.pid_file()).status().unwrap().last_words.unwrap().executor;
    start_daemon(told(&bed, Before::Exits(3)).start_timeout(LIMIT)).unwrap_err();
    assert_eq!(left().outcome.unwrap(), "its first run exited with code 3");
    start_daemon(told(&bed, Before::Hangs)).unwrap_err();
    let words = left();
    let outcome = words.outcome.unwrap();
    assert!(outcome.starts_with("its first run was not ready within 4"), "{outcome}");
    assert_eq!(words.ends.len(), 1, "only its own");
    // A guardian that comes to no executor: nobody may write to this file, root neither.
    let out = "/proc/sys/kernel/ostype";
    start_daemon(told(&bed, Before::Hangs).stdout_filename(out)).unwrap_err();
    let outcome = left().outcome.unwrap();
    assert!(outcome.starts_with("the guardian could not be set up: redirect: "), "{outcome}");
    assert!(outcome.contains(out), "{outcome}");
    // Who was stopped on purpose has not failed, and nobody asks after the one before.
    fs::remove_file(bed.path("journal")).unwrap();
    let slow = told(&bed, Before::Hangs).start_timeout(LIMIT);
    let start = std::thread::spawn(|| start_daemon(slow));
    bed.expect("called");
    stop_daemon(bed.pid_file()).unwrap();
    let error = start.join().unwrap().unwrap_err();
    assert!(matches!(error.cause(), LaunchCause::Stopped), "{error:?}");
    assert_eq!(Daemon::at(bed.pid_file()).status().unwrap().last_words, None);
}

/// Case: HS-18
fn a_daemon_that_is_done_was_launched() {
    let bed = Bed::new();
    let guardian = launch(told(&bed, Before::Done).restart_interval(Duration::ZERO));
    expect_gone(guardian);
    assert_eq!(bed.journal(), "called\n", "code 0 ends it");
    assert_eq!(daemon_status(bed.pid_file()).unwrap(), DaemonStatus::NotRunning { stale: false });
}
