//! How does a program run one of its own functions in another process?
//!
//! ```no_run
//! use std::error::Error;
//! use std::time::Duration;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Args {
//!     day: u32,
//! }
//!
//! fn report(args: Args) -> Result<(), std::io::Error> {
//!     std::fs::write("report.txt", format!("day {}\n", args.day))
//! }
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     proc_spawn::init(proc_spawn::entries![report]); // A child runs its entry here.
//!
//!     let call = proc_spawn::Call::new(report, Args { day: 7 });
//!     let mut child = proc_spawn::Spawn::new(call)?.spawn()?;
//!     child.wait_until_ready(Duration::from_secs(10))?;
//!     println!("the report {}", child.wait()?);
//!     Ok(())
//! }
//! ```
//!
//! The program executes itself anew (`/proc/self/exe`), so nothing of a threaded caller is copied,
//! nothing is inherited by accident, and no `unsafe` is needed. What the function is to do travels
//! over a socket that is the child's standard input at first: the function's name, and its
//! arguments as any serde type. The other way come "ready", what failed before it, panics with
//! message and place, and the error that the function returned; so [`Exit`] is more than a number. What it returned
//! when all went well comes if it is asked for ([`Spawn::keep_value`]), and [`Child::join`] gives it.
//! The socket is the lifeline too: a child notices the end of its parent, whatever ended it.
//!
//! [`entries!`] lists the functions, [`init`] is the first line of `main`, [`Spawn`] says what to
//! start and as whom, [`Child`] is what runs, and [`current()`] tells a process who it is.
//!
//! # What a child starts with
//!
//! Descriptors 0, 1 and 2 (`/dev/null` unless said otherwise) and no other, an empty signal mask,
//! default dispositions (SIGPIPE ignored, as in any Rust program; at SIGXFSZ nothing happens, so that
//! a file too large is an error), and our environment and directory.
//!
//! # When it fits
//!
//! Work that should not share the caller's fate or memory: jobs that may crash, leak, block for
//! ever or must be killed. To keep processes alive as a service take `supervisor` or `workers`,
//! which are built on this.
//!
//! # What it cannot do
//!
//! * Start from a program whose `main` does not call [`init`] first; a test binary is one. Give a
//!   test target `harness = false` and a `main`, or drive a helper program.
//! * Send a closure, or anything that serde cannot carry; `Some(None)` is refused, since it would arrive as
//!   `None`.
//! * Start anything from a program that gained rights by being executed (set-user-ID, set-group-ID, file
//!   capabilities); nor is such a program ever a child.
//! * Undo what `main` does before [`init`]: it happens in every child.
//! * Let a child outlive the thread that spawned it unnoticed: if that thread ends, the kernel sends the
//!   child a SIGCONT, which is harmless unless the child was stopped on purpose. A [`Spawner`] is a
//!   thread that stays.

mod boot;
mod bootstrap;
mod current;
mod entries;
mod spawn;
mod telling;
pub mod value;

mod args;
mod called;
mod child;
mod closer;
mod detached;
mod entry_fn;
mod environment;
mod inherited;
mod join;
mod judge;
mod lifeline;
mod link;
mod mutex;
mod opinions;
mod payload_file;
mod peer;
mod privilege;
mod program;
mod spawn_error;
mod spawner;
mod speaker;
mod stdio;
mod sys;
mod wire;
mod words;

#[cfg(fuzzing)]
pub mod fuzzing;

pub use args::Error as ArgsError;
pub use boot::{Boot, Bound, at_end};
pub use bootstrap::{App, Handler, init};
pub use child::{Child, NotReady};
pub use current::{Current, Place, Role, current};
pub use detached::Detached;
pub use entries::{Call, Entries, EntryError};
pub use entry_fn::{EntryFn, EntryOutcome};
pub use environment::Environment;
pub use exit::{
    CODE_ERROR, CODE_PANIC, CODE_SETUP, ErrorText, Exit, Failure, NoValue, Panic, SetupError,
};
pub use join::JoinError;
pub use judge::{Judge, Judgement};
pub use lifeline::Heard;
pub use program::OtherProgram;
pub use spawn::{Program, Spawn};
pub use spawn_error::SpawnError;
pub use spawner::Spawner;
pub use speaker::Speaker;
pub use stdio::Stdio;
pub use telling::{extend_timeout, tell, tell_not_ready, tell_now, tell_ready, tell_status};
pub use value::{DEFAULT_VALUE, LONGEST_VALUE, Value};
pub use words::{Message, Told};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
