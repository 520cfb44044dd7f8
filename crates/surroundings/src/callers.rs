//! Who asks this process by a connection that its guardian has handed down, brought to the loop that
//! answers.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use waiter::Event;

/// So many wait at most until the loop takes them: more than a guardian has callers.
const MOST: usize = 64;

/// The loops that answer, the eldest first.
static DESKS: Mutex<Vec<Weak<Desk>>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Desk {
    waiting: Mutex<Vec<OwnedFd>>,
    event: Event,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections that are handed down, for a loop that answers: the eldest one that there is gets all of them.
/// Dropping it closes those that wait.
#[derive(Debug)]
pub struct Callers(Arc<Desk>);

impl Callers {
    /// From here on.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn new() -> io::Result<Callers> {
        let desk = Arc::new(Desk { waiting: Mutex::default(), event: Event::new()? });
        lock(&DESKS).push(Arc::downgrade(&desk));
        Ok(Callers(desk))
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

/// Brings a connection to the loop that answers; closed if there is none, or too many wait.
pub(crate) fn hand_over(connection: OwnedFd) {
    let mut desks = lock(&DESKS);
    desks.retain(|desk| desk.strong_count() > 0);
    let Some(desk) = desks.iter().find_map(Weak::upgrade) else { return };
    let mut waiting = lock(&desk.waiting);
    if waiting.len() < MOST {
        waiting.push(connection);
        desk.event.set();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn pair() -> (UnixStream, OwnedFd) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (ours, theirs.into())
    }

    fn is_closed(mut ours: UnixStream) -> bool {
        ours.read(&mut [0]).unwrap() == 0
    }

    #[test]
    fn the_eldest_loop_gets_all_and_without_one_they_are_closed() {
        let (nobody, theirs) = pair();
        hand_over(theirs);
        assert!(is_closed(nobody));

        let (eldest, younger) = (Callers::new().unwrap(), Callers::new().unwrap());
        let (mut first, theirs) = pair();
        hand_over(theirs);
        assert!(waiter::readable(&[eldest.descriptor()], None).unwrap());
        let taken = eldest.take();
        let [taken]: [OwnedFd; 1] = taken.try_into().unwrap();
        first.write_all(b"x").unwrap();
        assert_eq!(UnixStream::from(taken).read(&mut [0; 9]).unwrap(), 1);

        let (second, theirs) = pair();
        hand_over(theirs);
        drop(eldest);
        assert!(is_closed(second));

        let mut all: Vec<_> = (0..=MOST).map(|_| pair()).collect();
        let last = all.pop().unwrap();
        for (_, theirs) in &all {
            hand_over(theirs.try_clone().unwrap());
        }
        hand_over(last.1);
        assert!(is_closed(last.0));
        assert_eq!(younger.take().len(), MOST);
        assert!(younger.take().is_empty());
    }
}
