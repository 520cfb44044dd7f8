//! What is to be done now that this has happened?
//!
//! The decisions about supervised processes, and nothing else: whether a run that has ended is followed
//! by another, and when; how a child is asked to stop, and when it is killed; who comes before whom. All
//! of it is pure: what happens is told, with the time at which it has, and what is to be done is
//! answered. There is no clock in here, no process, file, thread or signal handler. What is to hold is data of the
//! crate `policy`.
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use exit::Exit;
//! use lifecycle::{Action, Event, Machine, Phase};
//! use policy::{Policy, RestartPolicy, RunEnd};
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
//! [`Machine`] is one child, [`Keeper`] one whose start somebody waits for, [`Group`] the order among
//! several, [`Roster`] a group and its machines, [`batch`] has jobs of which there is an end. While they are kept, somebody may [ask](Request) that one of them is
//! stopped, started or restarted: [`Roster::request`], [`Keeper::restart`]. All are tested in virtual time, by stories,
//! and by random stories in which laws must hold.
//!
//! # What it cannot do
//!
//! Start, wait for or end a process. The crates `supervisor` and `workers` do that: they tell a machine
//! what has happened, and do what it answers.

pub mod batch;
pub mod group;
mod keeper;
mod machine;
#[cfg(test)]
mod random;
pub mod roll;
mod roster;

pub use group::{Group, Happened, Id, Member, Order, Unit};
pub use keeper::{HURRY, Keeper, KeeperChange, KeeperEvent};
pub use machine::{
    Action, Answer, Event, Found, Machine, Outcome, Phase, Refused, Request, Silent, Step, Then,
};
pub use roster::{Look, Outgrown, Roster, RosterChange, RosterEvent, Scaled, SetId};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
