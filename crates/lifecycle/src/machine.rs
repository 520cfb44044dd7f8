//! One supervised child as a state machine.
//!
//! The machine owns no process, no clock and no signal handler. [`Machine::step`] takes one event and the
//! time, and answers what to do and what has changed. `slot::Slot` does it; the loop of the guardian or
//! of a pool waits, and drives both.

mod ending;
mod events;
mod phase;
mod requests;
mod standing;
mod stopping;
mod watching;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use events::{Action, Event, Outcome, Step};
pub use phase::Phase;
use policy::limit;
use policy::{Delays, Policy, RunEnd};
pub use requests::{Answer, Refused, Request};
pub(crate) use stopping::Fault;
use stopping::{Goal, Stop};
use watching::Watch;
pub use watching::{Found, Silent, Then};

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not started yet, or paused.
    Idle,
    Starting {
        ready_by: Option<Instant>,
        at_most: Option<Instant>,
    },
    Running,
    /// Between two runs. `None`: for longer than the clock can tell.
    Waiting {
        until: Option<Instant>,
    },
    /// The delay is over, or somebody has asked for a start.
    Due {
        asked: bool,
    },
    /// By request, until somebody asks for a start.
    Stopped,
    Stopping(Stop),
    /// Killed, but its end has not been seen yet.
    Killed(Why),
    Finished,
}

/// Why a child was killed.
#[derive(Clone, Copy, Debug)]
enum Why {
    /// It was not ready in time. `then`: what somebody has asked for since the kill.
    NotReady { after: Duration, then: Option<Goal> },
    /// It did not stop in time.
    GraceOver { goal: Goal, after: Duration },
}

/// One child, as far as decisions go.
#[derive(Debug)]
pub struct Machine {
    /// Shared, since thousands of children may have the same.
    policy: Arc<Policy>,
    state: State,
    /// The child has ended, and its run has not.
    dead: bool,
    delays: Delays,
    restarts: limit::RestartLog,
    /// How many runs were begun.
    runs: u64,
    /// When the last run was begun.
    started_at: Option<Instant>,
    /// When it became ready.
    ready_at: Option<Instant>,
    /// Whether any run has become ready.
    launched: bool,
    /// How many runs in a row were shorter than the floor of the back-off.
    short_runs: u32,
    /// It was ready, and says that it is not just now.
    unready: bool,
    /// What held when the present run was begun: by that the child beats.
    of_run: Arc<Policy>,
    watch: Watch,
    /// How long the present run had been silent when it was ended for that.
    hung: Option<Duration>,
}

impl Machine {
    /// A child that waits for [`Event::Start`]. The jitter of its delays follows from `seed`.
    pub fn new(policy: impl Into<Arc<Policy>>, seed: u64) -> Machine {
        let policy = policy.into();
        Machine {
            of_run: Arc::clone(&policy),
            policy,
            state: State::Idle,
            dead: false,
            delays: Delays::new(seed),
            restarts: limit::RestartLog::default(),
            runs: 0,
            started_at: None,
            ready_at: None,
            launched: false,
            short_runs: 0,
            unready: false,
            watch: Watch::default(),
            hung: None,
        }
    }

    /// Decides what is to be done about `event`, and tells what that has changed.
    pub fn step(&mut self, event: Event, now: Instant) -> Step {
        let before = self.phase();
        let event = match (event, self.hung) {
            (Event::Ended { end, at }, Some(after)) => {
                Event::Ended { end: RunEnd::Hung { after, exit: end.exit() }, at }
            }
            (event, _) => event,
        };
        let goal = match self.state {
            State::Stopping(stop) => Some(stop.goal),
            State::Killed(why) => why.goal(),
            State::Idle
            | State::Starting { .. }
            | State::Running
            | State::Waiting { .. }
            | State::Due { .. }
            | State::Stopped
            | State::Finished => None,
        };
        let fault = if let Some(Goal::Fail(fault)) = goal { Some(fault) } else { None };
        let ended = match (&event, fault) {
            (Event::Ended { end, .. }, Some(fault)) => Some(fault.judged(end.clone())),
            (Event::Ended { end, .. }, None) => Some(self.policy.restart.judged(end.clone())),
            (
                Event::Start
                | Event::Ready
                | Event::Extended(_)
                | Event::NotReady
                | Event::Silent { .. }
                | Event::Looked(_)
                | Event::Died
                | Event::Pause
                | Event::Quit { .. }
                | Event::DeadlinePassed,
                _,
            ) => None,
        };
        self.dead &= ended.is_none();
        let action = self.decide(event, now);
        let phase = self.phase();
        let entered = (phase != before).then_some(phase);
        // An end that changes nothing was told before, or belongs to no run: it is not told.
        Step { action, ended: ended.filter(|_| entered.is_some()), entered }
    }

    fn decide(&mut self, event: Event, now: Instant) -> Action {
        use Event::*;
        use State::*;
        match (self.state, event) {
            // A dead child can miss no deadline, and needs no more time.
            (_, DeadlinePassed | Extended(_)) if self.dead => Action::Nothing,
            (Starting { .. } | Running | Stopping(_) | Killed(_), Died) => {
                self.dead = true;
                Action::Nothing
            }

            (Running, Silent { looks }) => self.silent(looks, now),
            (Running, Looked(found)) => self.looked(found, now),
            (Running, Ready) => self.says_ready(true),
            (Running, NotReady) => self.says_ready(false),

            (Waiting { .. }, DeadlinePassed) => self.enter(Due { asked: false }),
            (Idle | Due { .. }, Start) => self.start(now),
            (Waiting { until }, Start) => {
                // Before its delay is over, this start is one that somebody has asked for: the restart
                // that was counted does not take place. Later it is that restart, whoever asks.
                if until.is_none_or(|until| now < until) {
                    self.restarts.take_back();
                }
                self.start(now)
            }
            (Idle | Waiting { .. } | Due { .. }, Quit { .. }) => self.finish(Outcome::Quit(None)),
            (Stopped, Quit { .. }) => self.finish(Outcome::Stopped),
            (Waiting { .. } | Due { .. }, Pause) => {
                // The restart was counted, and does not take place: the next start is one that somebody
                // asks for.
                self.forgo_restart();
                self.enter(Idle)
            }

            (Starting { .. }, Ready) => {
                self.launched = true;
                self.ready_at = Some(now);
                self.enter(Running)
            }
            (Starting { ready_by, at_most }, Extended(by)) => {
                let ready_by = extended(ready_by, by, at_most, now);
                self.enter(Starting { ready_by, at_most })
            }
            (Starting { .. }, DeadlinePassed) => {
                let after = self.started_at.map_or(Duration::ZERO, |at| now.duration_since(at));
                self.kill(Why::NotReady { after, then: None })
            }
            (Starting { .. } | Running, Quit { within }) => self.stop(Goal::Quit, within, now),
            (Starting { .. } | Running, Pause) => self.stop(Goal::Pause, None, now),
            (Starting { .. } | Running, Ended { end, at }) => self.after_run(end, at, now),

            // A second request may leave less time than the first, but never more.
            (Stopping(stop), Quit { within }) => {
                let sooner = within.and_then(|within| now.checked_add(within));
                let kill_at = earlier(stop.kill_at, sooner);
                let at_most = earlier(stop.at_most, sooner);
                let shorter = kill_at != stop.kill_at;
                let stop = Stop { goal: Goal::Quit, kill_at, at_most, ..stop };
                self.enter(Stopping(stop));
                if shorter { self.tell_again(stop, now) } else { Action::Nothing }
            }
            (Stopping(stop), Extended(by)) => self.extend_stop(stop, by, now),
            (Stopping(stop), DeadlinePassed) => self.next_step(stop, now),
            (Stopping(stop), Ended { end, at }) => self.stopped(stop.goal, end, at, now),

            (Killed(Why::GraceOver { goal, after }), Ended { end, at }) => {
                let end = match self.hung {
                    Some(_) => end,
                    None => RunEnd::Killed { after, exit: end.exit() },
                };
                self.stopped(goal, end, at, now)
            }
            (Killed(Why::NotReady { after, then }), Ended { at, .. }) => {
                let to_tell = self.policy.start.waits_for_word();
                let end = RunEnd::NotReady { after, to_tell };
                match then {
                    Some(goal) => self.stopped(goal, end, at, now),
                    None => self.after_run(end, at, now),
                }
            }
            // The child is killed already: all that can be asked is that no run follows, or none by
            // itself.
            (Killed(why), Quit { .. }) => self.enter(Killed(why.then(Goal::Quit))),
            (Killed(why @ Why::NotReady { then: None, .. }), Pause) => {
                self.enter(Killed(why.then(Goal::Pause)))
            }

            // Only of one that runs this is news, or anybody's business.
            (
                Idle | Starting { .. } | Waiting { .. } | Due { .. } | Stopping(_) | Killed(_),
                NotReady | Silent { .. } | Looked(_),
            ) => Action::Nothing,
            // Old news: the state has already answered it.
            (Idle | Waiting { .. } | Due { .. }, Died)
            | (Idle, Ready | Extended(_) | Ended { .. } | Pause | DeadlinePassed)
            | (Starting { .. }, Start)
            | (Running, Start | Extended(_) | DeadlinePassed)
            | (Waiting { .. }, Ready | Extended(_) | Ended { .. })
            | (Due { .. }, Ready | Extended(_) | Ended { .. } | DeadlinePassed)
            | (Stopping(_), Start | Ready | Pause)
            | (Killed(_), Pause)
            | (Killed(_), Start | Ready | Extended(_) | DeadlinePassed)
            | (Finished, _) => Action::Nothing,
            // Only a request starts it.
            (Stopped, _) => Action::Nothing,
        }
    }

    fn enter(&mut self, state: State) -> Action {
        self.state = state;
        Action::Nothing
    }

    fn start(&mut self, now: Instant) -> Action {
        self.runs += 1;
        self.started_at = Some(now);
        self.ready_at = None;
        (self.unready, self.watch, self.hung) = (false, Watch::default(), None);
        self.of_run = Arc::clone(&self.policy);
        let policy = &self.policy.start;
        self.state = State::Starting {
            ready_by: now.checked_add(policy.timeout),
            at_most: now.checked_add(policy.longest()),
        };
        Action::Spawn
    }

    fn says_ready(&mut self, ready: bool) -> Action {
        self.unready = !ready;
        Action::Nothing
    }

    fn kill(&mut self, why: Why) -> Action {
        self.state = State::Killed(why);
        Action::Kill
    }

    fn finish(&mut self, outcome: Outcome) -> Action {
        self.state = State::Finished;
        Action::Finish(outcome)
    }
}

impl Why {
    fn then(self, goal: Goal) -> Why {
        match self {
            Why::NotReady { after, .. } => Why::NotReady { after, then: Some(goal) },
            Why::GraceOver { after, .. } => Why::GraceOver { goal, after },
        }
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A deadline moved to `by` from now, if that is later, and no later than `at_most`.
fn extended(
    deadline: Option<Instant>,
    by: Duration,
    at_most: Option<Instant>,
    now: Instant,
) -> Option<Instant> {
    let wanted = earlier(now.checked_add(by), at_most);
    match (deadline, wanted) {
        (Some(deadline), Some(wanted)) => Some(deadline.max(wanted)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
