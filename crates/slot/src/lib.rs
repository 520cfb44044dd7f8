//! One child in its place: started, set up, heard, stopped and buried as a machine decides.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Instant;
//!
//! use lifecycle::{Event, Machine};
//! use policy::Policy;
//! use proc_spawn::{App, Spawn, entries, entry};
//! use slot::{Setup, Slot};
//!
//! fn hello() {}
//!
//! slot::roles(App::new(entries![hello])).init(); // The child runs its entry here.
//!
//! let mut slot = Slot::new(Spawn::new(entry(hello, ()))?.setup(&Setup::default())?);
//! let (mut machine, now) = (Machine::new(Policy::default(), 0), Instant::now());
//! let step = machine.step(Event::Start, now);
//! let failed = slot.carry_out(&step, &machine, now, &mut |report| println!("{report:?}"));
//! # Ok(())
//! # }
//! ```
//!
//! What daemons and workers have in common, for who keeps either: [`Slot`] has the process and does what a
//! [`lifecycle::Machine`] decides; [`Setup`] is what a child does to itself before its entry runs;
//! [`Files`], [`Streams`], [`Base`] and [`check`] look through options before anything happens; [`reopen`]
//! opens a process's files anew.
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

#[cfg(not(target_os = "linux"))]
compile_error!("slot needs pidfds and /proc, which only Linux has");

mod burial;
mod pid_files;
mod report;
mod search;
mod slot;
mod words;

mod base;
mod files;
mod setup;
mod streams;
mod surroundings;

pub mod check;
pub mod reopen;
pub mod tree;

pub use base::Base;
pub use files::{Files, Held, Owner, Purpose};
pub use pid_files::{forget_pid_files, leave_pid_files};
pub use report::Teller;
pub use search::MARK;
pub use setup::{Setup, enter, has_terminal, install_logging, roles};
pub use slot::{Report, RunOver, Slot};
pub use streams::{Parent, Streams, said_target};
pub use surroundings::{PlannedSurroundings, Surroundings, SurroundingsForm, Umask, Whose};

// For the macros of surroundings.
#[doc(hidden)]
pub use {capture::Capture, logging::LoggingConfig, stdio_redirect::Target};
