//! What follows a run that has ended by itself: another one, after which delay, or none.

use std::time::Instant;

use super::{Action, Machine, Outcome, State};
use policy::limit;
use policy::{AfterEnd, RunEnd};

impl Machine {
    pub(super) fn after_run(&mut self, end: RunEnd, at: Instant, now: Instant) -> Action {
        let end = self.policy.restart.judged(end);
        if self.policy.must_launch && !self.launched {
            return self.finish(Outcome::NotLaunched(end));
        }
        match self.policy.restart.follows(&end) {
            AfterEnd::Over => return self.finish(Outcome::Ended(end)),
            AfterEnd::GiveUp(why) => return self.finish(Outcome::GaveUp(why, end)),
            AfterEnd::Again => (),
        }
        if let Some(limit) = self.policy.restart.limit
            && !self.restarts.allow(at, limit)
        {
            return self.finish(Outcome::GaveUp(limit::GaveUp::Limit(limit), end));
        }
        let until = self.next_start(at, &end);
        // A process that could not be started is not tried again at once, whatever delay the policy
        // gives: the system would only refuse again.
        let floor = self.delays.floor_after(matches!(end, RunEnd::NotStarted(_)));
        let until = until.map(|until| at.checked_add(floor).map_or(until, |at| until.max(at)));
        // A start whose time has passed is due now.
        self.enter(State::Waiting { until: until.map(|until| until.max(now)) })
    }

    /// When another run may begin after one that ended at `at`. Only failures make delays grow.
    fn next_start(&mut self, at: Instant, end: &RunEnd) -> Option<Instant> {
        let backoff = &self.policy.restart.backoff;
        let lived = self.ready_at.map(|ready| at.saturating_duration_since(ready));
        // However long one has lived that was to be replaced sooner.
        let has_lived = lived.is_some_and(|lived| lived >= backoff.reset_after)
            && !matches!(end, RunEnd::Outgrown { .. });
        if end.is_success() || has_lived {
            self.delays.reset();
        }
        let delay = self.delays.next(backoff);
        let started = self.started_at.unwrap_or(at);
        let short = at.saturating_duration_since(started) < backoff.floor;
        self.short_runs = if short { self.short_runs + 1 } else { 0 };
        // A delay of the policy holds as it is. Without one the first restart is at once; after the
        // second short run in a row the floor holds the child back.
        if delay.is_zero() && self.short_runs > 1 {
            return started.checked_add(backoff.floor);
        }
        backoff.from.of_run(started, at).checked_add(delay)
    }
}
