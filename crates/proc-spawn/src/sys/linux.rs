//! Linux: pidfds, /proc, control groups, files in memory, packets over sockets, tables of a thread's own.

pub(super) mod closing;
pub(super) mod descriptors;
pub(super) mod image;
pub(super) mod oom;
pub(super) mod ourselves;
pub(super) mod process;
pub(super) mod random;
pub(super) mod rights;
pub(super) mod sealed;
pub(super) mod socket;
pub(super) mod table;

mod small;
mod status;
