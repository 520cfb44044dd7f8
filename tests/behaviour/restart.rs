//! What becomes of an executor that has ended.

use std::time::Duration;

use bed::TestBed;
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        whatever_a_failure_is_it_is_followed_by_another_run,
        without_an_interval_nothing_is_started_again,
        code_0_ends_the_daemon,
        a_restart_comes_after_the_interval_and_not_before,
        an_interval_of_zero_is_at_once,
        a_failure_before_a_later_entry_is_retried,
        a_stop_between_two_runs_starts_nothing_more,
        a_program_file_that_was_removed_or_replaced_is_started_again,
    ]
}

/// The ways to fail.
pub(crate) const FAILURES: [&str; 6] =
    ["exit: 3", "panic: boom", "error: [failed]", "abort", "signal: 9", "signal: 15"];

/// Cases: F-08, RST-02, RST-03, RST-11, RST-12, DIE-15
fn whatever_a_failure_is_it_is_followed_by_another_run() {
    for failure in FAILURES {
        let bed = bed();
        // With SIGTERM it is asked to quit, and fails after that.
        let daemon = bed.start(&format!(
            "{{restart_interval: 10ms, daemon_args: [in_run: [1, {{{failure}}}], \
             in_run: [1, {{sleep: 3600000}}], in_run: [1, {{exit: 1}}], rounds]}}"
        ));
        bed.expect("executor started, run 2");
        assert_eq!(bed.read("d.pid"), format!("{}\n", daemon.pid()));
        daemon.stop();
        bed.nothing_left();
    }
}

/// Cases: F-08, RST-02, RST-03, DIE-15
fn without_an_interval_nothing_is_started_again() {
    for failure in &FAILURES[..5] {
        let bed = bed();
        let file = bed.options(&format!("{{daemon_args: [{failure}]}}"));
        bed.run(["start", &file]).success();
        bed.wait_nobody_left();
        bed.nothing_left();
        assert_eq!(bed.journal().iter().filter(|line| line.contains("started")).count(), 1);
    }
}

/// Cases: F-08, RST-01, DIE-16
fn code_0_ends_the_daemon() {
    for end in ["say: done", "exit: 0"] {
        let bed = bed();
        let file = bed.options(&format!("{{restart_interval: 0s, daemon_args: [{end}]}}"));
        bed.run(["start", &file]).success();
        bed.wait_nobody_left();
        bed.nothing_left();
        assert_eq!(bed.journal().iter().filter(|line| line.contains("started")).count(), 1);
    }
}

/// Times between the end of one run and the beginning of the next.
fn gaps(bed: &TestBed) -> Vec<Duration> {
    let at = |name: &str| -> Vec<u64> {
        bed.read(name).lines().map(|line| line.parse().unwrap()).collect()
    };
    let (began, ended) = (at("began"), at("ended"));
    ended.iter().zip(&began[1..]).map(|(end, begin)| Duration::from_nanos(begin - end)).collect()
}

fn five_runs(interval: &str) -> Vec<Duration> {
    let bed = bed();
    let daemon = bed.start(&format!(
        "{{restart_interval: {interval}, daemon_args: [time: began, in_run: [5, rounds], \
         time: ended, exit: 1]}}"
    ));
    bed.expect("executor started, run 5");
    bed.until("the fifth begin", || (bed.read("began").lines().count() == 5).then_some(()));
    let gaps = gaps(&bed);
    daemon.guardian().signal(Signal::KILL);
    bed.wait_nobody_left();
    gaps
}

/// Cases: F-08, RST-17, RST-19
fn a_restart_comes_after_the_interval_and_not_before() {
    for (text, interval) in [("50ms", 50), ("0.25", 250)] {
        let gaps = five_runs(text);
        let interval = Duration::from_millis(interval);
        assert_eq!(gaps.len(), 4);
        assert!(gaps.iter().all(|gap| interval <= *gap), "{gaps:?}");
        // Rounded to seconds none of them would be; on a busy machine one may be late.
        assert!(gaps.iter().any(|gap| *gap < Duration::from_secs(1)), "{gaps:?}");
    }
}

/// Case: F-08
fn an_interval_of_zero_is_at_once() {
    let gaps = five_runs("0");
    assert!(gaps.iter().any(|gap| *gap < Duration::from_millis(500)), "{gaps:?}");
}

/// The first run must get to its entry, or the launch fails; a later one is a run that failed.
///
/// Case: RST-23
fn a_failure_before_a_later_entry_is_retried() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start(
        "{restart_interval: 10ms, daemon_args: [in_run: [1, {gate: gate}], \
                            in_run: [1, {exit: 1}], rounds]}",
    );
    bed.expect("executor is at the gate gate, run 1");
    bed.write("before-executor", "[exit: 5]");
    bed.open_gate("gate");
    bed.expect_times("executor is early", 3);
    std::fs::remove_file(bed.path("before-executor")).unwrap();
    bed.until("another run", || {
        bed.journal()
            .iter()
            .any(|line| {
                line.starts_with("executor started, run ") && line != "executor started, run 1"
            })
            .then_some(())
    });
    daemon.stop();
    bed.nothing_left();
}

/// Case: RST-25
fn a_stop_between_two_runs_starts_nothing_more() {
    let bed = bed();
    let daemon =
        bed.start("{restart_interval: 1d, logging_config: {file: d.log}, daemon_args: [exit: 1]}");
    bed.expect_in_file("d.log", "exited with code 1; starting it again in ");
    daemon.stop();
    assert_eq!(bed.times("executor started, run 2"), 0);
    bed.nothing_left();
}

/// Case: HS-25
fn a_program_file_that_was_removed_or_replaced_is_started_again() {
    let mut bed = bed();
    let program = bed.own_fixture();
    let daemon = bed.start("{restart_interval: 10ms}");
    bed.expect("executor started, run 1");
    std::fs::remove_file(&program).unwrap();
    daemon.executor().signal(Signal::KILL);
    bed.expect("executor started, run 2");
    std::fs::write(&program, "this is no program").unwrap();
    daemon.executor().signal(Signal::KILL);
    bed.expect("executor started, run 3");
    daemon.guardian().signal(Signal::TERM);
    daemon.wait_gone();
    bed.nothing_left();
}
