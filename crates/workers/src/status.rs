//! The state of all workers as a file, for people and tools that look at a running daemon.

mod json;
mod place;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use capture::{LastLines, Lost};
use jiff::Timestamp;
use lifecycle::{Id, Phase};
use policy::RunEnd;
use serde::{Serialize, Serializer};
use slot::Report;

use crate::chores::Chores;
use crate::ends::TooManyRestarts;
pub(crate) use place::StatusPlace;

/// The file is not written more often than this.
const STATUS_INTERVAL: Duration = Duration::from_millis(100);

/// The file, and what will be in it next.
pub(crate) struct StatusFile {
    place: Option<StatusPlace>,
    content: Content,
    changed: bool,
    written: Option<Instant>,
}

#[derive(Serialize)]
struct Content {
    /// The process that keeps the workers.
    pid: u32,
    /// Why all are being stopped, if there were too many restarts.
    #[serde(skip_serializing_if = "Option::is_none")]
    gave_up: Option<String>,
    #[serde(serialize_with = "values")]
    workers: BTreeMap<Id, Entry>,
}

/// As a list, in the order of the workers.
fn values<S: Serializer>(workers: &BTreeMap<Id, Entry>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(workers.values())
}

#[derive(Serialize)]
struct Entry {
    name: String,
    state: Phase,
    /// Since when it is in this state.
    since: Timestamp,
    pid: Option<u32>,
    restarts: u64,
    /// Why there will be no other run, once that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// What it said last of what it is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<String>,
    /// The last ends, oldest first.
    last_exits: Vec<LastExit>,
    /// What the last run that ended wrote last, if its output is captured.
    #[serde(skip_serializing_if = "LastLines::is_empty")]
    last_lines: LastLines,
    /// What of its output was lost, if it is captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<Lost>,
}

#[derive(Serialize)]
struct LastExit {
    at: Timestamp,
    pid: Option<u32>,
    text: String,
    end: RunEnd,
    /// How large what its entry has returned is, if that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_bytes: Option<u64>,
}

/// Enough to see a pattern, little enough for a crash loop of months.
const KEPT_EXITS: usize = 10;

impl Entry {
    fn new(name: &str) -> Entry {
        Entry {
            name: name.to_owned(),
            state: Phase::Idle,
            since: Timestamp::now(),
            pid: None,
            restarts: 0,
            outcome: None,
            says: None,
            last_exits: Vec::new(),
            last_lines: LastLines::default(),
            lost: None,
        }
    }
}

impl StatusFile {
    pub(crate) fn new<'a>(
        place: Option<StatusPlace>,
        workers: impl Iterator<Item = (Id, &'a str)>,
    ) -> StatusFile {
        // Without a file nothing is kept.
        let workers = workers.filter(|_| place.is_some());
        let workers = workers.map(|(id, name)| (id, Entry::new(name))).collect();
        let content = Content { pid: std::process::id(), gave_up: None, workers };
        StatusFile { place, content, changed: true, written: None }
    }

    /// Takes note of a worker that has come.
    pub(crate) fn add(&mut self, worker: Id, name: &str, tells_last_lines: bool) {
        if let Some(place) = &mut self.place {
            if tells_last_lines {
                place.make_private();
            }
            self.content.workers.insert(worker, Entry::new(name));
            self.changed = true;
        }
    }

    /// Takes note of a worker that has left the list.
    pub(crate) fn remove(&mut self, worker: Id) {
        self.changed |= self.content.workers.remove(&worker).is_some();
    }

    /// Takes note of what happened to a worker.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what others change is the phase")]
    pub(crate) fn note(&mut self, worker: Id, report: &Report) {
        let Some(entry) = self.content.workers.get_mut(&worker) else { return };
        let at = Timestamp::now();
        match report {
            Report::Started { pid, run } => {
                entry.pid = Some(*pid);
                (entry.says, entry.outcome) = (None, None);
                entry.restarts = run.saturating_sub(1);
            }
            Report::Ended { pid, end, last_lines, value_bytes, .. } => {
                entry.pid = None;
                // If the worker waits for another run now, it waits since this end.
                entry.since = at;
                entry.last_lines = last_lines.clone();
                if entry.last_exits.len() == KEPT_EXITS {
                    entry.last_exits.remove(0);
                }
                let (pid, text, end) = (*pid, end.to_string(), end.clone());
                let value_bytes = *value_bytes;
                entry.last_exits.push(LastExit { at, pid, text, end, value_bytes });
            }
            Report::Status { text } => entry.says = Some(text.clone()),
            Report::Finished(outcome) => entry.outcome = Some(outcome.to_string()),
            _ => (),
        }
        self.changed = true;
    }

    /// Takes note that a worker's process is gone, and its number with it: what it has left may keep its run from
    /// being over.
    pub(crate) fn note_gone(&mut self, worker: Id) {
        if let Some(entry) = self.content.workers.get_mut(&worker) {
            entry.pid = None;
            self.changed = true;
        }
    }

    /// Takes note of where a worker stands, if that is somewhere else than before.
    pub(crate) fn note_phase(&mut self, worker: Id, entered: Option<Phase>) {
        if let (Some(entry), Some(phase)) = (self.content.workers.get_mut(&worker), entered) {
            (entry.state, entry.since) = (phase, Timestamp::now());
            self.changed = true;
        }
    }

    /// Takes note of too many restarts.
    pub(crate) fn gave_up(&mut self, too_many: &TooManyRestarts) {
        self.content.gave_up = Some(too_many.to_string());
        self.changed = true;
    }

    /// Takes note of what of a worker's output was lost.
    pub(crate) fn note_lost(&mut self, worker: Id, lost: Lost) {
        if let Some(entry) = self.content.workers.get_mut(&worker) {
            entry.lost = Some(lost);
        }
    }

    /// Whether there is a file at all.
    pub(crate) fn is_wanted(&self) -> bool {
        self.place.is_some()
    }

    /// Takes note that there is something new; what it is will be known when the file is written.
    pub(crate) fn change(&mut self) {
        self.changed = true;
    }

    /// When the file is to be written; `None`: nothing has changed.
    pub(crate) fn due(&self) -> Option<Instant> {
        if self.place.is_none() || !self.changed {
            return None;
        }
        let due = self.written.and_then(|written| written.checked_add(STATUS_INTERVAL));
        Some(due.unwrap_or_else(Instant::now))
    }

    /// Has the file written. That it cannot be written is no reason to let a worker down.
    pub(crate) fn write(&mut self, chores: &mut Chores) {
        self.changed = false;
        self.written = Some(Instant::now());
        let Some(place) = &self.place else { return };
        match json::to_vec(&self.content) {
            Ok(mut text) => {
                text.push(b'\n');
                chores.write_status(place.clone(), text);
            }
            Err(error) => log::warn!("cannot tell the state of the workers: {error}"),
        }
    }
}
