//! What each child has of the time in which all have to be over.

use std::time::Duration;

/// The time that a tier gives the one below it, out of what it has itself.
///
/// A tenth less, at least 20 ms (but never more than half) and at most half a second, so that nobody
/// is killed while it still stops others in time.
pub(super) fn inner_grace(grace: Duration) -> Duration {
    /// What a process needs to see the last of its children gone and to go itself.
    const LEAST: Duration = Duration::from_millis(20);
    const MOST: Duration = Duration::from_millis(500);
    grace - (grace / 10).clamp(LEAST, MOST).min(grace / 2)
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
