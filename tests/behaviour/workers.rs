//! Many workers from one list: their start, their restarts, their ends.

use std::time::{Duration, Instant};

use bed::{Process, TestBed};
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::Value;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        each_worker_is_a_process_of_its_own,
        everything_wrong_with_a_list_is_told_at_once_and_nothing_starts,
        a_pid_file_is_there_as_long_as_its_worker,
        the_file_of_a_killed_worker_is_removed_by_the_executor,
        the_file_of_a_killed_worker_is_replaced_by_its_successor,
        each_worker_has_its_own_entry_arguments_output_and_logging,
        a_failed_worker_is_started_again_and_the_others_are_not_touched,
        a_worker_is_started_again_after_the_interval_and_not_before,
        by_default_a_worker_is_started_again_after_five_minutes,
        one_that_ends_well_is_done_and_at_the_end_all_are_told,
        when_all_workers_are_done_the_executor_goes_on,
        too_many_restarts_are_given_up_and_the_guardian_decides,
        a_wrong_list_of_workers_is_permanent_whatever_the_policy,
        a_start_that_waits_for_all_workers_names_those_that_fail,
        what_a_worker_says_of_itself_is_in_log_and_status,
        a_worker_that_cannot_be_set_up_fails_and_is_told,
        a_worker_that_is_not_ready_in_time_is_killed,
        the_status_file_is_whole_at_every_instant,
        workers_need_no_guardian,
        a_slot_in_the_grace_of_its_predecessor_is_waited_for,
        no_workers_at_all_are_done_at_once,
        one_whose_socket_is_closed_is_waited_for_without_looking_again_and_again,
    ]
}

/// A daemon whose entry starts this pool.
fn pool(pool: &str) -> String {
    format!("{{logging_config: {{file: d.log}}, daemon_args: [{{workers: {pool}}}, say: goes on]}}")
}

/// Cases: F-12, F-18, WRK-01, HYG-09, HYG-11
fn each_worker_is_a_process_of_its_own() {
    let bed = bed();
    let workers: Vec<String> = (0..8)
        .map(|n| format!("{{name: w{n}, args: [report: w{n}.report, say: 'is {n}', rounds]}}"))
        .collect();
    let daemon = bed.start(&pool(&format!("{{workers: [{}]}}", workers.join(", "))));
    let executor = daemon.executor();
    let mut pids = std::collections::BTreeSet::new();
    for n in 0..8 {
        let report = bed.report(&format!("w{n}.report"));
        assert_eq!(report["role"], "worker");
        assert_eq!(report["name"], format!("w{n}"));
        assert_eq!(report["incarnation"], 1);
        bed.expect(&format!("worker w{n} is {n}, run 1"));
        let worker = bed.process(&format!("worker w{n}"));
        assert_eq!(report["pid"], worker.pid());
        assert_eq!(worker.stat().parent, executor.pid());
        assert_eq!(worker.stat().group, worker.pid());
        pids.insert(worker.pid());
    }
    assert_eq!(pids.len(), 8);
    daemon.stop();
    bed.nothing_left();
}

/// Cases: F-13, WRK-19, CFG-01, CFG-05
fn everything_wrong_with_a_list_is_told_at_once_and_nothing_starts() {
    let bed = bed();
    bed.tell_of_children();
    bed.write(
        "w.yaml",
        "
restart: absurd
debug_filename: missing/debug.json
workers:
  - {name: red, stdout_filename: red.pid}
  - {name: red, pid_filename: other.pid}
  - {name: '', pid_filename: ''}
  - {name: 'a/b', pid_filename: red.pid}
  - {name: blue, entry: 'fixture:paint'}
  - {name: green, entry: 'fixture:typed', args: {foo: x}}
  - {name: grey, stdout_filename: missing/out.txt, stderr_filename: .}
  - {name: black, logging_config: {file: missing/black.log, format: '{nonsense}'}}
",
    );
    bed.run(["workers", "w.yaml"]).fails(&[
        "restart_interval `",
        "debug_filename `",
        "missing/debug.json`: the folder `",
        "workers[0].stdout_filename `",
        "red.pid`: is the pid file too; give another file",
        "workers[1].name `red`: is the name of workers[0] too",
        "workers[2].name ``: empty",
        "workers[2].pid_filename ``: empty",
        "workers[3].name `a/b`: contains `/`",
        "workers[3].pid_filename `",
        "red.pid`: is the pid file of workers[0] too",
        "workers[4].entry `fixture:paint`: unknown entry",
        "workers[5].args `…`: they do not fit entry `fixture:typed`: field `foo`",
        "workers[6].stdout_filename `",
        "workers[6].stderr_filename `",
        "workers[7].logging_config `",
        "nonsense",
    ]);
    // In an executor it is an error like any of its entry's.
    let twice = pool("{workers: [{name: red}, {name: red}]}");
    bed.run(["start", &bed.options(&twice)]).success();
    bed.wait_nobody_left();
    let log = bed.read("d.log");
    assert!(log.contains("returned an error: workers[1].name `red`: is the name of"), "{log}");
    assert!(!bed.journal().iter().any(|line| line.contains("worker")), "{:?}", bed.journal());
    bed.nothing_left();
}

/// Case: F-14
fn a_pid_file_is_there_as_long_as_its_worker() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start(&pool("{workers: [{name: red, args: [gate: gate]}, {name: blue}]}"));
    let red = bed.process("worker red");
    assert_eq!(bed.pid_of("red.pid"), red.pid());
    bed.expect("worker blue started, run 1");
    assert_eq!(bed.pid_files(), ["blue.pid", "d.pid", "red.pid"]);
    bed.open_gate("gate");
    bed.wait_gone(&red);
    assert_eq!(bed.pid_files(), ["blue.pid", "d.pid"]);
    daemon.stop();
    bed.nothing_left();
}

/// Cases: F-14, PID-24, DIE-20
fn the_file_of_a_killed_worker_is_removed_by_the_executor() {
    let bed = bed();
    let daemon = bed.start(&pool("{restart: never, workers: [{name: red}, {name: blue}]}"));
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    bed.kill(bed.pid_of("red.pid"), Signal::KILL);
    bed.expect_no_file("red.pid");
    assert_eq!(bed.pid_files(), ["blue.pid", "d.pid"]);
    daemon.stop();
    bed.nothing_left();
}

/// Cases: F-14, PID-24
fn the_file_of_a_killed_worker_is_replaced_by_its_successor() {
    let bed = bed();
    let daemon = bed.start(&pool("{restart: {after: 0}, workers: [{name: red}]}"));
    bed.expect("worker red started, run 1");
    let old = bed.pid_of("red.pid");
    bed.kill(old, Signal::KILL);
    bed.expect("worker red started, run 2");
    let new = bed.pid_of("red.pid");
    assert_ne!(old, new);
    assert_eq!(bed.process("worker red").pid(), new);
    daemon.stop();
    bed.nothing_left();
}

/// Cases: F-15, F-12
fn each_worker_has_its_own_entry_arguments_output_and_logging() {
    let bed = bed();
    let daemon = bed.start(&pool(
        "{workers: [\
         {name: typed, entry: 'fixture:typed', args: {foo: 5, bar: x}}, \
         {name: plain, entry: 'test1:daemon_entry'}, \
         {name: loud, logging_config: {file: loud.log, level: debug, format: '{role} {name}|{message}'}, \
          stdout_filename: both.txt, stderr_filename: both.txt, \
          args: [log: [DEBUG, x, loud], print: out, eprint: err, rounds]}, \
         {name: silent, args: [own_logger, log: [INFO, x, hello], rounds]}]}",
    ));
    bed.expect("worker typed got Typed { foo: 5, bar: Some(\"x\"), nested: {} }, run 1");
    bed.expect("worker plain ok, run 1");
    bed.expect("worker silent logs hello, run 1");
    bed.expect_in_file("both.txt", "err\n");
    assert_eq!(bed.read("both.txt"), "out\nerr\n");
    daemon.stop();
    assert_eq!(bed.read("loud.log").lines().next(), Some("worker loud|loud"));
    assert!(!bed.read("d.log").contains("|loud"));
    bed.nothing_left();
}

/// Cases: F-16, WRK-02
fn a_failed_worker_is_started_again_and_the_others_are_not_touched() {
    for failure in ["exit: 3", "panic: boom", "error: [failed]", "signal: 9"] {
        let bed = bed();
        let daemon = bed.start(&pool(&format!(
            "{{restart: {{after: 10}}, workers: [{{name: red, args: [in_run: [1, {{{failure}}}], \
             in_run: [2, {{{failure}}}], rounds]}}, {{name: blue}}]}}"
        )));
        bed.expect("worker blue started, run 1");
        let blue = bed.process("worker blue");
        bed.expect("worker red started, run 3");
        assert!(blue.is_alive());
        daemon.stop();
        assert_eq!(bed.times("worker blue started, run 1"), 1);
        assert_eq!(bed.times("worker blue started, run 2"), 0);
        bed.nothing_left();
    }
}

/// "Noticed at once": no look once in a while, which would be late by half of it on average.
///
/// Case: F-16
fn a_worker_is_started_again_after_the_interval_and_not_before() {
    let bed = bed();
    let daemon = bed.start(&pool(
        "{restart: {after: 50}, workers: [{name: red, args: [time: began, in_run: [5, rounds], \
         time: ended, exit: 1]}]}",
    ));
    bed.expect("worker red started, run 5");
    bed.until("the fifth begin", || (bed.read("began").lines().count() == 5).then_some(()));
    let at = |name: &str| -> Vec<u64> {
        bed.read(name).lines().map(|line| line.parse().unwrap()).collect()
    };
    let (began, ended) = (at("began"), at("ended"));
    let gaps: Vec<_> = ended
        .iter()
        .zip(&began[1..])
        .map(|(end, begin)| Duration::from_nanos(begin - end))
        .collect();
    assert!(gaps.iter().all(|gap| Duration::from_millis(50) <= *gap), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap < Duration::from_millis(500)), "{gaps:?}");
    daemon.stop();
    bed.nothing_left();
}

/// Case: F-16
fn by_default_a_worker_is_started_again_after_five_minutes() {
    let bed = bed();
    let daemon = bed.start(&pool("{workers: [{name: red, args: [exit: 3]}, {name: blue}]}"));
    bed.expect_in_file("d.log", "exited with code 3; starting it again in ");
    let log = bed.read("d.log");
    let after = log.split("starting it again in ").nth(1).unwrap().lines().next().unwrap();
    let seconds: f64 = after.strip_suffix('s').unwrap().parse().unwrap();
    assert!((290.0..=300.0).contains(&seconds), "{after}");
    daemon.stop();
    assert_eq!(bed.times("worker red started, run 2"), 0);
    bed.nothing_left();
}

/// Cases: F-16, WRK-14, HS-07
fn one_that_ends_well_is_done_and_at_the_end_all_are_told() {
    let bed = bed();
    let file = bed.options(&pool(
        "{restart: never, debug_filename: debug.json, workers: [{name: red, args: [say: works]}, \
         {name: blue, args: [error: [no paint, no brush]]}, {name: grey, args: [signal: 9]}]}",
    ));
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    for line in [
        "executor workers: worker `red` exited with code 0, started 1 times, run 1",
        "executor workers: worker `blue` returned an error: no paint: no brush, started 1 times, run 1",
        "executor workers: worker `grey` was ended by SIGKILL, started 1 times, run 1",
    ] {
        assert_eq!(bed.times(line), 1, "{line}: {:#?}", bed.journal());
    }
    // `into_result` made an error of those that failed, and the entry returned it.
    let log = bed.read("d.log");
    assert!(log.contains("returned an error: worker `blue` returned an error: no paint"), "{log}");
    assert_eq!(bed.times("executor goes on, run 1"), 0);
    let status: Value = serde_json::from_str(&bed.read("debug.json")).unwrap();
    let exit = &status["workers"][1]["last_exits"][0];
    assert_eq!(exit["text"], "returned an error: no paint: no brush");
    let error = &exit["end"]["exited"]["error"]["error"];
    assert_eq!([&error["text"], &error["source"]["text"]], ["no paint", "no brush"]);
    bed.nothing_left();
}

/// Case: HS-22
fn a_start_that_waits_for_all_workers_names_those_that_fail() {
    let options = |blue: &str| {
        format!(
            "{{start: {{ready: told}}, daemon_args: [{{workers: {{ready_when_all: true, workers: \
             [{{name: red}}, {{name: blue{blue}}}]}}}}]}}"
        )
    };
    let bed = bed();
    // A file that nobody may write to, root neither, which only shows when it is opened.
    let closed = options(", stdout_filename: /proc/sys/kernel/ostype");
    bed.run(["start", &bed.options(&closed)]).fails(&[
        "not all workers became ready: worker `blue` could not be set up: redirect: ",
        "/proc/sys/kernel/ostype",
    ]);
    bed.nothing_left();
    let daemon = bed.start(&options(""));
    assert!(bed.path("red.pid").exists() && bed.path("blue.pid").exists(), "launched, but not all");
    daemon.stop();
    bed.nothing_left();
}

fn what_a_worker_says_of_itself_is_in_log_and_status() {
    let bed = bed();
    let daemon = bed.start(&pool(
        "{debug_filename: debug.json, workers: [{name: red, args: [tell_status: warmed up, rounds]}]}",
    ));
    bed.expect_in_file("d.log", "worker red says: warmed up");
    bed.until("the status", || {
        let status: Value = serde_json::from_str(&bed.read("debug.json")).ok()?;
        (status["workers"][0]["says"] == "warmed up").then_some(())
    });
    daemon.stop();
    bed.nothing_left();
}

/// The entry's own arguments fit, but not what it makes of them: another run would only say so again.
///
/// Cases: F-13, RST-37
fn a_wrong_list_of_workers_is_permanent_whatever_the_policy() {
    let bed = bed();
    let pool = "ready_when_all: true, workers: [{name: red}, {name: red}]";
    let options = format!(
        "restart: {{restart: always, backoff: {{floor: 0s}}}}, logging_config: {{file: d.log}}, \
         daemon_args: [{{workers: {{{pool}}}}}]"
    );
    let file = bed.options(&format!("{{{options}}}"));
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    let log = bed.read("d.log");
    for part in
        ["workers[1].name `red`: is the name of workers[0] too", "such a failure is permanent"]
    {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert_eq!(bed.times("executor started, run 1"), 1);
    assert_eq!(bed.times("executor started, run 2"), 0, "{log}");
    let output = bed.run(["run", &file]).success();
    assert!(output.stdout.starts_with("GaveUp(Permanent, "), "{output:?}");
    // Who is to say that it is ready fails the launch.
    let file = bed.options(&format!("{{start: {{ready: told}}, {options}}}"));
    let told =
        "the executor returned an error: workers[1].name `red`: is the name of workers[0] too";
    bed.run(["start", &file]).fails(&[told]);
    bed.nothing_left();
}

/// Cases: RST-20, RST-24, RST-37
fn too_many_restarts_are_given_up_and_the_guardian_decides() {
    let steps = "in_run: [1, {workers: {restart: {after: 0}, restart_limit: [2, 60000], \
                 workers: [{name: red, args: [exit: 3]}, {name: blue}]}}], rounds";
    let gave_up = "it returned an error: gave up: more than 2 restarts within 60s in all: at last \
                   worker `red` exited with code 3";
    // Another run, in which it does without workers.
    let bed = bed();
    let daemon = bed.start(&format!("{{restart_interval: 10ms, daemon_args: [{steps}]}}"));
    bed.expect("executor started, run 2");
    assert_eq!(bed.times("worker red started, run 3"), 1);
    assert_eq!(bed.times("worker red started, run 4"), 0);
    daemon.stop();
    bed.nothing_left();
    // Or none; the executor's code tells them which it is.
    for (policy, end) in [
        ("{restart: always, prevent: {codes: [69]}}", "GaveUp(Prevented, Exited(Error("),
        ("{restart: never}", "Ended(Exited(Error("),
    ] {
        let bed = crate::bed();
        let file = bed.options(&format!(
            "{{restart: {policy}, logging_config: {{file: d.log}}, daemon_args: [{steps}]}}"
        ));
        let output = bed.run(["run", &file]).success();
        assert!(output.stdout.starts_with(end) && output.stdout.contains("code: 69"), "{output:?}");
        let log = bed.read("d.log");
        assert!(log.contains("giving up, and stopping all workers: more than 2 restarts"), "{log}");
        assert!(log.contains(gave_up), "{log}");
        assert_eq!(bed.times("executor started, run 2"), 0);
        bed.nothing_left();
    }
}

/// Cases: F-16, WRK-14, WRK-20
fn when_all_workers_are_done_the_executor_goes_on() {
    let bed = bed();
    bed.gate("gate");
    let file = bed.options(&pool(
        "{restart: {after: 0}, workers: [{name: red, args: [say: works]}, \
         {name: blue, args: [in_run: [1, {exit: 1}], gate: gate]}]}",
    ));
    bed.run(["start", &file]).success();
    bed.expect("worker blue is at the gate gate, run 2");
    bed.expect("worker red finished, run 1");
    assert_eq!(bed.times("executor goes on, run 1"), 0);
    bed.open_gate("gate");
    bed.wait_nobody_left();
    assert_eq!(bed.times("worker red started, run 1"), 1, "one that ended well was started again");
    let order = bed.journal();
    assert_eq!(
        order[order.len() - 5..],
        [
            "worker blue finished, run 2",
            "executor workers: worker `red` exited with code 0, started 1 times, run 1",
            "executor workers: worker `blue` exited with code 0, started 2 times, run 1",
            "executor goes on, run 1",
            "executor finished, run 1",
        ]
    );
    bed.nothing_left();
}

/// Cases: F-15, F-16
fn a_worker_that_cannot_be_set_up_fails_and_is_told() {
    let bed = bed();
    // Held by somebody else: what only acting can tell.
    let holder = bed.start_of("held", "{}");
    let file = bed.options(&pool(
        "{restart: never, grace: 100, workers: [{name: red, pid_filename: held.pid}, {name: blue, args: []}]}",
    ));
    bed.run(["start", &file]).success();
    bed.until("the daemon's end", || bed.find("guardian d").is_empty().then_some(()));
    let journal = bed.journal().join("\n");
    assert!(journal.contains("worker `red` could not be set up: pid file: "), "{journal}");
    assert!(
        journal.contains(&format!("held.pid` is held by process {}", holder.pid())),
        "{journal}"
    );
    assert_eq!(bed.times("worker red started, run 1"), 0);
    assert_eq!(bed.pid_files(), ["held.pid"]);
    holder.stop();
    bed.nothing_left();
}

/// Case: F-16
fn a_worker_that_is_not_ready_in_time_is_killed() {
    let bed = bed();
    bed.write("before-worker", "[park]");
    let file = bed.options(&pool("{restart: never, start_timeout: 200, workers: [{name: red}]}"));
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    let journal = bed.journal().join("\n");
    assert!(journal.contains("worker `red` was not ready within "), "{journal}");
    bed.nothing_left();
}

/// Case: F-17
fn the_status_file_is_whole_at_every_instant() {
    let bed = bed();
    let daemon = bed.start(&pool(
        "{restart: {after: 20}, debug_filename: debug.json, workers: [\
         {name: red, args: [sleep: 20, exit: 3]}, {name: blue}, {name: done, args: []}]}",
    ));
    // From its first appearance on, whenever it is looked at.
    bed.expect_file("debug.json");
    let mut seen = std::collections::BTreeSet::new();
    let began = Instant::now();
    bed.until("twelve ends of a worker", || {
        let text = std::fs::read(bed.path("debug.json")).unwrap();
        let status: Value = serde_json::from_slice(&text)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
        let red = status["workers"][0].clone();
        seen.insert(red["state"].as_str().unwrap().to_owned());
        (12 <= red["restarts"].as_u64().unwrap() && Duration::from_millis(500) < began.elapsed())
            .then_some(())
    });
    // Half a second later than a change at most, all is as it is.
    let status = bed.until("the state of all", || {
        let status: Value = serde_json::from_str(&bed.read("debug.json")).unwrap();
        let states = [&status["workers"][1]["state"], &status["workers"][2]["state"]];
        (states == ["running", "finished"]).then_some(status)
    });
    assert_eq!(status["pid"], daemon.executor().pid());
    let names: Vec<_> = status["workers"].as_array().unwrap().iter().map(|w| &w["name"]).collect();
    assert_eq!(names, ["red", "blue", "done"]);
    let (red, blue, done) = (&status["workers"][0], &status["workers"][1], &status["workers"][2]);
    // Bounded, and the last ones are kept.
    let exits = red["last_exits"].as_array().unwrap();
    assert_eq!(exits.len(), 10);
    assert_eq!(exits[9]["text"], "exited with code 3");
    assert!(exits[0]["at"].as_str().unwrap() < exits[9]["at"].as_str().unwrap());
    assert!(exits.iter().all(|exit| exit["pid"].is_u64()));
    assert_eq!(blue["pid"], bed.process("worker blue").pid());
    assert!(blue["since"].as_str().unwrap().contains('T'));
    assert_eq!(blue["restarts"], 0);
    assert_eq!(done["pid"], Value::Null);
    assert_eq!(done["last_exits"][0]["text"], "exited with code 0");
    assert!(2 <= seen.len(), "{seen:?}");
    daemon.stop();
    let status: Value = serde_json::from_str(&bed.read("debug.json")).unwrap();
    let states: Vec<_> =
        status["workers"].as_array().unwrap().iter().map(|w| &w["state"]).collect();
    assert_eq!(states, ["finished", "finished", "finished"]);
    bed.nothing_left();
}

/// Case: F-18
fn workers_need_no_guardian() {
    let bed = bed();
    bed.write(
        "w.yaml",
        "{restart: {after: 0}, workers: [{name: red, args: [in_run: [1, {exit: 1}], report: report, \
         rounds]}, {name: blue}]}",
    );
    let program = bed.launch(["workers", "w.yaml"]);
    bed.expect("worker red started, run 2");
    bed.expect("worker blue started, run 1");
    let report = bed.report("report");
    assert_eq!([&report["role"], &report["name"]], ["worker", "red"]);
    assert_eq!(report["incarnation"], 2);
    assert_eq!(bed.process("worker red").stat().parent, program.pid());
    assert_eq!(bed.pid_files(), ["blue.pid", "red.pid"]);
    bed.kill(program.pid(), Signal::INT);
    program.finish().success();
    bed.nothing_left();
    assert_eq!(bed.times("worker red asked to quit: SIGINT (2), run 2"), 0);
    assert_eq!(bed.times("worker red asked to quit: stop, run 2"), 1);
    assert_eq!(bed.times("caller workers: worker `red` exited with code 0, started 2 times"), 1);
}

/// Executor and guardian are killed while a worker takes its time: its successor waits.
///
/// Case: ORP-04
fn a_slot_in_the_grace_of_its_predecessor_is_waited_for() {
    let bed = bed();
    bed.gate("gate");
    let slow = "{workers: [{name: red, args: [rounds, in_run: [1, {gate: gate}]]}]}";
    bed.write("w.yaml", slow);
    let first = bed.launch(["workers", "w.yaml"]);
    bed.expect("worker red started, run 1");
    let old = bed.process("worker red");
    drop(first);
    bed.expect("worker red is at the gate gate, run 1");
    bed.write("w2.yaml", "{workers: [{name: red}]}");
    let second = bed.launch(["workers", "w2.yaml"]);
    bed.until("a second worker red", || (bed.find("worker red").len() == 2).then_some(()));
    assert!(old.is_alive());
    bed.open_gate("gate");
    bed.expect_times("worker red started, run 1", 2);
    let journal = bed.journal();
    let over = journal.iter().position(|line| line == "worker red finished, run 1");
    let again = journal.iter().rposition(|line| line == "worker red started, run 1");
    assert!(over < again, "{journal:?}");
    bed.kill(second.pid(), Signal::TERM);
    second.finish().success();
    bed.nothing_left();
}

/// Case: F-16
fn no_workers_at_all_are_done_at_once() {
    let bed: TestBed = bed();
    bed.write("w.yaml", "{workers: []}");
    bed.run(["workers", "w.yaml"]).success();
    bed.nothing_left();
}

/// A closed socket is readable for ever. Whoever went on waiting for it would never sleep.
fn one_whose_socket_is_closed_is_waited_for_without_looking_again_and_again() {
    let bed = bed();
    let daemon =
        bed.start(&pool("{workers: [{name: red, args: [say: leaves, become: [sleep, '600']]}]}"));
    bed.expect("worker red leaves, run 1");
    let is_it = |process: &Process| process.title().starts_with("sleep ");
    let other = bed.until("the other program", || bed.processes().into_iter().find(is_it));
    let executor = daemon.executor();
    // Time and again: it may not have seen the end of the socket yet at the first look.
    let mut asleep = 0;
    bed.until("an executor that sleeps", || {
        asleep = if executor.stat().state == 'S' { asleep + 1 } else { 0 };
        (asleep == 5).then_some(())
    });
    daemon.stop();
    assert!(!other.is_alive(), "it was stopped by a signal, since it could not be told");
    bed.nothing_left();
}
