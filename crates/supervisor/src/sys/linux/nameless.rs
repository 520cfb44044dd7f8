//! Files that exist in memory alone.

use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

/// An empty one, shown by this name to whoever looks at descriptors; it goes with the last of them.
pub(crate) fn nameless_file(shown_as: &str) -> Result<OwnedFd, Errno> {
    memfd_create(shown_as, MemfdFlags::CLOEXEC)
}
