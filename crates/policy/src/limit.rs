//! When it is enough: how many restarts within what time.

pub use crate::restart::{CODE_GAVE_UP, GaveUp};

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::problem::Problems;

/// At most `times` restarts within any `window`. One more, and the supervisor gives up: a child
/// that fails for the same reason again and again should be seen by a person, not by a loop. OTP's
/// intensity and period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping like `{times: 5, window: 10s}`")]
pub struct RestartLimit {
    /// How many restarts are allowed. Zero: none.
    pub times: u32,
    /// Within what time.
    #[serde(with = "crate::duration")]
    pub window: Duration,
}

impl RestartLimit {
    /// Adds what is wrong with it, each field below `field`.
    pub fn check(&self, problems: &mut Problems, field: &str) {
        let field = format!("{field}.window");
        if self.window.is_zero() {
            let reason = "nothing happens within no time; give a longer one, or no limit";
            problems.add(&field, "0s", reason);
        }
        problems.check_duration(&field, self.window);
    }
}

impl fmt::Display for RestartLimit {
    /// What was too much: `more than 5 restarts within 10s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restarts = if self.times == 1 { "restart" } else { "restarts" };
        write!(f, "more than {} {restarts} within {:?}", self.times, self.window)
    }
}

/// The restarts that still count against a limit, oldest first.
#[derive(Debug, Default)]
pub struct RestartLog(VecDeque<Instant>);

impl RestartLog {
    /// Records a restart that is decided at `now`; says whether the limit still holds.
    pub fn allow(&mut self, now: Instant, limit: RestartLimit) -> bool {
        self.0.push_back(now);
        while self.0.front().is_some_and(|then| limit.window < now.duration_since(*then)) {
            self.0.pop_front();
        }
        self.0.len() <= limit.times as usize
    }

    /// The restart that was recorded last does not take place.
    pub fn take_back(&mut self) {
        self.0.pop_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_limit_counts_only_what_is_within_its_window() {
        let start = Instant::now();
        let limit = RestartLimit { times: 2, window: ms(1000) };
        let mut log = RestartLog::default();
        let allowed: Vec<_> = [0, 1000, 1001, 1002, 2002, 2003]
            .map(|at| log.allow(start + ms(at), limit))
            .into_iter()
            .collect();
        assert_eq!(allowed, [true, true, true, false, true, true]);
        assert!(log.allow(start + ms(9000), limit));
        // What is as old as the window is within it.
        let once = RestartLimit { times: 1, window: ms(1000) };
        for (second, allowed) in [(1000, false), (1001, true)] {
            let mut log = RestartLog::default();
            assert!(log.allow(start, once));
            assert_eq!(log.allow(start + ms(second), once), allowed);
        }
        // What was refused counts too.
        assert_eq!([9001, 9002].map(|at| log.allow(start + ms(at), limit)), [true, false]);
        // What does not take place does not count.
        log.take_back();
        log.take_back();
        assert!(log.allow(start + ms(9003), limit));
        let never = RestartLimit { times: 0, window: ms(1000) };
        assert!(!RestartLog::default().allow(start, never));
    }
}
