//! Descriptors watched by epoll(7), events of eventfd(2).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

/// The longest that one call waits: more milliseconds than an `i32` holds are for a system call that
/// Linux has since 5.11 only (epoll_pwait2(2)).
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Descriptors that are watched together, each with a number. Dropping it closes its own descriptor, and none of
/// those.
#[derive(Debug)]
pub(crate) struct Set(OwnedFd);

/// What is told of a descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// It is told that the descriptor is readable or at its end, as long as that is so.
    Readable,
    /// The same of a descriptor that something may be written to.
    Writable,
    /// It is told that the descriptor is at its end, once.
    EndOnce,
}

impl Wanted {
    fn flags(self) -> EventFlags {
        match self {
            Wanted::Readable => EventFlags::IN,
            Wanted::Writable => EventFlags::OUT,
            Wanted::EndOnce => EventFlags::ONESHOT,
        }
    }
}

impl Set {
    /// An empty one (epoll_create1(2)).
    pub(crate) fn new() -> Result<Set, Errno> {
        epoll::create(CreateFlags::CLOEXEC).map(Set)
    }

    /// `EXIST` if it is in already, `PERM` if it cannot be waited for, `NOSPC` if there are too many (epoll_ctl(2)).
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, number: u64, wanted: Wanted) -> Result<(), Errno> {
        epoll::add(&self.0, fd, EventData::new_u64(number), wanted.flags())
    }

    /// Changes what is told of a descriptor that is in the set. That takes no memory, so it is refused
    /// only for one that is not in.
    pub(crate) fn change(
        &self,
        fd: BorrowedFd<'_>,
        number: u64,
        wanted: Wanted,
    ) -> Result<(), Errno> {
        epoll::modify(&self.0, fd, EventData::new_u64(number), wanted.flags())
    }

    /// `NOENT` if it is not in.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        epoll::delete(&self.0, fd)
    }

    /// Waits until there is something to tell, this time is over (`None`: it never is) or a day has
    /// passed. Gives the numbers of at most `most` descriptors.
    pub(crate) fn wait(&self, most: usize, left: Option<Duration>) -> Result<Vec<u64>, Errno> {
        let left = left.map(|left| left.min(DAY)).and_then(|left| Timespec::try_from(left).ok());
        let mut events = Vec::with_capacity(most);
        epoll::wait(&self.0, rustix::buffer::spare_capacity(&mut events), left.as_ref())?;
        Ok(events.iter().map(|event: &epoll::Event| event.data.u64()).collect())
    }
}

impl AsFd for Set {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A counter that the system keeps. Dropping it closes its descriptor.
#[derive(Debug)]
pub(crate) struct Event(OwnedFd);

impl Event {
    pub(crate) fn new() -> Result<Event, Errno> {
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Event)
    }

    /// The write is refused only where the counter is at its maximum: then the event is set already.
    pub(crate) fn set(&self) {
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
