//! Which signals of hurry are the first request itself, and which come after it.
//!
//! A handler may run in another thread than the loop, and is seen in two pieces: the flag, and the signal
//! that is counted. So the loop may see the quit that a SIGINT asked for before it can count that same SIGINT.

/// The signals counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hurry {
    heard: usize,
    /// How many of them, none or one, are the request to quit itself; `None` before it is seen.
    first: Option<usize>,
}

impl Hurry {
    /// So many more have come.
    pub(super) fn hear(&mut self, signals: usize) {
        self.heard = self.heard.saturating_add(signals);
    }

    /// Quit is requested, by one of these signals or otherwise.
    pub(super) fn begin(&mut self, by_signal: bool) {
        // A signal that was heard before is the request also where `by_signal` is false: then a second
        // signal has overwritten its number before the loop looked at the flag.
        self.first.get_or_insert(usize::from(by_signal || self.heard > 0));
    }

    /// Whether somebody has asked again since the last time.
    pub(super) fn take(&mut self) -> bool {
        let Some(first) = self.first else { return false };
        let again = self.heard > first;
        // What came beyond the first is answered now, and is not counted again.
        self.heard = self.heard.min(first);
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first Ctrl-C may be counted before the quit is seen, together with it, or after.
    ///
    /// Case: FLT-G6
    #[test]
    fn the_first_signal_is_counted_once_whenever_its_byte_comes() {
        for (before, after) in [(1, 0), (0, 1)] {
            let mut hurry = Hurry::default();
            hurry.hear(before);
            assert!(!hurry.take());
            hurry.begin(true);
            assert!(!hurry.take());
            hurry.hear(after);
            assert!(!hurry.take(), "{before}, {after}");
            hurry.hear(1);
            assert!(hurry.take(), "the second one");
            assert!(!hurry.take(), "once");
            hurry.hear(1);
            assert!(hurry.take(), "the third one");
        }
        // A SIGINT whose number was overwritten by a SIGTERM that came at once after it.
        let mut hurry = Hurry::default();
        hurry.hear(1);
        hurry.begin(false);
        assert!(!hurry.take());
    }

    #[test]
    fn after_another_request_the_first_one_is_a_hurry() {
        let mut hurry = Hurry::default();
        hurry.begin(false);
        assert!(!hurry.take());
        hurry.hear(1);
        assert!(hurry.take());
        let mut both = Hurry::default();
        both.hear(2);
        both.begin(true);
        assert!(both.take(), "two at once are a first and a second");
    }
}
