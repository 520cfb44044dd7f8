//! The first thing in `main`: is this a child? Then become it, run its entry, and exit.

use std::env;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::called::Called;
use crate::current::{self, Current, Role};
use crate::detached;
use crate::entries::{BoundEntry, Entries};
use crate::lifeline::{self, Heard};
use crate::link::{Link, Received, from_bytes};
use crate::peer::Stranger;
use crate::privilege;
use crate::program;
use crate::spawn::Spawn;
use crate::status::Status;
use crate::surroundings;
use crate::telling::{self, encoded};
use crate::wire::{Down, MARKER, Payload, PayloadError, Up, Verdict};
use exit::{CODE_PANIC, CODE_SETUP, Panic, SetupError};

/// The exit code of who started a child by hand (`EX_USAGE` of sysexits.h).
const CODE_USAGE: i32 = 64;

/// What a role does in its own process, up to the exit code.
pub type Handler = fn(Boot) -> i32;

/// What a program tells before it starts children: its entries, and what its roles do.
#[derive(Default)]
pub struct App {
    entries: Entries,
    handlers: Vec<(Role, Handler)>,
}

/// Makes this program one that can start itself again: the first line of `main`.
///
/// In a child it runs the entry and never returns: the process exits with 0, with
/// [`CODE_ERROR`](crate::CODE_ERROR), [`CODE_PANIC`] or [`CODE_SETUP`], or with what its role's
/// handler says. Everything before it runs in every child too. In any other process it remembers
/// the entries and returns. A second call changes nothing.
pub fn init(entries: Entries) {
    App::new(entries).init();
}

impl App {
    /// A program with these entries.
    pub fn new(entries: Entries) -> App {
        App { entries, handlers: Vec::new() }
    }

    /// What a child in this role does. A role without a handler runs its entry and no more.
    #[must_use]
    pub fn role(mut self, role: Role, handler: Handler) -> App {
        self.handlers.push((role, handler));
        self
    }

    /// See [`init`](crate::init).
    pub fn init(self) {
        let called = Called::parse(env::args_os().skip(1));
        let path = env::current_exe().ok();
        program::set(self.entries, path);
        let status = Status::read();
        let privileged = privilege::look(status.as_ref(), called.is_some());
        if let Some(called) = called {
            let code = if privileged {
                refuse(&"this program has gained rights by being executed, and becomes no child")
            } else {
                become_child(&called, status.as_ref(), &self.handlers)
            };
            end(code);
        }
    }
}

fn become_child(called: &Called, status: Option<&Status>, handlers: &[(Role, Handler)]) -> i32 {
    surroundings::reset(called, status);
    let link = match surroundings::take_stdin(called, status) {
        Ok(socket) => Link::new(socket).map_err(Stranger::NoSocket),
        Err(stranger) => Err(stranger),
    };
    let link = match link {
        Ok(link) => Arc::new(link),
        Err(stranger) => return refuse(&stranger),
    };
    if let Err(error) = surroundings::empty_stdin() {
        let _ = link.send(&Up::SetupFailed(SetupError::new("open `/dev/null`", &error)));
        return CODE_SETUP;
    }
    let payload = match read_payload(&link, called) {
        Ok(payload) => payload,
        Err(PayloadError::Missing) => return refuse(&Stranger::Silent),
        Err(error) => {
            let _ = link.send(&Up::SetupFailed(SetupError::new("payload", &error)));
            return CODE_SETUP;
        }
    };
    report_panics(Arc::downgrade(&link));
    let _ = telling::LINK.set(Arc::downgrade(&link));
    current::set(payload.current.clone());
    let handler = handlers.iter().find(|(role, _)| *role == payload.current.role);
    let boot = Boot { link, payload };
    match (handler, boot.payload.current.role) {
        (Some((_, handler)), _) => handler(boot),
        (None, Role::Launcher) => detached::launch(&boot),
        (None, _) => run_plain(boot),
    }
}

type Hook = Box<dyn FnOnce() + Send>;

static HOOKS: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

/// Has `hook` run when this process' entry has ended: returned, failed or panicked. The last one
/// that was given runs first, each once, and one that panics does not hold up the others.
///
/// A process that is killed, or exits by itself, runs none. In a process that is no child nothing
/// happens.
pub fn at_end(hook: impl FnOnce() + Send + 'static) {
    HOOKS.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
}

fn run_hooks() {
    // Taken out one by one: a hook may add another.
    while let Some(hook) = HOOKS.lock().unwrap_or_else(PoisonError::into_inner).pop() {
        // The panic hook has told of it.
        let _ = panic::catch_unwind(AssertUnwindSafe(hook));
    }
}

fn read_payload(link: &Link, called: &Called) -> Result<Payload, PayloadError> {
    let mut kept = None;
    let bytes = link.take_payload(&mut kept);
    // Also by one that has come for nothing: it is there until it has gone.
    if let Some(kept) = kept {
        program::keep(kept);
    }
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(PayloadError::Missing);
        }
        Err(source) => return Err(PayloadError::Malformed { source }),
    };
    let payload = Payload::decode(&bytes)?;
    if called.nonce != *format!("{:016x}", payload.nonce) {
        return Err(PayloadError::NotForUs);
    }
    Ok(payload)
}

/// For who has typed the marker by hand, or worse.
fn refuse(reason: &dyn std::fmt::Display) -> i32 {
    let _ = writeln!(
        io::stderr(),
        "`{MARKER}…` is for processes that this program starts itself: {reason}"
    );
    CODE_USAGE
}

/// Tells the parent of every panic, before anything else is done about it.
fn report_panics(link: Weak<Link>) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str().unwrap_or("a value that is no text").to_owned();
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
        let panic = Panic { message, place: place.unwrap_or_default() }.bounded();
        if let Some(link) = link.upgrade() {
            let _ = link.send(&Up::PanicSeen(panic.clone()));
        }
        lifeline::remember_panic(panic);
        previous(info);
    }));
}

/// A child without a handler of its own: it lives no longer than its parent.
fn run_plain(boot: Boot) -> i32 {
    let entry = match boot.bind() {
        Ok(entry) => entry,
        Err(error) => return boot.fail(&error),
    };
    let watched = boot.watch_lifeline(Duration::ZERO, |_| ());
    match watched {
        Ok(()) => boot.run(entry),
        Err(error) => boot.fail(&error),
    }
}

/// A child between its start and its entry: what it is to be, and how it answers.
///
/// Dropping it closes the socket to the starter, unless the lifeline is being watched, which keeps
/// it open for the life of the process.
pub struct Boot {
    link: Arc<Link>,
    payload: Payload,
}

/// An entry whose arguments have been decoded: nothing is left but to call it.
pub struct Bound(BoundEntry);

impl Boot {
    /// The socket to the starter.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

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

    /// The same for who must not wait: one that has no room for it is told nothing.
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

    /// The same for an entry that says itself when it is ready: see [`tell_ready`](crate::tell_ready).
    pub fn run_unready(&self, entry: Bound) -> i32 {
        let entries = program::entries().expect("the bootstrap has set the entries");
        let call = || (entry.0)(&|error| entries.judge(error));
        let ended = panic::catch_unwind(AssertUnwindSafe(call));
        run_hooks();
        let (verdict, code) = match ended {
            Ok(Ok(())) => return 0,
            Ok(Err(failure)) => {
                let code = failure.code;
                (Verdict::Error(failure), code)
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
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

#[expect(clippy::disallowed_methods, reason = "this is where a child ends")]
fn end(code: i32) -> ! {
    std::process::exit(code)
}
