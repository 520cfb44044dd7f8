//! Descriptors that are kept stay clear of the standard streams.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::{Errno, fcntl_dupfd_cloexec};

/// Descriptors 0 to 2 will be replaced by whoever redirects the streams, and the lock with them.
pub(crate) fn above_stdio(file: OwnedFd) -> Result<OwnedFd, Errno> {
    if file.as_raw_fd() > 2 { Ok(file) } else { fcntl_dupfd_cloexec(&file, 3) }
}
