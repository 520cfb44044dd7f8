//! How long is waited before a child is started again.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::problem::Problems;

/// How the delay grows from one failure to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// It does not.
    #[default]
    Constant,
    /// By this much.
    Linear(#[serde(with = "crate::duration")] Duration),
    /// By this factor, 1 or more.
    Exponential(f64),
}

/// From when a delay counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountFrom {
    /// From the end of the last run.
    #[default]
    End,
    /// From its start: a run that was longer than the delay is followed by another at once.
    Start,
}

impl CountFrom {
    /// From when the delay counts after a run that began and ended then.
    pub fn of_run(self, started: Instant, ended: Instant) -> Instant {
        match self {
            CountFrom::End => ended,
            CountFrom::Start => started,
        }
    }
}

/// How long is waited before a child is started again, exact to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping like `{first: 1s, growth: {exponential: 2}, cap: 1min}`"
)]
pub struct Backoff {
    /// The first delay. Default: zero.
    #[serde(with = "crate::duration")]
    pub first: Duration,
    /// How it grows. Default: it does not.
    #[serde(deserialize_with = "crate::forms::either")]
    pub growth: Growth,
    /// What it never exceeds, jitter aside. Default: 1 minute, or the first delay if that is more.
    #[serde(with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    pub cap: Option<Duration>,
    /// At most this much is added, at random, so that many do not come back in step. Default: none.
    #[serde(with = "crate::duration")]
    pub jitter: Duration,
    /// A child that was ready and lived that long is well again: its next delay is the first, as it is
    /// after a run that ended well. Default: 1 minute.
    #[serde(with = "crate::duration")]
    pub reset_after: Duration,
    /// Without a delay, a child that has ended within this time of its start twice in a row is started
    /// again only when this time is over, so that an instant crash does not burn a core. Default: 100 ms;
    /// zero for none. A process that could not even be started, as where the system lacks descriptors or
    /// processes, is always tried again after 1 ms at least, after twice as long each time in a row, and
    /// after a second at last.
    #[serde(with = "crate::duration")]
    pub floor: Duration,
    /// From when the delay counts. Default: from the end.
    pub from: CountFrom,
}

const DEFAULT_CAP: Duration = Duration::from_secs(60);
const DEFAULT_RESET_AFTER: Duration = Duration::from_secs(60);
const DEFAULT_FLOOR: Duration = Duration::from_millis(100);

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff::constant(Duration::ZERO)
    }
}

impl Backoff {
    /// Always the same delay.
    pub fn constant(delay: Duration) -> Backoff {
        Backoff {
            first: delay,
            growth: Growth::Constant,
            cap: None,
            jitter: Duration::ZERO,
            reset_after: DEFAULT_RESET_AFTER,
            floor: DEFAULT_FLOOR,
            from: CountFrom::End,
        }
    }

    /// A delay that grows by `step`.
    pub fn linear(first: Duration, step: Duration) -> Backoff {
        Backoff { growth: Growth::Linear(step), ..Backoff::constant(first) }
    }

    /// A delay that grows by `factor`.
    pub fn exponential(first: Duration, factor: f64) -> Backoff {
        Backoff { growth: Growth::Exponential(factor), ..Backoff::constant(first) }
    }

    /// What the delay never exceeds.
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Backoff {
        self.cap = Some(cap);
        self
    }

    /// At most this much is added at random.
    #[must_use]
    pub fn jitter(mut self, jitter: Duration) -> Backoff {
        self.jitter = jitter;
        self
    }

    /// How long a child must have lived for its next delay to be the first again.
    #[must_use]
    pub fn reset_after(mut self, lived: Duration) -> Backoff {
        self.reset_after = lived;
        self
    }

    /// How close two starts may be, when there is no delay and the child crashes at once.
    #[must_use]
    pub fn floor(mut self, floor: Duration) -> Backoff {
        self.floor = floor;
        self
    }

    /// From when the delay counts.
    #[must_use]
    pub fn count_from(mut self, from: CountFrom) -> Backoff {
        self.from = from;
        self
    }

    fn most(&self) -> Duration {
        self.cap.unwrap_or(DEFAULT_CAP.max(self.first))
    }

    /// The delay after one of `last`, jitter aside; after none, the first.
    fn grown(&self, last: Option<Duration>) -> Duration {
        let Some(last) = last else { return self.first.min(self.most()) };
        let next = match self.growth {
            Growth::Constant => last,
            Growth::Linear(step) => last.saturating_add(step),
            Growth::Exponential(factor) => {
                let seconds = last.as_secs_f64() * factor;
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
        };
        next.min(self.most())
    }

    /// Adds what is wrong with it, each field below `field`.
    pub fn check(&self, problems: &mut Problems, field: &str) {
        let at = |name: &str| format!("{field}.{name}");
        for (name, duration) in [
            ("first", self.first),
            ("jitter", self.jitter),
            ("reset_after", self.reset_after),
            ("floor", self.floor),
        ] {
            problems.check_duration(&at(name), duration);
        }
        if let Some(cap) = self.cap.filter(|cap| *cap < self.first) {
            let reason = format!("is under the first delay, {:?}; give at least that", self.first);
            problems.add(at("cap"), format_args!("{cap:?}"), reason);
        }
        if self.jitter > self.first {
            let reason = format!("is larger than the first delay, {:?}; give less", self.first);
            problems.add(at("jitter"), format_args!("{:?}", self.jitter), reason);
        }
        if let Growth::Exponential(factor) = self.growth
            && !(1.0..=1000.0).contains(&factor)
        {
            problems.add(at("growth"), factor, "is no factor from 1 to 1000; give one");
        }
    }
}

/// The delays of one child so far.
#[derive(Debug)]
pub struct Delays {
    last: Option<Duration>,
    random: u64,
    /// How many in a row could not even be started.
    not_started: u32,
}

impl Delays {
    /// None so far; the jitter follows from `seed`.
    pub fn new(seed: u64) -> Delays {
        Delays { last: None, random: seed, not_started: 0 }
    }

    /// The next delay is the first again.
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// The next delay.
    pub fn next(&mut self, backoff: &Backoff) -> Duration {
        let delay = backoff.grown(self.last);
        self.last = Some(delay);
        delay.saturating_add(backoff.jitter.mul_f64(self.fraction()))
    }

    /// How long is waited at least after a run: not at all if its process was started; otherwise 1 ms,
    /// and twice as long each time in a row, up to a second.
    pub fn floor_after(&mut self, not_started: bool) -> Duration {
        const FIRST: Duration = Duration::from_millis(1);
        const LAST: Duration = Duration::from_secs(1);
        if !not_started {
            self.not_started = 0;
            return Duration::ZERO;
        }
        let floor = FIRST.saturating_mul(1 << self.not_started.min(10)).min(LAST);
        self.not_started = self.not_started.saturating_add(1);
        floor
    }

    /// From 0 up to, but not including, 1: splitmix64 (Steele, Lea and Flood, 2014), which is
    /// plenty for keeping children out of step.
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[track_caller]
    fn check(backoff: Backoff, expected: &[u64]) {
        let mut delays = Delays::new(7);
        let found: Vec<_> = expected.iter().map(|_| delays.next(&backoff).as_millis()).collect();
        let expected: Vec<_> = expected.iter().map(|ms| u128::from(*ms)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_was_said_is_kept() {
        let backoff = Backoff::constant(ms(1)).reset_after(ms(2)).floor(ms(3));
        let backoff = backoff.count_from(CountFrom::Start).jitter(ms(4)).cap(ms(5));
        assert_eq!((backoff.first, backoff.reset_after, backoff.floor), (ms(1), ms(2), ms(3)));
        let rest = (backoff.from, backoff.jitter, backoff.cap);
        assert_eq!(rest, (CountFrom::Start, ms(4), Some(ms(5))));
    }

    #[test]
    fn what_cannot_be_started_is_tried_less_and_less_often() {
        let mut delays = Delays::new(7);
        let mut tried = |starts: &[bool]| -> Vec<Duration> {
            starts.iter().map(|not_started| delays.floor_after(*not_started)).collect()
        };
        assert_eq!(tried(&[true, true, true]), [ms(1), ms(2), ms(4)]);
        assert_eq!(tried(&[false, true]), [ms(0), ms(1)]);
        assert_eq!(tried(&[true; 20]).last(), Some(&ms(1000)));
    }

    /// Case: RST-13
    #[test]
    fn delays_grow_up_to_their_cap() {
        let doubling = Backoff::exponential(ms(100), 2.0).cap(ms(1000));
        check(doubling, &[100, 200, 400, 800, 1000, 1000]);
        check(Backoff::exponential(ms(100), 1.5).cap(ms(300)), &[100, 150, 225, 300, 300]);
        check(Backoff::exponential(ms(100), 1.0).cap(ms(300)), &[100, 100, 100]);
        check(Backoff::linear(ms(100), ms(50)).cap(ms(220)), &[100, 150, 200, 220, 220]);
        check(Backoff::constant(ms(50)), &[50, 50, 50]);
        check(Backoff::constant(Duration::ZERO), &[0, 0]);
        // Without a cap of its own, a minute.
        check(Backoff::exponential(ms(30_000), 10.0), &[30_000, 60_000, 60_000]);
        check(Backoff::constant(ms(300_000)), &[300_000, 300_000]);
        // A delay that is over the cap already comes down to it.
        assert_eq!(doubling.grown(Some(ms(5000))), ms(1000));
        let endless = Backoff::exponential(ms(1), 1000.0).cap(Duration::MAX);
        assert_eq!(endless.grown(Some(Duration::MAX)), Duration::MAX);
    }

    #[test]
    fn a_reset_starts_from_the_first_again() {
        let backoff = Backoff::exponential(ms(100), 2.0);
        let mut delays = Delays::new(7);
        assert_eq!([0; 3].map(|_| delays.next(&backoff)), [ms(100), ms(200), ms(400)]);
        delays.reset();
        assert_eq!([0; 2].map(|_| delays.next(&backoff)), [ms(100), ms(200)]);
    }

    /// Case: RST-14
    #[test]
    fn jitter_stays_within_its_bounds_and_is_spread() {
        let backoff = Backoff::constant(ms(1000)).jitter(ms(100));
        let mut delays = Delays::new(1);
        let all: Vec<_> = (0..1000).map(|_| delays.next(&backoff)).collect();
        assert!(all.iter().all(|delay| (ms(1000)..ms(1100)).contains(delay)));
        for tenth in 0..10 {
            let from = ms(1000 + 10 * tenth);
            let hits = all.iter().filter(|delay| (from..from + ms(10)).contains(delay)).count();
            assert!((50..200).contains(&hits), "{hits} of 1000 in tenth {tenth}");
        }
        let mut others = Delays::new(2);
        assert_ne!(all[0], others.next(&backoff), "another child waits another time");
    }

    /// What the published algorithm gives for this seed.
    #[test]
    fn the_random_numbers_are_those_of_splitmix64() {
        let mut delays = Delays::new(1_234_567);
        let published = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973];
        for number in published {
            assert_eq!(delays.fraction(), (number >> 11) as f64 / (1u64 << 53) as f64);
        }
    }

    /// Case: CFG-03
    #[test]
    fn contradictions_are_refused() {
        let fields = |backoff: Backoff| {
            let mut problems = Problems::new();
            backoff.check(&mut problems, "backoff");
            problems.iter().map(|problem| problem.field.clone()).collect::<Vec<_>>()
        };
        assert_eq!(fields(Backoff::default()), [""; 0]);
        assert_eq!(fields(Backoff::exponential(ms(10), 2.0).cap(ms(9))), ["backoff.cap"]);
        assert_eq!(fields(Backoff::exponential(ms(10), 2.0).cap(ms(10))), [""; 0]);
        assert_eq!(fields(Backoff::constant(ms(10)).jitter(ms(11))), ["backoff.jitter"]);
        assert_eq!(fields(Backoff::constant(ms(10)).jitter(ms(10))), [""; 0]);
        for bad in [0.5, f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(fields(Backoff::exponential(ms(10), bad)), ["backoff.growth"]);
        }
        let all = Backoff::constant(Duration::from_secs(1 << 40));
        assert_eq!(fields(all), ["backoff.first"]);
    }

    proptest! {
        #[test]
        fn delays_never_shrink_before_a_reset_nor_pass_the_cap(
            first in 0..10_000u64, factor in 1.0..50.0f64, cap in 0..1_000_000u64,
        ) {
            let cap = ms(cap.max(first));
            let backoff = Backoff::exponential(ms(first), factor).cap(cap);
            let mut delays = Delays::new(0);
            let mut last = Duration::ZERO;
            for _ in 0..30 {
                let next = delays.next(&backoff);
                prop_assert!(last <= next && next <= cap);
                last = next;
            }
        }
    }
}
