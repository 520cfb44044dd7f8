//! Each role is killed, in every way: who goes on, who goes, and what is left.

use bed::TestBed;
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::stop::FAMILY;
use crate::{AT_ONCE, bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        an_executor_that_is_killed_takes_its_workers_along_and_a_new_set_starts,
        a_guardian_that_is_killed_leaves_executor_and_workers_to_go_in_peace,
        a_guardian_that_is_killed_leaves_nobody_who_does_not_listen,
        guardian_and_executor_killed_together_leave_no_worker,
        executor_and_worker_killed_together_leave_no_pid_file,
        a_stopped_executor_goes_with_its_guardian,
        a_child_whose_parent_dies_during_its_start_never_gets_to_its_entry,
        a_worker_whose_parent_dies_during_its_start_notices,
        nothing_of_an_incarnation_is_left_when_the_next_one_starts,
        orphans_are_reaped_and_taken_for_nobody,
        no_two_processes_hold_one_place_whoever_is_killed,
    ]
}

const TWO_WORKERS: &str = "{workers: {workers: [{name: red}, {name: blue}]}}";

/// Where a line stands in the journal for the n-th time.
#[track_caller]
fn nth(bed: &TestBed, line: &str, n: usize) -> usize {
    let journal = bed.journal();
    let mut places = journal.iter().enumerate().filter(|(_, found)| *found == line);
    let place = places.nth(n - 1).unwrap_or_else(|| panic!("no {n}. {line:?} in {journal:#?}"));
    place.0
}

/// Cases: ORP-01, DIE-17
fn an_executor_that_is_killed_takes_its_workers_along_and_a_new_set_starts() {
    let bed = bed();
    let daemon = bed.start(&format!("{{restart_interval: 0s, daemon_args: [{TWO_WORKERS}]}}"));
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let old = [bed.process("worker red"), bed.process("worker blue")];
    daemon.executor().signal(Signal::KILL);
    bed.expect("executor started, run 2");
    assert!(old.iter().all(|worker| !worker.is_alive()), "an old worker is still there");
    bed.expect_times("worker red started, run 1", 2);
    bed.expect_times("worker blue started, run 1", 2);
    for name in ["red", "blue"] {
        // They have seen it themselves, or were told by the guardian.
        let over = nth(&bed, &format!("worker {name} finished, run 1"), 1);
        assert!(over < nth(&bed, "executor started, run 2", 1));
        assert_eq!(bed.find(&format!("worker {name}")).len(), 1);
    }
    daemon.stop();
    bed.nothing_left();
    assert_eq!(bed.times("worker red started, run 1"), 2);
}

/// Cases: ORP-02, DIE-10
fn a_guardian_that_is_killed_leaves_executor_and_workers_to_go_in_peace() {
    let bed = bed();
    let daemon = bed.start(&format!("{{daemon_args: [{TWO_WORKERS}, rounds]}}"));
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    daemon.guardian().signal(Signal::KILL);
    bed.wait_nobody_left();
    for line in [
        "worker red asked to quit: stop, run 1",
        "worker red finished, run 1",
        "worker blue finished, run 1",
        "executor asked to quit: parent died, run 1",
        "executor finished, run 1",
    ] {
        assert_eq!(bed.times(line), 1, "{line}: {:#?}", bed.journal());
    }
    // Who is ending has no environment any more a moment before its locks are gone.
    let limit = Some(std::time::Duration::from_secs(30));
    assert!(appkit::pidfile::wait_free(bed.path("d.pid"), limit, None).unwrap());
    // The lock is free, and what the guardian could not remove is taken over.
    bed.run(["status", "d.pid"]).says("NotRunning { stale: true }");
    assert_eq!(bed.pid_files(), ["d.pid"]);
    bed.start("{}").stop();
    bed.nothing_left();
}

/// Each within the grace of its own, in whatever it is.
///
/// Cases: ORP-02, DIE-10
fn a_guardian_that_is_killed_leaves_nobody_who_does_not_listen() {
    let bed = bed();
    // The executor's is long: it has to kill them, and to remove their pid files.
    let daemon = bed.start(
        "{grace: 30s, daemon_args: [{workers: {grace: 200, workers: [{name: red, args: [park]}, \
         {name: blue, args: [command: [sleep, '600'], spin: 3600000]}]}}]}",
    );
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    bed.until("the worker's child", || {
        bed.processes().into_iter().find(|process| process.title() == "sleep 600")
    });
    daemon.guardian().signal(Signal::KILL);
    bed.wait_nobody_left();
    bed.run(["stop", "d.pid"]).says("not running");
    bed.nothing_left();
}

/// Cases: ORP-02, DIE-28
fn guardian_and_executor_killed_together_leave_no_worker() {
    let bed = bed();
    let daemon = bed.start(&format!("{{daemon_args: [{TWO_WORKERS}]}}"));
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let executor = daemon.executor();
    daemon.guardian().signal(Signal::STOP);
    executor.signal(Signal::KILL);
    daemon.guardian().signal(Signal::KILL);
    bed.wait_nobody_left();
    assert_eq!(bed.times("worker red asked to quit: parent died, run 1"), 1);
    // Workers in peace remove their files themselves; then it all starts anew.
    assert_eq!(bed.pid_files(), ["d.pid"]);
    bed.start(&format!("{{daemon_args: [{TWO_WORKERS}]}}")).stop();
    bed.nothing_left();
}

/// Whoever would have removed the worker's file is gone, and no successor takes it over.
///
/// Cases: PID-24, DIE-27
fn executor_and_worker_killed_together_leave_no_pid_file() {
    let bed = bed();
    let daemon = bed.start(&format!("{{daemon_args: [{TWO_WORKERS}]}}"));
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let executor = daemon.executor();
    // It does not see any more that its worker has ended.
    executor.signal(Signal::STOP);
    let red = bed.process("worker red");
    red.signal(Signal::KILL);
    bed.wait_gone(&red);
    executor.signal(Signal::KILL);
    daemon.wait_gone();
    assert_eq!(bed.pid_files(), [""; 0]);
    bed.nothing_left();
}

/// Cases: ORP-02, DIE-29
fn a_stopped_executor_goes_with_its_guardian() {
    let bed = bed();
    let daemon = bed.start("{}");
    bed.expect("executor started, run 1");
    daemon.executor().signal(Signal::STOP);
    daemon.guardian().signal(Signal::KILL);
    bed.wait_nobody_left();
    assert_eq!(bed.times("executor asked to quit: parent died, run 1"), 1);
}

/// Cases: ORP-06, DIE-30
fn a_child_whose_parent_dies_during_its_start_never_gets_to_its_entry() {
    let bed = bed();
    bed.gate("gate");
    bed.write("before-executor", "[gate: gate]");
    let start = bed.launch(["start", &bed.options("{}")]);
    bed.expect("caller is at the gate gate");
    let guardian = bed.process("guardian d");
    guardian.signal(Signal::KILL);
    bed.wait_gone(&guardian);
    bed.open_gate("gate");
    start.finish().fails(&["the guardian ended before the entry was called"]);
    // Nobody could know of the executor yet; it notices as soon as it can.
    bed.wait_nobody_left();
    assert_eq!(bed.times("executor started, run 1"), 0);
    bed.nothing_left();
}

/// Cases: ORP-06, DIE-30
fn a_worker_whose_parent_dies_during_its_start_notices() {
    let bed = bed();
    bed.gate("gate");
    bed.write("before-worker", "[gate: gate]");
    bed.write("w.yaml", "{workers: [{name: red}]}");
    let parent = bed.launch(["workers", "w.yaml"]);
    bed.expect("caller is at the gate gate");
    // Killed and reaped.
    drop(parent);
    bed.open_gate("gate");
    bed.wait_nobody_left();
    bed.nothing_left();
    // Whether it had been told what to do by then or not.
    let started = bed.times("worker red started, run 1");
    assert_eq!(bed.times("worker red asked to quit: parent died, run 1"), started);
}

/// Case: ORP-08
fn nothing_of_an_incarnation_is_left_when_the_next_one_starts() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start(&format!(
        "{{restart_interval: 0s, grace: 500ms, daemon_args: [in_run: [2, rounds], {FAMILY}, \
         gate: gate, exit: 1]}}"
    ));
    let mut family = Vec::new();
    for number in 1..=5 {
        bed.expect_file(&format!("family{number}"));
    }
    family.extend(bed.processes().into_iter().filter(|process| process.title().contains("sleep")));
    assert!(5 <= family.len(), "{family:?}");
    bed.open_gate("gate");
    bed.expect("executor started, run 2");
    let left: Vec<_> = family.iter().filter(|process| process.is_alive()).collect();
    assert!(left.is_empty(), "{left:?}");
    daemon.stop();
    bed.nothing_left();
}

/// Case: ORP-07
fn orphans_are_reaped_and_taken_for_nobody() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, \
         daemon_args: [commands: [100, [sh, -c, 'sleep 0 &']], say: has a hundred, rounds]}",
    );
    bed.expect("executor has a hundred, run 1");
    // Those whose parents have ended are the guardian's; it has nothing else than the executor.
    let executor = daemon.executor().pid().to_string();
    let children = format!("/proc/{0}/task/{0}/children", daemon.pid());
    bed.until("the end of all orphans", || {
        let found = std::fs::read_to_string(&children).ok()?;
        (found.trim() == executor).then_some(())
    });
    assert_eq!(bed.read("d.log").matches("ended").count(), 0);
    daemon.stop();
    bed.nothing_left();
}

/// Every process takes a lock of its place as long as it lives, and tells if another one has it.
///
/// Case: ORP-04
fn no_two_processes_hold_one_place_whoever_is_killed() {
    const KILLS: usize = 100;
    let bed = bed();
    let options = &format!(
        "{{{AT_ONCE}, grace: 5s, daemon_args: [hold: executor, {{workers: {{restart: at_once, \
         workers: [{{name: red, args: [hold: red, rounds]}}, \
         {{name: blue, args: [hold: blue, rounds]}}]}}}}]}}"
    );
    let mut daemon = bed.start(options);
    // A sequence without a pattern, and the same each time.
    let mut random: u32 = 12345;
    for kill in 0..KILLS {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let victim = match (random >> 16) % 8 {
            0 => {
                daemon.guardian().signal(Signal::KILL);
                daemon.wait_gone();
                daemon = bed.start(options);
                continue;
            }
            1 | 2 => "executor d",
            3..=5 => "worker red",
            _ => "worker blue",
        };
        // Whoever it is by then, or nobody.
        if let Some(process) = bed.find(victim).pop() {
            process.signal(Signal::KILL);
        }
        // Now and then it gets so far that all are there.
        if kill % 10 == 0 {
            bed.until("one of each", || {
                let one = |who| bed.find(who).len() == 1;
                ["executor d", "worker red", "worker blue"].into_iter().all(one).then_some(())
            });
        }
    }
    daemon.stop();
    // The file of a worker may be left whose executor was killed, too, and nobody came after it.
    assert_eq!(bed.processes().len(), 0);
    assert!(!bed.path("d.pid").exists());
    let journal = bed.journal();
    let twice: Vec<_> = journal.iter().filter(|line| line.contains("is not alone")).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(20 < journal.iter().filter(|line| line.contains("holds its place")).count());
}
