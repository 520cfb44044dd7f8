//! A pid file whose truth is a lock held for life, not the number in it.

#[cfg(not(target_os = "linux"))]
compile_error!("pidfile needs Linux: open-file-description locks, pidfds and O_TMPFILE");

mod acquire;
mod dependent;
mod error;
mod holder;
mod pidfile;
mod probe;
mod stale;
mod wait;

mod bytes;
mod create;
mod deadline;
mod number;
mod old_file;
mod place;
mod who;

pub use acquire::{Existing, Options};
pub use dependent::Dependent;
pub use error::{Danger, Doubt, Error, FileKind, Op};
pub use holder::{Holder, holder};
pub use pidfile::PidFile;
pub use probe::{Probe, probe};
pub use stale::remove_stale;
pub use wait::wait_free;
