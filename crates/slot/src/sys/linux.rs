//! Linux: /proc, pidfds, a thread's rights to files.

pub(super) mod processes;
pub(super) mod rights;
pub(super) mod silent;
