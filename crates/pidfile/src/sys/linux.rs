//! Linux: fcntl(2), flock(2), pidfd_open(2), `O_TMPFILE` of open(2), proc(5).

pub(super) mod files;
pub(super) mod hold;
pub(super) mod locks;
pub(super) mod process;
pub(super) mod proof;
pub(super) mod who;
