//! Daemons to be shown in tests: those of the sketches.

use std::path::PathBuf;

use control::service::{Batch, EndCount, Event, Process, Roll, RunEnd, Set, Status};
use supervisor::DaemonStatus;

use super::Look;
use super::units::Clock;
use crate::seen::{Answer, Given, Seen};

pub(crate) const PIPE: Look = Look { fancy: false, columns: None };

/// A terminal of this width without colours.
pub(crate) fn plain(columns: usize) -> Look {
    Look { fancy: false, columns: Some(columns) }
}

pub(crate) fn clock() -> Clock {
    Clock::standing("2026-11-26T09:12:03Z").unwrap()
}

pub(crate) fn end(at: &str, run: u64, cause: &str, text: &str) -> RunEnd {
    let (at, cause, text) = (at.to_owned(), cause.to_owned(), text.to_owned());
    RunEnd { at, run, cause, text, ..RunEnd::default() }
}

pub(crate) fn process(name: &str, role: &str, phase: &str, pid: u32) -> Process {
    let since = "2026-11-24T09:12:03.000000Z".to_owned();
    Process {
        name: name.to_owned(),
        role: role.to_owned(),
        phase: phase.to_owned(),
        pid: (0 < pid).then_some(pid),
        ready_since: (phase == "running").then(|| since.clone()),
        since,
        run: 1,
        memory_bytes: (0 < pid).then_some(22_020_096),
        cpu_us: (0 < pid).then_some(3_500_000),
        ..Process::default()
    }
}

pub(crate) fn jobd() -> Seen {
    let mut executor = process("jobd", "executor", "running", 4713);
    executor.restarts = 1;
    executor.run = 2;
    executor.end_counts = Some(vec![EndCount { cause: "panic".to_owned(), count: 1 }]);
    executor.says = Some("42 jobs".to_owned());
    executor.ends = vec![RunEnd {
        place: Some("src/main.rs:42".to_owned()),
        ..end("2026-11-25T09:12:00Z", 1, "panic", "panicked: no such key")
    }];
    let status = Status {
        name: "jobd".to_owned(),
        version: "0.1.0".to_owned(),
        pid_filename: "/srv/run/jobd.pid".to_owned(),
        epoch: "e1".to_owned(),
        event: 17,
        guardian: process("jobd", "guardian", "running", 4711),
        executor,
    };
    let mut back_off = process("web-3", "worker", "waiting", 0);
    back_off.restarts = 7;
    back_off.next_start_in_us = Some(4_200_000);
    back_off.ends = vec![end("2026-11-26T09:11:58Z", 8, "code", "exited with code 3")];
    back_off.stderr = vec!["ERROR cannot connect to 10.0.0.7:5432\x1b[2J".to_owned()];
    let mut stopped = process("web-4", "worker", "stopped", 0);
    stopped.since = "2026-11-26T08:12:00Z".to_owned();
    let workers = vec![
        process("web-1", "worker", "running", 4720),
        process("日本-2", "worker", "running", 4721),
        back_off,
        stopped,
    ];
    Seen {
        name: "jobd".to_owned(),
        pid_filename: PathBuf::from("run/jobd.pid"),
        lock: Ok(DaemonStatus::Running { pid: Some(4711) }),
        answer: Answer::Given(Box::new(Given {
            status,
            workers: Ok(workers),
            sets: vec![web()],
            batches: vec![convert()],
        })),
        denied: false,
        last_words: None,
    }
}

fn convert() -> Batch {
    let name = "convert".to_owned();
    Batch { name, at_most: 4, pending: 57, running: 3, done: 37, failed: 2, cancelled: 1 }
}

fn web() -> Set {
    let roll = Some(Roll { done: 1, total: 3 });
    Set {
        name: "web".to_owned(),
        wanted: 3,
        ready: 2,
        there: 3,
        over: 0,
        due: 0,
        roll,
        rolled: None,
    }
}

/// The same one, of which only the lock is known.
pub(crate) fn mute(lock: DaemonStatus, answer: Answer) -> Seen {
    Seen { lock: Ok(lock), answer, ..jobd() }
}

pub(crate) fn event(number: u64, kind: &str, name: &str, text: &str) -> Event {
    Event {
        number,
        at: format!("2026-11-26T09:11:58.{number:03}900Z"),
        kind: kind.to_owned(),
        name: name.to_owned(),
        role: "worker".to_owned(),
        text: text.to_owned(),
        ..Event::default()
    }
}
