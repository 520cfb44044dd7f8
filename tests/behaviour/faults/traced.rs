//! What is dead, and held by a tracer: it cannot be reaped, and holds up nobody (kind E).

use bed::{Process, Running, TestBed};
use libtest_mimic::Trial;
use rustix::process::Signal;

use super::loops::{TWO_WORKERS, expect_asleep, expect_second_runs, limit_descriptors};
use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_killed_worker_that_a_tracer_holds_is_looked_at_again_later,
        a_dead_worker_that_cannot_be_looked_at_is_not_forgotten,
        a_killed_executor_that_a_tracer_holds_is_waited_for_asleep,
        a_leftover_that_a_tracer_holds_holds_up_nobody,
        a_start_whose_dead_executor_a_tracer_holds_has_its_answer,
    ]
}

/// A tracer of this process, until its standard input is closed.
pub(super) fn seize(bed: &TestBed, process: &Process) -> Running {
    let before = bed.times("tracer has it");
    let tracer = bed.launch(["seize", &process.pid().to_string()]);
    bed.expect_times("tracer has it", before + 1);
    tracer
}

/// Its pidfd is readable, and yet it cannot be reaped: the executor looked again and again.
///
/// Case: FLT-E2
fn a_killed_worker_that_a_tracer_holds_is_looked_at_again_later() {
    let bed = bed();
    let daemon = bed.start(TWO_WORKERS);
    bed.expect("worker red started, run 1");
    let tracer = seize(&bed, &bed.process("worker red"));
    bed.process("worker red").signal(Signal::KILL);
    let executor = daemon.executor();
    expect_asleep(&bed, &executor);
    // Everything else goes on.
    bed.process("worker blue").signal(Signal::KILL);
    bed.expect("worker blue started, run 2");
    assert_eq!(bed.times("worker red started, run 2"), 0);
    expect_asleep(&bed, &executor);
    tracer.finish().success();
    bed.expect("worker red started, run 2");
    daemon.stop();
    bed.nothing_left();
}

/// poll(2) was refused just when the executor asked whether a worker that cannot be reaped is dead. It had
/// forgotten that one's descriptors by then, and nothing told it any more.
///
/// Cases: FLT-E2, FLT-E5
fn a_dead_worker_that_cannot_be_looked_at_is_not_forgotten() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [{workers: {restart: {after: 0}, workers: [\
         {name: red}, {name: blue}]}}]}",
    );
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let (executor, red) = (daemon.executor(), bed.process("worker red"));
    let tracer = seize(&bed, &red);
    // Not even one descriptor may be waited for with poll(2).
    let before = limit_descriptors(&executor, 0);
    red.signal(Signal::KILL);
    bed.wait_gone(&red);
    bed.process("worker blue").signal(Signal::KILL);
    // Ends are seen in the order in which they come.
    bed.expect_in_file("d.log", "worker blue could not be started");
    limit_descriptors(&executor, before);
    tracer.finish().success();
    expect_second_runs(&bed);
    daemon.stop();
    bed.nothing_left();
}

/// Case: FLT-E2
fn a_killed_executor_that_a_tracer_holds_is_waited_for_asleep() {
    let bed = bed();
    let daemon = bed.start(TWO_WORKERS);
    bed.expect("worker red started, run 1");
    let executor = daemon.executor();
    let tracer = seize(&bed, &executor);
    executor.signal(Signal::KILL);
    bed.until("the end of its workers", || bed.find("worker red").is_empty().then_some(()));
    expect_asleep(&bed, daemon.guardian());
    assert_eq!(bed.times("executor started, run 2"), 0);
    tracer.finish().success();
    bed.expect("executor started, run 2");
    daemon.stop();
    bed.nothing_left();
}

/// What is dead runs no more, whoever holds it.
///
/// Case: FLT-E2
fn a_leftover_that_a_tracer_holds_holds_up_nobody() {
    let bed = bed();
    let daemon = bed.start(
        "{grace: 100ms, restart_interval: 0s, daemon_args: [in_run: [1, {command: [setsid, sleep, '777']}], rounds]}",
    );
    let sleeper = |process: &Process| process.title().starts_with("sleep ");
    let orphan = bed.until("the orphan to be", || bed.processes().into_iter().find(sleeper));
    let tracer = seize(&bed, &orphan);
    daemon.executor().signal(Signal::KILL);
    bed.expect("executor started, run 2");
    assert!(!orphan.is_alive());
    expect_asleep(&bed, daemon.guardian());
    daemon.stop();
    tracer.finish().success();
    bed.nothing_left();

    // A guardian that could open nothing could not see that it was dead, and killed it again each second.
    let daemon =
        bed.start("{grace: 100ms, daemon_args: [{command: [setsid, sleep, '777']}, rounds]}");
    let orphan = bed.until("the orphan to be", || bed.processes().into_iter().find(sleeper));
    let tracer = seize(&bed, &orphan);
    limit_descriptors(daemon.guardian(), 3);
    daemon.stop();
    tracer.finish().success();
    bed.nothing_left();
}

/// Each look at the dead one was told to the starter as more time.
///
/// Case: FLT-E2
fn a_start_whose_dead_executor_a_tracer_holds_has_its_answer() {
    // It dies while there is time, and when there is none.
    for dies in [true, false] {
        let bed = bed();
        // It has to be there that long for the tracer to find it.
        let file = bed.options("{start: {ready: told, timeout: 4s}, daemon_args: [park]}");
        let starter = bed.launch(["start", &file]);
        let executor = bed.process("executor");
        let tracer = seize(&bed, &executor);
        if dies {
            executor.signal(Signal::KILL);
        }
        starter.finish().fails(&["executor"]);
        // Nothing is left of it but what the tracer has.
        bed.until("the guardian's end", || bed.find("guardian").is_empty().then_some(()));
        bed.expect_no_file("d.pid");
        tracer.finish().success();
        bed.nothing_left();
    }
}
