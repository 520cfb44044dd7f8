//! Where should standard input, output and error go?
//!
//! To nothing, to files, or where they went before: said once, as plain data, and then carried out
//! on this process ([`Redirect::apply`]) or on a command that is about to start
//! ([`Redirect::apply_to`]).
//!
//! ```no_run
//! use stdio_redirect::{Redirect, Target};
//!
//! fn main() -> Result<(), stdio_redirect::Error> {
//!     let streams = Redirect::new()
//!         .stdin(Target::Null)
//!         .stdout(Target::file("out.txt"))
//!         .stderr(Target::file("out.txt")); // The same file: opened once, in the order of writing.
//!     let applied = streams.apply()?; // All three, or an error and nothing has changed.
//!     println!("this is appended to out.txt");
//!     applied.reopen()?; // After out.txt was renamed: a new out.txt is begun.
//!     Ok(())
//! }
//! ```
//!
//! What happens, in this order, so that a failure leaves everything as it was:
//!
//! 1. Every target is opened. Files are appended to, and created with mode 0644 less the umask
//!    unless [`Redirect::mode`] says otherwise.
//! 2. Rust's buffer of standard output is written out to where it belongs: the old target.
//! 3. Each stream is replaced by `dup2`, which leaves no instant at which 0, 1 or 2 is closed. If
//!    one cannot be replaced, those before it are put back.
//!
//! It also works in a process that was started with some of the three closed.
//!
//! # Files, and names that others can change
//!
//! A program that writes with more rights than its neighbours must not be led elsewhere by them:
//!
//! * A symbolic link, anywhere in the path, that stands in a folder in which others can put names
//!   is followed only if it belongs to us (the effective user) or to root. Others can put names
//!   into a folder whose group or everybody has write permission, and into their own.
//! * A file in such a folder is appended to only if it belongs to us or to root and has no second
//!   name; in a folder that root or we gave to a group (0775, not sticky) also if it is one of its
//!   members'. [`Redirect::trust_folder_owner`] has the owner of a folder trusted as well. The rule,
//!   and what it rules out, is that of [`trusted_path`].
//! * A FIFO that nobody reads is refused for output; the open does not wait for a reader. As
//!   standard input a FIFO without writer is taken, and reads as empty until one comes.
//! * Devices are as good as files: `/dev/null`, a terminal. A terminal that is named does not become
//!   the controlling one, and no terminal setting is touched. `/dev/stdin`, `/dev/stdout` and
//!   `/dev/stderr` mean the stream as it is before anything is replaced, also where it is a socket
//!   and could not be opened by name.
//!
//! # When it fits
//!
//! Daemons and workers that write to files of their own, and whoever starts them. If the redirection
//! is for a child that you start and no file is involved, [`std::process::Stdio`] is all it takes.
//!
//! # What it cannot do
//!
//! * Capture, prefix or rotate output. [`Applied::reopen`] follows a rotation made by others.
//! * Write out the buffers of other languages (C's `stdout`), or take back what Rust's standard
//!   input has already read ahead.
//! * Stop other threads: one that writes to standard output and then to standard error while they
//!   are being replaced may reach the old target with the first and the new one with the second.
//! * Know beforehand what only opening tells: [`Redirect::problems`] finds a missing folder, but
//!   not one in which we may not create a file.
//! * Put into configuration or send to a child a path that is not UTF-8: serde refuses it.

#![cfg(unix)]

mod check;
mod error;
mod open;
mod redirect;
mod stream;
mod swap;
mod target;

pub use error::{Error, Fault};
pub use redirect::{Applied, Redirect};
pub use stream::Stream;
pub use target::Target;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
