//! How did it end?
//!
//! The end of a process as a value that can be compared, sent and shown: the code or signal that the
//! system tells, and what its parent has heard beside, as the panic or the error that it ended with.
//!
//! ```
//! use exit::Exit;
//!
//! # fn main() -> std::io::Result<()> {
//! let status = std::process::Command::new("false").status()?;
//! assert_eq!(Exit::from(status).to_string(), "exited with code 1");
//! # Ok(())
//! # }
//! ```
//!
//! What somebody else has written, an error's text or a panic's, is bounded where it is made.
//!
//! # What it cannot do
//!
//! Wait for a process, or find out how it ended: it is plain data.

mod bound;
mod error_text;
mod exit;
mod failure;
mod no_value;
pub mod signal;

pub use bound::cut;
pub use error_text::ErrorText;
pub use exit::{CODE_ERROR, CODE_PANIC, CODE_SETUP, Exit};
pub use failure::{Failure, Panic, SetupError};
pub use no_value::NoValue;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
