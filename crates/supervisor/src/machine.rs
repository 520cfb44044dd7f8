//! One supervised child as a state machine.
//!
//! The machine owns no process, no clock and no signal handler. [`Machine::step`] takes one event
//! and the time, and returns one action. Who waits and acts is [`Slot`](crate::Slot), driven by the
//! loop of the guardian or of a pool.

use std::time::{Duration, Instant};

use crate::end::RunEnd;
use crate::policy::Policy;

/// Something that happened to the child, or was asked of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The child is to be started for the first time.
    Started,
    /// The child is calling its entry.
    Ready,
    /// The present run is over, or could not begin.
    Ended {
        /// How.
        end: RunEnd,
        /// When, which may be earlier than now: a delay counts from here.
        at: Instant,
    },
    /// Someone asked us to stop for good.
    QuitRequested {
        /// How long the child has, if that is less than its grace.
        within: Option<Duration>,
    },
    /// The time told by [`Machine::deadline`] has come.
    DeadlinePassed,
}

/// What to do now: exactly one per event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the state has changed, or the event was old news.
    Nothing,
    /// Start the child.
    Spawn,
    /// Ask the child to quit, and tell it how long it has.
    Terminate {
        /// Until it is killed; `None`: it has all the time of the world.
        remaining: Option<Duration>,
    },
    /// Kill the child.
    Kill,
    /// It is over.
    Finish(Outcome),
}

/// How it went in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// We were asked to stop. The end of the run that was going on then, if one was.
    Quit(Option<RunEnd>),
    /// The run ended, and the policy wants no other.
    Ended(RunEnd),
    /// The first run did not get as far as its entry.
    NotLaunched(RunEnd),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not started yet.
    Idle,
    Starting {
        ready_by: Option<Instant>,
    },
    Running,
    /// Between two runs. `None`: for longer than the clock can tell.
    Waiting {
        until: Option<Instant>,
    },
    /// Asked to quit.
    Stopping {
        kill_at: Option<Instant>,
    },
    /// Killed, but its end has not been seen yet.
    Killed(Why),
    Finished,
}

/// Why a child was killed.
#[derive(Clone, Copy, Debug)]
enum Why {
    /// It was not ready in time.
    NotReady,
    /// It did not stop in time.
    GraceOver,
}

/// One child, as far as decisions go.
#[derive(Debug)]
pub struct Machine {
    policy: Policy,
    state: State,
    /// How many runs were begun.
    runs: u64,
    /// Whether any run has got as far as its entry.
    launched: bool,
}

impl Machine {
    /// A child that waits for [`Event::Started`].
    pub fn new(policy: Policy) -> Machine {
        Machine { policy, state: State::Idle, runs: 0, launched: false }
    }

    /// When to come back with [`Event::DeadlinePassed`] if nothing happens first.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Starting { ready_by } => ready_by,
            State::Waiting { until } => until,
            State::Stopping { kill_at } => kill_at,
            State::Idle | State::Running | State::Killed(_) | State::Finished => None,
        }
    }

    /// Which run this is: 1 for the first.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Whether any run has got as far as its entry.
    pub fn launched(&self) -> bool {
        self.launched
    }

    /// Whether nothing is left to be decided.
    pub fn finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Decides what is to be done about `event`.
    pub fn step(&mut self, event: Event, now: Instant) -> Action {
        use Event::*;
        use State::*;
        match (self.state, event) {
            (Idle, Started) | (Waiting { .. }, DeadlinePassed) => self.start(now),
            (Idle | Waiting { .. }, QuitRequested { .. }) => self.finish(Outcome::Quit(None)),

            (Starting { .. }, Ready) => {
                self.launched = true;
                self.state = Running;
                Action::Nothing
            }
            (Starting { .. }, DeadlinePassed) => self.kill(Why::NotReady),
            (Starting { .. } | Running, QuitRequested { within }) => self.stop(within, now),
            (Starting { .. } | Running, Ended { end, at }) => self.after_run(end, at),

            // A second request may leave less time than the first, but never more.
            (Stopping { kill_at }, QuitRequested { within }) => {
                let sooner = within.and_then(|within| now.checked_add(within));
                self.state = Stopping { kill_at: earlier(kill_at, sooner) };
                Action::Nothing
            }
            (Stopping { .. }, DeadlinePassed) => self.kill(Why::GraceOver),
            (Stopping { .. }, Ended { end, .. }) => self.finish(Outcome::Quit(Some(end))),

            (Killed(Why::GraceOver), Ended { end, .. }) => {
                let after = self.policy.grace;
                self.finish(Outcome::Quit(Some(RunEnd::Killed { after, exit: end.exit() })))
            }
            (Killed(Why::NotReady), Ended { at, .. }) => {
                self.after_run(RunEnd::NotReady { after: self.policy.start_timeout }, at)
            }
            // It is as good as gone; what is asked is that no other comes.
            (Killed(Why::NotReady), QuitRequested { .. }) => {
                self.state = Killed(Why::GraceOver);
                Action::Nothing
            }

            // Old news: the state has already answered it.
            (Idle, Ready | Ended { .. } | DeadlinePassed)
            | (Starting { .. }, Started)
            | (Running, Started | Ready | DeadlinePassed)
            | (Waiting { .. }, Started | Ready | Ended { .. })
            | (Stopping { .. }, Started | Ready)
            | (Killed(Why::GraceOver), QuitRequested { .. })
            | (Killed(_), Started | Ready | DeadlinePassed)
            | (Finished, _) => Action::Nothing,
        }
    }

    fn start(&mut self, now: Instant) -> Action {
        self.runs += 1;
        self.state = State::Starting { ready_by: now.checked_add(self.policy.start_timeout) };
        Action::Spawn
    }

    fn stop(&mut self, within: Option<Duration>, now: Instant) -> Action {
        let grace = within.map_or(self.policy.grace, |within| within.min(self.policy.grace));
        let kill_at = now.checked_add(grace);
        self.state = State::Stopping { kill_at };
        Action::Terminate { remaining: kill_at.map(|_| grace) }
    }

    fn kill(&mut self, why: Why) -> Action {
        self.state = State::Killed(why);
        Action::Kill
    }

    fn after_run(&mut self, end: RunEnd, at: Instant) -> Action {
        if self.policy.must_launch && !self.launched {
            return self.finish(Outcome::NotLaunched(end));
        }
        match self.policy.restart_interval {
            Some(interval) if !end.is_success() => {
                self.state = State::Waiting { until: at.checked_add(interval) };
                Action::Nothing
            }
            _ => self.finish(Outcome::Ended(end)),
        }
    }

    fn finish(&mut self, outcome: Outcome) -> Action {
        self.state = State::Finished;
        Action::Finish(outcome)
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests;
