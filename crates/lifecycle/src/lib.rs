//! What is to be done now that this has happened?
//!
//! The decisions about supervised processes, and nothing else: whether a run that has ended is followed
//! by another, and when; how a child is asked to stop, and when it is killed; who comes before whom. All
//! of it is pure: what happens is told, with the time at which it has, and what is to be done is
//! answered. There is no clock in here, no process, file, thread or signal handler.
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use exit::Exit;
//! use lifecycle::{Action, Event, Machine, Phase, Policy, RestartPolicy, RunEnd};
//!
//! let restart = RestartPolicy::after(Duration::from_secs(5));
//! let mut machine = Machine::new(Policy { restart, ..Policy::default() }, 0);
//! let now = Instant::now();
//! assert_eq!(machine.step(Event::Start, now).action, Action::Spawn);
//! assert_eq!(machine.step(Event::Ready, now).entered, Some(Phase::Running));
//! let crashed = Event::Ended { end: RunEnd::Exited(Exit::Code(3)), at: now };
//! assert_eq!(machine.step(crashed, now).entered, Some(Phase::Waiting));
//! assert_eq!(machine.deadline(), Some(now + Duration::from_secs(5)));
//! ```
//!
//! [`Machine`] is one child, [`Keeper`] one whose start somebody waits for, [`Group`] the order among several,
//! [`Roster`] a group and its machines. All are tested in virtual time, by stories and by random ones that look at
//! laws.
//!
//! # What it cannot do
//!
//! Start, wait for or end a process. Who does (as the crates `supervisor` and `workers`) tells it what
//! has happened, and does what it answers.

mod backoff;
mod limit;
mod policy;
mod restart;

mod end;
mod group;
mod keeper;
mod machine;
mod roster;

pub mod duration;
pub mod forms;
mod problem;
#[cfg(test)]
mod random;
pub mod signal;

pub use backoff::{Backoff, CountFrom, Growth};
pub use end::RunEnd;
pub use group::{EndWhen, Group, Happened, Id, Member, Order, Strategy, resolve};
pub use keeper::{HURRY, Keeper, KeeperChange, KeeperEvent};
pub use limit::{RestartLimit, RestartLog};
pub use machine::{Action, Event, Machine, Outcome, Phase, Step};
pub use policy::{
    DEFAULT_GRACE, DEFAULT_START_TIMEOUT, Leftovers, Policy, Readiness, StartPolicy, StopBy,
    StopPolicy, StopStep, inner_grace,
};
pub use problem::{Problem, Problems, check_duration, check_name};
pub use restart::{CODE_GAVE_UP, Cause, Ends, GaveUp, Restart, RestartPolicy};
pub use roster::{Roster, RosterChange, RosterEvent};
