//! When a process of a set is replaced though nothing is wrong with it: what leaks, or has cached too much, begins anew.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::problem::Problems;
use crate::roll::Share;

/// When processes of a set are replaced by themselves, each in its turn and never more at once than may be away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a mapping like `{age: 24h, jobs: 10000, jitter: 20%}`"
)]
pub struct RecyclePolicy {
    /// How long a run is ready at most; `None`, which is the default: for ever.
    #[serde(with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    pub age: Option<Duration>,
    /// How many jobs a run does at most, by its own count; `None`, which is the default: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u64>,
    /// How long a run is ready at least, however many jobs it has done. Default: one minute.
    ///
    /// One that has done them sooner works on until then. The third in a row that has counts as a failure: its
    /// successor has the delay of one.
    #[serde(with = "crate::duration")]
    pub min_age: Duration,
    /// By how much of them a run's own limits may be shorter, drawn once for each run, so that those that were started
    /// together are not due together. Default: 10%.
    pub jitter: Share,
}

impl Default for RecyclePolicy {
    fn default() -> RecyclePolicy {
        RecyclePolicy {
            age: None,
            jobs: None,
            min_age: Duration::from_secs(60),
            jitter: Share::Percent(10),
        }
    }
}

impl RecyclePolicy {
    /// So long a run is ready at most.
    #[must_use]
    pub fn age(mut self, age: Duration) -> RecyclePolicy {
        self.age = Some(age);
        self
    }

    /// So many jobs a run does at most.
    #[must_use]
    pub fn jobs(mut self, jobs: u64) -> RecyclePolicy {
        self.jobs = Some(jobs);
        self
    }

    /// So long a run is ready at least, however many jobs it has done.
    #[must_use]
    pub fn min_age(mut self, min_age: Duration) -> RecyclePolicy {
        self.min_age = min_age;
        self
    }

    /// By so many of a hundred a run's own limits may be shorter.
    #[must_use]
    pub fn jitter(mut self, percent: u32) -> RecyclePolicy {
        self.jitter = Share::Percent(percent);
        self
    }

    /// Whether any run is ever replaced.
    pub fn is_set(&self) -> bool {
        self.age.is_some() || self.jobs.is_some()
    }

    /// How long this run is ready at most; it follows from `seed`.
    pub fn age_of(&self, seed: u64) -> Option<Duration> {
        let age = self.age?;
        Some(age - age.mul_f64(self.part(seed)))
    }

    /// How many jobs this run does at most; it follows from `seed`.
    pub fn jobs_of(&self, seed: u64) -> Option<u64> {
        let jobs = self.jobs?;
        // As exact as it needs to be: nobody counts to 2^53.
        let less = (jobs as f64 * self.part(seed)) as u64;
        Some(jobs.saturating_sub(less).max(1))
    }

    /// Which part of its limits this run does not have, from 0 to 1.
    fn part(&self, seed: u64) -> f64 {
        let Share::Percent(percent) = self.jitter else { return 0.0 };
        let part = u32::try_from(mixed(seed) % 1_000_000).unwrap_or_default();
        f64::from(percent.min(100)) / 100.0 * f64::from(part) / 1_000_000.0
    }

    /// Adds what is wrong with it.
    pub fn check(&self, problems: &mut Problems, field: &str) {
        if let Some(age) = self.age {
            problems.check_duration(&format!("{field}.age"), age);
            if age.is_zero() {
                let reason = "each would be replaced at once; give more, or leave it out";
                problems.add(format!("{field}.age"), "0s", reason);
            }
        }
        if self.jobs == Some(0) {
            let reason = "each would be replaced at once; give more, or leave it out";
            problems.add(format!("{field}.jobs"), 0, reason);
        }
        problems.check_duration(&format!("{field}.min_age"), self.min_age);
        self.jitter.check(problems, &format!("{field}.jitter"));
        if matches!(self.jitter, Share::Count(_)) {
            let reason = "is no part; give one like 10%";
            problems.add(format!("{field}.jitter"), self.jitter, reason);
        }
    }
}

/// Numbers near each other give others that are not: the mixing step of splitmix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014).
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases: PL-57, PL-58
    #[test]
    fn jitter_only_shortens_and_is_drawn_once_a_run() {
        let day = Duration::from_secs(86_400);
        let policy = RecyclePolicy::default().age(day).jitter(20);
        let ages: Vec<Duration> = (0..1000).filter_map(|seed| policy.age_of(seed)).collect();
        assert!(ages.iter().all(|age| *age <= day && day.mul_f64(0.8) <= *age));
        assert!(ages.iter().any(|age| *age < day.mul_f64(0.82)));
        assert!(ages.iter().any(|age| day.mul_f64(0.98) < *age));
        assert_eq!(policy.age_of(7), policy.age_of(7));
        assert_eq!(RecyclePolicy::default().jitter(100).age_of(7), None);
        assert_eq!(policy.jitter(0).age_of(7), Some(day));
        let all = RecyclePolicy::default().age(Duration::MAX).jitter(100).age_of(3);
        assert!(all.is_some());
    }

    /// Cases: PL-57, WRK-12
    #[test]
    fn so_are_the_jobs_of_a_run() {
        let policy = RecyclePolicy::default().jobs(1000).jitter(20);
        let jobs: Vec<u64> = (0..1000).filter_map(|seed| policy.jobs_of(seed)).collect();
        assert!(jobs.iter().all(|jobs| (800..=1000).contains(jobs)));
        assert!(jobs.iter().any(|jobs| *jobs < 820) && jobs.iter().any(|jobs| 980 < *jobs));
        assert_eq!(policy.jobs_of(7), policy.jobs_of(7));
        assert_eq!(RecyclePolicy::default().jobs_of(7), None);
        assert!((0..1000).all(|seed| policy.clone().jobs(1).jitter(100).jobs_of(seed) == Some(1)));
        let all = policy.jobs(u64::MAX).jitter(100);
        assert!((0..1000).all(|seed| all.jobs_of(seed).is_some_and(|jobs| jobs > 0)));
        assert!(all.is_set() && !RecyclePolicy::default().is_set());
        assert_eq!(all.min_age(Duration::from_secs(7)).min_age, Duration::from_secs(7));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut problems = Problems::new();
        let policy: RecyclePolicy =
            serde_yaml::from_str("{ age: 0s, jobs: 0, jitter: 3 }").unwrap();
        policy.check(&mut problems, "recycle");
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "recycle.age `0s`: each would be replaced at once; give more, or leave it out",
                "recycle.jobs `0`: each would be replaced at once; give more, or leave it out",
                "recycle.jitter `3`: is no part; give one like 10%",
            ]
        );
        let policy: RecyclePolicy =
            serde_yaml::from_str("{ age: 24h, jobs: 7, min_age: 1s, jitter: 20% }").unwrap();
        let written = serde_yaml::to_string(&policy).unwrap();
        assert_eq!(serde_yaml::from_str::<RecyclePolicy>(&written).unwrap(), policy);
    }
}
