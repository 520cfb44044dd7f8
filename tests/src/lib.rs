//! How does a test drive a family of processes, see what they did, and leave nothing behind?
//!
//! A [`TestBed`] owns a folder and every process that was started in it. The program under test is
//! the `fixture`; what its processes are to do is written as steps in YAML. Each of them tells what
//! it does in the *journal*, in stable words: role, name and run, no ids and no times.
//!
//! ```no_run
//! # use bed::TestBed;
//! let bed = TestBed::new("path/of/the/fixture");
//! let daemon = bed.start("{restart_interval: 50ms, daemon_args: [{in_run: [1, {exit: 3}]}, rounds]}");
//! bed.expect("executor started, run 2");
//! daemon.stop();
//! bed.nothing_left();
//! ```
//!
//! # When it fits
//!
//! Behaviour of many processes together. What can be decided without a process is tested beside
//! the code that decides.
//!
//! # What it cannot do
//!
//! * What [`testbed`] cannot, of which it is made.
//! * Say how long something took. A test says "not before", and leaves the rest to benchmarks.

#![expect(clippy::unwrap_used, reason = "what fails in here fails the test")]
#![expect(clippy::print_stderr, reason = "what a failed test leaves is shown to people")]

mod bed;
mod daemon;

pub use bed::{TestBed, kept, zone_with_midnight_in};
pub use daemon::Daemon;
pub use testbed::{LIMIT, Output, Process, Reaper, Running};
