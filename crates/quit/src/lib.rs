//! Has this process been asked to stop?
//!
//! ```no_run
//! # fn work() {}
//! use std::time::Duration;
//!
//! fn main() -> Result<(), quit::Error> {
//!     quit::install()?; // From here on, SIGTERM and SIGINT ask instead of ending us.
//!     while !quit::quit_requested() {
//!         work();
//!         quit::sleep(Duration::from_secs(60)); // Ends early when asked to stop.
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`quit_requested`] is one atomic load. [`sleep()`] sleeps exactly, and ends at once, in every
//! thread, when quit is requested. A thread that waits for something else waits for quit beside it:
//! [`descriptor`] is readable from then on (poll, select, epoll, async reactors), [`receiver`] is a
//! channel that is ready from then on.
//!
//! Not only signals ask: [`request`] does it from anywhere in the program. A quit has a [`reason`],
//! and perhaps a [`deadline`] by which all must be over. The first reason stays, the deadline can
//! only come forward, and a quit is never taken back.
//!
//! A part that should stop without stopping the process gets a [`QuitToken`] with the same methods;
//! its [`child`](QuitToken::child) quits with its parent, or alone.
//!
//! Everything but signals works without [`install`], in tests as well. A second signal ends the
//! process at once; [`install_with`] changes that, and the set of signals.
//!
//! # When it fits
//!
//! Programs that work in rounds and can say between rounds whether to go on. If a round can block
//! for minutes, poll [`descriptor`] beside whatever it waits for. Any Unix system will do.
//!
//! # What it cannot do
//!
//! * Stop code that never asks, or interrupt a blocking call: handlers restart it (`SA_RESTART`).
//! * Tell one `SIGTERM` from three: the system merges them while one is pending. For the same reason
//!   a second one ends the process only if it arrives after the first was handled.
//! * Know whether two signals are one wish. A Ctrl-C reaches every process of the terminal's
//!   foreground group; a parent there that also sends `SIGTERM` makes it two. Give such children
//!   [`SecondSignal::Ignored`], or their own process group.
//! * Share a signal with code that installs its own handler later and does not call the earlier one.
//!   Handlers installed before, and all that go through the `signal-hook` registry (tokio's too),
//!   keep working.
//! * Give a signal back. Once installed, it requests quit for the life of the process.
//! * See a signal before [`install`]: it has its default effect and ends the process. Nor does it see for
//!   certain a signal that arrives during [`install`] in a program with several threads; with one thread
//!   none is lost. A signal that is blocked stays pending until the program unblocks it.
//! * Carry over `exec`: a new program starts with default handlers and without the descriptors.
//! * Keep a plain `fork` apart. Flag and reason are then each process's own, but the pipe is shared: a
//!   quit of one makes [`descriptor`] readable in the other, too. So whoever finds it readable asks
//!   [`quit_requested`] as well. [`sleep()`] does that: it sleeps on, and looks at the flag every
//!   [`DEFAULT_STEP`] from then on. The thread behind [`receiver`] does not exist in the fork.
//! * Survive code that closes all descriptors by number: [`sleep()`] then looks every
//!   [`DEFAULT_STEP`], and nothing else is woken.

#[cfg(not(unix))]
compile_error!("quit is about Unix signals and descriptors: it needs a Unix system");

mod process;
mod reason;
mod token;

mod bell;
mod deadline;
mod scope;
mod signals;
mod sleep;
mod watcher;

mod error;

pub use deadline::{DeadlineWatch, watch_deadline};
pub use error::Error;
pub use process::{
    deadline, descriptor, quit_requested, reason, receiver, remaining, request, request_quit,
    sleep, sleep_in_steps, sleep_in_steps_until,
};
pub use reason::{Reason, Request};
pub use signals::{SecondSignal, Signals, install, install_with};
pub use sleep::{DEFAULT_STEP, Slept};
pub use token::QuitToken;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
