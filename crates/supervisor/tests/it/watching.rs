//! Events of who answers in an executor: one loop after the other, and one that has no place for a while.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Instant;

use libtest_mimic::Trial;
use serde_json::json;
use supervisor::{Daemon, DaemonOptions};
use surroundings::Callers;

use crate::bed::{Bed, LIMIT, launch, rounds};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![each_of_several_loops_is_asked_in_its_turn, a_loop_that_has_no_place_is_asked_again,]
}

/// The next connection that is handed down, with the call in it.
fn next_caller(callers: &Callers) -> UnixStream {
    loop {
        let until = Some(Instant::now() + LIMIT);
        assert!(waiter::readable(&[callers.descriptor()], until).unwrap(), "nobody asks");
        if let Some(taken) = callers.take().pop() {
            return taken.into();
        }
    }
}

fn say(mut caller: &UnixStream, message: &serde_json::Value) {
    caller.write_all(format!("{message}\0").as_bytes()).unwrap();
}

/// Answers a caller as a pool with this worker does.
fn tell(caller: &UnixStream, worker: &str) {
    let mut call = [0; 4096];
    assert_ne!((&*caller).read(&mut call).unwrap(), 0);
    let event = json!({ "number": 1, "kind": "started", "name": worker, "role": "worker" });
    let told = json!({ "epoch": worker, "events": [event] });
    say(caller, &json!({ "parameters": told, "continues": true }));
}

/// How the second loop of an executor begins.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Second {
    AtOnce,
    WhileTheFirstAnswers,
}

pub(crate) fn two_loops((second, journal): (Second, PathBuf)) {
    let first = Callers::new().unwrap();
    let at_once = (second == Second::AtOnce).then(|| Callers::new().unwrap());
    let caller = next_caller(&first);
    tell(&caller, "red");
    let second = at_once.unwrap_or_else(|| Callers::new().unwrap());
    drop((first, caller));
    let caller = next_caller(&second);
    tell(&caller, "blue");
    rounds(journal);
}

/// The second one was not asked: either both had begun when the first one was asked, or it began before that had ended.
fn each_of_several_loops_is_asked_in_its_turn() {
    for second in [Second::AtOnce, Second::WhileTheFirstAnswers] {
        let bed = Bed::new();
        let args = (second, bed.path("journal"));
        launch(DaemonOptions::new(bed.pid_file(), two_loops, args));
        assert_eq!(workers_until(&bed, "blue"), ["red", "blue"], "{second:?}");
        Daemon::at(bed.pid_file()).stop().unwrap();
    }
}

pub(crate) fn first_full(journal: PathBuf) {
    let callers = Callers::new().unwrap();
    let full = next_caller(&callers);
    say(&full, &json!({ "error": "io.appkit.Service.TooManyConnections" }));
    // As a server does that has not read the call.
    drop(full);
    let caller = next_caller(&callers);
    tell(&caller, "red");
    rounds(journal);
}

fn a_loop_that_has_no_place_is_asked_again() {
    let bed = Bed::new();
    launch(DaemonOptions::new(bed.pid_file(), first_full, bed.path("journal")));
    assert_eq!(workers_until(&bed, "red"), ["red"]);
    Daemon::at(bed.pid_file()).stop().unwrap();
}

/// The workers of whom something is told until there is this one.
#[track_caller]
fn workers_until(bed: &Bed, last: &str) -> Vec<String> {
    let mut stream = Daemon::at(bed.pid_file()).patience(LIMIT).events(99).unwrap();
    let mut told = Vec::new();
    while told.last().is_none_or(|name| name != last) {
        let new = stream.next(Instant::now() + LIMIT).unwrap().expect("it goes on").events;
        let of_workers = new.into_iter().filter(|event| event.role == "worker");
        told.extend(of_workers.map(|event| event.name));
    }
    told
}
