//! What is known of a daemon: its last answer, and how old that is.

use std::time::{Duration, Instant};

use control::service::{Process, Status};
use human_text::units::Clock;

use crate::daemon::Seen;

/// Older than that nothing is shown without its age.
const STALE: Duration = Duration::from_millis(2500);

#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) status: Status,
    pub(crate) at: Instant,
    /// What time it was then: all spans are as of then.
    pub(crate) clock: Clock,
    pub(crate) workers: Vec<Process>,
    /// Of which moment the workers are, and why not of the same.
    pub(crate) workers_at: Instant,
    pub(crate) workers_trouble: Option<String>,
}

/// The newest of everything that was heard of a daemon.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) known: Option<Known>,
    /// Since the last answer: that it does not run, or why there was none.
    pub(crate) trouble: Option<String>,
}

impl News {
    /// Takes in what was seen at this moment.
    pub(crate) fn see(&mut self, seen: Seen, at: Instant, clock: Clock) {
        match seen {
            Seen::NotRunning(text) => {
                *self = News { known: None, trouble: Some(text) };
            }
            Seen::NoAnswer(text) => self.trouble = Some(text),
            Seen::Answered { status, workers } => {
                let same = |known: &Known| known.status.epoch == status.epoch;
                let before = self.known.take().filter(same);
                let (workers, workers_at, workers_trouble) = match (workers, before) {
                    (Ok(workers), _) => (workers, at, None),
                    (Err(why), Some(known)) => (known.workers, known.workers_at, Some(why)),
                    (Err(why), None) => (Vec::new(), at, Some(why)),
                };
                let status = *status;
                let known = Known { status, at, clock, workers, workers_at, workers_trouble };
                *self = News { known: Some(known), trouble: None };
            }
        }
    }

    /// Guardian, executor and workers.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.known.iter().flat_map(|known| {
            [&known.status.guardian, &known.status.executor].into_iter().chain(&known.workers)
        })
    }

    pub(crate) fn epoch(&self) -> &str {
        self.known.as_ref().map_or("", |known| &known.status.epoch)
    }

    /// Why what is shown must not be taken for how it is now.
    pub(crate) fn warning(&self, now: Instant) -> Option<String> {
        let age = |at: Instant| now.saturating_duration_since(at);
        let seconds = |at: Instant| format!("{} s", age(at).as_secs());
        match (&self.known, &self.trouble) {
            (None, None) => Some("asking".to_owned()),
            (None, Some(why)) => Some(why.clone()),
            (Some(known), Some(why)) => Some(format!("{} old: {why}", seconds(known.at))),
            (Some(known), None) if STALE <= age(known.at) => {
                Some(format!("{} old: no answer yet", seconds(known.at)))
            }
            (Some(known), None) => known
                .workers_trouble
                .as_ref()
                .map(|why| format!("workers {} old: {why}", seconds(known.workers_at))),
        }
    }

    /// Whether even guardian and executor are old.
    pub(crate) fn is_old(&self, now: Instant) -> bool {
        let old = |known: &Known| STALE <= now.saturating_duration_since(known.at);
        self.trouble.is_some() || self.known.as_ref().is_none_or(old)
    }
}

/// For how long it has been as it is, in microseconds, by that clock.
pub(crate) fn uptime_us(process: &Process, clock: &Clock) -> Option<u64> {
    process.pid?;
    clock.since(process.ready_since.as_ref().unwrap_or(&process.since))
}
