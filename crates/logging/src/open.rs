//! Opening a log file without being fooled by what lies there, and what is known about it then.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

/// Which file a name leads to. Equal means the same file for as long as we have it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    // The types of the fields differ from system to system.
    #[allow(clippy::unnecessary_cast, trivial_numeric_casts)]
    pub(crate) fn of(stat: &Stat) -> Identity {
        Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }

    /// Asks for nothing else: see [`append`](crate::append) on what asking for times costs.
    #[cfg(target_os = "linux")]
    fn behind(path: &Path) -> rustix::io::Result<Identity> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
        match statx(CWD, path, AtFlags::empty(), StatxFlags::INO) {
            Ok(seen) => Ok(Identity {
                device: makedev(seen.stx_dev_major, seen.stx_dev_minor),
                inode: seen.stx_ino,
            }),
            // Forbidden by a sandbox that is older than the call.
            Err(Errno::NOSYS | Errno::PERM) => Ok(Identity::of(&rustix::fs::stat(path)?)),
            Err(error) => Err(error),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn behind(path: &Path) -> rustix::io::Result<Identity> {
        Ok(Identity::of(&rustix::fs::stat(path)?))
    }
}

/// A log file as it was found.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) identity: Identity,
    /// Only such files are rotated and looked at; a pipe or a terminal is just written.
    pub(crate) regular: bool,
    /// Whether we may read what we write.
    pub(crate) readable: bool,
}

/// Readable by all: what to hide is the business of the folder, or of whoever made the file.
const MODE: Mode = Mode::from_raw_mode(0o644);

/// So often a file may be rotated away between opening it and having its lock.
const ATTEMPTS: usize = 10;

/// Opens the file for appending; creates it if there is none.
pub(crate) fn open(path: &Path) -> io::Result<Opened> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let opened = open_once(path)?;
        if !opened.regular {
            return Ok(opened);
        }
        // Held as long as the file is open, so that whoever wants to compress or move an old file
        // away can tell that nobody writes to it any more. Nobody ever waits for this lock. If it is
        // refused, either the file is old by now, which the next line finds out, or the file system
        // has no locks.
        let _ = rustix::fs::flock(&opened.file, FlockOperation::NonBlockingLockShared);
        if leads_to(path, opened.identity) {
            return Ok(opened);
        }
        last = Some(opened);
    }
    // Somebody replaces it faster than we can look; any of these files is as good as another.
    last.ok_or_else(|| io::Error::other("it is replaced again and again"))
}

/// Whether the name leads to this very file.
pub(crate) fn leads_to(path: &Path, identity: Identity) -> bool {
    Identity::behind(path).is_ok_and(|found| found == identity)
}

fn open_once(path: &Path) -> io::Result<Opened> {
    let careful = others_can_write_to(folder_of(path));
    let mut flags = OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY;
    // A fifo without a reader is an error then, instead of waiting for one.
    flags |= OFlags::NONBLOCK;
    if careful {
        flags |= OFlags::NOFOLLOW;
    }
    let open = |access| rustix::fs::open(path, flags | access, MODE);
    // As the reader of a fifo we would never be told that the other one has gone. And that one would see
    // its end, did we open it for both and then once more for writing.
    let is_fifo = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo;
    let only_written = rustix::fs::stat(path).is_ok_and(is_fifo);
    let (fd, readable) = match open(if only_written { OFlags::WRONLY } else { OFlags::RDWR }) {
        Ok(fd) => (fd, !only_written),
        Err(Errno::ACCESS) => (open(OFlags::WRONLY).map_err(io::Error::from)?, false),
        Err(Errno::LOOP) if careful => {
            return Err(io::Error::other(
                "it is a symbolic link in a folder that others can write to",
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let stat = rustix::fs::fstat(&fd)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Fifo && readable {
        // It has become one in this very moment.
        return open_once(path);
    }
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags - OFlags::NONBLOCK)?;
    Ok(Opened {
        file: File::from(fd),
        identity: Identity::of(&stat),
        regular: kind == FileType::RegularFile,
        readable,
    })
}

/// The folder a file is in; the current one for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn others_can_write_to(folder: &Path) -> bool {
    rustix::fs::stat(folder).is_ok_and(|stat| stat.st_mode & 0o022 != 0)
}

/// When the contents of a regular file were begun.
///
/// File times come from a clock of the system that lags up to a hundredth of a second behind the one
/// we read. Without the allowance a file begun right after midnight would look like yesterday's.
pub(crate) fn begun(file: &File, now: Timestamp) -> Timestamp {
    const ALLOWANCE: SignedDuration = SignedDuration::from_millis(50);
    let Ok(metadata) = file.metadata() else { return now };
    if metadata.len() == 0 {
        return now;
    }
    // Where birth times are not kept, the last record tells at least whether it is yesterday's.
    metadata
        .created()
        .or_else(|_| metadata.modified())
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok())
        .and_then(|time| time.checked_add(ALLOWANCE).ok())
        .map_or(now, |time| time.min(now))
}

/// Where the file really is, if its name is a link: rotation happens there.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    let link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    // Or someone has renamed it in this very moment; then there is no link to follow either.
    link.then(|| fs::canonicalize(path).ok()).flatten().unwrap_or_else(|| path.to_owned())
}
