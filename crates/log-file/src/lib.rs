//! Can several processes append to one file, rotate it, and lose nothing, whatever logger they have?
//!
//! ```no_run
//! use std::io::Write;
//!
//! use log_file::{Options, Rotation};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut log = Options::file("/var/log/app.log")
//!         .rotation(Rotation::Midnight)
//!         .max_size(64 << 20)
//!         .keep(14)
//!         .open()?;
//!     writeln!(log, "one append, in one piece")?;
//!     for complaint in log.complaints() {
//!         eprintln!("{complaint}");
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A [`LogFile`] is a [`std::io::Write`], so that it can stand behind whatever makes lines: one `write` is one
//! append. [`Options`] say when the file is rotated (by time and by size, [`Rotation`]) and how many of the
//! files that were put aside are kept, which is always bounded. [`Stamp`] writes the time at the beginning of a line, in
//! the zone whose midnight rotates the file. With the feature `serde` rotation, time and precision can be fields of a
//! configuration, and so can sizes (`log_file::size`). Whoever reads the files that were put aside knows them, and their
//! age, by their [`Name`].
//!
//! What holds for a file, whoever appends lines to it with this crate:
//!
//! * What was appended is on lines of its own, never glued to another's, and in one file once.
//! * When a process is killed in the middle of an append, this one is cut, and no other.
//! * One process rotates, the others follow. Who has not noticed yet appends to the file that was put
//!   aside; that is as good a place.
//! * A file that someone else renames or removes is opened anew for the next append (see
//!   [`LogFile::reopen`] for the details of "next"); after `copytruncate` lines go to the beginning.
//! * What cannot be appended is an error, and nothing of it is there but, where the disk was full in the middle, blanks.
//! * Nobody waits for a lock. A process that is stopped, wherever, holds up no other.
//! * A link or a file that somebody else may have laid out for us is neither followed nor written to, also
//!   between two appends; the rule is that of [`trusted_path`], and
//!   [`trust_folder_owner`](Options::trust_folder_owner) the way out.
//!
//! How that is done without a lock around each append is told in the source, at the head of `append.rs`.
//!
//! # When it fits
//!
//! Whoever has a logger already, or none, and wants its file shared by several processes and rotated; whoever keeps
//! the output of other programs ([`append_bytes`](LogFile::append_bytes)). An append takes two system calls,
//! and a third if it is none of a burst.
//!
//! # What it cannot do
//!
//! * Make lines: a piece of a line is appended as what it is. Two pieces may have a line of another process
//!   between them.
//! * Hear a signal. An application that has one for it calls [`LogFile::reopen`] then.
//! * Survive a power cut: nothing is synced to the disk.
//! * Keep these promises on network file systems, which do not append atomically.
//! * Look after what goes to a pipe or terminal: what is longer than the system's `PIPE_BUF` may mix with
//!   what other processes write there.
//! * Tell at once when *another* process renames the file while this one writes without a pause: for up
//!   to a millisecond lines still go to the renamed file.
//! * Protect the lines of a process that is killed at the very moment when another was killed in the
//!   middle of an append: its own last one may then stand on the other's cut line.
//! * Rotate at once in a folder whose `flock` somebody else holds: rotation waits a second, appends do not.
//!   Nor compress an old file on which somebody holds one: it is kept as it is.
//! * Look after what others write to the file without this crate: it is kept, but a file that is put
//!   aside may be compressed or removed while they still write to it.
//! * Live in a copy of the process that a fork without exec made, beyond appending: the thread that compresses is not
//!   in the copy. As long as the copy has the file of that moment open, this one is not compressed: the copy
//!   shares its lock (flock(2)).
//! * Rotate by a schedule: a new file begins with the first append of its time, so a day without one
//!   has no file.

mod error;
mod log_file;
mod options;

mod stamp;
mod stream;
mod time;

mod append;
#[cfg(feature = "compression")]
mod compress;
#[cfg(not(feature = "compression"))]
#[path = "uncompressed.rs"]
mod compress;
mod file;
mod folder;
mod names;
mod open;
mod period;
mod rotate;

pub use error::Error;
#[cfg(feature = "serde")]
pub use human_text::size;
pub use log_file::LogFile;
pub use names::Name;
pub use options::{DEFAULT_KEEP, DEFAULT_KEEP_SIZE, DEFAULT_MAX_SIZE, Options};
pub use period::Rotation;
pub use stamp::{Precision, Stamp};
pub use stream::Stream;
pub use time::Time;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
