//! What happens to a daemon when something goes wrong, and what must be true afterwards?
//!
//! The program `victim` is a daemon with workers, built on the facade alone; `adversary` is who is
//! beside it. A [`VictimBed`] calls the one, reads the [`Journal`] of its processes, and knows what
//! may be left in the end. What goes wrong is the business of `faults` and `chaos`.

mod bed;
mod journal;
mod outside;
mod program;

pub use bed::{Answer, Calling, LIMIT, State, VictimBed, WORKERS, describe};
pub use journal::Journal;
pub use program::Victim;
