//! What is asked of the system, and all that only one system has.
//!
//! A backend is a module beside `linux`; where there is none, no timer can be made. It gives:
//!
//! * **A timer with a descriptor** that several processes may have and set, readable once it has run out, and unreadable
//!   when it is set again: `create`, `set`, `take`, `left`. *Linux, FreeBSD 14:* timerfd(2). *POSIX:* none.
//! * **A clock that is cheap to read**, as exact as a tick: `ticks`. *Linux:* `CLOCK_MONOTONIC_COARSE`, which the vDSO
//!   reads without a system call (vdso(7)). *FreeBSD:* `CLOCK_MONOTONIC_FAST`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{create, left, set, take, ticks};

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{create, left, set, take, ticks};
