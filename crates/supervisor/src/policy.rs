//! When a child that ended is started again, and how long it may take to stop, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Long enough for a connection to close, short enough for `docker stop`'s patience to be set by
/// and far below that of `systemctl stop` (90 s).
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// How long a child may take from its start to its entry's call, unless told otherwise.
pub const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(30);

/// What is done about one child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How long after its end a child that failed is started again; `None`: it is not.
    ///
    /// Counted from the end, on the monotonic clock. Zero is legal, and means at once.
    pub restart_interval: Option<Duration>,
    /// How long a child has from being asked to quit until it is killed. Zero is legal, and means
    /// at once.
    pub grace: Duration,
    /// How long a child may take from its start to its entry's call until it is killed.
    pub start_timeout: Duration,
    /// Whether a first run that does not get as far as its entry ends it all, whatever the
    /// interval: what is wrong before the first call is for a person to see, not for a loop.
    pub must_launch: bool,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            restart_interval: None,
            grace: DEFAULT_GRACE,
            start_timeout: DEFAULT_START_TIMEOUT,
            must_launch: false,
        }
    }
}

/// The time that a tier gives the one below it, out of what it has itself.
///
/// A tenth less, at most half a second, so that nobody is killed while it still stops others in
/// time.
pub fn inner_grace(grace: Duration) -> Duration {
    /// What a process needs to see the last of its children gone and to go itself.
    const MARGIN: Duration = Duration::from_millis(500);
    grace - (grace / 10).min(MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graces_nest() {
        let mut grace = Duration::from_secs(10);
        for _ in 0..3 {
            let inner = inner_grace(grace);
            assert!(inner < grace && grace - inner <= Duration::from_millis(500));
            grace = inner;
        }
        assert_eq!(inner_grace(Duration::ZERO), Duration::ZERO);
        assert!(inner_grace(Duration::MAX) < Duration::MAX);
    }
}
