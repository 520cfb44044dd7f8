//! Which file it is, whatever its names are.

use rustix::fs::{Stat, Statx};

/// A file's identity while somebody has it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Id {
    pub(crate) fn of(stat: &Stat) -> Id {
        Id { device: stat.st_dev, inode: stat.st_ino }
    }

    pub(crate) fn from_statx(seen: &Statx) -> Id {
        let device = rustix::fs::makedev(seen.stx_dev_major, seen.stx_dev_minor);
        Id { device, inode: seen.stx_ino }
    }
}
