//! What is asked of the system, and all that only one system has.
//!
//! `Waiter` asks by `Set`; a few descriptors are waited for by what every Unix has. A backend is a module
//! beside `linux` that has the items below, too; where there is none, there is no `Waiter` and no
//! `Event`. It gives:
//!
//! * **A set of descriptors** that is kept by the system: `Set`. To wait costs what is readable, not what
//!   is watched. A number comes back with each. It has a descriptor itself, which is readable while there is something
//!   to tell. *Linux:* epoll(7). *BSD, macOS:* kqueue(2), `EVFILT_READ` and
//!   `EVFILT_WRITE`, with `udata` for the number. *POSIX:* poll(2) of a list, at its cost.
//! * **An end without interest**: `Wanted::EndOnce`. *BSD, macOS:* `EV_DISABLE`, and no end is told.
//! * **Something that has happened**: `Event`, one descriptor that is readable once any thread has set
//!   it, however often. *Linux, FreeBSD:* eventfd(2). *POSIX:* pipe(2), neither end of which waits.
//!
//! A refusal comes as an errno. What follows from `INTR` or a shortage of memory is decided by the
//! caller.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{Event, Set, Wanted};
