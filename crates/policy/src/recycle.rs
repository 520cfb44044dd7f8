//! When a process of a set is replaced though nothing is wrong with it: what leaks, or has cached too much, begins anew.

use std::time::Duration;

use human_text::size::Size;
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
    /// How many bytes of memory a run has at most; `None`, which is the default: any number. In a file a size like
    /// `512MiB`.
    ///
    /// What counts is what it has for itself, resident or swapped out, and its part of what it shares with others;
    /// files that it has mapped do not count. One that is seen to have less again before its turn has come goes on.
    #[serde(with = "human_text::size::option", skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// After how long memory is looked at again, if there is a limit for it. Default: 30 seconds.
    #[serde(with = "crate::duration")]
    pub look_every: Duration,
    /// Whether the memory of what a process has started counts, too, as long as its parents are there. Default: it
    /// does not.
    pub tree: bool,
    /// How long a run is ready at least, however many jobs it has done or memory it has. Default: one minute.
    ///
    /// One that has reached such a limit sooner works on until then. The third in a row that has counts as a failure:
    /// its successor has the delay of one.
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
            memory: None,
            look_every: Duration::from_secs(30),
            tree: false,
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

    /// So many bytes of memory a run has at most.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> RecyclePolicy {
        self.memory = Some(bytes);
        self
    }

    /// Memory is looked at again after so long.
    #[must_use]
    pub fn look_every(mut self, period: Duration) -> RecyclePolicy {
        self.look_every = period;
        self
    }

    /// The memory of what a process has started counts, too.
    #[must_use]
    pub fn tree(mut self) -> RecyclePolicy {
        self.tree = true;
        self
    }

    /// So long a run is ready at least, however many jobs it has done or memory it has.
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
        self.limits().is_some()
    }

    /// What limits a run, by the name of the first of its fields that does; `None`: nothing does.
    pub fn limits(&self) -> Option<&'static str> {
        if self.age.is_some() {
            Some("age")
        } else if self.jobs.is_some() {
            Some("jobs")
        } else {
            self.memory.map(|_| "memory")
        }
    }

    /// How long this run is ready at most; it follows from `seed`.
    pub fn age_of(&self, seed: u64) -> Option<Duration> {
        let age = self.age?;
        Some(age - age.mul_f64(self.part(seed)))
    }

    /// How many jobs this run does at most; it follows from `seed`.
    pub fn jobs_of(&self, seed: u64) -> Option<u64> {
        Some(self.less(self.jobs?, seed).max(1))
    }

    /// How many bytes of memory this run has at most; it follows from `seed`.
    pub fn memory_of(&self, seed: u64) -> Option<u64> {
        Some(self.less(self.memory?, seed))
    }

    fn less(&self, limit: u64, seed: u64) -> u64 {
        // As exact as it needs to be: nobody counts to 2^53.
        limit.saturating_sub((limit as f64 * self.part(seed)) as u64)
    }

    /// Which part of its limits this run does not have, from 0 to 1.
    fn part(&self, seed: u64) -> f64 {
        let Share::Percent(percent) = self.jitter else { return 0.0 };
        let part = u32::try_from(mixed(seed) % 1_000_000).unwrap_or_default();
        f64::from(percent.min(100)) / 100.0 * f64::from(part) / 1_000_000.0
    }

    /// Adds what is wrong with it, and with how many bytes of memory a process may have in no case.
    pub fn check(&self, problems: &mut Problems, field: &str, memory_hard_limit: Option<u64>) {
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
        self.check_memory(problems, field, memory_hard_limit);
        problems.check_duration(&format!("{field}.min_age"), self.min_age);
        self.jitter.check(problems, &format!("{field}.jitter"));
        if matches!(self.jitter, Share::Count(_)) {
            let reason = "is no part; give one like 10%";
            problems.add(format!("{field}.jitter"), self.jitter, reason);
        }
    }

    fn check_memory(&self, problems: &mut Problems, field: &str, hard_limit: Option<u64>) {
        let memory = format!("{field}.memory");
        for (field, bytes) in [(&*memory, self.memory), (HARD_LIMIT, hard_limit)] {
            if let Some(bytes) = bytes.filter(|bytes| *bytes < LEAST_MEMORY) {
                let reason = "less than any process has; give more, like 512MiB, or leave it out";
                problems.add(field, Size(bytes), reason);
            }
        }
        if let (Some(limit), Some(hard)) = (self.memory, hard_limit)
            && hard <= limit
        {
            let reason = format!("is not more than {memory} ({}); give more", Size(limit));
            problems.add(HARD_LIMIT, Size(hard), reason);
        }
        let look_every = format!("{field}.look_every");
        problems.check_duration(&look_every, self.look_every);
        if self.look_every < SHORTEST_LOOK {
            let reason = "would keep the machine busy with looking; give at least 1s";
            problems.add(look_every, format_args!("{:?}", self.look_every), reason);
        }
        if self.tree && self.memory.or(hard_limit).is_none() {
            let reason = "there is no limit of memory that it could be for; give one";
            problems.add(format!("{field}.tree"), true, reason);
        }
    }
}

/// How the limit is called that stands beside the policy.
const HARD_LIMIT: &str = "memory_hard_limit";

/// A process that does nothing has a quarter of it: a smaller limit lacks its unit.
const LEAST_MEMORY: u64 = 1 << 20;

/// A look takes milliseconds for a hundred processes, of which one may have gigabytes.
const SHORTEST_LOOK: Duration = Duration::from_secs(1);

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

    /// Case: PL-57
    #[test]
    fn so_is_the_memory_of_a_run() {
        let policy = RecyclePolicy::default().memory(500 << 20).jitter(20);
        let limits: Vec<u64> = (0..1000).filter_map(|seed| policy.memory_of(seed)).collect();
        assert!(limits.iter().all(|limit| (400 << 20..=500 << 20).contains(limit)));
        assert!(limits.iter().any(|limit| *limit < 405 << 20));
        assert_eq!(policy.clone().jitter(0).memory_of(7), Some(500 << 20));
        assert_eq!(RecyclePolicy::default().memory_of(7), None);
        assert_eq!(policy.limits(), Some("memory"));
        assert_eq!(policy.jobs(7).limits(), Some("jobs"));
    }

    fn problems(yaml: &str, memory_hard_limit: Option<u64>) -> Vec<String> {
        let mut problems = Problems::new();
        let policy: RecyclePolicy = serde_yaml::from_str(yaml).unwrap();
        policy.check(&mut problems, "recycle", memory_hard_limit);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_limit_of_memory_that_makes_no_sense_is_refused() {
        let unit = "less than any process has; give more, like 512MiB, or leave it out";
        let least = format!("recycle.memory `512 B`: {unit}");
        assert_eq!(problems("{ memory: 512 }", None), [least]);
        assert_eq!(problems("{ memory: 0 B }", None), [format!("recycle.memory `0 B`: {unit}")]);
        assert_eq!(problems("{}", Some(0)), [format!("memory_hard_limit `0 B`: {unit}")]);
        let hard =
            "memory_hard_limit `512 MiB`: is not more than recycle.memory (512 MiB); give more";
        assert_eq!(problems("{ memory: 512MiB }", Some(512 << 20)), [hard]);
        let often = "would keep the machine busy with looking; give at least 1s";
        let tree =
            "recycle.tree `true`: there is no limit of memory that it could be for; give one";
        assert_eq!(
            problems("{ look_every: 0s, tree: true }", None),
            [&format!("recycle.look_every `0ns`: {often}"), tree]
        );
        for yaml in ["{ look_every: 1s, tree: true }", "{ memory: 1MiB }"] {
            assert_eq!(problems(yaml, Some((1 << 20) + 1)), [""; 0], "{yaml}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(
            problems("{ age: 0s, jobs: 0, jitter: 3 }", None),
            [
                "recycle.age `0s`: each would be replaced at once; give more, or leave it out",
                "recycle.jobs `0`: each would be replaced at once; give more, or leave it out",
                "recycle.jitter `3`: is no part; give one like 10%",
            ]
        );
        let yaml = "{ age: 24h, jobs: 7, memory: 512MiB, look_every: 5s, tree: true, min_age: 1s, jitter: 20% }";
        let policy: RecyclePolicy = serde_yaml::from_str(yaml).unwrap();
        let written = serde_yaml::to_string(&policy).unwrap();
        assert_eq!(serde_yaml::from_str::<RecyclePolicy>(&written).unwrap(), policy);
        let day = Duration::from_secs(86_400);
        let in_rust = RecyclePolicy::default().age(day).jobs(7).memory(512 << 20).tree().jitter(20);
        let in_rust = in_rust.look_every(Duration::from_secs(5)).min_age(Duration::from_secs(1));
        assert_eq!(policy, in_rust);
    }
}
