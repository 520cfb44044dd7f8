//! What do several logs say, one line after another, while they are rotated?
//!
//! ```no_run
//! use log_reader::Source;
//!
//! let sources = [Source::log_file("jobd", "/var/log/jobd.log"), Source::plain("web-1", "/run/web-1.out")];
//! let mut last = log_reader::last(sources, 20);
//! for line in last.by_ref() {
//!     println!("{}", line.for_terminal());
//! }
//! let mut follower = last.follow();
//! while let Some(line) = follower.next(None) {
//!     println!("{}", line.for_terminal());
//! }
//! ```
//!
//! [`last`] finds the last lines of all [`Source`]s together, on into the files that were put aside and those that were
//! compressed, and a [`Follower`] goes on exactly where they end. What holds:
//!
//! * A line that can be read comes once, and each file's lines come in their own order, through any number of
//!   rotations, also if nobody has looked meanwhile.
//! * Sources are merged by the time at the beginning of lines (RFC 3339, also in a line of JSON). A line without one
//!   stays with the line above it. A source whose lines have none comes where its file was last written, or as it is
//!   read. While following, a line is held back for an earlier one of another source for 100 ms at most.
//! * Memory is bounded: a line longer than [`LONGEST_PIECE`] comes in pieces; of each source 256 KiB wait.
//! * A last line without its end comes when nothing was added to it for half a second, or at once by
//!   [`flush`](Follower::flush). If it goes on, the rest comes as what it is ([`continued`](Line::continued)).
//! * What was put aside is read to its end, also what is added to it late: until it is compressed or removed, or for 10
//!   seconds since something was added; the youngest one for as long as it is that. Of those from which the last lines
//!   come the youngest eight of a source are open; older ones are opened when their turn comes.
//! * While descriptors are short, a source of which nothing can be opened begins where its file ended then, and is tried
//!   again each second while following. What was read before is not repeated.
//! * A file that was truncated begins anew, also between the count of its last lines and their reading: as many more come
//!   of the others, as far as those were not left out before. One that is not there yet, nor its folder, is waited for.
//! * Only regular files are read, and opened without waiting. Links are followed as `cat` follows them, but for those that
//!   another than the folder's owner has put into a folder in which everybody may put names.
//!
//! # When it fits
//!
//! A command that shows logs to a person, of a daemon that writes them by the crate `log-file`, to plain files, or has
//! logrotate(8) behind it.
//!
//! # What it cannot do
//!
//! * Read what was removed before it was looked at.
//! * Know a record that `log-file` has written twice: its writer has found, right after the first time, that the
//!   file had just been removed, or that the record stood on the line of somebody who was killed.
//! * See that a file was truncated and has since grown beyond what was read, if its first 64 bytes are the same.
//!   What was written between the last look and a truncation (`copytruncate`) is in the copy alone.
//! * With numbers, always know an old file that was compressed since for what was read: if the one that was read last was
//!   removed, what is not older than that by its time counts as new.
//! * Read names with dates by logrotate(8) (`dateext`), nor other compression than gzip.
//! * Be told of changes that another machine makes (network file systems), nor in a folder that a link within the way
//!   has led to since: the next event of any kind has everything looked at, each second at most.
//! * Sort what stands in one file in another order: the order of the file counts.

#![cfg(unix)]

mod line;
mod source;

mod follower;
mod last;
mod older;
mod reading;
mod rest;

mod merge;
mod time;

mod begin;
mod discover;
mod goal;
mod trail;

mod aside;
mod backward;
mod closed;
mod open;
mod pieces;
mod problems;
mod sys;
mod tail;

pub use follower::Follower;
pub use last::{Last, last};
pub use line::Line;
pub use rest::Rest;
pub use source::{Rotated, Source};

/// So many bytes of a line come at a time; a longer one comes in pieces.
pub const LONGEST_PIECE: usize = 64 << 10;

/// What the README shows is compiled, and not run: it would read the machine's files.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
