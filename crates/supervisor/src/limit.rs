//! When it is enough: how many restarts within what time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// At most `times` restarts within any `window`. One more, and the supervisor gives up: a child
/// that fails for the same reason again and again should be seen by a person, not by a loop. OTP's
/// intensity and period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestartLimit {
    /// How many restarts are allowed. Zero: none.
    pub times: u32,
    /// Within what time.
    #[serde(with = "crate::duration")]
    pub window: Duration,
}

/// The restarts that still count against the limit, oldest first.
#[derive(Debug, Default)]
pub(crate) struct RestartLog(VecDeque<Instant>);

impl RestartLog {
    /// Records a restart that is decided at `now`; says whether the limit still holds.
    pub(crate) fn allow(&mut self, now: Instant, limit: RestartLimit) -> bool {
        self.0.push_back(now);
        while self.0.front().is_some_and(|then| limit.window < now.duration_since(*then)) {
            self.0.pop_front();
        }
        self.0.len() <= limit.times as usize
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
        let never = RestartLimit { times: 0, window: ms(1000) };
        assert!(!RestartLog::default().allow(start, never));
    }
}
