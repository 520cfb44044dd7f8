//! What is known of one child.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use control::service;
use jiff::Timestamp;
use lifecycle::Phase;
use slot::Report;

use crate::ends::{cause, run_end};
use crate::events::{Events, Happened, What};
use crate::time::{monotonic_us, stamp};
use crate::usage::{Usage, usage};

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It keeps the executor.
    Guardian,
    /// It runs the daemon's entry.
    Executor,
    /// One of many by name.
    Worker,
    /// No process: workers that are alike.
    Set,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Guardian => "guardian",
            Role::Executor => "executor",
            Role::Worker => "worker",
            Role::Set => "set",
        }
    }
}

/// What a process uses is looked at no more often.
const FRESH: Duration = Duration::from_millis(500);

/// How many of the last ends are kept: enough to see a pattern, little enough for a crash loop of months.
const MOST_ENDS: usize = 10;

/// What is known of one child, whose reports and phases it is told.
///
/// There may be thousands: what most do not have takes no room.
#[derive(Debug)]
pub struct Record {
    role: Role,
    name: Arc<str>,
    phase: Phase,
    since: Timestamp,
    ready_since: Option<Timestamp>,
    pid: Option<u32>,
    run: u64,
    /// What its process used when it was last asked for.
    uses: Cell<Option<(u32, Instant, Usage)>>,
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Default)]
struct Rest {
    says: Option<String>,
    outcome: Option<String>,
    replaced: Option<String>,
    ends: Vec<service::RunEnd>,
    /// One for each cause that there was.
    counts: Vec<(&'static str, u64)>,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

impl Record {
    /// Of a child that was not started yet.
    pub fn new(role: Role, name: &str) -> Record {
        Record {
            role,
            name: name.into(),
            phase: Phase::Idle,
            since: Timestamp::now(),
            ready_since: None,
            pid: None,
            run: 0,
            uses: Cell::new(None),
            rest: None,
        }
    }

    /// Of this process itself, which runs.
    pub fn of_this_process(role: Role, name: &str) -> Record {
        let pid = Some(std::process::id());
        let record = Record::new(role, name);
        Record { phase: Phase::Running, ready_since: Some(record.since), pid, run: 1, ..record }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Which run this is, or the last was; 0 before the first.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// How its last run that is over ended; `None`: none is over.
    pub fn last_end(&self) -> Option<&service::RunEnd> {
        self.rest.as_ref()?.ends.last()
    }

    /// Takes note of what happened to it.
    pub fn note(&mut self, report: &Report, events: &mut Events) {
        let now = Timestamp::now();
        let what = match report {
            Report::Started { pid, run } => {
                (self.pid, self.run, self.ready_since) = (Some(*pid), *run, None);
                if let Some(rest) = &mut self.rest {
                    rest.says = None;
                }
                What::Started
            }
            Report::Ready { .. } => {
                self.ready_since = Some(now);
                What::Ready
            }
            Report::Readiness { ready, .. } => {
                self.ready_since = ready.then_some(now);
                if !ready {
                    // Its phase tells that.
                    return;
                }
                What::Ready
            }
            Report::Silent(silent) => What::Silent(silent.to_string().into()),
            Report::Ended { pid, end, last_lines, value_bytes, .. } => {
                // One that could not be started is a run, too.
                if pid.is_none() {
                    self.run += 1;
                }
                let cause = cause(end);
                let end = run_end(end, now, self.run, *pid);
                let end = service::RunEnd { value_bytes: *value_bytes, ..end };
                (self.pid, self.ready_since) = (None, None);
                let rest = self.rest();
                match rest.counts.iter_mut().find(|(known, _)| *known == cause) {
                    Some((_, count)) => *count += 1,
                    None => rest.counts.push((cause, 1)),
                }
                if rest.ends.len() == MOST_ENDS {
                    rest.ends.remove(0);
                }
                rest.ends.push(end.clone());
                rest.stdout.clone_from(&last_lines.stdout);
                rest.stderr.clone_from(&last_lines.stderr);
                What::Ended(end.into())
            }
            Report::Status { text } => {
                self.rest().says = Some(text.clone());
                What::Says(text.as_str().into())
            }
            Report::Terminating { .. } => What::Stopping,
            Report::Killing => What::Killing,
            Report::Finished(outcome) => {
                let outcome = outcome.to_string();
                self.rest().outcome = Some(outcome.clone());
                What::Finished(outcome.into())
            }
            _ => return,
        };
        events.push(self.happened(now, what));
    }

    /// Takes note of where it stands now.
    pub fn entered(&mut self, phase: Phase, events: &mut Events) {
        if phase == self.phase {
            return;
        }
        let now = Timestamp::now();
        (self.phase, self.since) = (phase, now);
        if phase != Phase::Finished
            && let Some(rest) = &mut self.rest
        {
            rest.outcome = None;
        }
        events.push(self.happened(now, What::Entered));
    }

    /// Takes note that it is replaced though nothing is wrong with it, and why; `text` says so.
    pub fn recycled(&mut self, why: &str, text: &str, events: &mut Events) {
        self.rest().replaced = Some(why.to_owned());
        events.push(self.happened(Timestamp::now(), What::Recycled(text.into())));
    }

    /// Tells what is known of its memory, where that is limited.
    pub fn memory(&self, what: &str, events: &mut Events) {
        events.push(self.happened(Timestamp::now(), What::Memory(what.into())));
    }

    /// Takes note that its process is gone, and its number with it, though its run is not over: something that
    /// it has left is being ended. Until then it is stopping.
    pub fn gone(&mut self, events: &mut Events) {
        (self.pid, self.ready_since) = (None, None);
        if matches!(self.phase, Phase::Starting | Phase::Running | Phase::NotReady) {
            self.entered(Phase::Stopping, events);
        }
    }

    /// What is known of it, without what it uses.
    pub fn process(&self, next_start_in_us: Option<u64>) -> service::Process {
        let mut told = service::Process {
            name: self.name.to_string(),
            role: self.role.name().to_owned(),
            phase: self.phase.to_string(),
            pid: self.pid,
            since: stamp(self.since),
            ready_since: self.ready_since.map(stamp),
            run: self.run,
            restarts: self.run.saturating_sub(1),
            revision: None,
            next_start_in_us,
            end_counts: Some(Vec::new()),
            ..service::Process::default()
        };
        if let Some(rest) = &self.rest {
            told.says.clone_from(&rest.says);
            told.outcome.clone_from(&rest.outcome);
            told.replaced.clone_from(&rest.replaced);
            told.ends.clone_from(&rest.ends);
            let count = |(cause, count): &(&str, u64)| service::EndCount {
                cause: (*cause).to_owned(),
                count: *count,
            };
            told.end_counts = Some(rest.counts.iter().map(count).collect());
            told.stdout.clone_from(&rest.stdout);
            told.stderr.clone_from(&rest.stderr);
        }
        told
    }

    /// The same with what its process uses now, or has used half a second ago: whoever asks again and again, of
    /// thousands, does not make us look each time.
    pub fn process_with_usage(&self, next_start_in_us: Option<u64>) -> service::Process {
        let now = Instant::now();
        let fresh = self.uses.get().filter(|(pid, at, _)| {
            Some(*pid) == self.pid && now.saturating_duration_since(*at) < FRESH
        });
        let seen = fresh.or_else(|| self.pid.and_then(|pid| Some((pid, now, usage(pid)?))));
        self.uses.set(seen);
        let uses = seen.map(|(.., uses)| uses);
        service::Process {
            memory_bytes: uses.map(|uses| uses.memory_bytes),
            cpu_us: uses.map(|uses| uses.cpu_us),
            ..self.process(next_start_in_us)
        }
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    fn happened(&self, at: Timestamp, what: What) -> Happened {
        Happened {
            at,
            at_us: monotonic_us(),
            what,
            name: Arc::clone(&self.name),
            role: self.role,
            pid: self.pid,
            run: self.run,
            phase: self.phase,
        }
    }
}

#[cfg(test)]
mod tests {
    use exit::Exit;
    use policy::RunEnd;

    use super::*;

    fn ended(code: i32) -> Report {
        Report::Ended {
            pid: Some(4711),
            end: RunEnd::Exited(Exit::Code(code)),
            restart_in: None,
            last_lines: Default::default(),
            value_bytes: Some(7),
        }
    }

    /// Case: CTL-01
    #[test]
    fn a_record_tells_what_it_was_told() {
        let mut events = Events::new(100);
        let mut record = Record::new(Role::Worker, "red");
        assert_eq!((record.process(None).phase.as_str(), record.process(None).run), ("idle", 0));
        record.note(&Report::Started { pid: 4711, run: 3 }, &mut events);
        record.entered(Phase::Starting, &mut events);
        record.note(&Report::Status { text: "loading".to_owned() }, &mut events);
        record.note(&Report::Ready { pid: 4711, run: 3 }, &mut events);
        record.entered(Phase::Running, &mut events);
        let running = record.process_with_usage(None);
        assert_eq!((running.pid, running.run, running.restarts), (Some(4711), 3, 2));
        assert_eq!((running.phase.as_str(), running.says.as_deref()), ("running", Some("loading")));
        assert!(running.ready_since.is_some());
        record.note(&ended(3), &mut events);
        record.entered(Phase::Waiting, &mut events);
        let waiting = record.process(Some(7));
        assert_eq!((waiting.pid, &waiting.ready_since), (None, &None));
        assert_eq!((waiting.next_start_in_us, waiting.ends.len()), (Some(7), 1));
        assert_eq!((waiting.ends[0].run, waiting.ends[0].code), (3, Some(3)));
        assert_eq!(waiting.ends[0].value_bytes, Some(7), "its size, and not what it is");
        let kinds: Vec<_> =
            events.since(0, 99).events.into_iter().map(|event| (event.kind, event.phase)).collect();
        let kinds: Vec<_> =
            kinds.iter().map(|(kind, phase)| (kind.as_str(), phase.as_str())).collect();
        assert_eq!(
            kinds,
            [
                ("started", "idle"),
                ("phase", "starting"),
                ("says", "starting"),
                ("ready", "starting"),
                ("phase", "running"),
                ("ended", "running"),
                ("phase", "waiting"),
            ]
        );
    }

    #[test]
    fn a_failed_start_is_a_run_and_who_is_asked_for_is_not_over() {
        let (mut events, mut record) = (Events::new(9), Record::new(Role::Worker, "red"));
        record.note(&Report::Started { pid: 4711, run: 1 }, &mut events);
        record.note(&ended(3), &mut events);
        let error = exit::ErrorText::new(&std::fmt::Error);
        let end = RunEnd::NotStarted(error);
        let last_lines = Default::default();
        let (restart_in, value_bytes) = (None, None);
        let failed =
            Report::Ended { pid: None, end: end.clone(), restart_in, last_lines, value_bytes };
        record.note(&failed, &mut events);
        record.note(&Report::Finished(lifecycle::Outcome::Ended(end)), &mut events);
        record.entered(Phase::Finished, &mut events);
        let told = record.process(None);
        assert!(told.outcome.is_some());
        let ends: Vec<_> = told.ends.iter().map(|end| (end.run, end.cause.as_str())).collect();
        assert_eq!(ends, [(1, "code"), (2, "not_started")]);
        record.entered(Phase::Due, &mut events);
        assert_eq!(record.process(None).outcome, None);
    }

    #[test]
    fn what_is_gone_does_not_run() {
        let (mut events, mut record) = (Events::new(9), Record::new(Role::Worker, "red"));
        record.note(&Report::Started { pid: 4711, run: 1 }, &mut events);
        record.entered(Phase::Running, &mut events);
        for _ in 0..2 {
            record.gone(&mut events);
        }
        let told = record.process(None);
        assert_eq!((told.phase.as_str(), told.pid), ("stopping", None));
        assert_eq!(events.last(), 3);
    }

    #[test]
    fn a_crash_loop_of_months_takes_no_more_room_than_ten_ends() {
        let (mut events, mut record) = (Events::new(1), Record::new(Role::Worker, "red"));
        for code in 0..100 {
            record.note(&ended(code), &mut events);
        }
        let codes: Vec<_> = record.process(None).ends.iter().map(|end| end.code).collect();
        assert_eq!(codes, (90..100).map(Some).collect::<Vec<_>>());
        let counts = record.process(None).end_counts.unwrap();
        let counts: Vec<_> = counts.iter().map(|of| (of.cause.as_str(), of.count)).collect();
        assert_eq!(counts, [("success", 1), ("code", 99)], "all of them, not only the last");
    }
}
