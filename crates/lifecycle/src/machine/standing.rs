//! Where a child stands, and until when: what is asked of its machine.

use std::sync::Arc;
use std::time::Instant;

use super::stopping::{Goal, Stop};
use super::{Machine, Phase, State, earlier};
use policy::Policy;

impl Machine {
    /// When to come back with [`Event::DeadlinePassed`](crate::Event::DeadlinePassed) if nothing happens first.
    pub fn deadline(&self) -> Option<Instant> {
        self.allowed_until().filter(|_| !self.dead)
    }

    /// Until when the child may take for what it is doing: to become ready, to stop, or to stay away before its
    /// next run. That is its [`deadline`](Machine::deadline), unless it is [dead](crate::Event::Died); then it is when
    /// others expect to know of its end.
    pub fn allowed_until(&self) -> Option<Instant> {
        match self.state {
            State::Starting { ready_by, .. } => ready_by,
            State::Waiting { until } => until,
            State::Stopping(stop) => earlier(stop.step_until, stop.kill_at),
            State::Idle
            | State::Running
            | State::Due { .. }
            | State::Stopped
            | State::Killed(_)
            | State::Finished => None,
        }
    }

    /// What the child is kept by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The same, for who keeps it.
    pub fn shared_policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy)
    }

    pub(crate) fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    /// Which run this is: 1 for the first.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// When the present run became ready first, if it is, or was.
    pub(crate) fn ready_at(&self) -> Option<Instant> {
        self.ready_at
    }

    /// Whether any run has become ready.
    pub fn launched(&self) -> bool {
        self.launched
    }

    /// Where the child stands.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Idle => Phase::Idle,
            State::Starting { .. } => Phase::Starting,
            State::Running if self.unready => Phase::NotReady,
            State::Running => Phase::Running,
            State::Waiting { .. } => Phase::Waiting,
            State::Due { .. } => Phase::Due,
            State::Stopped => Phase::Stopped,
            State::Stopping(_) | State::Killed(_) => Phase::Stopping,
            State::Finished => Phase::Finished,
        }
    }

    /// Whether it is being stopped, and will be started again when somebody wants it.
    pub fn is_pausing(&self) -> bool {
        let State::Stopping(stop) = self.state else { return false };
        matches!(stop.goal, Goal::Pause | Goal::Restart | Goal::Fail(_))
    }

    /// Whether it is ready, and not [dead](crate::Event::Died).
    pub fn is_ready(&self) -> bool {
        self.phase() == Phase::Running && !self.dead
    }

    /// Whether there will be no other run unless somebody asks for one: it is over or stopped, or on its way there by
    /// request.
    pub fn stays_away(&self) -> bool {
        match self.state {
            State::Stopped | State::Finished => true,
            State::Stopping(Stop { goal, .. }) => matches!(goal, Goal::Stop | Goal::Quit),
            State::Killed(why) => matches!(why.goal(), Some(Goal::Stop | Goal::Quit)),
            State::Idle
            | State::Starting { .. }
            | State::Running
            | State::Waiting { .. }
            | State::Due { .. } => false,
        }
    }

    /// Until when what the child leaves behind may go by itself, if the child has ended at `at`:
    /// as long as the child itself would have had, and no longer, so that whoever waits for a start has
    /// an answer in time. `None`: for ever.
    pub fn leftovers_until(&self, at: Instant) -> Option<Instant> {
        match self.state {
            State::Stopping(stop) => stop.kill_at,
            State::Killed(_) => Some(at),
            State::Starting { ready_by, .. } => {
                earlier(ready_by, at.checked_add(self.policy.stop.total()))
            }
            State::Idle
            | State::Running
            | State::Waiting { .. }
            | State::Due { .. }
            | State::Stopped
            | State::Finished => at.checked_add(self.policy.stop.total()),
        }
    }
}
