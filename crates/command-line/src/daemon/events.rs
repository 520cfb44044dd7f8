//! What happens to a daemon: told to who looks on, and waited for by who wants something.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use control::ClientError;
use control::service::{Event, Events};
use supervisor::{AskFailed, EventStream};

use super::{Daemon, PATIENCE, TICK};
use crate::code;
use crate::complaint::Complaint;
use crate::output::Reader;

/// Nothing says where what is kept ends and what happens begins: when nothing has come for so long after the daemon
/// and its executor have answered another question, that was all.
const QUIET: Duration = Duration::from_millis(200);

/// More than is kept anywhere, and a number that every client knows (varlink.org: 64 bits with a sign).
pub(crate) const ALL: u64 = i64::MAX as u64;

/// No daemon keeps so many; one that says more is not listened to without end.
const MOST_KEPT: usize = 1 << 16;

/// Which events somebody wants.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// How many of the last ones.
    pub(crate) last: u64,
    /// Of whom: roles, workers and sets by their names; of all, if nobody is named.
    pub(crate) of: Vec<String>,
    /// Those that come, too.
    pub(crate) follow: bool,
}

impl Wanted {
    fn is_of(&self, event: &Event) -> bool {
        let name = called(event);
        self.of.is_empty() || event.kind == "lost" || self.of.iter().any(|wanted| wanted == name)
    }
}

/// What a process is called below its daemon.
fn called(event: &Event) -> &str {
    if ["guardian", "executor"].contains(&event.role.as_str()) { &event.role } else { &event.name }
}

/// An event with the epoch of its number.
type Each<'a> = &'a mut dyn FnMut(&str, &Event) -> Result<bool, Complaint>;

impl Daemon {
    /// What happens from now on; `None`: nobody tells it.
    pub(crate) fn stream(&self) -> Option<EventStream> {
        self.asked.events(0).ok()
    }

    /// What happens from now on.
    pub(crate) fn happenings(&self) -> Result<Happenings<'_>, Complaint> {
        // The last one of each is told, too: with that we know that whoever told it listens to us.
        let stream = self.asked.events(1).map_err(|failed| self.complaint(failed.cause()))?;
        Ok(Happenings { daemon: self, stream, heard: VecDeque::new() })
    }

    /// The last events, and those that come if they are followed, until nobody wants more or the daemon ends. Whether it has ended.
    pub(crate) fn events(&self, wanted: &Wanted, each: Each<'_>) -> Result<bool, Complaint> {
        let failed = |failed: AskFailed| self.complaint(failed.cause());
        // One that is stopped would be waited for without a word.
        if let Ok(report) = self.asked.status()
            && let Some(Err(silent)) = report.said
        {
            return Err(failed(silent));
        }
        // Of the last ones of all those of a few may be none.
        let is_chosen = 0 < wanted.last && (!wanted.follow || !wanted.of.is_empty());
        let last = if is_chosen { ALL } else { wanted.last };
        let mut stream = self.asked.events(last).map_err(failed)?;
        let reader = Reader::of_stdout();
        if is_chosen && !self.kept(&mut stream, wanted, each)? {
            return Ok(false);
        }
        if !wanted.follow {
            return Ok(false);
        }
        loop {
            match stream.next(Instant::now()) {
                Ok(Some(some)) => {
                    for event in some.events.iter().filter(|event| wanted.is_of(event)) {
                        if !each(&some.epoch, event)? {
                            return Ok(false);
                        }
                    }
                }
                Ok(None) if self.has_ended() => return Ok(true),
                Ok(None) => return Err(self.cut_off()),
                Err(error) if matches!(error.cause(), ClientError::NoAnswer) => {
                    let wakes: Vec<_> =
                        reader.descriptor().into_iter().chain([stream.as_fd()]).collect();
                    if waiter::readable(&wakes, None).is_err() {
                        waiter::breathe();
                    }
                    if reader.has_gone() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Those that are kept, by time, the last ones of them. False: nobody wants more.
    fn kept(
        &self,
        stream: &mut EventStream,
        wanted: &Wanted,
        each: Each<'_>,
    ) -> Result<bool, Complaint> {
        let mut kept: Vec<(String, Event)> = Vec::new();
        let latest = Instant::now() + PATIENCE;
        let mut until = latest;
        let mut has_answered = false;
        while kept.len() < MOST_KEPT {
            let Events { epoch, events } = match stream.next(until) {
                Ok(Some(some)) => some,
                Ok(None) => break,
                Err(error) if matches!(error.cause(), ClientError::NoAnswer) => break,
                Err(error) => return Err(self.complaint(error.cause())),
            };
            let of_wanted = events.into_iter().filter(|event| wanted.is_of(event));
            kept.extend(of_wanted.map(|event| (epoch.clone(), event)));
            if !std::mem::replace(&mut has_answered, true) {
                // Who is asked later answers later; whether there are workers is of no interest.
                let _ = self.asked.workers(&[], false);
            }
            until = latest.min(Instant::now() + QUIET);
        }
        kept.sort_by_key(|(_, event)| event.at_us);
        let first = kept.len().saturating_sub(usize::try_from(wanted.last).unwrap_or(usize::MAX));
        for (epoch, event) in &kept[first..] {
            if !each(epoch, event)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What happens to a daemon, for who waits for something.
pub(crate) struct Happenings<'a> {
    daemon: &'a Daemon,
    stream: EventStream,
    /// The epochs of those who have told something, the latest last.
    heard: VecDeque<String>,
}

/// Guardian and executor tell events, each by an epoch of its own.
const TELLERS: usize = 2;

impl Happenings<'_> {
    /// Waits until something has happened to this worker, or the time is over, or a little while: what is looked at
    /// again without need does no harm.
    pub(crate) fn wait(&mut self, name: &str, deadline: Option<Instant>) -> Result<(), Complaint> {
        self.wait_for(|event| event.name == name, deadline)
    }

    /// The same for this set and its workers.
    pub(crate) fn wait_of_set(
        &mut self,
        set: &str,
        deadline: Option<Instant>,
    ) -> Result<(), Complaint> {
        self.wait_for(|event| event.name.starts_with(set), deadline)
    }

    fn wait_for(
        &mut self,
        is_of_it: impl Fn(&Event) -> bool,
        deadline: Option<Instant>,
    ) -> Result<(), Complaint> {
        let tick = Instant::now() + TICK;
        let until = deadline.map_or(tick, |at| at.min(tick));
        loop {
            match self.stream.next(until) {
                Ok(Some(some)) => {
                    let of_it = |event: &Event| is_of_it(event) || event.kind == "lost";
                    // Another connection may have been answered before this one was listened to: what has happened
                    // in between is told by nobody.
                    if self.is_first_of(&some.epoch) || some.events.iter().any(of_it) {
                        return Ok(());
                    }
                }
                Ok(None) if self.daemon.has_ended() => {
                    return Err(Complaint::new(code::ENDED, "its daemon has ended"));
                }
                Ok(None) => return Err(self.daemon.cut_off()),
                Err(failed) if matches!(failed.cause(), ClientError::NoAnswer) => return Ok(()),
                Err(failed) => return Err(self.daemon.complaint(failed.cause())),
            }
        }
    }

    fn is_first_of(&mut self, epoch: &str) -> bool {
        let is_first = !self.heard.iter().any(|heard| heard == epoch);
        if is_first {
            self.heard.push_back(epoch.to_owned());
            if TELLERS < self.heard.len() {
                self.heard.pop_front();
            }
        }
        is_first
    }
}
