//! One child in its place: started, set up, heard, stopped and buried as a machine decides.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Instant;
//!
//! use lifecycle::{Event, Machine};
//! use policy::Policy;
//! use proc_spawn::{App, Call, Current, Role, Spawn, entries};
//! use slot::Slot;
//! use surroundings::Setup;
//!
//! fn hello() {}
//!
//! surroundings::roles(App::new(entries![hello])).init(); // The child runs its entry here.
//!
//! let current = Current::new(Role::Worker, "hello");
//! let spawn = Spawn::new(Call::new(hello, ()))?.current(current).setup(&Setup::default())?;
//! let mut slot = Slot::new(spawn);
//! let (mut machine, now) = (Machine::new(Policy::default(), 0), Instant::now());
//! let step = machine.step(Event::Start, now);
//! let failed = slot.carry_out(&step, &machine, now, &mut |report| println!("{report:?}"));
//! # Ok(())
//! # }
//! ```
//!
//! What daemons and workers have in common, for who keeps either: [`Slot`] has the process, does what a
//! [`lifecycle::Machine`] decides, and [reports](Report) what has become of it. What a run has left is ended before
//! the next one, by its group and by what stands in the [`tree`] of processes. What the child does to itself is
//! [`surroundings::Setup`].
//!
//! # When it fits
//!
//! Supervisors of one's own, in a loop of one's own. For daemons there is `supervisor`, for many by name
//! `workers`.
//!
//! # What it cannot do
//!
//! * Decide, or wait: a machine does the one, whoever has the slot the other.
//! * End what a run has left outside its process group, unless a guardian is above this process.

mod burial;
mod pid_files;
mod report;
mod search;
mod slot;
mod sys;

pub mod tree;

pub use pid_files::{forget_pid_files, leave_pid_files};
pub use report::Teller;
pub use search::MARK;
pub use slot::{Report, RunOver, Slot};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
