//! Is one of these readable, or has the time come?
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::io::Write;
//! use std::os::fd::AsFd;
//! use std::time::{Duration, Instant};
//!
//! let (reader, mut writer) = std::io::pipe()?;
//! let soon = Instant::now() + Duration::from_millis(1);
//! assert!(!waiter::readable(&[reader.as_fd()], Some(soon))?);
//! writer.write_all(b"x")?;
//! assert!(waiter::readable(&[reader.as_fd()], None)?);
//! # Ok(())
//! # }
//! ```
//!
//! [`readable`] waits for a few descriptors, [`Waiter`] for thousands (epoll(7), on Linux), also until they can be
//! written to, and an [`Event`] wakes either. Both deal in one way with what the system may say instead:
//!
//! * `EINTR`: a signal was handled. [`readable`] goes on with the time that is left; [`wait_once`] and
//!   [`Waiter`], which are for loops that look at everything in each turn, come back with nothing.
//! * `ENOMEM`, `ENOBUFS`, `EAGAIN`: memory is short. After a pause of a millisecond [`readable`] asks
//!   again, and the other two come back with nothing.
//! * `EINVAL`: poll(2) takes no more descriptors than may be opened, and somebody has lowered that limit
//!   (`RLIMIT_NOFILE`). Then select(2) is asked, for which they only have to be open.
//!
//! None of them means that what is waited for has come, or that a peer is gone. Time is `CLOCK_MONOTONIC`.
//!
//! # When it fits
//!
//! Loops that keep others, and calls with a limit, without an async runtime.
//!
//! # What it cannot do
//!
//! Do the reading or writing: it only says that there may be something to read, or room to write.

#[cfg(target_os = "linux")]
mod event;
mod few;
#[cfg(target_os = "linux")]
mod many;
mod sys;

#[cfg(target_os = "linux")]
pub use event::Event;
pub use few::{breathe, readable, wait_once};
#[cfg(target_os = "linux")]
pub use many::{Interest, Key, Waiter};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
