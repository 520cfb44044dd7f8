//! Where there is no such timer.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

pub(crate) fn create() -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn set(_: BorrowedFd<'_>, _: Duration, _: Duration) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn take(_: BorrowedFd<'_>) -> u64 {
    0
}

pub(crate) fn left(_: BorrowedFd<'_>) -> Option<Duration> {
    None
}

pub(crate) fn ticks() -> u64 {
    0
}
