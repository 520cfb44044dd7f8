//! How the processes of a set are replaced one after another, and how many of them may be away meanwhile.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::problem::Problems;

/// A part of a set: so many, or so many of a hundred. In a file `2` or `25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// So many, whatever there are.
    Count(u32),
    /// So many of a hundred, from 0 to 100.
    Percent(u32),
}

impl Share {
    /// So many whole ones of `all`, and no more.
    pub fn at_most(self, all: u32) -> u32 {
        match self {
            Share::Count(count) => count.min(all),
            Share::Percent(percent) => of_hundred(u64::from(all) * u64::from(percent)),
        }
    }

    /// So many whole ones of `all`, and no fewer.
    pub fn at_least(self, all: u32) -> u32 {
        match self {
            Share::Count(count) => count,
            Share::Percent(percent) => of_hundred(u64::from(all) * u64::from(percent) + 99),
        }
    }

    /// Whether it says that there are none, and not only that there are few.
    pub fn is_none(self) -> bool {
        matches!(self, Share::Count(0) | Share::Percent(0))
    }

    /// Adds what is wrong with it.
    pub fn check(self, problems: &mut Problems, field: &str) {
        if matches!(self, Share::Percent(101..)) {
            problems.add(field, self, "more than 100%; give less");
        }
    }
}

fn of_hundred(product: u64) -> u32 {
    u32::try_from(product / 100).unwrap_or(u32::MAX)
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Share::Count(count) => count.fmt(f),
            Share::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Share::Count(count) => serializer.serialize_u32(*count),
            Share::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number like 2, or a part like 25%")
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<Share, E> {
                let count = u32::try_from(count);
                count.map(Share::Count).map_err(|_| E::custom("more than there can be"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Share, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
                let percent = text.strip_suffix('%').ok_or_else(wrong)?;
                percent.parse().map(Share::Percent).map_err(|_| wrong())
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// How all processes of a set are replaced one after another, as a rolling update of Kubernetes does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a mapping like `{surge: 1, settle: 5s}`")]
pub struct RollPolicy {
    /// So many more than there are to be are started first, and stopped last. Parts are rounded up. Default: none.
    pub surge: Share,
    /// What passes after each before the next one. Default: none.
    #[serde(with = "crate::duration")]
    pub pause: Duration,
    /// How long a new one must have been ready until it counts as there. One that ends sooner is bad. Default: no time.
    #[serde(with = "crate::duration")]
    pub settle: Duration,
    /// How often a new one is started until it counts as bad, if it ends before it is ready. Default: twice.
    pub tries: u32,
    /// The roll is given up when nothing has come further for so long, pauses aside. Default: 10 minutes;
    /// [`Duration::MAX`]: never.
    #[serde(with = "crate::duration")]
    pub stall: Duration,
    /// What becomes of one whose new run is bad, if it was to be another than before (a reload). Default: it is again what
    /// it was.
    pub on_bad: OnBad,
}

/// What becomes of one of a set whose new run is bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBad {
    /// It is what it was before.
    #[default]
    Revert,
    /// It stays what it was to be, and is started again as its policy says.
    Stay,
}

impl OnBad {
    /// Whether it is what it was before.
    pub fn reverts(self) -> bool {
        self == OnBad::Revert
    }
}

/// No set is as large.
const MOST_SURGE: u32 = 100_000;

impl Default for RollPolicy {
    fn default() -> RollPolicy {
        RollPolicy {
            surge: Share::Count(0),
            pause: Duration::ZERO,
            settle: Duration::ZERO,
            tries: 2,
            stall: Duration::from_secs(600),
            on_bad: OnBad::default(),
        }
    }
}

impl RollPolicy {
    /// So many more than there are to be are started first.
    #[must_use]
    pub fn surge(mut self, surge: Share) -> RollPolicy {
        self.surge = surge;
        self
    }

    /// What passes after each before the next one.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> RollPolicy {
        self.pause = pause;
        self
    }

    /// How long a new one must have been ready until it counts as there.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> RollPolicy {
        self.settle = settle;
        self
    }

    /// How often a new one is started until it counts as bad.
    #[must_use]
    pub fn tries(mut self, tries: u32) -> RollPolicy {
        self.tries = tries;
        self
    }

    /// The roll is given up when nothing has come further for so long.
    #[must_use]
    pub fn stall(mut self, stall: Duration) -> RollPolicy {
        self.stall = stall;
        self
    }

    /// What becomes of one whose new run is bad.
    #[must_use]
    pub fn on_bad(mut self, on_bad: OnBad) -> RollPolicy {
        self.on_bad = on_bad;
        self
    }

    /// Whether one whose new run is bad becomes again what it was.
    pub fn reverts(&self) -> bool {
        self.on_bad == OnBad::Revert
    }

    /// Adds what is wrong with it; `max_unavailable` is what the set says beside it.
    pub fn check(&self, problems: &mut Problems, field: &str, max_unavailable: Share) {
        let part = |name: &str| format!("{field}.{name}");
        self.surge.check(problems, &part("surge"));
        if matches!(self.surge, Share::Count(MOST_SURGE..)) {
            let reason = format!("{MOST_SURGE} and more are a slip; give fewer");
            problems.add(part("surge"), self.surge, reason);
        }
        for (name, span) in [("pause", self.pause), ("settle", self.settle)] {
            if span == Duration::MAX {
                problems.add(part(name), "forever", "the roll would never end; give a time");
            }
        }
        problems.check_duration(&part("pause"), self.pause);
        problems.check_duration(&part("settle"), self.settle);
        problems.check_duration(&part("stall"), self.stall);
        if self.tries == 0 {
            problems.add(part("tries"), 0, "none would ever be started; give at least 1");
        }
        if self.stall.is_zero() {
            problems.add(part("stall"), "0s", "nothing comes further in no time; give more");
        }
        if self.surge.is_none() && max_unavailable.is_none() {
            let reason = "with max_unavailable 0 none could ever be replaced; give one of them";
            problems.add(part("surge"), self.surge, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: PL-43
    #[test]
    fn parts_are_whole_ones_by_the_side_that_is_safe() {
        for (share, all, at_most, at_least) in [
            (Share::Count(2), 5, 2, 2),
            (Share::Count(9), 5, 5, 9),
            (Share::Percent(25), 4, 1, 1),
            (Share::Percent(25), 3, 0, 1),
            (Share::Percent(25), 10, 2, 3),
            (Share::Percent(100), u32::MAX, u32::MAX, u32::MAX),
            (Share::Percent(0), 7, 0, 0),
        ] {
            assert_eq!((share.at_most(all), share.at_least(all)), (at_most, at_least), "{share}");
        }
    }

    #[test]
    fn a_share_is_a_number_or_a_part() {
        for (text, share) in
            [("3", Share::Count(3)), ("25%", Share::Percent(25)), ("0%", Share::Percent(0))]
        {
            assert_eq!(serde_yaml::from_str::<Share>(text).unwrap(), share);
            let written = serde_yaml::to_string(&share).unwrap();
            assert_eq!(serde_yaml::from_str::<Share>(&written).unwrap(), share);
        }
        for wrong in ["-1", "1.5", "x%", "%", "''", "4294967296", "3 %"] {
            serde_yaml::from_str::<Share>(wrong).unwrap_err();
        }
    }

    #[test]
    fn what_could_never_go_on_is_refused() {
        let texts = |policy: &RollPolicy, unavailable| {
            let mut problems = Problems::new();
            policy.check(&mut problems, "roll", unavailable);
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(texts(&RollPolicy::default(), Share::Count(1)), [""; 0]);
        assert_eq!(texts(&RollPolicy::default().surge(Share::Count(1)), Share::Count(0)), [""; 0]);
        let bad = RollPolicy::default().tries(0).stall(Duration::ZERO).surge(Share::Percent(101));
        assert_eq!(
            texts(&bad, Share::Count(1)),
            [
                "roll.surge `101%`: more than 100%; give less",
                "roll.tries `0`: none would ever be started; give at least 1",
                "roll.stall `0s`: nothing comes further in no time; give more",
            ]
        );
        assert_eq!(
            texts(&RollPolicy::default(), Share::Percent(0)),
            ["roll.surge `0`: with max_unavailable 0 none could ever be replaced; give one of \
                 them"]
        );
        let yaml = "{surge: 20%, pause: 2s, settle: 500ms, tries: 3, stall: forever, on_bad: stay}";
        let policy: RollPolicy = serde_yaml::from_str(yaml).unwrap();
        let written = serde_yaml::to_string(&policy).unwrap();
        assert_eq!(serde_yaml::from_str::<RollPolicy>(&written).unwrap(), policy);
        assert_eq!((policy.tries, policy.stall, policy.on_bad), (3, Duration::MAX, OnBad::Stay));
    }

    #[test]
    fn each_word_sets_what_it_says() {
        let seconds = Duration::from_secs;
        let policy = RollPolicy::default()
            .surge(Share::Count(1))
            .pause(seconds(2))
            .settle(seconds(3))
            .tries(4)
            .stall(seconds(5))
            .on_bad(OnBad::Stay);
        let expected = RollPolicy {
            surge: Share::Count(1),
            pause: seconds(2),
            settle: seconds(3),
            tries: 4,
            stall: seconds(5),
            on_bad: OnBad::Stay,
        };
        assert_eq!(policy, expected);
    }
}
