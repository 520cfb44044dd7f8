//! Where a child's output goes at first, until it has streams of its own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process;
use std::sync::Arc;

/// Where a child's standard output or error goes at first.
#[derive(Clone, Debug, Default)]
pub enum Stdio {
    /// To `/dev/null`.
    #[default]
    Null,
    /// Where ours goes.
    Inherit,
    /// To this open descriptor.
    Descriptor(Arc<OwnedFd>),
}

impl Stdio {
    pub(crate) fn stdio(&self) -> io::Result<process::Stdio> {
        Ok(match self {
            Stdio::Null => process::Stdio::null(),
            Stdio::Inherit => process::Stdio::inherit(),
            Stdio::Descriptor(fd) => process::Stdio::from(fd.try_clone()?),
        })
    }

    /// The descriptor that the child gets, where ours is `own`; `None`: `/dev/null`.
    pub(crate) fn descriptor<'a>(&'a self, own: BorrowedFd<'a>) -> Option<BorrowedFd<'a>> {
        match self {
            Stdio::Null => None,
            Stdio::Inherit => Some(own),
            Stdio::Descriptor(fd) => Some(fd.as_fd()),
        }
    }
}
