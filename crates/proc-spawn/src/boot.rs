//! A child from its payload to its end: it is set up, says so, runs its entry, and tells how that went.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

use crate::current::Current;
use crate::entries::BoundEntry;
use crate::lifeline::{self, Heard};
use crate::link::{Link, Received};
use crate::mutex::lock;
use crate::program;
use crate::spawn::Spawn;
use crate::telling::encoded;
use crate::value::PIECE;
use crate::wire::{Down, Payload, Up, Verdict, from_bytes};
use exit::{CODE_ERROR, CODE_PANIC, CODE_SETUP, Panic, SetupError};

/// A child between its start and its entry: what it is to be, and how it answers.
///
/// Dropping it closes the socket to the starter, unless the lifeline is being watched, which keeps
/// it open for the life of the process.
pub struct Boot {
    pub(crate) link: Arc<Link>,
    pub(crate) payload: Payload,
    pub(crate) given: Option<OwnedFd>,
}

/// An entry whose arguments have been decoded: nothing is left but to call it.
pub struct Bound(BoundEntry);

impl Boot {
    /// Who this process is.
    pub fn current(&self) -> &Current {
        &self.payload.current
    }

    /// What the starter gave to this role.
    ///
    /// # Errors
    ///
    /// It is not of that type.
    pub fn setup<T: DeserializeOwned>(&self) -> Result<T, SetupError> {
        from_bytes(&self.payload.setup).map_err(|error| SetupError::new("set-up", &error))
    }

    /// The descriptor that the starter [gave](Spawn::set_given) to this role, once. It is closed on exec.
    pub fn take_given(&mut self) -> Option<OwnedFd> {
        self.given.take()
    }

    /// Finds the entry and decodes its arguments.
    ///
    /// # Errors
    ///
    /// There is no such entry here, or its arguments do not fit.
    pub fn bind(&self) -> Result<Bound, SetupError> {
        let entries = program::entries().expect("the bootstrap has set the entries");
        let name = self.payload.entry.as_deref().unwrap_or_default();
        entries
            .bind(name, &self.payload.args)
            .map(Bound)
            .map_err(|error| SetupError::new("entry", &error).permanent())
    }

    /// A child of ours that is to run the entry we were given.
    pub fn spawn(&self) -> Spawn {
        Spawn::resolved(self.payload.entry.clone(), &self.payload.args)
    }

    /// Tells the starter that the set-up failed; gives back the exit code that goes with it.
    pub fn fail(&self, error: &SetupError) -> i32 {
        let _ = self.link.send(&Up::SetupFailed(error.clone()));
        CODE_SETUP
    }

    /// Tells the starter a word of one's own: see [`tell`](crate::tell()).
    ///
    /// # Errors
    ///
    /// Nobody is there to hear it, or it is longer than a mebibyte.
    pub fn tell(&self, word: &impl Serialize) -> io::Result<()> {
        self.link.send(&encoded(word)?)
    }

    /// As [`tell`](Boot::tell), for a caller who must not wait: a starter that has no room for the word
    /// is told nothing.
    ///
    /// # Errors
    ///
    /// Nobody is there to hear it, or it has so much unread that there is no room (`WouldBlock`).
    pub fn tell_now(&self, word: &impl Serialize) -> io::Result<()> {
        self.link.send_now(&encoded(word)?)
    }

    /// Readable when [`hear`](Boot::hear) has something to tell, for a role that waits itself.
    pub fn lifeline(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }

    /// What the starter has said, or that it is gone (with nothing remaining). Does not wait.
    pub fn hear(&self) -> Option<Heard> {
        match self.link.receive() {
            Ok(Received::Message(Down::Quit { reason, remaining })) => {
                Some(Heard::Quit { reason, remaining })
            }
            Ok(Received::Message(Down::Reopen)) => Some(Heard::Reopen),
            Ok(Received::Message(Down::Reload)) => Some(Heard::Reload),
            Ok(Received::Message(Down::Told(bytes))) => Some(lifeline::told(bytes)),
            Ok(Received::Message(Down::Connection)) => {
                self.link.take_descriptor().map(Heard::Connection)
            }
            Ok(Received::Nothing | Received::Enough) => None,
            Ok(Received::Closed | Received::Descriptors) | Err(_) => {
                Some(Heard::ParentDied { remaining: Duration::ZERO })
            }
        }
    }

    /// Starts the thread that hears what the parent says, and notices its death.
    ///
    /// When the parent has died, this process has `grace` left to end by itself; then it is killed,
    /// with its process group if it leads one. A deadline that the parent has set before counts if
    /// it is earlier. A process whose parent is not to be watched is told nothing.
    ///
    /// # Errors
    ///
    /// The system refuses a thread, or the parent cannot be watched.
    pub fn watch_lifeline(
        &self,
        grace: Duration,
        heard: impl FnMut(Heard) + Send + 'static,
    ) -> Result<(), SetupError> {
        lifeline::watch(Arc::clone(&self.link), self.payload.parent, grace, heard)
            .map_err(|error| SetupError::new("lifeline", &error))
    }

    /// Says that all is ready, calls the entry, and tells how it ended; gives back the exit code.
    pub fn run(&self, entry: Bound) -> i32 {
        // A parent that is gone is the lifeline's business.
        let _ = self.link.send(&Up::Ready);
        self.run_unready(entry)
    }

    /// As [`run`](Boot::run), for an entry that says itself when it is ready: see
    /// [`tell_ready`](crate::tell_ready).
    pub fn run_unready(&self, entry: Bound) -> i32 {
        let entries = program::entries().expect("the bootstrap has set the entries");
        let call = || (entry.0)(&|error| entries.judge(error), self.payload.value);
        let ended = panic::catch_unwind(AssertUnwindSafe(call));
        if let Ok(Ok(Some(value))) = &ended {
            // If the parent does not get all of it, it takes none of it. Where nobody is, nobody misses it.
            let _ = self.tell_value(value);
        }
        run_hooks();
        let (verdict, code) = match ended {
            Ok(Ok(_)) => return 0,
            Ok(Err(verdict)) => {
                let code =
                    if let Verdict::Error(failure) = &verdict { failure.code } else { CODE_ERROR };
                (verdict, code)
            }
            Err(payload) => {
                // The hook knows the place; the entry may have replaced it, and then only the
                // message is left.
                let panic = lifeline::last_panic().unwrap_or_else(|| Panic {
                    message: panic_text(&*payload).to_owned(),
                    place: String::new(),
                });
                let panic = panic.bounded();
                (Verdict::Panic(panic), CODE_PANIC)
            }
        };
        let _ = self.link.send(&Up::Verdict(verdict));
        code
    }

    fn tell_value(&self, value: &[u8]) -> io::Result<()> {
        let pieces = value.chunks(PIECE);
        let last = pieces.len().saturating_sub(1);
        for (index, piece) in pieces.enumerate() {
            let bytes = ByteBuf::from(piece);
            self.link.send(&Up::Value { bytes, more: index < last })?;
        }
        Ok(())
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

type Hook = Box<dyn FnOnce() + Send>;

static HOOKS: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

/// Has `hook` run when this process' entry has ended: returned, failed or panicked. The last one
/// that was given runs first, each once, and one that panics does not hold up the others.
///
/// A process that is killed, or exits by itself, runs none. In a process that is no child nothing
/// happens.
pub fn at_end(hook: impl FnOnce() + Send + 'static) {
    lock(&HOOKS).push(Box::new(hook));
}

fn run_hooks() {
    // Taken out one by one: a hook may add another.
    while let Some(hook) = lock(&HOOKS).pop() {
        // The panic hook has told of it.
        let _ = panic::catch_unwind(AssertUnwindSafe(hook));
    }
}
