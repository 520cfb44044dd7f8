//! One target opened: never waiting, never through a stranger's link, never a folder.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use trusted_path::{Access, Kind, Trust};

use crate::error::{Error, Fault};
use crate::stream::Stream;

const NULL: &str = "/dev/null";

/// A target that is open. Dropping it closes the descriptor.
pub(crate) struct OpenTarget {
    pub(crate) descriptor: OwnedFd,
    /// Whether it is a regular file that was opened by its own name, so that it can be renamed and
    /// another file can get the name later.
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

pub(crate) fn file(
    stream: Stream,
    path: &Path,
    mode: u32,
    trust: Trust,
) -> Result<OpenTarget, Error> {
    let opened = match stream {
        Stream::Stdin => trusted_path::open(path, Access::Read, trust),
        Stream::Stdout | Stream::Stderr => {
            trusted_path::open_or_create(path, Access::Append, mode, trust)
        }
    };
    let opened = opened.map_err(|error| match error {
        trusted_path::Error::Path { fault, .. } => {
            Error::Path { stream, path: path.to_owned(), fault: Fault::of(fault) }
        }
        trusted_path::Error::System { source, .. } => {
            Error::Open { stream, path: path.to_owned(), source }
        }
    })?;
    let can_be_renamed = opened.seen().kind == Kind::File && !opened.is_by_kernel();
    Ok(OpenTarget { descriptor: opened.into_file().into(), can_be_renamed })
}

fn refused(stream: Stream, path: &Path) -> impl FnOnce(Errno) -> Error {
    move |errno| Error::Open { stream, path: path.to_owned(), source: errno.into() }
}
