//! Where a child's output goes at first, until it has streams of its own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;

/// Where a child's standard output or error goes at first.
#[derive(Clone, Debug, Default)]
pub enum Stream {
    /// To `/dev/null`.
    #[default]
    Null,
    /// Where ours goes.
    Inherit,
    /// To this open descriptor.
    Descriptor(Arc<OwnedFd>),
}

impl Stream {
    pub(crate) fn stdio(&self) -> io::Result<Stdio> {
        Ok(match self {
            Stream::Null => Stdio::null(),
            Stream::Inherit => Stdio::inherit(),
            Stream::Descriptor(fd) => Stdio::from(fd.try_clone()?),
        })
    }

    /// What it is, if ours is `own`; `None`: `/dev/null`.
    pub(crate) fn descriptor<'a>(&'a self, own: BorrowedFd<'a>) -> Option<BorrowedFd<'a>> {
        match self {
            Stream::Null => None,
            Stream::Inherit => Some(own),
            Stream::Descriptor(fd) => Some(fd.as_fd()),
        }
    }
}
