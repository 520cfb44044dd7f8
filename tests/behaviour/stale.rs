//! A pid file that is there before the start: what a crash has left, and what was never one.

use bed::TestBed;
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        what_stands_in_the_place_of_a_workers_pid_file_goes_with_the_worker,
        whatever_number_a_stale_file_contains_it_is_taken_over,
        what_was_never_a_pid_file_is_refused_and_stays,
        the_number_of_a_stranger_is_taken_over_and_the_stranger_left_alone,
        what_a_crash_has_left_is_taken_over,
        read_strictly_any_file_means_already_running,
        after_the_guardians_death_a_start_waits_for_the_old_executor,
        a_start_that_waited_long_enough_says_who_is_left,
        a_pid_file_for_everybody_to_write_is_refused,
    ]
}

/// Cases: F-03, PID-03, PID-07, PID-09
fn whatever_number_a_stale_file_contains_it_is_taken_over() {
    let bed = bed();
    let contents: [&[u8]; 6] = [
        b"",
        // Its length was written before the power went, its content was not.
        b"\0\0\0\0\0\0",
        b"0\n",
        b"-1\n",
        b"99999999999\n",
        // Above the largest number that a process can have (proc_sys_kernel(5), pid_max).
        b"4194305\n",
    ];
    for content in contents {
        bed.write("d.pid", content);
        let daemon = bed.start("{}");
        assert_eq!(bed.read("d.pid"), format!("{}\n", daemon.pid()));
        daemon.stop();
        bed.nothing_left();
    }
}

/// A slip in the options, and the daemon's pid file is something dear: its own options, say.
///
/// Cases: FLT-C1, PID-08
fn what_was_never_a_pid_file_is_refused_and_stays() {
    let bed = bed();
    let big = "x".repeat(1 << 20);
    let contents: [&[u8]; 4] = [b"abc\n", b"\xff\xfe\0\n", big.as_bytes(), b"12 34\n"];
    for content in contents {
        let path = bed.write("d.pid", content);
        let told = ["d.pid` is not a pid file and was left as it is", "begins with `"];
        bed.run(["start", &bed.options("{}")]).fails(&told);
        bed.run(["stop", "d.pid"]).fails(&told);
        bed.run(["status", "d.pid"]).fails(&told);
        assert_eq!(std::fs::read(&path).unwrap(), content);
        std::fs::remove_file(path).unwrap();
    }
    let file = bed.options("{pid_filename: d.yaml}");
    let before = bed.read(&file);
    // Its own options, and another daemon's.
    bed.run(["start", &file]).fails(&["pid_filename `", "d.yaml`: is the options file too"]);
    bed.write("e.yaml", &before);
    bed.run(["start", "e.yaml"]).fails(&["d.yaml` is not a pid file", "pid_filename: d.yaml"]);
    assert_eq!(bed.read(&file), before);
    assert_eq!(bed.processes().len(), 0);
}

/// Cases: F-03, PID-04, SEC-04
fn the_number_of_a_stranger_is_taken_over_and_the_stranger_left_alone() {
    let bed = bed();
    let mut sleep = bed.command("sleep");
    sleep.arg("600");
    let mut stranger = bed.launch_command(sleep);
    bed.write("d.pid", format!("{}\n", stranger.pid()));
    bed.run(["status", "d.pid"]).says("NotRunning { stale: true }");
    // A stop believes it no more than a start does.
    bed.run(["stop", "d.pid"]).says("not running");
    assert!(!bed.path("d.pid").exists());
    bed.write("d.pid", format!("{}\n", stranger.pid()));
    let daemon = bed.start("{}");
    daemon.stop();
    assert!(stranger.is_running());
}

/// Both die, as when the power goes.
///
/// Cases: F-03, PID-18
fn what_a_crash_has_left_is_taken_over() {
    let bed = bed();
    let first = bed.start("{}");
    crash(&bed);
    assert_eq!(bed.read("d.pid"), format!("{}\n", first.pid()));
    bed.run(["status", "d.pid"]).says("NotRunning { stale: true }");
    let second = bed.start("{}");
    assert_eq!(bed.read("d.pid"), format!("{}\n", second.pid()));
    second.stop();
    bed.nothing_left();
}

/// Case: F-03
fn read_strictly_any_file_means_already_running() {
    const STRICT: &str = "{existing: means_running}";
    let bed = bed();
    bed.tell_of_children();
    bed.write("d.pid", "4194305\n");
    let file = bed.options(STRICT);
    bed.run(["start", &file]).says("already running, pid 4194305");
    for content in ["", "abc\n"] {
        bed.write("d.pid", content);
        bed.run(["start", &file]).fails(&["but names no process; remove it if none does"]);
        assert_eq!(bed.read("d.pid"), content);
    }
    assert!(!bed.journal().iter().any(|line| line.contains("is early")), "something was started");
    // Without a file it is a start like any.
    std::fs::remove_file(bed.path("d.pid")).unwrap();
    let first = bed.start(STRICT);
    crash(&bed);
    bed.run(["start", &file]).says(&format!("already running, pid {}", first.pid()));
}

/// SIGKILL for the executor first, which then ends nothing in peace.
fn crash(bed: &TestBed) {
    let guardian = bed.process("guardian d");
    let executor = bed.executor_of(guardian.pid());
    // Stopped, it starts no other executor meanwhile.
    guardian.signal(Signal::STOP);
    executor.signal(Signal::KILL);
    guardian.signal(Signal::KILL);
    bed.wait_nobody_left();
}

/// Case: PID-18
fn after_the_guardians_death_a_start_waits_for_the_old_executor() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start("{grace: 60s, daemon_args: [rounds, gate: gate]}");
    let old = daemon.executor();
    daemon.guardian().signal(Signal::KILL);
    bed.expect("executor asked to quit: parent died, run 1");
    bed.expect("executor is at the gate gate, run 1");
    bed.run(["status", "d.pid"]).says(&format!("Orphaned {{ pids: [{}] }}", old.pid()));
    let mut start = bed.launch(["start", &bed.options("{grace: 60s}")]);
    bed.process("guardian d");
    assert!(start.is_running() && old.is_alive());
    bed.open_gate("gate");
    start.finish().success();
    bed.expect_times("executor started, run 1", 2);
    let journal = bed.journal();
    let over = journal.iter().position(|line| line == "executor finished, run 1").unwrap();
    let again = journal.iter().rposition(|line| line == "executor started, run 1").unwrap();
    assert!(over < again, "{journal:?}");
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}

/// Case: PID-18
fn a_start_that_waited_long_enough_says_who_is_left() {
    let bed = bed();
    let daemon = bed.start("{daemon_args: [rounds, park], grace: 60s}");
    let old = daemon.executor();
    daemon.guardian().signal(Signal::KILL);
    bed.expect("executor asked to quit: parent died, run 1");
    let file = bed.options("{grace: 300ms}");
    bed.run(["start", &file]).fails(&["d.pid", &old.pid().to_string()]);
    assert_eq!(bed.pid_files(), ["d.pid"]);
    // A stop says it, too.
    bed.run(["stop", "d.pid", "--within=50"])
        .fails(&["is still running", &format!("process {}", old.pid())]);
    old.signal(Signal::KILL);
    bed.wait_gone(&old);
    bed.run(["stop", "d.pid"]).says("not running");
    bed.nothing_left();
}

/// Case: SEC-03
fn a_pid_file_for_everybody_to_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let bed = bed();
    bed.tell_of_children();
    let path = bed.write("d.pid", "1\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    bed.run(["start", &bed.options("{}")]).fails(&["d.pid"]);
    assert_eq!(bed.read("d.pid"), "1\n");
    assert_eq!(bed.journal(), [""; 0]);
}

/// An editor, or a backup, has put a copy there: the worker's own file has lost its name, and what is left at its
/// end has a number that means nobody.
///
/// Case: PID-24
fn what_stands_in_the_place_of_a_workers_pid_file_goes_with_the_worker() {
    let bed = bed();
    let daemon = bed.start("{daemon_args: [{workers: {workers: [{name: red}]}}]}");
    bed.expect("worker red started, run 1");
    let number = bed.read("red.pid");
    bed.write("copy", &number);
    std::fs::rename(bed.path("copy"), bed.path("red.pid")).unwrap();
    daemon.stop();
    assert!(!bed.path("red.pid").exists());
    bed.nothing_left();
}
