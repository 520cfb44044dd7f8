//! Files that exist in memory alone.

use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

/// An empty file, shown by this name to whoever looks at our descriptors. It goes with the last
/// descriptor of it.
pub(crate) fn nameless_file(shown_as: &str) -> Result<OwnedFd, Errno> {
    memfd_create(shown_as, MemfdFlags::CLOEXEC)
}
