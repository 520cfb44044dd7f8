//! Does this process still get anywhere?
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//!
//! use heartbeat::{Limits, Timer};
//!
//! // Both ends in one process; a child is given a copy of the timer's descriptor.
//! let limits = Limits::new(Duration::from_secs(30));
//! let timer = Timer::new()?;
//! heartbeat::begin(timer.share()?, limits, || eprintln!("nobody sees my beats any more"));
//!
//! heartbeat::alive(); // Between two jobs: nothing happens, as it was said a moment ago.
//! assert_eq!(timer.silences(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! The two ends of a watchdog. Who looks after a process makes a [`Timer`], which is a timerfd(2), and gives it a copy of
//! the descriptor. The process winds it up while it works ([`alive`]), at most each eighth of the limit, so that a beat
//! costs a look at a clock. The other end is readable when half of the limit has passed without a beat, and twice more until
//! the limit is over: so it is woken by silence alone, and can tell silence from having been held up itself
//! ([`Timer::silences`]).
//!
//! # Who has to beat
//!
//! The thread that has beaten last owes the next beat; at first that is the one that called [`begin`]. While this thread
//! waits for something that may take any time ([`rest`], which `quit::sleep` does by itself) nothing is expected of it. A
//! thread that has not beaten last may sleep as it likes, and changes nothing.
//!
//! # When it fits
//!
//! Parents of processes that work in rounds, and that are to be ended when they hang.
//!
//! # What it cannot do
//!
//! * End a process, or say why it is silent.
//! * See that one thread hangs while another one beats.
//! * Work where there is no timerfd: [`Timer::new`] then fails, and beats are for nobody.

mod beat;
mod sys;
mod timer;

pub use beat::{Limits, Resting, alive, begin, busy_for, rest, rest_up_to};
pub use timer::Timer;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
