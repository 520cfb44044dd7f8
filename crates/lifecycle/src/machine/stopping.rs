//! A stop: step by step, for as long as it may take, and what follows it.

use std::time::{Duration, Instant};

use super::{Action, Machine, Outcome, Phase, State, Step, Why, earlier, extended};
use policy::{MemoryUse, RunEnd, StopBy};

/// What follows a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Nothing.
    Quit,
    /// A start, when its group wants it.
    Pause,
    /// Nothing, until somebody asks for a start.
    Stop,
    /// A start at once, since somebody has asked for it.
    Restart,
    /// What follows a failure.
    Fail(Fault),
    /// The same, since it hung.
    Hung,
}

/// For what a run is stopped that has failed though it has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It was to be replaced as soon as it could be, as were those before it.
    Outgrown,
    /// It has too much memory.
    Memory(MemoryUse),
}

impl Fault {
    /// As what the end of the run counts.
    pub(super) fn judged(self, end: RunEnd) -> RunEnd {
        let exit = end.exit();
        match self {
            Fault::Outgrown => RunEnd::Outgrown { exit },
            Fault::Memory(used) => RunEnd::Memory { used, exit },
        }
    }
}

/// A stop that is going on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) goal: Goal,
    /// Which step of the policy is waited for.
    pub(super) step: usize,
    /// When the next step is due.
    pub(super) step_until: Option<Instant>,
    /// When the child is killed, whatever step it is.
    pub(super) kill_at: Option<Instant>,
    /// What `kill_at` may be extended to.
    pub(super) at_most: Option<Instant>,
    pub(super) began: Instant,
}

impl Machine {
    pub(super) fn stop(&mut self, goal: Goal, within: Option<Duration>, now: Instant) -> Action {
        let policy = &self.policy.stop;
        let limit = within.unwrap_or(Duration::MAX);
        let kill_at = now.checked_add(policy.total().min(limit));
        let at_most = now.checked_add(policy.longest().min(limit));
        let stop = Stop { goal, step: 0, step_until: Some(now), kill_at, at_most, began: now };
        self.take_step(stop, now)
    }

    pub(super) fn next_step(&mut self, stop: Stop, now: Instant) -> Action {
        self.take_step(Stop { step: stop.step + 1, ..stop }, now)
    }

    /// Takes the step that is due, or kills when there is none or no time for it. A dead child is neither
    /// asked nor killed.
    fn take_step(&mut self, stop: Stop, now: Instant) -> Action {
        if self.dead {
            return self.enter(State::Stopping(Stop { step_until: None, ..stop }));
        }
        let over = stop.kill_at.is_some_and(|at| at <= now);
        match self.policy.stop.steps.get(stop.step) {
            Some(step) if !over => {
                let step_until = now.checked_add(step.wait);
                self.state = State::Stopping(Stop { step_until, ..stop });
                let remaining = stop.kill_at.map(|at| at.saturating_duration_since(now));
                Action::Terminate { by: step.by, remaining }
            }
            _ => {
                let after = now.duration_since(stop.began);
                self.kill(Why::GraceOver { goal: stop.goal, after })
            }
        }
    }

    /// Tells a child that was asked by word that it has less time than it was told, since it may have
    /// given its own children a part of that. A signal carries no time, so a child that had only signals
    /// is told nothing.
    pub(super) fn tell_again(&self, stop: Stop, now: Instant) -> Action {
        if self.dead {
            return Action::Nothing;
        }
        let steps = self.policy.stop.steps.iter().take(stop.step + 1);
        match steps.into_iter().any(|step| step.by == StopBy::Quit) {
            true => {
                let remaining = stop.kill_at.map(|at| at.saturating_duration_since(now));
                Action::Terminate { by: StopBy::Quit, remaining }
            }
            false => Action::Nothing,
        }
    }

    pub(super) fn extend_stop(&mut self, stop: Stop, by: Duration, now: Instant) -> Action {
        let step_until = extended(stop.step_until, by, stop.at_most, now);
        // The steps that are still to come keep their time.
        let gained = match (stop.step_until, step_until) {
            (Some(before), Some(after)) => after.duration_since(before),
            _ => Duration::ZERO,
        };
        let kill_at = stop.kill_at.and_then(|at| at.checked_add(gained));
        let kill_at = earlier(kill_at, stop.at_most);
        self.enter(State::Stopping(Stop { step_until, kill_at, ..stop }))
    }

    /// Has a child that is ready stopped, and what follows is what would follow a failure; `None`: it is not ready.
    pub(crate) fn fail(&mut self, fault: Fault, now: Instant) -> Option<Step> {
        self.is_ready().then(|| {
            let action = self.stop(Goal::Fail(fault), None, now);
            Step { action, entered: Some(Phase::Stopping), ended: None }
        })
    }

    pub(super) fn stopped(&mut self, goal: Goal, end: RunEnd, at: Instant, now: Instant) -> Action {
        match goal {
            Goal::Quit => self.finish(Outcome::Quit(Some(self.policy.restart.judged(end)))),
            Goal::Pause => self.enter(State::Idle),
            Goal::Stop => self.enter(State::Stopped),
            Goal::Restart => self.enter(State::Due { asked: true }),
            Goal::Fail(fault) => self.after_run(fault.judged(end), at, now),
            Goal::Hung => self.after_run(end, at, now),
        }
    }
}
