//! How jobs are done of which there is an end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::problem::Problems;

/// What a job that has failed for good means for the others: as `--halt` of GNU parallel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Halt {
    /// Nothing.
    #[default]
    GoOn,
    /// No other is begun, nor tried again; those that run are brought to their end.
    Soon,
    /// No other is begun, and those that run are stopped, each within its grace.
    Now,
}

impl fmt::Display for Halt {
    /// As in a configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Halt::GoOn => "go-on",
            Halt::Soon => "soon",
            Halt::Now => "now",
        })
    }
}

/// How the jobs of a batch are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a mapping like `{at_most: 4, tries: 3}`")]
pub struct BatchPolicy {
    /// How many run at a time; none: it waits until somebody says another number. Default: one.
    pub at_most: u32,
    /// How often a job is begun, at most, until it has failed for good. Default: once.
    pub tries: u32,
    /// What that means for the others. Default: nothing.
    pub on_failure: Halt,
}

impl Default for BatchPolicy {
    fn default() -> BatchPolicy {
        BatchPolicy { at_most: 1, tries: 1, on_failure: Halt::GoOn }
    }
}

/// No machine has as many processes for one.
const MOST_AT_ONCE: u32 = 100_000;

impl BatchPolicy {
    /// Adds what is wrong with it. `may_wait`: somebody can say another number later.
    pub fn check(&self, problems: &mut Problems, may_wait: bool) {
        if self.at_most == 0 && !may_wait {
            let reason =
                "none would ever run, and nobody could change that; let one run, or keep a handle";
            problems.add("at_most", self.at_most, reason);
        }
        if self.at_most > MOST_AT_ONCE {
            problems.add("at_most", self.at_most, format!("more than {MOST_AT_ONCE}; give fewer"));
        }
        if self.tries == 0 {
            problems.add("tries", self.tries, "no job would ever be begun; let each be tried once");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: PL-90
    #[test]
    fn what_would_never_be_done_is_refused() {
        let problems = |policy: BatchPolicy, may_wait| {
            let mut problems = Problems::new();
            policy.check(&mut problems, may_wait);
            problems.iter().map(|problem| problem.field.clone()).collect::<Vec<_>>()
        };
        let policy = BatchPolicy::default();
        assert!(problems(policy, false).is_empty());
        let none = BatchPolicy { at_most: 0, ..policy };
        assert!(problems(none, true).is_empty());
        assert_eq!(problems(none, false), ["at_most"]);
        let wrong = BatchPolicy { at_most: MOST_AT_ONCE + 1, tries: 0, ..policy };
        assert_eq!(problems(wrong, true), ["at_most", "tries"]);
    }
}
