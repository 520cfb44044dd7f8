//! Can several processes write one log file, rotate it at midnight, and lose nothing?
//!
//! ```no_run
//! use log::LevelFilter;
//! use logging::{LoggingConfig, Process, Rotation};
//!
//! fn main() -> Result<(), logging::Error> {
//!     let config = LoggingConfig::file("/var/log/app.log")
//!         .level(LevelFilter::Info)
//!         .filter("hyper", LevelFilter::Warn)
//!         .rotation(Rotation::Midnight)
//!         .keep(14);
//!     logging::install(&config, Process::new("app").role("server"))?;
//!
//!     log::info!("I am running");
//!     Ok(())
//! }
//! ```
//!
//! A [`LoggingConfig`] is a plain value, from Rust or from YAML, and can be checked before anything
//! happens ([`problems`](LoggingConfig::problems)). [`install`] makes it the logger of the process;
//! [`Logger`] is one that is not installed. Which records pass is decided by the filters of `env_logger`; how
//! they look by a [format](LoggingConfig::format), or as JSON. Files are put aside by time and by size
//! ([`Rotation`]), and how many are kept is always bounded. Parts of a program can have
//! [loggers](LoggingConfig::logger) with files of their own. The file itself is [`log_file`], which can be had
//! without a logger.
//!
//! What holds for a log file, whoever writes to it with this crate:
//!
//! * A record is on lines of its own, never glued to another's, and in one file once.
//! * When a process is killed in the middle of a record, this record is cut, and no other.
//! * One process rotates, the others follow. Who has not noticed yet writes to the file that was put
//!   aside; that is as good a place.
//! * A file that someone else renames or removes is opened anew for the next record (see
//!   [`Handle::reopen`] for the details of "next"); after `copytruncate` records go to the beginning.
//! * A record that cannot be written is counted, and shown on the standard error stream instead. The
//!   count is told in the log when writing works again, and by [`Handle::dropped`]. The program goes on.
//! * Nobody waits for a lock. A process that is stopped, wherever, holds up no other.
//! * Whoever supervises waits for no log: with [`install_queued`] records go by a bounded queue.
//! * A link or a file that somebody else may have laid out for us is neither followed nor written to, also
//!   between two records; the rule is that of [`log_file`], and
//!   [`trust_folder_owner`](LoggingConfig::trust_folder_owner) the way out.
//! * What a record contains cannot make it look like another one, nor command a terminal.
//!
//! # When it fits
//!
//! Services that log to files of their own, from one process or from several; programs of which other
//! tools rotate the logs; programs under a supervisor that reads their standard error stream. A record
//! costs about as much as with `env_logger` and a plain file (`examples/rate_bench.rs` tells by how
//! much), and is in the hands of the system when the macro returns.
//!
//! # What it cannot do
//!
//! * Hear a signal. An application that has one for it calls [`Handle::reopen`] then.
//! * Survive a power cut: nothing is synced to the disk. Nor keep what a process that queues its records logged
//!   in its last moments, if it is killed.
//! * Keep these promises on network file systems, which do not append atomically.
//! * Look after records in a pipe or terminal: those longer than the system's `PIPE_BUF` may mix with
//!   what other processes write there.
//! * Tell at once when *another* process renames the file while this one writes without a pause: for up
//!   to a millisecond records still go to the renamed file.
//! * Protect the records of a process that is killed at the very moment when another was killed in the
//!   middle of a record: its own last record may then stand on the other's cut line.
//! * Rotate at once in a folder whose `flock` somebody else holds: rotation waits a second, records do not.
//!   Nor compress an old file on which somebody holds one: it is kept as it is.
//! * Look after what others write to a log file without this crate: it is kept, but a file that is put
//!   aside may be compressed or removed while they still write to it.
//! * Live in a copy of the process that a fork without exec made, beyond what [`install`] writes at
//!   once: the threads that empty a queue and compress files are not in the copy, and a lock that
//!   another thread held at that moment stays locked in it. As long as the copy has the file of that
//!   moment open, this one is not compressed: the copy shares its lock (flock(2)).
//! * Rotate by a schedule: a new file begins with the first record of its time, so a day without records
//!   has no file.

mod config;
mod error;
mod level;
mod problems;
#[cfg(feature = "yaml")]
mod yaml;

mod logger;
mod output;
mod process;
mod queue;

mod decoration;
mod json;
mod layout;
mod pattern;
mod sink;

pub use config::LoggingConfig;
pub use error::Error;
/// What a configuration says about its files and times.
pub use log_file::{Precision, Rotation, Time};
pub use logger::{Handle, Logger, install, install_queued};
pub use process::Process;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
