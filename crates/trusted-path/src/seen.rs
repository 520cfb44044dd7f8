//! What was seen of a file: which one it is, of what kind, and whose.

use rustix::fs::{FileType, Stat};

/// Which file it is. Equal means the same one, for as long as somebody has it open.
/// The order means nothing: it lets many be sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The device of its file system.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

/// What kind of thing a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Folder,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket with a name.
    Socket,
    /// A character or block device.
    Device,
    /// Something that this system has besides.
    Other,
}

/// What was seen of a file, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Which one it is.
    pub identity: Identity,
    /// Its kind.
    pub kind: Kind,
    /// The user that it belongs to.
    pub owner: u32,
    /// The group that it belongs to.
    pub group: u32,
    /// Its permission bits, with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// How many names it has.
    pub links: u64,
    /// Its length in bytes.
    pub size: u64,
}

impl Seen {
    // The types of the fields differ from system to system.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion, trivial_numeric_casts)]
    pub(crate) fn new(stat: &Stat) -> Seen {
        Seen {
            identity: Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 },
            kind: match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Folder,
                FileType::Symlink => Kind::Link,
                FileType::Fifo => Kind::Fifo,
                FileType::Socket => Kind::Socket,
                FileType::CharacterDevice | FileType::BlockDevice => Kind::Device,
                FileType::Unknown => Kind::Other,
            },
            owner: stat.st_uid,
            group: stat.st_gid,
            mode: u32::from(stat.st_mode) & 0o7777,
            links: stat.st_nlink as u64,
            size: stat.st_size as u64,
        }
    }
}
