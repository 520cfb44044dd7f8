//! Linux: pidfds, /proc, control groups, files in memory.

pub(super) mod image;
pub(super) mod oom;
pub(super) mod process;
pub(super) mod random;
pub(super) mod sealed;
