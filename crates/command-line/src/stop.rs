//! A stop, seen by who waits for it: how long it has taken, and who had to be killed.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use supervisor::{EventStream, StopStatus};

use crate::act::Outcome;
use crate::code;
use crate::complaint::Complaint;
use crate::daemon::Daemon;
use crate::progress::Progress;
use crate::render::units::short;
use crate::start::{STACK, TICK};

/// A daemon that is gone has ended its connections, or does so at once.
const ENDING: Duration = Duration::from_secs(1);

/// So many of those who were killed are told of.
const MOST: usize = 3;

type Answer = Result<StopStatus, Complaint>;

/// Stops the daemon, shows on a terminal that it takes its time, and tells who did not go by itself, as far as the
/// daemon says so.
pub(crate) fn stop(daemon: &Daemon) -> Result<Outcome, Complaint> {
    let broken = |error: io::Error| {
        Complaint::new(code::FAILED, format!("cannot wait for the stop: {error}"))
    };
    let began = Instant::now();
    let mut progress = Progress::new(&daemon.name);
    // Who begins to listen after he has asked misses what happens in between.
    let mut witness = Witness { stream: daemon.stream(), began, count: 0, killed: Vec::new() };
    let answers = begin(daemon).map_err(broken)?;
    let status = loop {
        let patience = if witness.listens(Instant::now() + TICK) { Duration::ZERO } else { TICK };
        match answers.recv_timeout(patience) {
            Ok(answer) => break answer?,
            Err(RecvTimeoutError::Timeout) if TICK <= began.elapsed() => {
                progress.show(|| Some("stopping".to_owned()), began.elapsed());
            }
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(broken(io::Error::other("its thread has ended without an answer")));
            }
        }
    };
    let until = Instant::now() + ENDING;
    while witness.listens(until) && Instant::now() < until {}
    let pid = match status {
        StopStatus::Stopped { pid } => Some(pid),
        StopStatus::FileLeft { pid, .. } => pid,
        StopStatus::NotRunning => None,
    };
    Ok(Outcome { text: status.to_string() + &witness.told(), pid })
}

/// The stop in a thread of its own.
fn begin(daemon: &Daemon) -> io::Result<Receiver<Answer>> {
    let (sender, answers) = channel();
    let daemon = daemon.clone();
    helper_thread::spawn("stop", STACK, move || {
        let _ = sender.send(daemon.stop());
    })?;
    Ok(answers)
}

/// Hears from a daemon how its processes end.
struct Witness {
    /// `None`: it says no more.
    stream: Option<EventStream>,
    began: Instant,
    /// How many were killed, and the first of them.
    count: usize,
    killed: Vec<String>,
}

impl Witness {
    /// Hears what there is to hear by then. False: there will be no more.
    fn listens(&mut self, until: Instant) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        match stream.next(until) {
            Ok(Some(some)) => {
                for event in some.events.iter().filter(|event| event.kind == "killing") {
                    self.count += 1;
                    if self.killed.len() < MOST {
                        let worker = format!("worker {}", event.name);
                        let who = if event.role == "worker" { &worker } else { "it" };
                        self.killed.push(killed_after(who, self.began));
                    }
                }
            }
            Err(failed) if matches!(failed.cause(), control::ClientError::NoAnswer) => (),
            Ok(None) | Err(_) => self.stream = None,
        }
        self.stream.is_some()
    }

    /// The end of a sentence.
    fn told(&self) -> String {
        let mut text = self.killed.concat();
        let more = self.count - self.killed.len();
        if 0 < more {
            text.push_str(&format!("; so were {more} more"));
        }
        text
    }
}

/// That somebody did not go by himself, as the end of a sentence.
pub(crate) fn killed_after(who: &str, began: Instant) -> String {
    let after = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    format!("; {who} was killed after {}", short(after))
}
