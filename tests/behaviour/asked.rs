//! Who asks a daemon, and goes on asking, does it no harm.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use appkit::control::{Client, service::Event};
use appkit::{Daemon, DaemonStatus, EventStream};
use bed::{LIMIT, TestBed};
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::faults::loops::{expect_asleep, limit_descriptors};
use crate::{bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        who_watches_keeps_nobody_awake_between_two_runs,
        who_watches_leaves_nothing_in_an_executor_without_workers,
        who_watches_hears_of_two_pools_and_keeps_nobody_awake_after_them,
        the_last_and_the_first_events_of_workers_are_told,
        what_a_restart_causes_is_told_at_once,
        a_pool_without_descriptors_sleeps_and_answers_again,
        long_texts_are_cut_and_everybody_is_told,
        a_daemon_of_another_user_is_asked_by_root_whoever_watches,
        who_was_told_that_there_is_no_answer_is_not_obeyed_later,
        each_of_many_hears_what_came_of_his_own,
        a_status_without_a_guardian_says_who_is_left,
    ]
}

fn pool(restart: &str, workers: &str) -> String {
    format!("{{daemon_args: [{{workers: {{restart: {restart}, workers: [{workers}]}}}}]}}")
}

fn daemon(bed: &TestBed) -> Daemon {
    Daemon::at(bed.path("d.pid")).patience(LIMIT)
}

fn next(stream: &mut EventStream) -> Option<Vec<Event>> {
    stream.next(Instant::now() + LIMIT).unwrap().map(|new| new.events)
}

/// Takes events until there is such a one; gives all.
#[track_caller]
fn until(stream: &mut EventStream, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut all = Vec::new();
    while !all.iter().any(&wanted) {
        all.extend(next(stream).expect("it goes on"));
    }
    all
}

/// The guardian had a deadline that lay in the past until the next run.
fn who_watches_keeps_nobody_awake_between_two_runs() {
    let bed = bed();
    let started = bed.start("{restart_interval: 1h, daemon_args: [rounds]}");
    let mut stream = daemon(&bed).events(99).unwrap();
    started.executor().signal(Signal::KILL);
    until(&mut stream, |event| event.phase == "waiting");
    expect_asleep(&bed, started.guardian());
    started.stop();
    bed.nothing_left();
}

/// Each left a connection in the executor.
fn who_watches_leaves_nothing_in_an_executor_without_workers() {
    let bed = bed();
    let started = bed.start("{daemon_args: [rounds]}");
    bed.expect("executor started, run 1");
    let executor = started.executor();
    let before = executor.descriptors();
    for _ in 0..70 {
        next(&mut daemon(&bed).events(1).unwrap());
    }
    let _watching = daemon(&bed).events(1).unwrap();
    expect_asleep(&bed, started.guardian());
    assert_eq!(executor.descriptors().len(), before.len());
    started.stop();
    bed.nothing_left();
}

/// After so long again at most an executor that has not answered is asked.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The executor is asked once more after each pool, and then no more.
fn who_watches_hears_of_two_pools_and_keeps_nobody_awake_after_them() {
    let bed = bed();
    let pool = |name| format!("{{workers: {{restart: never, workers: [{{name: {name}}}]}}}}");
    let steps = [pool("red"), pool("blue"), "rounds".to_owned()].join(", ");
    let started = bed.start(&format!("{{daemon_args: [{steps}]}}"));
    let mut stream = daemon(&bed).events(1000).unwrap();
    for name in ["red", "blue"] {
        until(&mut stream, |event| event.name == name && event.phase == "running");
        daemon(&bed).signal_worker(name, Signal::TERM.as_raw()).unwrap();
        until(&mut stream, |event| event.name == name && event.phase == "finished");
    }
    // A question and its answer are too short to be seen otherwise.
    let (mut switches, mut rests_since) = (String::new(), Instant::now());
    bed.until("the guardian rests", || {
        let now = started.guardian().status("voluntary_ctxt_switches");
        if now != switches {
            (switches, rests_since) = (now, Instant::now());
        }
        (LONGEST_PAUSE * 2 < rests_since.elapsed()).then_some(())
    });
    started.stop();
    bed.nothing_left();
}

/// Case: CTL-10
fn the_last_and_the_first_events_of_workers_are_told() {
    let bed = bed();
    let started = bed.start(&pool("at_once", "{name: red}, {name: blue}"));
    let mut stream = daemon(&bed).events(1000).unwrap();
    let run_of = |name: &'static str, kind: &'static str| {
        move |event: &Event| event.name == name && event.kind == kind
    };
    until(&mut stream, run_of("blue", "ready"));
    daemon(&bed).restart_executor().unwrap();
    // All of the first pool, and all of the second.
    let mut told = until(&mut stream, |event| event.role == "executor" && event.kind == "started");
    told.extend(until(&mut stream, run_of("blue", "ready")));
    started.stop();
    while let Some(new) = next(&mut stream) {
        told.extend(new);
    }
    for name in ["red", "blue"] {
        let own = told.iter().filter(|event| event.name == name && event.kind != "phase");
        let kinds: Vec<_> = own.map(|event| event.kind.as_str()).collect();
        let ends = ["stopping", "ended", "finished"];
        let all = [&ends[..], &["started", "ready"], &ends].concat();
        assert!(kinds.ends_with(&all), "{name}: {kinds:?}");
    }
    bed.nothing_left();
}

/// It was told when something else happened.
fn what_a_restart_causes_is_told_at_once() {
    let bed = bed();
    let started = bed.start("{daemon_args: [park]}");
    let executor = started.executor();
    let mut stream = daemon(&bed).events(99).unwrap();
    until(&mut stream, |event| event.phase == "running");
    let deadline = Instant::now() + LIMIT;
    // The connection stays open: its end would wake the guardian.
    let mut client = Client::connect(&daemon(&bed).socket(), deadline).unwrap();
    client.call::<serde_json::Value>("io.appkit.Service.Restart", &(), deadline).unwrap();
    until(&mut stream, |event| event.phase == "stopping");
    assert!(executor.is_alive(), "it has its grace, and does not use it");
    executor.signal(Signal::KILL);
    until(&mut stream, |event| event.kind == "ready" && event.run == 2);
    started.executor().signal(Signal::KILL);
    bed.wait_gone(started.guardian());
}

/// Case: CC-09
fn a_pool_without_descriptors_sleeps_and_answers_again() {
    let bed = bed();
    let started = bed.start(&pool("at_once", "{name: red}"));
    bed.expect("worker red started, run 1");
    let executor = started.executor();
    expect_asleep(&bed, &executor);
    // One is left, which the connection takes.
    let taken = std::fs::read_dir(format!("/proc/{}/fd", executor.pid())).unwrap();
    let taken: Vec<u64> =
        taken.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    let free = (0..).find(|number| !taken.contains(number)).unwrap();
    let before = limit_descriptors(&executor, free + 1);
    let hasty = Daemon::at(bed.path("d.pid")).patience(LIMIT);
    hasty.workers(&[], false).unwrap_err();
    expect_asleep(&bed, &executor);
    limit_descriptors(&executor, before);
    assert_eq!(daemon(&bed).workers(&[], false).unwrap().len(), 1);
    started.stop();
    bed.nothing_left();
}

/// Cases: CC-34, CC-47
fn long_texts_are_cut_and_everybody_is_told() {
    let bed = bed();
    let long = "x".repeat(3900);
    let workers: Vec<_> = (0..40)
        .map(|n| format!("{{name: w{n}, args: [{{error: [{long}, {long}, {long}]}}]}}"))
        .collect();
    let started = bed.start(&pool("at_once", &format!("{{name: keep}}, {}", workers.join(", "))));
    let all = bed.until("all have failed ten times", || {
        // The executor may not have come to its workers yet.
        let told = daemon(&bed).workers(&[], false).ok()?;
        told.iter().filter(|worker| worker.run > 10).count().eq(&40).then_some(told)
    });
    assert!(all.iter().all(|worker| worker.ends.len() <= 1 && worker.phase != "finished"));
    let one = daemon(&bed).workers(&["w7"], false).unwrap().remove(0);
    assert_eq!(one.ends.len(), 10);
    assert!(one.ends.iter().all(|end| end.text.chars().count() <= 1000), "{one:?}");
    let mut stream = daemon(&bed).events(1000).unwrap();
    let told = until(&mut stream, |event| event.role == "worker" && event.kind == "ended");
    assert!(told.iter().all(|event| event.text.chars().count() <= 1000));
    started.stop();
    bed.nothing_left();
}

/// Cases: CC-19, CC-50
fn a_daemon_of_another_user_is_asked_by_root_whoever_watches() {
    if !is_root() {
        return eprintln!("skipped: only root starts another user's daemon");
    }
    const USER: u32 = 12345;
    let mut bed = bed();
    bed.open_to_others();
    let file = bed.options(&pool("at_once", "{name: red}"));
    std::os::unix::fs::chown(bed.path(""), Some(USER), Some(USER)).unwrap();
    std::fs::set_permissions(bed.path(""), PermissionsExt::from_mode(0o755)).unwrap();
    let mut start = bed.command(bed.fixture());
    start.args(["start", &file]).uid(USER).gid(USER);
    bed.launch_command(start).finish().success();
    bed.expect("worker red started, run 1");
    let watching: Vec<_> = (0..16).map(|_| daemon(&bed).events(1).unwrap()).collect();
    for _ in 0..2 {
        assert_eq!(daemon(&bed).workers(&["red"], false).unwrap().len(), 1);
        daemon(&bed).restart_worker("red").unwrap();
    }
    drop(watching);
    let pid = bed.pid_of("d.pid");
    bed.run(["stop", "d.pid"]).says(&format!("stopped, pid was {pid}"));
    bed.nothing_left();
}

/// Case: CC-30
fn who_was_told_that_there_is_no_answer_is_not_obeyed_later() {
    let bed = bed();
    let started = bed.start(&pool("at_once", "{name: red}"));
    bed.expect("worker red started, run 1");
    let executor = started.executor();
    executor.signal(Signal::STOP);
    let failed = daemon(&bed).restart_worker("red").unwrap_err();
    assert!(failed.to_string().contains("NoAnswer"), "{failed}");
    executor.signal(Signal::CONT);
    let told = daemon(&bed).workers(&["red"], false).unwrap();
    assert_eq!((told[0].run, told[0].phase.as_str()), (1, "running"));
    started.stop();
    bed.nothing_left();
}

/// Cases: CC-26, CTL-11
fn each_of_many_hears_what_came_of_his_own() {
    let bed = bed();
    let started = bed.start(&pool("at_once", "{name: red}, {name: blue}"));
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let asked = daemon(&bed);
            scope.spawn(move || {
                for turn in 0..20 {
                    let nobody = format!("nobody-{number}-{turn}");
                    let failed = asked.restart_worker(&nobody).unwrap_err().to_string();
                    assert!(failed.contains(&format!("\"{nobody}\"")), "{failed}");
                    let name = if number % 2 == 0 { "red" } else { "blue" };
                    asked.restart_worker(name).unwrap();
                    let told = asked.workers(&[name], false).unwrap();
                    assert_eq!(told.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), [name]);
                }
            });
        }
    });
    started.stop();
    bed.nothing_left();
}

/// Case: CTL-03
fn a_status_without_a_guardian_says_who_is_left() {
    let bed = bed();
    let started = bed.start("{grace: 20s, daemon_args: [park]}");
    let executor = started.executor();
    started.guardian().signal(Signal::KILL);
    bed.wait_gone(started.guardian());
    let report = daemon(&bed).status().unwrap();
    assert_eq!(report.lock, DaemonStatus::Orphaned { pids: vec![executor.pid()] });
    assert!(report.said.is_none());
    executor.signal(Signal::KILL);
    bed.wait_gone(&executor);
    bed.run(["stop", "d.pid"]).success();
}
