//! A table of descriptors that is a thread's own (unshare(2), `CLONE_FILES`).

use std::io;
use std::os::fd::RawFd;

use nix::sched::{CloneFlags, unshare};

use super::descriptors::open_in_thread;

/// Gives this thread a copy of the table, which is its own from now on. Forbidden (`EPERM`) in some
/// containers.
pub(crate) fn own_table() -> io::Result<()> {
    Ok(unshare(CloneFlags::CLONE_FILES)?)
}

/// Closes everything from 3 on in the [table](own_table) of this thread, but for this one. Fails where there is
/// no /proc.
pub(crate) fn close_all_but(keep: RawFd) -> io::Result<()> {
    for fd in open_in_thread()?.into_iter().filter(|fd| *fd != keep) {
        let _ = nix::unistd::close(fd);
    }
    Ok(())
}
