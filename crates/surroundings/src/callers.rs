//! Who asks this process by a connection that its guardian has handed down, brought to the loop that
//! answers.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use waiter::Event;

use crate::words::Word;

/// So many wait at most until a loop takes them: more than a guardian has callers.
const MOST: usize = 64;

static HALL: Mutex<Hall> = Mutex::new(Hall { desks: Vec::new(), waiting: Vec::new() });

#[derive(Debug)]
struct Hall {
    /// The loops that answer, the eldest first.
    desks: Vec<Arc<Desk>>,
    /// Those who wait until there is one.
    waiting: Vec<OwnedFd>,
}

#[derive(Debug)]
struct Desk {
    waiting: Mutex<Vec<OwnedFd>>,
    event: Event,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections that are handed down, for a loop that answers: the eldest one that there is gets all of them, and
/// the first one those that have waited for it. Dropping it gives those that it has not taken to the next one, and
/// closes them if there is none.
#[derive(Debug)]
pub struct Callers(Arc<Desk>);

impl Callers {
    /// From here on.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn new() -> io::Result<Callers> {
        let event = Event::new()?;
        let mut hall = lock(&HALL);
        let waiting = std::mem::take(&mut hall.waiting);
        if !waiting.is_empty() {
            event.set();
        }
        let desk = Arc::new(Desk { waiting: Mutex::new(waiting), event });
        hall.desks.push(Arc::clone(&desk));
        drop(hall);
        // Who is above has nobody to ask before. If it is gone, the lifeline sees to that.
        let _ = proc_spawn::tell(&Word::Answers);
        Ok(Callers(desk))
    }

    /// A connection to the loop that answers in this very process, or to the first that will.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn connect() -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        hand_over(theirs.into(), true);
        Ok(ours.into())
    }

    /// Readable when somebody waits, until he is [taken](Callers::take).
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }

    /// Those who wait.
    pub fn take(&self) -> Vec<OwnedFd> {
        self.0.event.clear();
        std::mem::take(&mut *lock(&self.0.waiting))
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        let mut hall = lock(&HALL);
        hall.desks.retain(|desk| !Arc::ptr_eq(desk, &self.0));
        let left = std::mem::take(&mut *lock(&self.0.waiting));
        left.into_iter().for_each(|connection| hall.bring(connection, false));
    }
}

/// Brings a connection to the loop that answers. It is closed if there is none and it does not wait for one, or too
/// many wait.
pub(crate) fn hand_over(connection: OwnedFd, waits: bool) {
    lock(&HALL).bring(connection, waits);
}

impl Hall {
    fn bring(&mut self, connection: OwnedFd, waits: bool) {
        self.waiting.retain(|connection| !is_given_up(connection));
        match self.desks.first() {
            Some(desk) => {
                let mut waiting = lock(&desk.waiting);
                if waiting.len() < MOST {
                    waiting.push(connection);
                    desk.event.set();
                }
            }
            None if waits && self.waiting.len() < MOST => self.waiting.push(connection),
            None => (),
        }
    }
}

/// Whether nobody holds the other end any more, also where something of his is still to be read.
fn is_given_up(connection: &OwnedFd) -> bool {
    // A hang-up is told unasked (poll(2)).
    let mut polled = [PollFd::new(connection, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().contains(PollFlags::HUP)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// There is one hall for all tests of this process.
    static ALONE: Mutex<()> = Mutex::new(());

    fn pair() -> (UnixStream, OwnedFd) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (ours, theirs.into())
    }

    fn is_closed(mut ours: UnixStream) -> bool {
        ours.read(&mut [0]).unwrap() == 0
    }

    /// After so many that were dropped the next one ended at once.
    #[test]
    fn who_has_given_up_takes_no_place() {
        let _alone = lock(&ALONE);
        for _ in 0..=MOST {
            let mut given_up = UnixStream::from(Callers::connect().unwrap());
            given_up.write_all(b"what is asked").unwrap();
        }
        let waits = Callers::connect().unwrap();
        let first = Callers::new().unwrap();
        assert_eq!(first.take().len(), 1);
        drop(first);
        assert!(is_closed(waits.into()));
    }

    #[test]
    fn the_eldest_loop_gets_all_and_without_one_they_are_closed() {
        let _alone = lock(&ALONE);
        let (nobody, theirs) = pair();
        hand_over(theirs, false);
        assert!(is_closed(nobody));

        let (patient, theirs) = pair();
        hand_over(theirs, true);
        let first = Callers::new().unwrap();
        assert!(waiter::readable(&[first.descriptor()], None).unwrap());
        assert_eq!(first.take().len(), 1);
        assert!(is_closed(patient));
        drop(first);

        let (eldest, younger) = (Callers::new().unwrap(), Callers::new().unwrap());
        let (mut first, theirs) = pair();
        hand_over(theirs, false);
        assert!(waiter::readable(&[eldest.descriptor()], None).unwrap());
        let taken = eldest.take();
        let [taken]: [OwnedFd; 1] = taken.try_into().unwrap();
        first.write_all(b"x").unwrap();
        assert_eq!(UnixStream::from(taken).read(&mut [0; 9]).unwrap(), 1);

        let (second, theirs) = pair();
        hand_over(theirs, false);
        // What it has not taken is the next one's.
        drop(eldest);
        let now = Some(std::time::Instant::now());
        assert!(waiter::readable(&[younger.descriptor()], now).unwrap());
        let taken = younger.take();
        assert_eq!(taken.len(), 1);
        drop(taken);
        assert!(is_closed(second));

        let mut all: Vec<_> = (0..=MOST).map(|_| pair()).collect();
        let last = all.pop().unwrap();
        for (_, theirs) in &all {
            hand_over(theirs.try_clone().unwrap(), true);
        }
        hand_over(last.1, true);
        assert!(is_closed(last.0));
        assert_eq!(younger.take().len(), MOST);
        assert!(younger.take().is_empty());
    }
}
