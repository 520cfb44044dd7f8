//! How does one drive a family of processes from outside, see what they did, and leave nothing behind?
//!
//! A [`Bed`] owns a folder and every process that began in it: they carry a variable in their
//! environment, and are found by it. [`Watch`] waits for something to be true of a folder,
//! [`Running`] reads what a program prints, a [`Reaper`] cleans up after a harness. The behaviour tests, the example scenarios, the faults,
//! the chaos and the benchmarks have beds of their own, each made of this one.
//!
//! # What it cannot do
//!
//! Find a process that has changed its environment: none of ours does.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what is run, and why it failed, is shown to people"
)]

pub mod cargo;
pub mod example;
pub mod interrupt;
pub mod paint;

mod bed;
mod failure;
mod output;
mod process;
mod reaper;
mod watch;
mod workspace;

pub use bed::Bed;
pub use failure::{Failure, Outcome, at_end};
pub use output::{LIMIT, Output, Running};
pub use process::{
    MARKER, Process, Stat, children, find, kill, kill_marked, marked, readable, run_prefix, stat,
    threads,
};
pub use reaper::Reaper;
pub use watch::Watch;
pub use workspace::{Package, Workspace, read, root};
