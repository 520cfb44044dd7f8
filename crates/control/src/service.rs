//! What `io.appkit.Service` talks of, as Rust types: the description is the file beside this one.

mod client;

use std::io;

use serde::{Deserialize, Serialize};

use crate::{Info, Refusal, Server};

pub use client::Client;

/// The description of the interface, as clients may ask for it.
pub const DESCRIPTION: &str = include_str!("io.appkit.Service.varlink");

/// A [server](Server::new) of this interface, of a product of this name and version.
///
/// # Errors
///
/// The system has no descriptor to give.
pub fn server(product: &str, version: &str) -> io::Result<Server> {
    Server::new(Info {
        vendor: "appkit".to_owned(),
        product: product.to_owned(),
        version: version.to_owned(),
        url: String::new(),
        interfaces: vec![DESCRIPTION.to_owned()],
    })
}

/// One of the errors of this interface.
pub fn refusal(name: &str, parameters: impl Serialize) -> Refusal {
    Refusal::new(in_full(name), parameters)
}

/// A method or an error with the name of the interface.
fn in_full(name: &str) -> String {
    format!("io.appkit.Service.{name}")
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunEnd {
    /// When, as RFC 3339 has it.
    pub at: String,
    /// Which run: 1 for the first.
    pub run: u64,
    /// Of its process; `None` if none could be started.
    pub pid: Option<u32>,
    /// In one word.
    pub cause: String,
    /// For people, on one line.
    pub text: String,
    /// The code that it exited with.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// File and line of a panic.
    pub place: Option<String>,
    /// How large what its entry has returned is, if that was asked for and has come whole.
    pub value_bytes: Option<u64>,
}

/// How many runs have ended by a cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndCount {
    /// In one word, as in [`RunEnd::cause`].
    pub cause: String,
    /// How many.
    pub count: u64,
}

/// A process, or the place of one that does not run now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Its name, unique among the workers.
    pub name: String,
    /// `guardian`, `executor` or `worker`.
    pub role: String,
    /// `idle`, `starting`, `running`, `not_ready`, `stopping`, `waiting`, `stopped`, `finished`.
    pub phase: String,
    /// `None` if no process runs.
    pub pid: Option<u32>,
    /// When it entered this phase, as RFC 3339 has it.
    pub since: String,
    /// Since when it has been ready; `None` if it is not.
    pub ready_since: Option<String>,
    /// Which run this is or the last was; 0 before the first.
    pub run: u64,
    /// How many runs came after the first.
    pub restarts: u64,
    /// Of which list it is what it runs, of a worker: 1 for the first, one more with each newer list; `None`: earlier
    /// versions do not tell.
    pub revision: Option<u64>,
    /// When the next run begins, if it waits for that, in microseconds from now.
    pub next_start_in_us: Option<u64>,
    /// What it said last of what it does.
    pub says: Option<String>,
    /// Why there will be no other run.
    pub outcome: Option<String>,
    /// Why it is to be replaced, if it waits for its turn.
    pub due: Option<String>,
    /// Why it was replaced the last time.
    pub replaced: Option<String>,
    /// Its last ends, oldest first, at most ten.
    pub ends: Vec<RunEnd>,
    /// How many runs have ended by each cause that there was, since whoever keeps it began; `None`: an earlier version,
    /// which does not tell.
    pub end_counts: Option<Vec<EndCount>>,
    /// The last lines of the run that ended last, where they are captured.
    pub stdout: Vec<String>,
    /// The same of standard error.
    pub stderr: Vec<String>,
    /// Resident memory of the process alone.
    pub memory_bytes: Option<u64>,
    /// Processor time of the process alone since its start, in microseconds.
    pub cpu_us: Option<u64>,
}

/// Something that has happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Counts from 1, without a gap, in each epoch.
    pub number: u64,
    /// When, as RFC 3339 has it.
    pub at: String,
    /// The same on `CLOCK_MONOTONIC`, in microseconds.
    pub at_us: u64,
    /// In one word.
    pub kind: String,
    /// Of the process.
    pub name: String,
    /// `guardian`, `executor` or `worker`.
    pub role: String,
    /// `None` if no process runs.
    pub pid: Option<u32>,
    /// Which run this is or the last was.
    pub run: u64,
    /// The phase after it.
    pub phase: String,
    /// For people, on one line.
    pub text: String,
    /// Of kind `ended`.
    pub end: Option<RunEnd>,
    /// Of kind `lost`: the first number that was not sent.
    pub first_lost: Option<u64>,
}

/// A file in which something of a process can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogFile {
    /// Of the process.
    pub name: String,
    /// `guardian`, `executor` or `worker`.
    pub role: String,
    /// `log`, `stdout`, `stderr` or `capture`.
    pub kind: String,
    /// Absolute.
    pub path: String,
    /// Whether it is put aside under other names in its folder, by those who write it.
    pub rotated: bool,
}

/// What `Files` and `WorkerFiles` answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Files {
    /// Those of one process stand together.
    pub files: Vec<LogFile>,
}

/// What `Status` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The daemon's name.
    pub name: String,
    /// The version of appkit in its guardian.
    pub version: String,
    /// Its pid file, as an absolute path.
    pub pid_filename: String,
    /// Another one in each guardian.
    pub epoch: String,
    /// The number of the last event.
    pub event: u64,
    /// The process that keeps the executor.
    pub guardian: Process,
    /// The process that runs the daemon's entry.
    pub executor: Process,
}

/// What `Workers` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Workers {
    /// In the order of their list.
    pub workers: Vec<Process>,
    /// Those that are alike, in the order of their list.
    pub sets: Vec<Set>,
    /// What they do of which there is an end; `None`: earlier versions do not tell.
    pub batches: Option<Vec<Batch>>,
}

/// Jobs of which there is an end, each done by a worker of its own: each is counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Batch {
    /// Its name, which its workers have with the number of their job.
    pub name: String,
    /// How many run at a time.
    pub at_most: u32,
    /// They wait for their turn, the first or another.
    pub pending: u32,
    /// They run.
    pub running: u32,
    /// They are done.
    pub done: u32,
    /// They have failed for good.
    pub failed: u32,
    /// They were stopped, or are not begun any more.
    pub cancelled: u32,
}

/// Workers that are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Set {
    /// Its name, which its workers have with a number.
    pub name: String,
    /// How many there are to be.
    pub wanted: u32,
    /// How many are ready. While some of them leave there may be more than are wanted.
    pub ready: u32,
    /// How many there are, those that leave and those beside for a roll among them.
    pub there: u32,
    /// How many are stopped by request or over, and do not come back by themselves.
    pub over: u32,
    /// How many have been ready for long enough, and wait for their turn to be replaced.
    pub due: u32,
    /// How far a roll has come; `None`: there is none.
    pub roll: Option<Roll>,
    /// How the last roll ended; `None`: there was none.
    pub rolled: Option<String>,
}

/// What `Roll` asks for: what is `None` is as the set's own policy has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RollAsked {
    /// Which set.
    pub set: String,
    /// So many more than there are to be are started first.
    pub surge: Option<u32>,
    /// What passes after each before the next one, in microseconds.
    pub pause_us: Option<u64>,
    /// How long a new one must have been ready until it counts as there, in microseconds.
    pub settle_us: Option<u64>,
    /// How often a new one is started until it counts as bad.
    pub tries: Option<u32>,
    /// The roll is given up when nothing has come further for so long, in microseconds.
    pub stall_us: Option<u64>,
}

/// What `Reload` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reloaded {
    /// What is other, or would be, a line each.
    pub changes: Vec<String>,
    /// How many processes that listen were told.
    pub told: u32,
}

/// A roll: workers of a set are replaced one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Roll {
    /// How many have been replaced, and have settled.
    pub done: u32,
    /// How many are to be, those that are done among them.
    pub total: u32,
}

/// What `Events` answers, again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Events {
    /// That of the numbers.
    pub epoch: String,
    /// In the order of their numbers.
    pub events: Vec<Event>,
}
