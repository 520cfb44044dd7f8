//! A running daemon, asked by its socket: how it and its workers are, and what is to be done.

use std::time::{Duration, Instant};

use appkit::control::service::{Event, Process as Told};
use appkit::{ClientError, Daemon};
use bed::{LIMIT, TestBed};
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        workers_are_told_as_they_are,
        a_worker_is_signalled_by_name_and_an_unknown_one_is_nobody,
        the_files_of_all_processes_are_told,
        a_worker_is_stopped_started_and_restarted_by_name,
        the_executor_is_restarted_in_its_place,
        events_of_guardian_and_workers_come_in_one_stream,
        an_executor_that_does_not_answer_holds_up_nobody,
        in_a_storm_no_dead_process_is_said_to_run,
    ]
}

fn pool(workers: &str) -> String {
    format!("{{daemon_args: [{{workers: {{restart: at_once, workers: [{workers}]}}}}]}}")
}

fn daemon(bed: &TestBed) -> Daemon {
    Daemon::at(bed.path("d.pid")).patience(LIMIT)
}

/// Waits until the workers are as wanted.
#[track_caller]
fn until(bed: &TestBed, what: &str, mut wanted: impl FnMut(&[Told]) -> bool) -> Vec<Told> {
    bed.until(what, || daemon(bed).workers(&[], false).ok().filter(|workers| wanted(workers)))
}

fn all_run(workers: &[Told]) -> bool {
    workers.iter().all(|worker| worker.phase == "running")
}

/// Cases: CTL-01, CC-40, CC-46
fn workers_are_told_as_they_are() {
    let bed = bed();
    let started = bed.start(&pool("{name: red}, {name: blue, args: [{exit: 3}]}, {name: green}"));
    until(&bed, "red and green run, and blue ends again and again", |workers| {
        workers.len() == 3
            && workers[0].phase == "running"
            && workers[1].run > 10
            && workers[2].phase == "running"
    });
    let told = daemon(&bed).workers(&["green", "red"], true).unwrap();
    let names: Vec<_> = told.iter().map(|worker| worker.name.as_str()).collect();
    assert_eq!(names, ["red", "green"], "in the order of the list");
    for worker in &told {
        assert_eq!(worker.pid, Some(bed.process(&format!("worker {}", worker.name)).pid()));
        assert_eq!((worker.role.as_str(), worker.run, worker.restarts), ("worker", 1, 0));
        assert!(worker.memory_bytes.is_some() && worker.cpu_us.is_some(), "{worker:?}");
    }
    let blue = daemon(&bed).workers(&["blue"], false).unwrap().remove(0);
    assert_eq!((blue.memory_bytes, blue.cpu_us), (None, None));
    assert_eq!(blue.ends.len(), 10);
    let last = blue.ends.last().unwrap();
    assert_eq!((last.cause.as_str(), last.code), ("code", Some(3)));
    assert!(blue.restarts >= 9, "{blue:?}");
    started.stop();
    bed.nothing_left();
}

/// Cases: CTL-13, CC-25
fn a_worker_is_signalled_by_name_and_an_unknown_one_is_nobody() {
    let bed = bed();
    let started = bed.start(&pool("{name: red}, {name: blue}"));
    let before = until(&bed, "both run", |workers| workers.len() == 2 && all_run(workers));
    let unknown = daemon(&bed).signal_worker("green", 9).unwrap_err();
    assert!(unknown.to_string().contains("NoSuchWorker"), "{unknown}");
    let unknown = daemon(&bed).workers(&["red", "green"], false).unwrap_err();
    assert!(unknown.to_string().contains("NoSuchWorker"), "{unknown}");
    let wrong = daemon(&bed).signal_worker("red", 4711).unwrap_err();
    assert!(wrong.to_string().contains("NoSuchSignal"), "{wrong}");
    daemon(&bed).signal_worker("red", Signal::KILL.as_raw()).unwrap();
    let after = until(&bed, "red runs again", |workers| workers[0].run == 2 && all_run(workers));
    assert_ne!(after[0].pid, before[0].pid);
    assert_eq!(after[0].ends.last().unwrap().signal, Some(9));
    assert_eq!(after[1].pid, before[1].pid, "nobody else is touched");
    started.stop();
    bed.nothing_left();
}

fn the_files_of_all_processes_are_told() {
    let bed = bed();
    let started = bed.start(
        "{logging_config: {file: d.log}, stdout_filename: out.txt, daemon_args: [{workers: {workers: \
         [{name: red, stdout_filename: red.txt}, {name: blue, logging_config: {file: blue.log}}]}}]}",
    );
    until(&bed, "both run", |workers| workers.len() == 2 && all_run(workers));
    let told = |files: Vec<appkit::control::service::LogFile>| -> Vec<_> {
        let path = |path: &str| path.rsplit('/').next().unwrap().to_owned();
        files.iter().map(|file| (file.role.clone(), file.name.clone(), path(&file.path))).collect()
    };
    let of =
        |role: &str, name: &str, path: &str| (role.to_owned(), name.to_owned(), path.to_owned());
    assert_eq!(
        told(daemon(&bed).files().unwrap()),
        [
            of("guardian", "d", "d.log"),
            of("guardian", "d", "out.txt"),
            of("executor", "d", "d.log"),
            of("executor", "d", "out.txt"),
        ]
    );
    assert_eq!(
        told(daemon(&bed).worker_files(&[]).unwrap()),
        [of("worker", "red", "red.txt"), of("worker", "blue", "blue.log")]
    );
    assert_eq!(daemon(&bed).worker_files(&["blue"]).unwrap().len(), 1);
    started.stop();
    bed.nothing_left();
}

/// Cases: CC-23, CC-25, CC-28, CTL-12
fn a_worker_is_stopped_started_and_restarted_by_name() {
    let bed = bed();
    let started = bed.start(
        "{daemon_args: [{workers: {restart: {after: 3600000}, workers: [{name: red}, \
         {name: blue, args: [{in_run: [1, {exit: 3}]}, rounds]}]}}]}",
    );
    let before = until(&bed, "red runs and blue waits", |workers| {
        workers.len() == 2 && workers[0].phase == "running" && workers[1].phase == "waiting"
    });
    assert!(before[1].next_start_in_us.is_some_and(|us| us > 3_000_000_000), "{before:?}");
    let asked = daemon(&bed);
    // In its delay: it stays away until somebody wants it.
    asked.stop_worker("blue").unwrap();
    until(&bed, "blue is stopped", |workers| workers[1].phase == "stopped");
    asked.stop_worker("blue").unwrap();
    asked.start_worker("blue").unwrap();
    until(&bed, "blue runs", |workers| workers[1].phase == "running" && workers[1].run == 2);
    asked.start_worker("blue").unwrap();
    asked.restart_worker("red").unwrap();
    let after = until(&bed, "red runs again", |workers| workers[0].run == 2 && all_run(workers));
    assert_ne!(after[0].pid, before[0].pid);
    assert_eq!(after[0].ends.last().unwrap().cause, "success", "it was asked, and is no failure");
    asked.stop_worker("red").unwrap();
    let stopped = until(&bed, "red is stopped", |workers| workers[0].phase == "stopped");
    assert_eq!((stopped[0].pid, stopped[1].phase.as_str()), (None, "running"));
    // A daemon with one that was stopped ends as any.
    started.stop();
    bed.nothing_left();
}

/// Case: CTL-12
fn the_executor_is_restarted_in_its_place() {
    let bed = bed();
    let started = bed.start(&pool("{name: red}"));
    let before = until(&bed, "red runs", |workers| workers.len() == 1 && all_run(workers));
    let executor = started.executor();
    daemon(&bed).restart_executor().unwrap();
    bed.wait_gone(&executor);
    let after = until(&bed, "red runs again", |workers| workers.len() == 1 && all_run(workers));
    assert_ne!(after[0].pid, before[0].pid);
    let said = daemon(&bed).status().unwrap().said.unwrap().unwrap();
    assert_eq!((said.guardian.pid, said.executor.run), (Some(started.pid()), 2));
    started.stop();
    bed.nothing_left();
}

/// Cases: CTL-10, CC-33
fn events_of_guardian_and_workers_come_in_one_stream() {
    let bed = bed();
    let started = bed.start(&pool("{name: red}, {name: blue}"));
    let mut stream = daemon(&bed).events(1000).unwrap();
    let mut told: Vec<(String, Event)> = Vec::new();
    let mut next = |told: &mut Vec<_>| {
        let Some(new) = stream.next(Instant::now() + LIMIT).unwrap() else { return false };
        told.extend(new.events.into_iter().map(|event| (new.epoch.clone(), event)));
        true
    };
    let has = |told: &[(String, Event)], name: &str, kind: &str| {
        told.iter().any(|(_, event)| event.name == name && event.kind == kind)
    };
    while !["d", "red", "blue"].iter().all(|name| has(&told, name, "ready")) {
        assert!(next(&mut told), "{told:?}");
    }
    daemon(&bed).signal_worker("red", Signal::KILL.as_raw()).unwrap();
    while !has(&told, "red", "ended") {
        assert!(next(&mut told), "{told:?}");
    }
    started.stop();
    while next(&mut told) {}
    assert!(has(&told, "d", "finished"), "{told:?}");
    // Each process counts for itself, without a gap.
    let mut epochs: Vec<_> = told.iter().map(|(epoch, _)| epoch).collect();
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 2);
    for of in epochs {
        let numbers = told.iter().filter(|(epoch, _)| epoch == of).map(|(_, event)| event.number);
        let numbers: Vec<_> = numbers.collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    }
    bed.nothing_left();
}

/// Cases: CC-30, CC-31
fn an_executor_that_does_not_answer_holds_up_nobody() {
    let bed = bed();
    let started = bed.start(&pool("{name: red}"));
    until(&bed, "red runs", |workers| workers.len() == 1 && all_run(workers));
    let executor = started.executor();
    executor.signal(Signal::STOP);
    let asking = std::thread::spawn({
        let daemon = daemon(&bed);
        move || daemon.workers(&[], false)
    });
    // While that is waited for, others are answered.
    let said = daemon(&bed).status().unwrap().said.unwrap().unwrap();
    assert_eq!(said.executor.pid, Some(executor.pid()));
    let failed = asking.join().unwrap().unwrap_err();
    assert!(failed.to_string().contains("NoAnswer"), "{failed}");
    executor.signal(Signal::CONT);
    until(&bed, "it answers again", |workers| workers.len() == 1);
    started.stop();
    bed.nothing_left();
}

/// A worker that ends as soon as it is started, and is started again at once.
fn in_a_storm_no_dead_process_is_said_to_run() {
    let bed = bed();
    let workers: Vec<_> = (0..20).map(|n| format!("{{name: w{n}, args: [{{exit: 3}}]}}")).collect();
    let started = bed.start(&pool(&workers.join(", ")));
    let (mut restarts, limit) = (0, Instant::now() + LIMIT);
    while restarts < 200 {
        assert!(Instant::now() < limit, "{restarts} restarts");
        let Ok(told) = daemon(&bed).workers(&[], false) else { continue };
        restarts = told.iter().map(|worker| worker.restarts).sum();
        for worker in told {
            let phase = worker.phase.as_str();
            let has_process = matches!(phase, "starting" | "running" | "stopping");
            assert!(has_process || worker.pid.is_none(), "{worker:?}");
            assert!(phase != "running" || worker.pid.is_some(), "{worker:?}");
        }
    }
    let patience = Daemon::at(bed.path("d.pid")).patience(Duration::ZERO);
    let failed = patience.workers(&[], false).unwrap_err();
    assert!(matches!(failed.cause(), ClientError::NoAnswer), "{failed}");
    started.stop();
    bed.nothing_left();
}
