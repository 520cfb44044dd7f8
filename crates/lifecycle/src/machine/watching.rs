//! Whether a child that runs gets on: what follows from its silence.
//!
//! A child with a [watchdog](policy::WatchdogPolicy) winds up a timer, which it shares with whoever has its machine. That
//! one looks when half of the limit has passed without a beat, and then each quarter of it: three looks in a row that come
//! in time find a child that hangs, or is kept from getting on. A look that comes late says that the looker was held up
//! himself (he was stopped, or the machine was suspended), and the child perhaps with him: then all of the limit has to pass
//! once more. He counts it by those looks, and never touches the timer: the child may be stopping it just then, to rest.

use std::fmt;
use std::time::{Duration, Instant};

use super::stopping::{Goal, Stop};
use super::{Action, Machine, State, Why};
use policy::duration::rounded;

/// So many looks in a row find a child silent for all of its limit since it has beaten: at a half, at three quarters, and
/// at the end of it.
const AFTER_BEAT: u8 = 3;

/// The same since its time was begun anew, at any time between two looks.
const AFTER_ANEW: u8 = 5;

/// So often a child that is starved of processor time gets a quarter of its limit more.
const MOST_STARVED: u8 = 8;

/// What a look at a silent child has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// It has beaten meanwhile.
    Beats,
    /// Nothing that would explain its silence.
    Hangs,
    /// It is stopped, or a debugger holds it.
    Stopped,
    /// Its control group is frozen.
    Frozen,
    /// It wants to run, and hardly gets the processor.
    Starved,
    /// It is in the kernel, where no signal reaches it.
    Uninterruptible,
    /// Whoever looks was held up himself.
    Late,
}

/// What is done about a silent child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent {
    /// Why it is silent.
    pub found: Found,
    /// What is done about it.
    pub then: Then,
    /// For how long nothing was heard of it.
    pub after: Duration,
    /// Whether that is to be told: what goes on is told once.
    pub tell: bool,
}

impl fmt::Display for Silent {
    /// What fits after its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "has not said for {:?} that it gets on", rounded(self.after))?;
        f.write_str(match self.found {
            Found::Beats | Found::Hangs => "",
            Found::Stopped => ", since it is stopped, or held by a debugger",
            Found::Frozen => ", since its control group is frozen",
            Found::Starved => ", and hardly gets the processor",
            Found::Uninterruptible => ", and is in the kernel, where no signal reaches it",
            Found::Late => ", but this process was held up itself",
        })?;
        f.write_str(match self.then {
            Then::Anew => ": it is left as it is",
            Then::Wait => ": it has a little more time",
            Then::Abort => ": ending it by SIGABRT",
            Then::Kill => ": killing it",
        })
    }
}

/// What is done about a silent child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// All of its time has to pass once more.
    Anew,
    /// A quarter of its time has to pass once more.
    Wait,
    /// It is sent SIGABRT.
    Abort,
    /// It is killed.
    Kill,
}

/// What is known of a child's silence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// How many looks in a row, that come in time, have to find it silent from now on.
    left: u8,
    /// When the last look was.
    last: Option<Instant>,
    /// How often it has got more time, as it was starved.
    starved: u8,
    /// What was told of it.
    told: Option<Found>,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch { left: AFTER_BEAT, last: None, starved: 0, told: None }
    }
}

impl Machine {
    /// Within which time this child has to beat now; `None`: nobody waits for that.
    pub fn beats_within(&self) -> Option<Duration> {
        let watchdog = self.of_run.watchdog.as_ref().filter(|_| !self.dead);
        watchdog.filter(|_| matches!(self.state, State::Running)).map(|watchdog| watchdog.after)
    }

    /// So many looks were due since the last one, or since it has beaten.
    pub(super) fn silent(&mut self, looks: u64, now: Instant) -> Action {
        let Some(limit) = self.beats_within() else { return Action::Nothing };
        if looks > 1 {
            return self.watch_anew(Found::Late, limit, false, now);
        }
        // A beat puts the next look off by half of the limit.
        let since = self.watch.last.map(|last| now.saturating_duration_since(last));
        if since.is_none_or(|since| limit / 8 * 3 <= since) {
            self.watch = Watch::default();
        }
        self.watch.left = self.watch.left.saturating_sub(1);
        self.watch.last = Some(now);
        if self.watch.left > 0 { Action::Nothing } else { Action::Look }
    }

    pub(super) fn looked(&mut self, found: Found, now: Instant) -> Action {
        let (Some(after), Some(watchdog)) = (self.beats_within(), &self.of_run.watchdog) else {
            return Action::Nothing;
        };
        let (kills, grace) = (watchdog.kills_stopped(), watchdog.abort_grace);
        let is_news = self.watch.told != Some(found);
        match found {
            Found::Beats => {
                self.watch = Watch::default();
                Action::Nothing
            }
            Found::Late => self.watch_anew(found, after, false, now),
            Found::Stopped | Found::Frozen if !kills => self.watch_anew(found, after, is_news, now),
            Found::Starved if self.watch.starved < MOST_STARVED => {
                self.watch.starved += 1;
                self.watch.told = Some(found);
                Action::Silent(Silent { found, then: Then::Wait, after, tell: is_news })
            }
            // SIGABRT ends nobody who is stopped.
            Found::Stopped | Found::Frozen => self.end_hung(found, after, Duration::ZERO, now),
            Found::Hangs | Found::Uninterruptible | Found::Starved => {
                self.end_hung(found, after, grace, now)
            }
        }
    }

    fn watch_anew(&mut self, found: Found, after: Duration, tell: bool, now: Instant) -> Action {
        let told = if found == Found::Late { self.watch.told } else { Some(found) };
        self.watch = Watch { left: AFTER_ANEW, last: Some(now), told, ..Watch::default() };
        Action::Silent(Silent { found, then: Then::Anew, after, tell })
    }

    fn end_hung(&mut self, found: Found, after: Duration, grace: Duration, now: Instant) -> Action {
        self.hung = Some(after);
        let then = if grace.is_zero() {
            self.state = State::Killed(Why::GraceOver { goal: Goal::Hung, after });
            Then::Kill
        } else {
            let until = now.checked_add(grace);
            // It is past all steps of its policy, so that the kill comes next.
            self.state = State::Stopping(Stop {
                goal: Goal::Hung,
                step: self.policy.stop.steps.len(),
                step_until: until,
                kill_at: until,
                at_most: until,
                began: now,
            });
            Then::Abort
        };
        Action::Silent(Silent { found, then, after, tell: true })
    }
}
