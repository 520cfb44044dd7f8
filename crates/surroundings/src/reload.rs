//! Reading anew, on request, what a process works by: its configuration, certificates, lists.
//!
//! A request comes from above: a signal to a daemon, somebody at its control socket, a pool that has read its list anew. It
//! is only told; what it means is the application's own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

use waiter::Event;

pub use crate::words::Instruction;
use crate::words::Word;

/// How many requests have come.
static ASKED: AtomicU64 = AtomicU64::new(0);
/// How many of them were taken by [`reload_requested`].
static TAKEN: AtomicU64 = AtomicU64::new(0);
static LISTENERS: Mutex<Vec<Weak<Event>>> = Mutex::new(Vec::new());
static SAID: Once = Once::new();

/// Whether somebody has asked since the last call, in any thread, that this process reads anew what it works by. Several
/// requests that have come meanwhile are one.
///
/// It says so too when the parent is to know that such a request finds somebody here: a process that never calls this, and
/// has no [`ReloadListener`], is not asked, and where nobody is the request is refused. So call it once before the first
/// round, as in `while !quit_requested()`.
///
/// ```
/// # let read_configuration = || ();
/// let mut configuration = read_configuration();
/// # let rounds = 1;
/// # for _ in 0..rounds {
/// if surroundings::reload_requested() {
///     configuration = read_configuration();
/// }
/// # }
/// # configuration
/// ```
pub fn reload_requested() -> bool {
    listens();
    let asked = ASKED.load(Ordering::Acquire);
    TAKEN.swap(asked, Ordering::AcqRel) != asked
}

/// Tells the parent that a request to reload finds somebody in this process.
pub fn listens() {
    SAID.call_once(|| {
        // Without a parent nobody asks this process.
        let _ = proc_spawn::tell(&Word::Reloads);
    });
}

/// Whether the parent was told that.
pub fn has_listeners() -> bool {
    SAID.is_completed()
}

/// Asks this process. Says whether anybody listens.
pub fn request() -> bool {
    request_of_all_but(None)
}

fn request_of_all_but(one: Option<&Arc<Event>>) -> bool {
    ASKED.fetch_add(1, Ordering::AcqRel);
    let mut any = has_listeners();
    listeners().retain(|listener| match listener.upgrade() {
        Some(event) => {
            if one.is_none_or(|one| !Arc::ptr_eq(one, &event)) {
                event.set();
                any = true;
            }
            true
        }
        None => false,
    });
    any
}

fn listeners() -> MutexGuard<'static, Vec<Weak<Event>>> {
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells a loop when somebody has asked that this process reads anew what it works by. Dropping it ends that. Each listener
/// is told of each request, whether or not [`reload_requested`] has taken it.
#[derive(Debug)]
pub struct ReloadListener(Arc<Event>);

impl ReloadListener {
    /// From here on.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn new() -> io::Result<ReloadListener> {
        let listener = ReloadListener::silent()?;
        listens();
        Ok(listener)
    }

    /// The same, without telling the parent that somebody listens: a loop that does so when it knows.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn silent() -> io::Result<ReloadListener> {
        let event = Arc::new(Event::new()?);
        listeners().push(Arc::downgrade(&event));
        Ok(ReloadListener(event))
    }

    /// Readable when somebody has asked, until that is [heard](ReloadListener::hear).
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Asks everybody in this process but this one: who has been asked in another way.
    pub fn pass_on(&self) {
        request_of_all_but(Some(&self.0));
    }

    /// Takes note of what was asked.
    pub fn hear(&self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use waiter::readable;

    use super::*;

    /// Case: CTL-07
    #[test]
    fn each_request_is_told_to_each_listener_and_once_to_who_asks() {
        let listener = ReloadListener::silent().unwrap();
        let is_told = || readable(&[listener.descriptor()], Some(Instant::now())).unwrap();
        assert!(!is_told());
        assert!(!reload_requested());
        for _ in 0..3 {
            assert!(request());
        }
        assert!(is_told());
        assert!(reload_requested());
        assert!(!reload_requested());
        assert!(is_told());
        listener.hear();
        assert!(!is_told());
        listener.pass_on();
        assert!(reload_requested() && !is_told());
        drop(listener);
        assert!(request(), "somebody has asked for them");
        assert!(reload_requested());
    }
}
