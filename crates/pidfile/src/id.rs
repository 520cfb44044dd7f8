//! Which file it is, whatever its names are.

use rustix::fs::Stat;

/// A file's identity while somebody has it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Id {
    // The types of the fields differ from system to system.
    #[allow(clippy::unnecessary_cast, trivial_numeric_casts)]
    pub(crate) fn of(stat: &Stat) -> Id {
        Id { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }
}
