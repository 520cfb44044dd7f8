//! One target opened: never waiting, never through a stranger's link, never a folder.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use crate::error::{Error, Fault};
use crate::rules::Folder;
use crate::stream::Stream;
use crate::walk::{self, Place, Stuck};

const NULL: &str = "/dev/null";

/// A target that is open. Dropping it closes the descriptor.
pub(crate) struct OpenTarget {
    pub(crate) descriptor: OwnedFd,
    /// It is a file with the name it was opened by, so that another may get the name later.
    pub(crate) can_be_renamed: bool,
}

impl OpenTarget {
    fn lasting(descriptor: OwnedFd) -> OpenTarget {
        OpenTarget { descriptor, can_be_renamed: false }
    }
}

/// For reading and writing, so that one will do for all three streams, as in daemon(3).
pub(crate) fn null(stream: Stream) -> Result<OpenTarget, Error> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY;
    retry_on_intr(|| rustix::fs::open(NULL, flags, Mode::empty()))
        .map(OpenTarget::lasting)
        .map_err(refused(stream, Path::new(NULL)))
}

/// A duplicate of `named` as it is now, numbered 3 or more.
pub(crate) fn duplicate(named: Stream, stream: Stream, path: &Path) -> Result<OpenTarget, Error> {
    rustix::io::fcntl_dupfd_cloexec(named.descriptor(), 3)
        .map(OpenTarget::lasting)
        .map_err(refused(stream, path))
}

pub(crate) fn file(stream: Stream, path: &Path, mode: u32) -> Result<OpenTarget, Error> {
    let fault = |fault| Error::Path { stream, path: path.to_owned(), fault };
    if let Some(wrong) = misspelt(path) {
        return Err(fault(wrong));
    }
    let place = walk::find(path).map_err(|stuck| match stuck {
        Stuck::IsFolder => fault(Fault::IsFolder),
        Stuck::ForeignLink { link, owner } => fault(Fault::ForeignLink { link, owner }),
        Stuck::System { errno, .. } => refused(stream, path)(errno),
    })?;
    // Before the open, since that alone can have an effect: on a FIFO, or a device.
    if let Some(wrong) = place.found.as_ref().and_then(|stat| unfit(stat, place.rules, stream)) {
        return Err(fault(wrong));
    }

    let opened = open(&place, stream, mode).map_err(|errno| match errno {
        Errno::NXIO if is_fifo(&place) => fault(Fault::NoReader),
        errno => refused(stream, path)(errno),
    })?;

    // After it, since another file may have taken the name meanwhile.
    let stat = rustix::fs::fstat(&opened).map_err(refused(stream, path))?;
    if let Some(wrong) = unfit(&stat, place.rules, stream) {
        return Err(fault(wrong));
    }
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !regular {
        // Only the open was not to wait; whoever reads and writes expects to.
        wait_again(&opened).map_err(refused(stream, path))?;
    }
    Ok(OpenTarget { descriptor: opened, can_be_renamed: regular && !place.by_kernel })
}

fn open(place: &Place, stream: Stream, mode: u32) -> Result<OwnedFd, Errno> {
    // NONBLOCK: a FIFO without a partner must not hold us. NOCTTY: a terminal is used, not taken.
    let mut flags = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    flags |= match stream {
        Stream::Stdin => OFlags::RDONLY,
        Stream::Stdout | Stream::Stderr => OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE,
    };
    if place.by_kernel {
        flags.remove(OFlags::CREATE);
    } else {
        // No link was there, or it has been followed. One that appears now is not ours.
        flags |= OFlags::NOFOLLOW;
    }
    // The permission bits fit any raw mode, also where it has 16 bits only.
    let mode = Mode::from_bits_truncate((mode & 0o777) as _);
    retry_on_intr(|| rustix::fs::openat(&place.folder, &place.name, flags, mode))
}

fn wait_again(opened: &OwnedFd) -> Result<(), Errno> {
    let flags = rustix::fs::fcntl_getfl(opened)?;
    rustix::fs::fcntl_setfl(opened, flags - OFlags::NONBLOCK)
}

/// What is wrong with a path whatever is on the disk.
pub(crate) fn misspelt(path: &Path) -> Option<Fault> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() {
        Some(Fault::Empty)
    } else if bytes.contains(&0) {
        Some(Fault::Nul)
    } else {
        None
    }
}

/// What is wrong with a file that is there, in a folder with these rules.
pub(crate) fn unfit(stat: &Stat, rules: Folder, stream: Stream) -> Option<Fault> {
    let us = rustix::process::geteuid().as_raw();
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Directory {
        Some(Fault::IsFolder)
    } else if kind == FileType::Socket {
        Some(Fault::IsSocket)
    } else if matches!(kind, FileType::RegularFile | FileType::Fifo)
        && stream != Stream::Stdin
        && !rules.may_append(stat.st_uid, us)
    {
        Some(Fault::ForeignFile { owner: stat.st_uid })
    } else {
        // Devices: only root can have made them.
        None
    }
}

fn is_fifo(place: &Place) -> bool {
    place.found.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

fn refused(stream: Stream, path: &Path) -> impl FnOnce(Errno) -> Error {
    move |errno| Error::Open { stream, path: path.to_owned(), source: errno.into() }
}
