//! Another run, or none.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use libtest_mimic::Trial;
use policy::{Backoff, RestartPolicy, WatchdogPolicy};
use supervisor::{Daemon, DaemonOptions};

use crate::bed::{Bed, LIMIT, expect_gone, launch, write_line};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_failing_executor_comes_back,
        an_executor_that_hangs_is_ended_and_comes_back,
        what_is_permanent_or_too_much_is_given_up,
    ]
}

pub(crate) fn crashes_twice(journal: PathBuf) -> Result<(), Box<dyn Error>> {
    let run = proc_spawn::current().incarnation;
    write_line(&journal, &format!("run {run}"));
    match run {
        1 => Err("the first run is always bad".into()),
        2 => panic!("and the second"),
        _ => Ok(()),
    }
}

/// Hangs in its first run, and rests in its second.
pub(crate) fn hangs_once(journal: PathBuf) {
    let run = proc_spawn::current().incarnation;
    write_line(&journal, &format!("run {run}"));
    if run == 1 {
        loop {
            std::thread::park();
        }
    }
    quit::sleep(LIMIT);
}

/// Case: WD-01
fn an_executor_that_hangs_is_ended_and_comes_back() {
    let bed = Bed::new();
    launch(
        DaemonOptions::new(bed.pid_file(), hangs_once, bed.path("journal"))
            .watchdog(WatchdogPolicy::after(Duration::from_millis(300)))
            .restart_interval(Duration::from_millis(50)),
    );
    bed.expect("run 2");
    let said = Daemon::at(bed.pid_file()).patience(LIMIT).status().unwrap().said;
    let ends = said.unwrap().unwrap().executor.ends;
    let causes: Vec<_> = ends.iter().map(|end| (end.cause.as_str(), end.signal)).collect();
    assert_eq!(causes, [("watchdog", Some(6))]);
}

#[derive(Debug, thiserror::Error)]
#[error("it failed")]
pub(crate) struct Permanent(pub(crate) bool);

pub(crate) fn counts_and_fails((journal, permanent): (PathBuf, bool)) -> Result<(), Permanent> {
    write_line(&journal, "called");
    Err(Permanent(permanent))
}

fn a_failing_executor_comes_back() {
    let bed = Bed::new();
    let pid = launch(
        DaemonOptions::new(bed.pid_file(), crashes_twice, bed.path("journal"))
            .restart_interval(Duration::from_millis(50)),
    );
    bed.expect("run 3");
    // Code 0 ends the daemon.
    expect_gone(pid);
    assert_eq!(bed.journal(), "run 1\nrun 2\nrun 3\n");
    assert!(!bed.pid_file().exists());
}

/// Cases: RST-10, RST-20
fn what_is_permanent_or_too_much_is_given_up() {
    let bed = Bed::new();
    let limited = RestartPolicy::after(Duration::from_millis(1))
        .backoff(Backoff::constant(Duration::from_millis(1)).floor(Duration::ZERO))
        .limit(3, LIMIT);
    let options = |permanent: bool| {
        DaemonOptions::new(bed.pid_file(), counts_and_fails, (bed.path("journal"), permanent))
            .restart(limited.clone())
    };
    let guardian = launch(options(false));
    expect_gone(guardian);
    assert_eq!(bed.journal(), "called\n".repeat(4), "the first, and three restarts");
    let guardian = launch(options(true));
    expect_gone(guardian);
    assert_eq!(bed.journal(), "called\n".repeat(5), "it would only happen again");
    assert!(!bed.pid_file().exists());
}
