//! Each process by each means that is no plain SIGKILL, and several at once.

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::restart::FAILURES;
use crate::stop::FAMILY;
use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        whatever_the_launcher_dies_of_the_launch_fails,
        a_launcher_that_is_stopped_fails_the_launch,
        whatever_the_guardian_dies_of_early_the_launch_fails,
        a_guardian_that_is_stopped_early_fails_the_launch_and_goes_when_it_can,
        a_stopped_guardian_sees_what_happened_meanwhile_when_it_goes_on,
        whatever_a_worker_dies_of_it_is_started_again,
        a_signal_to_a_worker_is_its_own_affair,
        a_second_signal_ends_a_worker_which_is_started_again,
        a_stop_wakes_who_is_stopped,
        fifty_workers_that_do_not_listen_cost_one_grace,
        stopped_workers_go_when_executor_and_guardian_are_killed,
        those_that_outlive_their_worker_are_gone_at_the_stop,
        the_file_of_a_worker_killed_with_its_executor_is_taken_over_by_the_next,
        a_pid_file_that_an_operator_replaced_is_left_alone,
    ]
}

/// The ways to die that a process has before it is one of ours; the last as from outside, or for
/// lack of memory.
const EARLY: [&str; 4] = ["exit: 9", "panic: boom", "abort", "signal: 9"];

/// Cases: DIE-04, FLT-H6
fn whatever_the_launcher_dies_of_the_launch_fails() {
    let how = [
        "exited with code 9",
        "exited with code 101",
        "was ended by SIGABRT",
        "was ended by SIGKILL",
    ];
    for (end, how) in EARLY.into_iter().zip(how) {
        let bed = bed();
        bed.write("before-launcher", format!("[{end}]"));
        let output = bed
            .run(["start", &bed.options("{}")])
            .fails(&[&format!("the launcher {how} before the guardian said anything")]);
        let hint =
            output.stderr.contains("; what stands before `init` in `main` happens in it, too");
        assert_eq!(hint, how.starts_with("exited"), "{output:?}");
        assert_eq!(bed.journal(), ["launcher is early"]);
        bed.nothing_left();
    }
}

/// Case: DIE-05
fn a_launcher_that_is_stopped_fails_the_launch() {
    let bed = bed();
    // SIGSTOP, to itself.
    bed.write("before-launcher", "[signal: 19]");
    let file = bed.options("{start_timeout: 100ms, grace: 100ms}");
    bed.run(["start", &file]).fails(&["the guardian has not answered within 2.2s"]);
    // It was killed, and reaped.
    bed.nothing_left();
    assert_eq!(bed.times("executor started, run 1"), 0);
}

/// Case: DIE-06
fn whatever_the_guardian_dies_of_early_the_launch_fails() {
    for end in EARLY {
        let bed = bed();
        bed.write("before-guardian", format!("[{end}]"));
        bed.run(["start", &bed.options("{}")])
            .fails(&["the guardian ended before the entry was called"]);
        bed.nothing_left();
        assert_eq!(bed.times("executor started, run 1"), 0);
    }
}

/// Case: DIE-07
fn a_guardian_that_is_stopped_early_fails_the_launch_and_goes_when_it_can() {
    let bed = bed();
    bed.write("before-guardian", "[signal: 19]");
    let file = bed.options("{start_timeout: 100ms, grace: 100ms}");
    bed.run(["start", &file]).fails(&["the guardian has not answered within 2.2s"]);
    // Nobody may kill it: it was the launcher's child, and is nobody's now.
    bed.process("guardian d").signal(Signal::CONT);
    bed.wait_nobody_left();
    bed.nothing_left();
    assert_eq!(bed.times("executor started, run 1"), 0);
}

/// Case: DIE-11
fn a_stopped_guardian_sees_what_happened_meanwhile_when_it_goes_on() {
    let bed = bed();
    let daemon = bed.start("{restart_interval: 0s}");
    bed.expect("executor started, run 1");
    let executor = daemon.executor();
    daemon.guardian().signal(Signal::STOP);
    executor.signal(Signal::KILL);
    bed.wait_gone(&executor);
    bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({}) }}", daemon.pid()));
    daemon.guardian().signal(Signal::CONT);
    bed.expect("executor started, run 2");
    daemon.stop();
    bed.nothing_left();
}

/// Case: DIE-20
fn whatever_a_worker_dies_of_it_is_started_again() {
    for failure in &FAILURES[..5] {
        let bed = bed();
        let daemon = bed.start(&format!(
            "{{daemon_args: [{{workers: {{restart: {{after: 10}}, workers: [{{name: red, args: \
             [in_run: [1, {{{failure}}}], rounds]}}, {{name: blue}}]}}}}]}}"
        ));
        bed.expect("worker red started, run 2");
        bed.expect("worker blue started, run 1");
        assert_eq!(bed.pid_of("red.pid"), bed.process("worker red").pid());
        daemon.stop();
        bed.nothing_left();
        assert_eq!(bed.times("worker blue started, run 2"), 0);
    }
}

/// Case: DIE-21
fn a_signal_to_a_worker_is_its_own_affair() {
    for (signal, reason) in [(Signal::TERM, "SIGTERM (15)"), (Signal::INT, "SIGINT (2)")] {
        let bed = bed();
        let daemon = bed.start(
            "{daemon_args: [{workers: {restart: {after: 0}, workers: [{name: red}, {name: blue}]}}]}",
        );
        bed.expect("worker red started, run 1");
        bed.expect("worker blue started, run 1");
        let red = bed.process("worker red");
        red.signal(signal);
        bed.wait_gone(&red);
        // It ended with code 0, and so it is done; the other one goes on.
        bed.expect_no_file("red.pid");
        assert_eq!(bed.times(&format!("worker red asked to quit: {reason}, run 1")), 1);
        assert!(bed.process("worker blue").is_alive() && daemon.executor().is_alive());
        daemon.stop();
        assert_eq!(bed.times("worker red started, run 2"), 0);
        bed.nothing_left();
    }
}

/// Case: DIE-22
fn a_second_signal_ends_a_worker_which_is_started_again() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start(
        "{daemon_args: [{workers: {restart: {after: 0}, workers: [{name: red, args: \
         [rounds, gate: gate]}]}}]}",
    );
    bed.expect("worker red started, run 1");
    let red = bed.process("worker red");
    red.signal(Signal::TERM);
    bed.expect("worker red is at the gate gate, run 1");
    red.signal(Signal::TERM);
    bed.wait_gone(&red);
    bed.expect("worker red started, run 2");
    bed.process("worker red").signal(Signal::KILL);
    bed.expect("worker red started, run 3");
    bed.kill(daemon.pid(), Signal::TERM);
    bed.expect("worker red is at the gate gate, run 3");
    bed.open_gate("gate");
    daemon.wait_gone();
    bed.nothing_left();
}

/// A stopped process sees no SIGTERM until it goes on. It is not killed for that: it ends in peace.
///
/// Cases: DIE-14, DIE-23
fn a_stop_wakes_who_is_stopped() {
    for stopped in [&["worker red"][..], &["executor d"], &["executor d", "worker red"]] {
        let bed = bed();
        let daemon = bed.start(
            "{grace: 20s, daemon_args: [{workers: {grace: 20000, workers: [{name: red}]}}, rounds]}",
        );
        bed.expect("worker red started, run 1");
        for who in stopped {
            bed.process(who).signal(Signal::STOP);
        }
        daemon.stop();
        bed.nothing_left();
        for line in ["worker red finished, run 1", "executor finished, run 1"] {
            assert_eq!(bed.times(line), 1, "{line}, {stopped:?}: {:?}", bed.journal());
        }
    }
}

/// One after the other they would need fifty seconds; a stop gives up after thirty.
///
/// Case: DIE-24
fn fifty_workers_that_do_not_listen_cost_one_grace() {
    let workers: Vec<String> =
        (0..50).map(|number| format!("{{name: w{number}, args: [park]}}")).collect();
    let bed = bed();
    let daemon = bed.start(&format!(
        "{{grace: 25s, daemon_args: [{{workers: {{grace: 1000, workers: [{}]}}}}, say: is alone]}}",
        workers.join(", ")
    ));
    for number in 0..50 {
        bed.expect(&format!("worker w{number} started, run 1"));
    }
    daemon.stop();
    // The executor has seen them all go, within its own time.
    assert_eq!(bed.times("executor is alone, run 1"), 1);
    bed.nothing_left();
}

/// Nobody is left who could wake them, nor kill them.
///
/// Case: DIE-25
fn stopped_workers_go_when_executor_and_guardian_are_killed() {
    let bed = bed();
    let daemon = bed.start("{daemon_args: [{workers: {workers: [{name: red}, {name: blue}]}}]}");
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let executor = daemon.executor();
    for who in ["worker red", "worker blue"] {
        bed.process(who).signal(Signal::STOP);
    }
    daemon.guardian().signal(Signal::STOP);
    executor.signal(Signal::KILL);
    daemon.guardian().signal(Signal::KILL);
    bed.wait_nobody_left();
    for name in ["red", "blue"] {
        assert_eq!(bed.times(&format!("worker {name} asked to quit: parent died, run 1")), 1);
    }
    bed.start("{}").stop();
    bed.nothing_left();
}

/// A worker's children go with its group; what has left it comes to the guardian, and goes at the
/// latest with the executor.
///
/// Cases: DIE-26, ORP-08
fn those_that_outlive_their_worker_are_gone_at_the_stop() {
    let bed = bed();
    let daemon = bed.start(&format!(
        "{{grace: 500ms, daemon_args: [{{workers: {{restart: {{after: 0}}, workers: [{{name: red, \
         args: [in_run: [2, rounds], {FAMILY}, rounds]}}]}}}}]}}"
    ));
    for number in 1..=5 {
        bed.expect_file(&format!("family{number}"));
    }
    bed.process("worker red").signal(Signal::KILL);
    bed.expect("worker red started, run 2");
    daemon.stop();
    bed.nothing_left();
}

/// Nobody is left who knows of it: the executor would remove it, and the guardian does not know its
/// workers. It hinders nobody, and the next worker takes it over.
///
/// Case: DIE-27
fn the_file_of_a_worker_killed_with_its_executor_is_taken_over_by_the_next() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start(
        "{restart_interval: 0s, daemon_args: [in_run: [2, {gate: gate}], \
         {workers: {workers: [{name: red}]}}]}",
    );
    bed.expect("worker red started, run 1");
    let (red, executor) = (bed.process("worker red"), daemon.executor());
    executor.signal(Signal::STOP);
    red.signal(Signal::KILL);
    bed.wait_gone(&red);
    executor.signal(Signal::KILL);
    bed.expect("executor is at the gate gate, run 2");
    assert_eq!(bed.read("red.pid"), format!("{}\n", red.pid()));
    bed.run(["status", "red.pid"]).says("NotRunning { stale: true }");
    bed.open_gate("gate");
    bed.expect_times("worker red started, run 1", 2);
    assert_eq!(bed.pid_of("red.pid"), bed.process("worker red").pid());
    daemon.stop();
    bed.nothing_left();
}

/// The one way to two daemons: the first no longer has the name, and does not know it yet.
///
/// Case: DIE-12
fn a_pid_file_that_an_operator_replaced_is_left_alone() {
    let bed = bed();
    let first = bed.start("{}");
    // It would put the file back.
    first.guardian().signal(Signal::STOP);
    std::fs::remove_file(bed.path("d.pid")).unwrap();
    bed.run(["status", "d.pid"]).says("NotRunning { stale: false }");
    let second = bed.start("{}");
    assert_eq!(bed.pid_of("d.pid"), second.pid());
    first.guardian().signal(Signal::TERM);
    first.guardian().signal(Signal::CONT);
    first.wait_gone();
    // It has removed no file but its own, which it had not any more.
    assert_eq!(bed.pid_of("d.pid"), second.pid());
    second.stop();
    // Replaced by what nobody holds: it stays, since it is not ours.
    let third = bed.start("{}");
    bed.write("other", "somebody's\n");
    std::fs::rename(bed.path("other"), bed.path("d.pid")).unwrap();
    third.guardian().signal(Signal::TERM);
    third.wait_gone();
    assert_eq!(bed.read("d.pid"), "somebody's\n");
    assert_eq!(bed.processes().len(), 0);
}
