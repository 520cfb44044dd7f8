//! Something that has happened, for whoever waits.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::sys;

/// A descriptor that is readable from the moment at which it is set until it is cleared, for
/// [`Waiter`](crate::Waiter), [`readable`](crate::readable) and whatever else waits for descriptors.
///
/// It is close-on-exec. Dropping it closes its descriptor; whoever waits for it then waits in vain.
///
/// ```
/// use std::os::fd::AsFd;
/// use std::time::Instant;
/// use waiter::{Event, readable};
///
/// # fn main() -> std::io::Result<()> {
/// let event = Event::new()?;
/// assert!(!readable(&[event.as_fd()], Some(Instant::now()))?);
/// event.set();
/// event.set();
/// assert!(readable(&[event.as_fd()], None)?);
/// event.clear();
/// assert!(!readable(&[event.as_fd()], Some(Instant::now()))?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Event(sys::Event);

impl Event {
    /// An event that is not set.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn new() -> io::Result<Event> {
        Ok(Event(sys::Event::new()?))
    }

    /// Sets it; nothing changes if it is set. Waits for nobody, and takes no memory.
    pub fn set(&self) {
        self.0.set();
    }

    /// Clears it, however often it was set. Waits for nobody.
    pub fn clear(&self) {
        self.0.clear();
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
