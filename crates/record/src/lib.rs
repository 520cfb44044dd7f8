//! What is known of the children of a guardian or a pool, and the last of what happened to them, for
//! whoever asks.
//!
//! ```
//! use lifecycle::Phase;
//! use record::{Events, Record, Role};
//! use slot::Report;
//!
//! let mut events = Events::new(64);
//! let mut record = Record::new(Role::Worker, "red");
//! let started = Report::Started { pid: 4711, run: 1 };
//! record.note(&started, &mut events);
//! record.entered(Phase::Starting, &mut events);
//! assert_eq!(events.since(0, 99).events.len(), 2);
//! assert_eq!(record.process(None).pid, Some(4711));
//! ```
//!
//! A [`Record`] is told what a slot reports and where a machine stands, and answers with the types of
//! `control`. [`Events`] numbers what happens and keeps the last of it: who comes later gets what is kept,
//! and is told what is not.
//!
//! # What it cannot do
//!
//! Keep anything beyond its process: it is memory, and bounded.

mod ends;
mod events;
mod files;
mod known;
mod memory;
mod time;
mod usage;

pub use ends::run_end;
pub use events::Events;
pub use files::files;
pub use known::{Record, Role};
pub use memory::memory;
pub use time::stamp;
pub use usage::{Usage, usage};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
