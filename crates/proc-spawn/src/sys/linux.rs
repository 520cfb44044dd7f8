//! Linux: pidfds, /proc, control groups, files in memory, packets over sockets.

pub(super) mod image;
pub(super) mod oom;
pub(super) mod process;
pub(super) mod random;
pub(super) mod sealed;
pub(super) mod socket;
