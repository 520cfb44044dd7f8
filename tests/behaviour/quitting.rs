//! How the application learns that it is to quit, and how it sleeps until then.

use std::time::Duration;

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        every_role_learns_of_a_quit,
        a_sleep_ends_at_once_when_quit_is_requested_in_every_thread,
        a_sleep_that_nobody_cuts_short_lasts_as_long_as_asked,
        a_sleep_in_steps_looks_after_each_step,
        looking_at_the_flag_is_no_system_call,
        descriptor_and_receiver_can_be_waited_for_beside_other_things,
        a_second_signal_ends_executor_and_worker_but_no_guardian,
        signals_are_for_the_threads_of_the_application,
    ]
}

/// Cases: F-19, QUIT-02
fn every_role_learns_of_a_quit() {
    let bed = bed();
    let daemon = bed.start("{daemon_args: [{workers: {workers: [{name: red}]}}, look, rounds]}");
    bed.expect("worker red started, run 1");
    daemon.stop();
    assert_eq!(bed.times("worker red asked to quit: stop, run 1"), 1);
    assert_eq!(bed.times("executor asked to quit at its first look: true, run 1"), 1);
    assert_eq!(bed.times("executor asked to quit: stop, run 1"), 1);
    bed.nothing_left();
    // The guardian, where it is a program of ours.
    let guardian = bed.launch(["run", &bed.options("{}")]);
    bed.expect_times("executor started, run 1", 2);
    bed.kill(guardian.pid(), Signal::TERM);
    guardian.finish().says("Stopped, quit requested: true");
    bed.nothing_left();
}

/// Cases: F-20, QUIT-02
fn a_sleep_ends_at_once_when_quit_is_requested_in_every_thread() {
    for (sleep, before, after) in [
        ("sleep: 86400000", "started", "slept until asked to quit"),
        ("sleep_in_steps: [86400000, 3600000]", "started", "slept until asked to quit"),
        ("sleep_in_threads: [20, 86400000]", "sleeps in 20 threads", "20 threads were cut short"),
    ] {
        let bed = bed();
        let daemon = bed.start(&format!(
            "{{daemon_args: [{{workers: {{workers: [{{name: red, args: [{sleep}]}}]}}}}, {sleep}]}}"
        ));
        bed.expect(&format!("worker red {before}, run 1"));
        daemon.stop();
        assert_eq!(bed.times(&format!("worker red {after}, run 1")), 1, "{:?}", bed.journal());
        assert_eq!(bed.times(&format!("executor {after}, run 1")), 1, "{:?}", bed.journal());
        bed.nothing_left();
    }
}

/// Cases: F-20, QUIT-01
fn a_sleep_that_nobody_cuts_short_lasts_as_long_as_asked() {
    let bed = bed();
    let file = bed.options(
        "{daemon_args: [sleep: 0, sleep: 50, sleep_in_steps: [70, 30], sleep_in_threads: [3, 20]]}",
    );
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    assert_eq!(bed.times("executor slept to the end, run 1"), 3, "{:?}", bed.journal());
    assert_eq!(bed.times("executor 0 threads were cut short, run 1"), 1);
    bed.nothing_left();
}

/// For a sign to stop that wakes nobody.
///
/// Case: F-20
fn a_sleep_in_steps_looks_after_each_step() {
    assert_eq!(appkit::DEFAULT_STEP, Duration::from_secs(1));
    let bed = bed();
    let file = bed.options("{daemon_args: [say: sleeps, sleep_until_file: [86400000, sign]]}");
    bed.run(["start", &file]).success();
    bed.expect("executor sleeps, run 1");
    bed.write("sign", "");
    bed.wait_nobody_left();
    assert_eq!(bed.times("executor slept until asked to quit, run 1"), 1);
    bed.nothing_left();
}

/// Ten million system calls would be seen in the time that the thread has spent in the kernel.
///
/// Case: QUIT-07
fn looking_at_the_flag_is_no_system_call() {
    const TICKS: u64 = 100; // of /proc, per second (proc_pid_stat(5), sysconf(3))
    let in_kernel = || -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        fields.map(str::to_owned).nth(12).unwrap().parse().unwrap()
    };
    let before = in_kernel();
    for _ in 0..10_000_000 {
        assert!(!std::hint::black_box(appkit::quit_requested()));
    }
    let ticks = in_kernel() - before;
    assert!(ticks < TICKS / 4, "{ticks} ticks in the kernel");
}

/// Cases: F-21, QUIT-09
fn descriptor_and_receiver_can_be_waited_for_beside_other_things() {
    for (step, first, last) in [
        ("wait_on_descriptor", "read the pipe", "saw the quit descriptor"),
        ("wait_on_receiver", "received work", "saw the quit receiver"),
    ] {
        let bed = bed();
        let daemon = bed.start(&format!(
            "{{daemon_args: [{{workers: {{workers: [{{name: red, args: [{step}]}}]}}}}, {step}]}}"
        ));
        bed.expect(&format!("worker red {first}, run 1"));
        assert_eq!(bed.times(&format!("worker red {last}, run 1")), 0);
        daemon.stop();
        for who in ["worker red", "executor"] {
            assert_eq!(bed.times(&format!("{who} {last}, run 1")), 1, "{:?}", bed.journal());
        }
        bed.nothing_left();
    }
}

/// A guardian has others to see to, and may well be told twice.
///
/// Cases: QUIT-11, DIE-09, DIE-18
fn a_second_signal_ends_executor_and_worker_but_no_guardian() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start("{grace: 60s, daemon_args: [rounds, gate: gate]}");
    for _ in 0..3 {
        daemon.guardian().signal(Signal::TERM);
        bed.expect("executor is at the gate gate, run 1");
    }
    assert!(daemon.guardian().is_alive());
    let executor = daemon.executor();
    executor.signal(Signal::TERM);
    bed.until("the first signal's handling", || {
        let pending = executor.is_alive().then(|| executor.status("ShdPnd"))?;
        (pending == "0000000000000000").then_some(())
    });
    executor.signal(Signal::TERM);
    daemon.wait_gone();
    bed.nothing_left();
    assert_eq!(bed.times("executor finished, run 1"), 0);
}

/// Whatever the options have threads for: they would take a signal from who waits for it, or a wait from its
/// interruption.
fn signals_are_for_the_threads_of_the_application() {
    let bed = bed();
    let _daemon = bed.start(
        "{logging_config: {file: d.log}, capture: {file: d.txt}, daemon_args: [print: x, {workers: {\
         debug_filename: s.json, workers: [{name: red, logging_config: {file: red.log}, \
         capture: {file: red.txt}, args: [print: x, rounds]}]}}]}",
    );
    bed.expect_in_file("red.txt", "x");
    bed.expect_in_file("d.txt", "x");
    bed.expect_file("s.json");
    for who in ["guardian d", "executor", "worker red"] {
        let process = bed.process(who);
        for signal in [Signal::TERM, Signal::USR1, Signal::CHILD] {
            let taking = process.threads_that_take(signal);
            assert_eq!(taking.len(), 1, "{who}, {signal:?}: {taking:?}");
        }
    }
}
