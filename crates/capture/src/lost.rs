//! What is lost, and how the loop of a pool hears of it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use waiter::Event;

/// Output that a child has written and that was not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Lost {
    /// How many lines.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Lost {
    pub(crate) fn is_nothing(&self) -> bool {
        self.bytes == 0
    }

    pub(crate) fn add(&mut self, lines: u64, bytes: usize) {
        self.merge(Lost { lines, bytes: bytes as u64 });
    }

    pub(crate) fn merge(&mut self, other: Lost) {
        self.lines += other.lines;
        self.bytes += other.bytes;
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines ({} bytes)", self.lines, self.bytes)
    }
}

/// Tells the loop of a pool that something was lost: once, until it has looked.
#[derive(Debug)]
pub(crate) struct Changes {
    event: Event,
    told: AtomicBool,
}

impl Changes {
    pub(crate) fn new() -> io::Result<Changes> {
        Ok(Changes { event: Event::new()?, told: AtomicBool::new(false) })
    }

    pub(crate) fn tell(&self) {
        if !self.told.swap(true, Ordering::AcqRel) {
            self.event.set();
        }
    }

    /// The loop has heard that there is something, and will look.
    pub(crate) fn hear(&self) {
        self.event.clear();
    }

    /// The loop looks: from now on what is lost is told anew.
    pub(crate) fn look(&self) {
        self.told.store(false, Ordering::Release);
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
