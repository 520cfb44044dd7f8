//! Pid files on a real system: real processes, real locks, real deaths.
//!
//! Whatever concerns a whole process happens in `pidfile-actor` (see actor/main.rs).
#![expect(clippy::unwrap_used, reason = "clippy's leave for tests does not reach their helpers")]

mod bed;

mod dependents;
mod faults;
mod holder;
mod namespaces;
mod place;
mod readers;
mod restore;
mod stale;
mod start;
mod storms;
mod verified;
mod wait;
