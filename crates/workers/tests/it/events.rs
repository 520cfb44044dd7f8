//! What happens to workers, told in the very process that keeps them.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use exit::Exit;
use proc_spawn::{Call, Spawn, Stdio};
use workers::{WorkerStartInfo, WorkersOptions, start_workers, worker_events};

use crate::{LIMIT, Manner, worker};

/// A pool, and a thread that writes down what it is told.
pub(crate) fn watched(folder: PathBuf) {
    let mut stream = worker_events(99).unwrap();
    let told = folder.join("told");
    let writing = std::thread::spawn(move || {
        let mut lines = String::new();
        while let Some(new) = stream.next(Instant::now() + LIMIT).unwrap() {
            for event in new.events {
                lines +=
                    &format!("{} {} {} {}\n", event.number, event.name, event.kind, event.phase);
            }
        }
        fs::write(told, lines).unwrap();
    });
    let red =
        WorkerStartInfo::new("red", folder.join("red.pid"), worker, (folder, Manner::FailsOnce));
    let options = WorkersOptions::default().restart_interval(Duration::from_millis(1));
    start_workers([red], options).unwrap().into_result().unwrap();
    writing.join().unwrap();
}

/// Asks for events of a pool that has nothing to do; writes down of what it is told.
pub(crate) fn asked_before(folder: PathBuf) {
    quit::request_quit();
    let mut stream = worker_events(99).unwrap();
    let red =
        WorkerStartInfo::new("red", folder.join("red.pid"), worker, (folder.clone(), Manner::Fine));
    let _report = start_workers([red], WorkersOptions::default()).unwrap();
    let mut told = String::new();
    while let Some(new) = stream.next(Instant::now() + LIMIT).unwrap() {
        told.extend(new.events.iter().map(|event| format!("{} {}\n", event.name, event.phase)));
    }
    fs::write(folder.join("told"), told).unwrap();
}

/// It ended without a word, as the question was not looked at.
pub(crate) fn a_pool_that_ends_at_once_tells_that() {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::new(asked_before, folder.path().to_owned());
    let mut child = Spawn::new(call).unwrap().stderr(Stdio::Inherit).spawn().unwrap();
    assert_eq!(child.wait().unwrap(), Exit::Code(0));
    let told = fs::read_to_string(folder.path().join("told")).unwrap();
    assert!(told.ends_with("red finished\n"), "{told:?}");
}

/// Cases: CTL-10, CC-33
pub(crate) fn a_pool_tells_its_own_program() {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::new(watched, folder.path().to_owned());
    let mut child = Spawn::new(call).unwrap().stderr(Stdio::Inherit).spawn().unwrap();
    assert_eq!(child.wait().unwrap(), Exit::Code(0));
    let told = fs::read_to_string(folder.path().join("told")).unwrap();
    let words: Vec<Vec<_>> = told.lines().map(|line| line.split(' ').collect()).collect();
    for (index, line) in words.iter().enumerate() {
        assert_eq!(line[0], (index + 1).to_string(), "{told}");
    }
    let kinds: Vec<_> = words.iter().map(|line| line[2]).filter(|kind| *kind != "phase").collect();
    let twice = ["started", "ready", "ended", "started", "ready", "ended", "finished"];
    assert_eq!(kinds, twice, "{told}");
    assert!(told.ends_with(" red phase finished\n"), "{told}");
}
