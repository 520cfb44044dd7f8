//! Decisions (kind I).

use bed::TestBed;
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::Value;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        the_status_of_a_worker_is_its_machines_phase,
        an_entry_in_an_async_runtime_is_asked_by_descriptor_or_by_signal,
        a_signal_ahead_of_the_runtimes_handler_is_not_lost,
    ]
}

/// Waits until the status file has this of the worker at this place.
#[track_caller]
fn expect_status(bed: &TestBed, worker: usize, field: &str, value: &str) -> Value {
    bed.until(&format!("{field} {value} of worker {worker}"), || {
        let status: Value = serde_json::from_str(&bed.read("debug.json")).ok()?;
        let entry = status["workers"][worker].clone();
        (entry[field] == value).then_some(entry)
    })
}

/// What the guide says of async runtimes: a word is seen on the descriptor; whoever waits for a signal
/// gets one only if the policy says so.
///
/// Case: FLT-G7
fn an_entry_in_an_async_runtime_is_asked_by_descriptor_or_by_signal() {
    // Of an executor, and of a worker.
    for (step, stop, seen) in [
        ("quit_in_tokio", "{by: quit, wait: 600s}", "saw the quit descriptor, true"),
        ("signal_in_tokio", "{by: SIGTERM, wait: 600s}", "saw SIGTERM"),
    ] {
        let bed = bed();
        let daemon =
            bed.start(&format!("{{daemon_args: [say: up, {step}], stop: {{steps: [{stop}]}}}}"));
        bed.expect("executor up, run 1");
        if step == "signal_in_tokio" {
            bed.expect("executor waits for SIGTERM, run 1");
        }
        daemon.stop();
        assert_eq!(bed.times(&format!("executor {seen}, run 1")), 1, "{}", bed.scene());
        bed.nothing_left();

        let daemon = bed.start(&format!(
            "{{grace: 600s, daemon_args: [{{workers: {{workers: [{{name: red, stop: {{steps: [{stop}]}}, \
             args: [say: up, {step}]}}]}}}}]}}"
        ));
        bed.expect("worker red up, run 1");
        if step == "signal_in_tokio" {
            bed.expect("worker red waits for SIGTERM, run 1");
        }
        daemon.stop();
        assert_eq!(bed.times(&format!("worker red {seen}, run 1")), 1, "{}", bed.scene());
        bed.nothing_left();
    }
}

/// As the guide has it: registered, looked, and only then ready.
///
/// Case: FLT-G7
fn a_signal_ahead_of_the_runtimes_handler_is_not_lost() {
    let stop = "stop: {steps: [{by: SIGTERM, wait: 600s}]}";
    let bed = bed();
    // Whoever was told that it is launched can stop it at once.
    let daemon =
        bed.start(&format!("{{start: {{ready: told}}, daemon_args: [signal_in_tokio], {stop}}}"));
    daemon.stop();
    assert_eq!(bed.times("executor saw SIGTERM, run 1"), 1, "{}", bed.scene());
    bed.nothing_left();
    // And it may be asked to stop before.
    bed.gate("gate");
    let daemon = bed.start(&format!("{{daemon_args: [gate: gate, signal_in_tokio], {stop}}}"));
    bed.expect("executor is at the gate gate, run 1");
    daemon.executor().signal(Signal::TERM);
    bed.open_gate("gate");
    daemon.wait_gone();
    assert_eq!(bed.times("executor was asked before, run 1"), 1, "{}", bed.scene());
    bed.nothing_left();
}

/// One that becomes ready while it is told to stop is stopping; one that was paused together with
/// another waits for no delay.
///
/// Case: FLT-I3
fn the_status_of_a_worker_is_its_machines_phase() {
    let bed = bed();
    bed.gate("crash");
    bed.gate("end");
    let daemon = bed.start(
        "{daemon_args: [{workers: {strategy: one-for-all, restart: {after: 3600000}, grace: 600000, \
         debug_filename: debug.json, workers: [\
         {name: red, args: [gate: crash, exit: 3]}, \
         {name: blue, start: {ready: told, timeout: 600s}, \
          args: [rounds, tell_ready, tell_status: is ready, gate: end]}]}}]}",
    );
    expect_status(&bed, 0, "state", "running");
    expect_status(&bed, 1, "state", "starting");
    bed.open_gate("crash");
    let entry = expect_status(&bed, 1, "says", "is ready");
    assert_eq!(entry["state"], "stopping", "{entry}");
    expect_status(&bed, 0, "state", "waiting");
    bed.open_gate("end");
    // It has ended, and waits for the other.
    let entry = bed.until("the end of blue", || {
        let status: Value = serde_json::from_str(&bed.read("debug.json")).ok()?;
        let entry = status["workers"][1].clone();
        (entry["pid"].is_null() && entry["last_exits"][0].is_object()).then_some(entry)
    });
    assert_eq!(entry["state"], "idle", "{entry}");
    daemon.stop();
    expect_status(&bed, 0, "state", "finished");
    expect_status(&bed, 1, "state", "finished");
    bed.nothing_left();
}
