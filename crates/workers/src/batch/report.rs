//! What has become of the jobs of a batch.

use std::fmt;
use std::slice;
use std::vec;

use lifecycle::Outcome;
use lifecycle::batch;
use policy::RunEnd;
use proc_spawn::ArgsError;
use proc_spawn::value;
use serde::de::DeserializeOwned;

use crate::error::WorkersError;

/// How a run of a job ended.
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    pub(super) value: Option<value::Value>,
}

/// The report before anybody has looked at the values.
pub(super) struct Untyped {
    /// What has become of each, how often it was tried, and how its last run ended.
    pub(super) jobs: Vec<(batch::Fate, u32, Option<Box<Ran>>)>,
    pub(super) counts: batch::Counts,
}

impl Untyped {
    pub(super) fn typed<T: DeserializeOwned>(self) -> Result<BatchReport<T>, WorkersError> {
        let jobs = self.jobs.into_iter().map(|(fate, tries, ran)| result(fate, tries, ran));
        Ok(BatchReport { jobs: jobs.collect(), counts: self.counts })
    }
}

fn result<T: DeserializeOwned>(
    fate: batch::Fate,
    tries: u32,
    ran: Option<Box<Ran>>,
) -> Result<T, JobFailed> {
    let end = ran.as_ref().and_then(|ran| ran.end().cloned());
    let value = ran.and_then(|ran| ran.value);
    match (fate, end) {
        (batch::Fate::Done, _) => {
            // A job that returns nothing has sent nothing.
            let value = value.unwrap_or_else(value::Value::nothing);
            value.read().map_err(|source| JobFailed::OtherType { tries, source })
        }
        (batch::Fate::Failed, Some(end)) => Err(JobFailed::Failed { tries, end, value }),
        (batch::Fate::Stopped, end) => Err(JobFailed::Stopped { tries, end, value }),
        (
            batch::Fate::Failed
            | batch::Fate::Cancelled
            | batch::Fate::Pending
            | batch::Fate::Running,
            end,
        ) => Err(JobFailed::Cancelled { tries, end }),
    }
}

/// What each job has returned, or why it has not, in the order of the jobs.
#[derive(Clone, Debug)]
#[must_use = "a job may have failed: see `into_result`"]
pub struct BatchReport<T> {
    /// One for each job.
    pub jobs: Vec<Result<T, JobFailed>>,
    counts: batch::Counts,
}

impl<T> BatchReport<T> {
    /// How many jobs are done, have failed, and were stopped or not begun any more. One that has returned another type
    /// than was expected is done.
    pub fn counts(&self) -> batch::Counts {
        self.counts
    }

    /// What all jobs have returned, in their order; or those that have not, as an error.
    ///
    /// # Errors
    ///
    /// [`BatchFailed`]: not all are done.
    pub fn into_result(self) -> Result<Vec<T>, BatchFailed> {
        let (mut values, mut failed) = (Vec::with_capacity(self.jobs.len()), Vec::new());
        for (number, job) in (1..).zip(self.jobs) {
            match job {
                Ok(value) => values.push(value),
                Err(why) => failed.push((number, why)),
            }
        }
        if failed.is_empty() {
            Ok(values)
        } else {
            Err(BatchFailed { failed, counts: self.counts })
        }
    }
}

impl<T> IntoIterator for BatchReport<T> {
    type Item = Result<T, JobFailed>;
    type IntoIter = vec::IntoIter<Result<T, JobFailed>>;

    fn into_iter(self) -> Self::IntoIter {
        self.jobs.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a BatchReport<T> {
    type Item = &'a Result<T, JobFailed>;
    type IntoIter = slice::Iter<'a, Result<T, JobFailed>>;

    fn into_iter(self) -> Self::IntoIter {
        self.jobs.iter()
    }
}

/// Why there is no value of a job.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobFailed {
    /// It has failed as often as it may, or for good.
    #[error("it {end}{}", tried(*.tries))]
    Failed {
        /// How often it was begun.
        tries: u32,
        /// How its last run ended.
        end: RunEnd,
        /// What its entry had returned in that run, if that had come whole: something has ended the process after it.
        value: Option<value::Value>,
    },
    /// It has returned another type than was expected.
    #[error("it has returned something else")]
    OtherType {
        /// How often it was begun.
        tries: u32,
        /// Which field, and why.
        source: ArgsError,
    },
    /// It ran when the batch was stopped, and was asked to quit.
    #[error("it was stopped")]
    Stopped {
        /// How often it was begun.
        tries: u32,
        /// How it ended then, if somebody has seen that.
        end: Option<RunEnd>,
        /// What its entry has returned nevertheless.
        value: Option<value::Value>,
    },
    /// It was not begun any more, or not again.
    #[error("it was not begun{}", if *.tries > 0 { " again" } else { "" })]
    Cancelled {
        /// How often it had been begun.
        tries: u32,
        /// How it had ended then.
        end: Option<RunEnd>,
    },
}

fn tried(tries: u32) -> String {
    if tries > 1 { format!(", and was tried {tries} times") } else { String::new() }
}

/// Not all jobs of a batch are done.
///
/// `Display` is one line with the first of them, `Debug`, which is what a `main` that returns it prints, has one on each.
#[derive(Clone)]
pub struct BatchFailed {
    /// Those that are not, by their numbers, which count from 1.
    pub failed: Vec<(u32, JobFailed)>,
    /// How many are done, have failed, and were stopped or not begun any more.
    pub counts: batch::Counts,
}

/// So many are named.
const SHOWN: usize = 10;

impl BatchFailed {
    fn head(&self) -> String {
        format!("{} of {} jobs are not done", self.failed.len(), self.counts.total())
    }

    fn shown(&self) -> impl Iterator<Item = String> {
        let shown = self.failed.iter().take(SHOWN);
        shown.map(|(number, why)| safe_text::escaped(&format!("job {number}: {why}")))
    }

    fn more(&self) -> Option<String> {
        let more = self.failed.len().saturating_sub(SHOWN);
        (more > 0).then(|| format!("and {more} more"))
    }
}

impl fmt::Display for BatchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.shown().chain(self.more()).collect();
        write!(f, "{}: {}", self.head(), texts.join("; "))
    }
}

impl fmt::Debug for BatchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.head())?;
        self.shown().chain(self.more()).try_for_each(|text| write!(f, "\n    {text}"))
    }
}

impl std::error::Error for BatchFailed {}
