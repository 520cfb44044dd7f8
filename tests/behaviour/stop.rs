//! From the request to stop to the last process' end.

use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_stop_needs_no_thread,
        a_signal_to_the_guardian_reaches_executor_and_workers_and_all_go,
        what_is_left_after_the_grace_is_killed_and_not_before,
        without_a_grace_everything_is_killed_at_once,
        the_pid_file_goes_last,
        a_stop_that_takes_too_long_says_who_is_left,
        a_stop_of_what_does_not_run_says_so_and_cleans_up,
        two_stops_at_once_stop_once,
        a_signal_to_the_executor_is_its_own_affair,
        no_tick_is_awaited_by_a_stop,
        workers_that_will_not_stop_do_not_cost_the_executor_its_grace,
        descendants_are_gone_when_the_stop_returns,
        a_status_tells_what_runs,
        a_program_that_goes_on_after_its_daemon_is_not_waited_for,
    ]
}

const TWO_WORKERS: &str = "{workers: {workers: [{name: red}, {name: blue}]}}";

/// Cases: F-10, STOP-01, DIE-08
fn a_signal_to_the_guardian_reaches_executor_and_workers_and_all_go() {
    for signal in ["TERM", "INT"] {
        let bed = bed();
        let daemon = bed.start(&format!("{{daemon_args: [{TWO_WORKERS}, rounds]}}"));
        bed.expect("worker red started, run 1");
        bed.expect("worker blue started, run 1");
        let mut kill = bed.command("sh");
        kill.args(["-c", &format!("kill -{signal} $(cat d.pid)")]);
        bed.launch_command(kill).finish().success();
        daemon.wait_gone();
        bed.nothing_left();
        for line in [
            "worker red asked to quit: stop, run 1",
            "worker red finished, run 1",
            "worker blue asked to quit: stop, run 1",
            "worker blue finished, run 1",
            "executor workers: worker `red` exited with code 0, started 1 times, run 1",
            "executor asked to quit: stop, run 1",
            "executor finished, run 1",
        ] {
            assert_eq!(bed.times(line), 1, "{line}: {:?}", bed.journal());
        }
    }
}

/// Cases: F-10, STOP-02
fn what_is_left_after_the_grace_is_killed_and_not_before() {
    let bed = bed();
    let daemon = bed.start("{grace: 300ms, logging_config: {file: d.log}, daemon_args: [park]}");
    let began = Instant::now();
    daemon.stop();
    assert!(Duration::from_millis(300) <= began.elapsed());
    bed.nothing_left();
    let log = bed.read("d.log");
    assert!(log.contains("killing executor: its time is over"), "{log}");
    let over = log.lines().find(|line| line.contains("executor is over: stopped; it was killed "));
    assert!(over.is_some_and(|line| line.ends_with(" after it was asked to quit")), "{log}");
}

/// As where a fork bomb has used up what its user may have: that is when one stops it.
fn a_stop_needs_no_thread() {
    if !is_root() {
        return eprintln!("skipped: another user's limit needs root");
    }
    let mut bed = bed();
    bed.open_to_others();
    let folder = bed.path("").display().to_string();
    let file = bed.options(&format!("{{directory: {folder:?}, daemon_args: [rounds]}}"));
    // Nobody else's: the limit counts all processes of a user.
    let user = 65_000 + std::process::id() % 500;
    let mut start = bed.command(bed.fixture());
    start.args(["start", &file]).uid(user).gid(user);
    bed.launch_command(start).finish().success();
    let pid = bed.pid_of("d.pid");
    let mut stop = bed.command("prlimit");
    stop.args(["--nproc=1", "--"]).arg(bed.fixture()).args(["stop", "d.pid"]).uid(user).gid(user);
    bed.launch_command(stop).finish().says(&format!("stopped, pid was {pid}"));
    bed.nothing_left();
}

/// Case: STOP-03
fn without_a_grace_everything_is_killed_at_once() {
    let bed = bed();
    let daemon = bed.start(
        "{grace: 0, daemon_args: [{workers: {grace: 60000, workers: [{name: red, args: [park]}]}}]}",
    );
    bed.expect("worker red started, run 1");
    daemon.stop();
    assert_eq!(bed.processes().len(), 0);
    // The executor was killed too; the guardian knows of the worker's file.
    bed.nothing_left();
}

/// Case: F-10
fn the_pid_file_goes_last() {
    let bed = bed();
    let daemon = bed.start(&format!("{{daemon_args: [{TWO_WORKERS}, sleep: 100]}}"));
    let processes: Vec<_> =
        ["executor d", "worker red", "worker blue"].map(|who| bed.process(who)).into();
    bed.expect("worker blue started, run 1");
    daemon.guardian().signal(Signal::TERM);
    // Seen at the instant at which it goes.
    bed.until("the end of d.pid", || {
        let there = bed.path("d.pid").exists();
        let alive = processes.iter().filter(|process| process.is_alive()).count();
        assert!(there || alive == 0, "the pid file is gone, and {alive} processes are not");
        (!there).then_some(())
    });
    daemon.wait_gone();
    bed.nothing_left();
}

/// Cases: STOP-07, F-10
fn a_stop_that_takes_too_long_says_who_is_left() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start("{grace: 60s, daemon_args: [rounds, gate: gate]}");
    let began = Instant::now();
    bed.run(["stop", "d.pid", "--within=100"])
        .fails(&["d.pid` is still running", &format!("process {}", daemon.pid())]);
    assert!(Duration::from_millis(100) <= began.elapsed());
    // It was asked, and goes as soon as it can.
    bed.open_gate("gate");
    daemon.wait_gone();
    bed.nothing_left();
}

/// Case: STOP-08
fn a_stop_of_what_does_not_run_says_so_and_cleans_up() {
    let bed = bed();
    bed.run(["stop", "d.pid"]).says("not running");
    bed.write("d.pid", "4194305\n");
    bed.run(["stop", "d.pid"]).says("not running");
    assert!(!bed.path("d.pid").exists());
    bed.run(["stop", "missing/d.pid"]).fails(&["missing"]);
}

/// Case: STOP-09
fn two_stops_at_once_stop_once() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start("{grace: 60s, daemon_args: [rounds, gate: gate]}");
    let stops = [bed.launch(["stop", "d.pid"]), bed.launch(["stop", "d.pid"])];
    bed.expect("executor is at the gate gate, run 1");
    daemon.guardian().signal(Signal::TERM);
    bed.open_gate("gate");
    for stop in stops {
        let said = stop.finish().success().stdout;
        // One of them may have come when it was all over.
        let known = [format!("stopped, pid was {}\n", daemon.pid()), "not running\n".to_owned()];
        assert!(known.contains(&said), "{said:?}");
    }
    assert_eq!(bed.times("executor asked to quit: stop, run 1"), 1);
    bed.nothing_left();
}

/// Cases: STOP-16, DIE-18
fn a_signal_to_the_executor_is_its_own_affair() {
    // With code 0 afterwards the daemon is over.
    let bed = bed();
    let daemon = bed.start("{restart_interval: 0s, logging_config: {file: d.log}}");
    bed.expect("executor started, run 1");
    daemon.executor().signal(Signal::TERM);
    daemon.wait_gone();
    bed.nothing_left();
    assert_eq!(bed.times("executor asked to quit: SIGTERM (15), run 1"), 1);
    assert!(!bed.read("d.log").contains("guardian asked to quit"));
    assert!(!bed.read("d.log").contains("asking executor"));

    // With another one it is started again.
    let bed = crate::bed();
    let daemon = bed.start("{restart_interval: 0s, daemon_args: [rounds, exit: 1]}");
    bed.expect("executor started, run 1");
    daemon.executor().signal(Signal::TERM);
    bed.expect("executor started, run 2");
    assert!(daemon.guardian().is_alive());
    daemon.stop();
    bed.nothing_left();
}

/// A loop that looks once a second would need half of one on average: three times in a row would
/// be luck.
///
/// Case: STOP-17
fn no_tick_is_awaited_by_a_stop() {
    let workers: Vec<String> = (0..8).map(|number| format!("{{name: w{number}}}")).collect();
    let bed = bed();
    let mut times = Vec::new();
    for round in 1..=8 {
        let daemon = bed.start(&format!(
            "{{daemon_args: [{{workers: {{workers: [{}]}}}}]}}",
            workers.join(", ")
        ));
        for number in 0..8 {
            bed.expect_times(&format!("worker w{number} started, run 1"), round);
        }
        let began = Instant::now();
        daemon.guardian().signal(Signal::TERM);
        daemon.wait_gone();
        times.push(began.elapsed());
        bed.nothing_left();
        if times.iter().filter(|time| **time < Duration::from_millis(250)).count() == 3 {
            return;
        }
    }
    panic!("{times:?}");
}

/// The executor has less time than the guardian, and its workers have less than the executor: so it
/// gets to see them killed, and ends in peace.
///
/// Case: F-10
fn workers_that_will_not_stop_do_not_cost_the_executor_its_grace() {
    let bed = bed();
    let daemon = bed.start(
        "{grace: 5s, logging_config: {file: d.log}, \
         daemon_args: [{workers: {grace: 60000, workers: [{name: red, args: [park]}, {name: blue}]}}]}",
    );
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    daemon.stop();
    bed.nothing_left();
    assert_eq!(bed.times("worker blue finished, run 1"), 1);
    assert_eq!(
        bed.times("executor finished, run 1"),
        1,
        "{:?}\n{}",
        bed.journal(),
        bed.read("d.log")
    );
}

/// Case: ORP-08
fn descendants_are_gone_when_the_stop_returns() {
    let bed = bed();
    let daemon = bed.start(&format!("{{grace: 500ms, daemon_args: [{FAMILY}, {TWO_WORKERS}]}}"));
    for number in 1..=5 {
        bed.expect_file(&format!("family{number}"));
    }
    bed.expect("worker red started, run 1");
    daemon.stop();
    bed.nothing_left();
}

/// Children in the session, in one of their own, orphaned, twice orphaned, and deaf to SIGTERM.
pub(crate) const FAMILY: &str = "\
    command: [sh, -c, 'touch $APPKIT_BED_FOLDER/family1; exec sleep 600'], \
    command: [setsid, sh, -c, 'touch $APPKIT_BED_FOLDER/family2; exec sleep 600'], \
    command: [sh, -c, '(touch $APPKIT_BED_FOLDER/family3; exec sleep 600) &'], \
    command: [setsid, -f, sh, -c, '(touch $APPKIT_BED_FOLDER/family4; exec sleep 600) &'], \
    command: [setsid, -f, sh, -c, 'trap \"\" TERM; touch $APPKIT_BED_FOLDER/family5; sleep 600; sleep 600']";

/// Case: F-10
fn a_status_tells_what_runs() {
    let bed = bed();
    bed.run(["status", "d.pid"]).says("NotRunning { stale: false }");
    let daemon = bed.start("{}");
    bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({}) }}", daemon.pid()));
    daemon.stop();
    bed.run(["status", "d.pid"]).says("NotRunning { stale: false }");
}

/// It was, for all the time there was, though the daemon was over and its file gone.
///
/// Case: STOP-07
fn a_program_that_goes_on_after_its_daemon_is_not_waited_for() {
    let bed = bed();
    let file = bed.options("{}");
    let mut running = bed.launch(["run", &file, "--goes-on"]);
    bed.expect("executor started, run 1");
    // Longer than anybody waits here.
    bed.run(["stop", "d.pid", "--within=86400000"]).success();
    assert_eq!(bed.pid_files(), [""; 0]);
    assert!(running.is_running());
    running.finish().success();
    bed.nothing_left();
}
