//! What a child has around it: said once, checked before anything happens, made by the child itself.
//!
//! ```no_run
//! use proc_spawn::{App, Call, Current, Role, Spawn, entries};
//! use surroundings::Setup;
//!
//! fn hello() {}
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! surroundings::roles(App::new(entries![hello])).init(); // The child becomes what it is to be, and runs its entry.
//!
//! let setup = Setup { umask: Some(0o027), directory: Some("/srv".into()), ..Setup::default() };
//! let current = Current::new(Role::Worker, "hello");
//! let child = Spawn::new(Call::new(hello, ()))?.current(current).setup(&setup)?.spawn()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Surroundings`] are options: directory, umask, environment, streams, logging, capture. Options of daemons and of
//! workers have them as one field, one set of [methods](surroundings_methods) and one [form in files](surroundings_form).
//! [`Files`], [`Streams`], [`Base`] and [`check`] look through them, all at once, and touch nothing: what is
//! [planned](PlannedSurroundings) then has nothing left to decide. [`Setup`] is what a child does to itself before its
//! entry runs, in an order that has reasons; [`reopen`] opens a process's files anew.
//!
//! # When it fits
//!
//! Programs that start children with options that others have written.
//!
//! # What it cannot do
//!
//! Start or keep a child: the crate `slot` does, by what `lifecycle` decides.

#[cfg(not(target_os = "linux"))]
compile_error!("surroundings needs pid files and /proc, which only Linux has");

mod base;
mod callers;
mod files;
mod jobs;
mod setup;
mod streams;
mod surroundings;
mod words;

pub mod check;
pub mod reload;
pub mod reopen;

pub use base::Base;
pub use callers::Callers;
pub use files::{Files, Held, Owner, Purpose};
pub use jobs::job_done;
pub use reload::{ReloadListener, reload_requested};
pub use setup::{Setup, roles};
pub use streams::{Parent, Streams, said_target};
pub use surroundings::{PlannedSurroundings, Surroundings, SurroundingsForm, Umask, Whose};
pub use words::Word;

// For the macros of surroundings.
#[doc(hidden)]
pub use {capture::Capture, logging::LoggingConfig, stdio_redirect::Target};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
