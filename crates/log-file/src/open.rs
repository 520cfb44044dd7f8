//! Opening a log file without being fooled by what lies there, and what is known about it then.

use std::fs::File;
use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::FlockOperation;
use trusted_path::{Access, Error, Fault, Identity, Kind, Place, Trust};

/// A log file as it was found.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The file, and whether it is proved to be ours.
    pub(crate) opened: trusted_path::Opened,
    /// Where it really is: it is rotated within this folder, which is open.
    pub(crate) place: Place,
    /// Only such files are rotated and looked at; a pipe or a terminal is just written.
    pub(crate) regular: bool,
    /// Whether we may read what we write.
    pub(crate) readable: bool,
}

/// Readable by all: what to hide is the business of the folder, or of whoever made the file.
const MODE: u32 = 0o644;

/// So often a file may be rotated away between opening it and having its lock.
const ATTEMPTS: usize = 10;

/// Opens the file for appending; creates it if there is none. Links are followed, and files used, as
/// `trust` has it.
pub(crate) fn open(path: &Path, trust: Trust) -> Result<Opened, Error> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let opened = match open_once(path, trust) {
            // The name has become a link between the two looks, perhaps one that is followed.
            Err(Error::Path { fault: Fault::IsLink, .. }) => continue,
            result => result?,
        };
        if !opened.regular {
            return Ok(opened);
        }
        opened.lock();
        if opened.place.leads_to(opened.opened.identity()) {
            return Ok(opened);
        }
        last = Some(opened);
    }
    // Somebody replaces the file faster than we can look; any of these files is as good as another.
    last.ok_or_else(|| Error::Path { path: path.to_owned(), fault: Fault::Unsteady })
}

fn open_once(path: &Path, trust: Trust) -> Result<Opened, Error> {
    let place = Place::find(path, trust)?;
    // A fifo is opened for writing alone. If we were a reader, too, we would never be told that the other
    // reader has gone. And if we opened it for both and then once more for writing, that one would see an
    // end.
    let is_fifo = place.found().is_some_and(|found| found.kind == Kind::Fifo);
    let access = if is_fifo { Access::Append } else { Access::ReadAppend };
    let (opened, readable) = match place.open_or_create(access, MODE) {
        Err(error) if !is_fifo && error.kind() == Some(io::ErrorKind::PermissionDenied) => {
            (place.open_or_create(Access::Append, MODE)?, false)
        }
        result => (result?, !is_fifo),
    };
    if opened.seen().kind == Kind::Fifo && readable {
        // The name has become a fifo in this very moment: once more.
        return open_once(path, trust);
    }
    // What only the kernel finds has no name that could be given to another file.
    let regular = opened.seen().kind == Kind::File && !opened.is_by_kernel();
    Ok(Opened { opened, place, regular, readable })
}

impl Opened {
    /// Takes the shared lock, which is held as long as the file is open, so that whoever wants to
    /// compress an old file can tell that nobody writes to it any more. Nobody ever waits for this lock.
    /// If it is refused, the file is old by now, or somebody who can read it has locked it, or the file
    /// system has no locks; and a record that finds its file gone is written again.
    fn lock(&self) {
        let _ = rustix::fs::flock(self.opened.file(), FlockOperation::NonBlockingLockShared);
    }
}

/// Whether a path leads to this very file. Follows whatever links there are: only to see whether they
/// still lead here, which costs one system call. Asks for nothing but the file's number: see
/// [`append`](crate::append) on what asking for times costs.
#[cfg(target_os = "linux")]
pub(crate) fn leads_to(path: &Path, identity: Identity) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
    use rustix::io::Errno;
    match statx(CWD, path, AtFlags::empty(), StatxFlags::INO) {
        Ok(seen) => {
            let device = makedev(seen.stx_dev_major, seen.stx_dev_minor);
            Identity { device, inode: seen.stx_ino } == identity
        }
        // Forbidden by a sandbox that is older than the call.
        Err(Errno::NOSYS | Errno::PERM) => leads_to_by_stat(path, identity),
        Err(_) => false,
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn leads_to(path: &Path, identity: Identity) -> bool {
    leads_to_by_stat(path, identity)
}

// The types of the fields differ from system to system.
#[allow(clippy::unnecessary_cast, trivial_numeric_casts)]
fn leads_to_by_stat(path: &Path, identity: Identity) -> bool {
    rustix::fs::stat(path).is_ok_and(|stat| {
        Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 } == identity
    })
}

/// The folder a file is in; the current one for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
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
