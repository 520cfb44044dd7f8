//! What is to hold for a supervised process, as plain data.
//!
//! When a run that has ended is followed by another, and after how long; how many are too many; when a start
//! counts as done; how a child is asked to stop, and when it is killed. Policies are written in files as they are
//! in Rust, are checked all at once, and each problem names the field, the value, and what would be right. They
//! decide nothing in time: that is the crate `lifecycle`.
//!
//! ```
//! use exit::Exit;
//! use policy::{Problems, Restart, RestartPolicy, RunEnd};
//!
//! let policy: RestartPolicy = serde_yaml::from_str("{restart: on-failure, backoff: {first: 5s}}")?;
//! let mut problems = Problems::new();
//! policy.check(&mut problems, "restart");
//! let policy = problems.or(policy)?;
//! assert_eq!(policy.restart, Restart::OnFailure);
//! assert!(!policy.is_clean(&RunEnd::Exited(Exit::Code(3))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it cannot do
//!
//! Read files: a policy is data of serde, in whatever format. See `safe-yaml` for YAML that others have written.

mod backoff;
mod end;
mod memory;
mod policy;
mod recycle;
mod restart;
mod roll;
mod strategy;
mod watchdog;

pub mod batch;
pub mod duration;
pub mod forms;
pub mod limit;
mod problem;
pub mod signal;

pub use backoff::{Backoff, CountFrom, Delays, Growth};
pub use batch::{BatchPolicy, Halt};
pub use end::RunEnd;
pub use limit::{RestartLimit, RestartLog};
pub use memory::MemoryUse;
pub use policy::{
    DEFAULT_GRACE, DEFAULT_START_TIMEOUT, Leftovers, Policy, Readiness, StartPolicy, StopBy,
    StopPolicy, StopStep,
};
pub use problem::{Problem, Problems};
pub use recycle::RecyclePolicy;
pub use restart::{AfterEnd, CODE_GAVE_UP, Cause, Ends, GaveUp, Restart, RestartPolicy};
pub use roll::{OnBad, RollPolicy, Share};
pub use strategy::{EndWhen, Strategy};
pub use watchdog::{WatchdogPolicy, WhenStopped};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
