//! One worker: it is told to start or to stop, and waited for until it has.

use std::time::{Duration, Instant};

use control::service::Process;
use signal_hook::consts::SIGKILL;
use supervisor::DEFAULT_STOP_TIMEOUT;

use crate::act::Outcome;
use crate::code;
use crate::complaint::Complaint;
use crate::daemon::{Daemon, WorkerRequest};
use crate::progress::Progress;
use crate::render::text::safe;
use crate::render::units::short;
use crate::stop::killed_after;
use crate::words::Until;

/// Starts it, and waits until it is ready, for as long as its start may take.
pub(crate) fn start(daemon: &Daemon, name: &str) -> Result<Outcome, Complaint> {
    let before = now(daemon, name)?;
    if let (Some(_), Some(pid)) = (&before.ready_since, before.pid) {
        return Ok(Outcome { text: format!("already running, pid {pid}"), pid: Some(pid) });
    }
    // One that is starting by itself has begun its run.
    let since = before.run - u64::from(before.phase == "starting" && 0 < before.run);
    begin(daemon, name, WorkerRequest::Start, since)
}

/// Stops it if it runs, and starts it, and waits until it is ready.
pub(crate) fn restart(daemon: &Daemon, name: &str) -> Result<Outcome, Complaint> {
    let before = now(daemon, name)?;
    begin(daemon, name, WorkerRequest::Restart, before.run)
}

/// Stops it, and waits until its process has ended, as long as for a daemon.
pub(crate) fn stop(daemon: &Daemon, name: &str) -> Result<Outcome, Complaint> {
    let began = Instant::now();
    let before = match now(daemon, name) {
        Err(_) if daemon.is_down() => {
            return Ok(Outcome { text: "not running".to_owned(), pid: None });
        }
        found => found?,
    };
    let down = |worker: &Process| is_down(worker).then(|| killed(worker, &before, began));
    let request = || daemon.worker(name, WorkerRequest::Stop);
    match watch(daemon, name, Some(DEFAULT_STOP_TIMEOUT), Absent::IsAnError, request, down)? {
        Some(killed) => Ok(match before.pid {
            Some(pid) => {
                Outcome { text: format!("stopped, pid was {pid}{killed}"), pid: Some(pid) }
            }
            None if is_down(&before) => Outcome { text: "not running".to_owned(), pid: None },
            None => Outcome { text: "stopped".to_owned(), pid: None },
        }),
        None => {
            let waited = DEFAULT_STOP_TIMEOUT.as_secs();
            let text = format!("still running after {waited} s; it was asked to stop");
            Err(Complaint::new(code::FAILED, text))
        }
    }
}

/// Waits until it is as somebody wants it.
pub(crate) fn wait(
    daemon: &Daemon,
    name: &str,
    until: Until,
    timeout: Option<Duration>,
) -> Result<(), Complaint> {
    let enough = |worker: &Process| match until {
        Until::Stopped => is_down(worker).then_some(Ok(())),
        Until::Ready if worker.ready_since.is_some() => Some(Ok(())),
        Until::Ready if worker.phase == "stopped" => {
            Some(Err(Complaint::new(code::NOT_RUNNING, "not running")))
        }
        Until::Ready if worker.phase == "finished" => {
            Some(Err(Complaint::new(code::ENDED, end_of(worker))))
        }
        Until::Ready => None,
    };
    let absent = match until {
        Until::Ready => Absent::MayCome,
        Until::Stopped => Absent::IsAnError,
    };
    let waited = match watch(daemon, name, timeout, absent, || Ok(()), enough) {
        // With its daemon it has gone, too.
        Err(_) if until == Until::Stopped && daemon.is_down() => return Ok(()),
        waited => waited?,
    };
    waited.unwrap_or_else(|| {
        let text = match until {
            Until::Ready => "not ready when the time was over",
            Until::Stopped => "still running when the time was over",
        };
        Err(Complaint::new(code::TIMED_OUT, text))
    })
}

/// Asks for a run after the one of this number, and waits until it is ready, or has ended before.
fn begin(
    daemon: &Daemon,
    name: &str,
    request: WorkerRequest,
    since: u64,
) -> Result<Outcome, Complaint> {
    let became = |worker: &Process| {
        let pid = worker.pid;
        match worker.phase.as_str() {
            _ if worker.run <= since => None,
            "running" => {
                let text = pid.map_or("running".to_owned(), |pid| format!("running, pid {pid}"));
                Some(Ok(Outcome { text, pid }))
            }
            "finished" if !has_failed(worker) => Some(Ok(Outcome { text: end_of(worker), pid })),
            "finished" | "waiting" => Some(Err(Complaint::new(code::FAILED, end_of(worker)))),
            "stopped" => {
                let text = "somebody has stopped it meanwhile";
                Some(Err(Complaint::new(code::FAILED, text)))
            }
            _ => None,
        }
    };
    let request = || daemon.worker(name, request);
    // Without a limit there is no end without an outcome.
    watch(daemon, name, None, Absent::IsAnError, request, became)?
        .unwrap_or_else(|| Err(daemon.keeps_none()))
}

/// What it means that a daemon keeps no workers now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Absent {
    /// An executor that has just been started has not come to its workers yet.
    MayCome,
    /// There is nothing to ask.
    IsAnError,
}

/// Looks at a worker now, and whenever something has happened to it, until that is enough. `None`: the time is over.
fn watch<T>(
    daemon: &Daemon,
    name: &str,
    limit: Option<Duration>,
    absent: Absent,
    request: impl FnOnce() -> Result<(), Complaint>,
    enough: impl Fn(&Process) -> Option<T>,
) -> Result<Option<T>, Complaint> {
    let began = Instant::now();
    let deadline = limit.and_then(|limit| began.checked_add(limit));
    let mut progress = Progress::new(&format!("{}/{name}", daemon.name));
    // Who looks before he listens misses what happens in between.
    let mut happenings = daemon.happenings()?;
    request()?;
    loop {
        let worker = daemon.look_at(name)?;
        match &worker {
            None if absent == Absent::IsAnError => return Err(daemon.keeps_none()),
            None => (),
            Some(worker) => {
                if let Some(found) = enough(worker) {
                    return Ok(Some(found));
                }
            }
        }
        if deadline.is_some_and(|at| at <= Instant::now()) {
            return Ok(None);
        }
        let waited = began.elapsed();
        if 0 < waited.as_secs() {
            let says = |worker: &Process| safe(worker.says.as_ref().unwrap_or(&worker.phase));
            progress.show(|| worker.as_ref().map(says), waited);
        }
        happenings.wait(name, deadline)?;
    }
}

fn now(daemon: &Daemon, name: &str) -> Result<Process, Complaint> {
    daemon.look_at(name)?.ok_or_else(|| daemon.keeps_none())
}

/// That it did not go by itself, as the end of a sentence, if that is so of the run that was stopped.
fn killed(worker: &Process, before: &Process, began: Instant) -> String {
    let end = worker.ends.last().filter(|end| end.run == before.run);
    let is_killed = end.is_some_and(|end| end.signal == Some(SIGKILL));
    if is_killed { killed_after("it", began) } else { String::new() }
}

fn is_down(worker: &Process) -> bool {
    matches!(worker.phase.as_str(), "stopped" | "finished")
}

/// Whether its last run ended badly, and not because everything stops: how one has ended that was told to quit, or
/// waited for its next run when all were, is of no weight.
pub(crate) fn has_failed(worker: &Process) -> bool {
    let told = worker.outcome.as_ref().is_some_and(|outcome| outcome.starts_with("stopped"));
    !told && worker.ends.last().is_some_and(|end| end.cause != "success")
}

/// How it has ended, and what follows.
fn end_of(worker: &Process) -> String {
    let why = worker.ends.last().map_or("it has ended", |end| &end.text);
    match worker.next_start_in_us {
        Some(us) => format!("{why}; next start in {}", short(us)),
        None => why.to_owned(),
    }
}
