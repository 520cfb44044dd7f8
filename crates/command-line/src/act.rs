//! What changes something: start, stop, restart, reopen, reload, signal. Each target has its own outcome.

use std::time::Instant;

use control::service;
use serde_json::{Value, json};
use supervisor::DaemonRunStatus;

use crate::code;
use crate::complaint::Complaint;
use crate::daemon::{Daemon, WorkerRequest};
use crate::output::{complain, print};
use crate::render::json;
use crate::render::text::safe;
use crate::render::units::short;
use crate::start::start;
use crate::stop::stop;
use crate::target::Target;
use crate::worker;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Stop,
    Restart,
    Reopen,
    /// Whether it is only a look.
    Reload(bool),
    Signal(i32),
}

/// What became of it with one target.
struct Done {
    name: String,
    outcome: Result<Outcome, Complaint>,
}

pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) pid: Option<u32>,
}

/// Does it with all of them, one after the other; one that fails does not keep the others from their turn. Tells what
/// became of each, and returns the code of the first that failed.
pub(crate) fn act(
    action: Action,
    daemons: &[Daemon],
    targets: &[Target],
    in_json: bool,
) -> Result<u8, Complaint> {
    let (mut all, mut unsaid) = (Vec::new(), None);
    for target in targets {
        let daemon = &daemons[target.daemon];
        let name = target.called(&daemon.name);
        let outcome = match &target.worker {
            None => with_daemon(action, daemon),
            Some(worker) => with_worker(action, daemon, worker),
        };
        let done = Done { name, outcome };
        let interrupted = done.code() == code::INTERRUPTED;
        // Whoever waits hears of each when it is over. What cannot be told is done nevertheless.
        if !in_json && let Err(complaint) = done.tell() {
            unsaid.get_or_insert(complaint);
        }
        all.push(done);
        if interrupted {
            break;
        }
    }
    if in_json {
        let rows: Vec<Value> = all.iter().map(Done::row).collect();
        print(&json::text(&json!({ "results": rows })))?;
    }
    if let Some(complaint) = unsaid {
        return Err(complaint);
    }
    Ok(all.iter().map(Done::code).find(|found| *found != code::OK).unwrap_or(code::OK))
}

impl Done {
    fn code(&self) -> u8 {
        self.outcome.as_ref().map_or_else(|complaint| complaint.code, |_| code::OK)
    }

    fn tell(&self) -> Result<(), Complaint> {
        match &self.outcome {
            Ok(outcome) => {
                print(&format!("{}: {}\n", safe(&self.name), safe(&outcome.text))).map(|_| ())
            }
            Err(complaint) => {
                complain(&self.name, &complaint.text);
                Ok(())
            }
        }
    }

    fn row(&self) -> Value {
        let (text, pid) = match &self.outcome {
            Ok(outcome) => (&outcome.text, outcome.pid),
            Err(complaint) => (&complaint.text, None),
        };
        json!({ "name": self.name, "code": self.code(), "text": text, "pid": pid })
    }
}

fn with_daemon(action: Action, daemon: &Daemon) -> Result<Outcome, Complaint> {
    let said = |text: &str| Ok(Outcome { text: text.to_owned(), pid: None });
    match action {
        Action::Start => started(daemon),
        Action::Stop => stop(daemon),
        Action::Restart => {
            // One that runs well is not stopped for options with which it could not come back.
            daemon.options.check()?;
            stop(daemon)?;
            started(daemon)
        }
        Action::Reopen => daemon.reopen().and_then(|()| said("its log files are opened anew")),
        Action::Reload(dry_run) => {
            daemon.reload(dry_run).and_then(|reloaded| said(&told(dry_run, &reloaded)))
        }
        Action::Signal(_) => Err(Complaint::usage(
            "signals are for workers; a daemon is told by start, stop, restart, reopen",
        )),
    }
}

fn with_worker(action: Action, daemon: &Daemon, worker: &str) -> Result<Outcome, Complaint> {
    match action {
        Action::Start => worker::start(daemon, worker),
        Action::Stop => worker::stop(daemon, worker),
        Action::Restart => worker::restart(daemon, worker),
        Action::Signal(number) => {
            daemon.worker(worker, WorkerRequest::Signal(number))?;
            Ok(Outcome { text: format!("sent {}", exit::signal::Named(number)), pid: None })
        }
        Action::Reopen => Err(Complaint::usage(
            "log files are opened anew by a whole daemon, its workers with it; name the daemon",
        )),
        Action::Reload(_) => Err(Complaint::usage(
            "the list of workers is read anew by a whole daemon; name the daemon",
        )),
    }
}

fn told(dry_run: bool, reloaded: &service::Reloaded) -> String {
    let service::Reloaded { changes, told } = reloaded;
    match (dry_run, changes.is_empty()) {
        (true, true) => "nothing would change".to_owned(),
        (true, false) => format!("would change: {}", changes.join("; ")),
        (false, true) => format!("reloaded: nothing has changed, {} told", processes(*told)),
        (false, false) => format!("reloaded: {}; {} told", changes.join("; "), processes(*told)),
    }
}

fn processes(count: u32) -> String {
    if count == 1 { "1 process is".to_owned() } else { format!("{count} processes are") }
}

fn started(daemon: &Daemon) -> Result<Outcome, Complaint> {
    let began = Instant::now();
    let status = start(daemon)?;
    let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(match status {
        // What took no time that a person notices is not worth a number.
        DaemonRunStatus::Launched { pid } if took < 500_000 => {
            Outcome { text: format!("running, pid {pid}"), pid: Some(pid) }
        }
        DaemonRunStatus::Launched { pid } => {
            Outcome { text: format!("running, pid {pid} ({})", short(took)), pid: Some(pid) }
        }
        DaemonRunStatus::AlreadyRunning { pid } => {
            Outcome { text: format!("already running, pid {pid}"), pid: Some(pid) }
        }
    })
}
