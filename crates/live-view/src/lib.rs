//! How does a person watch a service and its workers, and act on one of them?
//!
//! ```no_run
//! use control::service::{Process, Status};
//! use live_view::{Daemon, Request, Seen};
//!
//! struct Jobd;
//!
//! impl Daemon for Jobd {
//!     fn name(&self) -> &str {
//!         "jobd"
//!     }
//!
//!     fn look(&self) -> Seen {
//!         let status = Status { epoch: "e1".to_owned(), ..Status::default() };
//!         Seen::Answered { status: Box::new(status), workers: Ok(vec![Process::default()]) }
//!     }
//!
//!     fn ask(&self, request: &Request) -> Result<(), String> {
//!         Err(format!("{request}: not today"))
//!     }
//! }
//!
//! let ended = live_view::show(Jobd, true)?;
//! println!("{ended:?}");
//! # Ok::<(), live_view::CannotShow>(())
//! ```
//!
//! Guardian, executor and workers with their state, uptime, restarts, share of a processor, memory, and the last minute
//! of the share as a small curve: once a second, for as long as it is open. One of them alone (enter) with its last ends
//! and its last lines.
//!
//! | key | |
//! |---|---|
//! | up, down, `j`, `k`, page up, page down, home, end | select |
//! | enter, escape | one alone, and back |
//! | `/` | only workers whose names contain this; escape ends that |
//! | `s` | the next order: name, cpu, memory, restarts, uptime |
//! | `r`, `x`, `t`, `K` | restart, stop, start, signal; each asks first |
//! | `?` | what the keys do |
//! | `q`, Ctrl-C | quit |
//! | Ctrl-Z, Ctrl-L | stop until `fg`; draw everything anew |
//!
//! # What is true
//!
//! Numbers are as old as the time at the top right. If no answer comes, a line says for how long, and why; keys
//! work meanwhile. What is asked for is meant for the run that was shown with the question: it is looked at once more
//! before it is asked for, and if it has ended meanwhile nothing is done.
//!
//! # The terminal
//!
//! It is given back as it was, once, also upon SIGTERM, SIGHUP, SIGINT, SIGQUIT and after a panic in any thread, whose
//! words then stand below. Signal handlers of the application stay and run first. A signal that is ignored stays so. The
//! view's own handlers go with it, but the system's default for these signals does not come back: see
//! [`signal_hook::low_level::unregister`]. The panic hook of the application is called after the terminal was given back.
//!
//! # When it fits
//!
//! A terminal, and one daemon.
//!
//! # What it cannot do
//!
//! * Give the terminal back after SIGKILL: `reset` does.
//! * Know what happens between two looks: see a daemon's events.
//! * Be shown twice in one process at a time.

mod changes;
mod clerk;
mod daemon;
mod details;
mod draw;
mod help;
mod history;
mod id;
mod keys;
mod known;
mod model;
mod rows;
#[cfg(test)]
mod samples;
mod screen;
mod signals;
mod table;
mod terminal;
mod view;

pub use daemon::{Daemon, Request, Seen};
pub use terminal::CannotShow;
pub use view::{Ended, show};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
