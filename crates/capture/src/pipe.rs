//! The end of a pipe that is read.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use waiter::{Interest, Waiter};

/// The end of a child's stream that is read, in the waiter of the thread that reads. No other thread
/// touches the pipe or drops this, since to close it is to touch it.
#[derive(Debug)]
pub(crate) struct Pipe {
    token: u64,
    end: OwnedFd,
    waiter: Arc<Waiter<u64>>,
}

impl Pipe {
    /// A pipe by this number that is not waited for yet. Until it is, somebody has to have its other end:
    /// the waiter tells of the end of a pipe in any case.
    pub(crate) fn new(token: u64, end: OwnedFd, waiter: &Arc<Waiter<u64>>) -> io::Result<Pipe> {
        waiter.watch_without_interest(end.as_fd(), token)?;
        Ok(Pipe { token, end, waiter: Arc::clone(waiter) })
    }

    pub(crate) fn token(&self) -> u64 {
        self.token
    }

    pub(crate) fn set_interest(&self, interest: Interest) {
        self.waiter.set_interest(self.end.as_fd(), self.token, interest);
    }

    /// Has it waited for no more.
    pub(crate) fn forget(&self) {
        self.waiter.forget(self.end.as_fd());
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}
