//! The first thing in `main`: is this a child? Then become it, run its entry, and exit.

use std::env;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::panic;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::boot::Boot;
use crate::called::Called;
use crate::current::{self, Role};
use crate::detached;
use crate::entries::Entries;
use crate::inherited;
use crate::lifeline;
use crate::link::Link;
use crate::peer::Stranger;
use crate::privilege;
use crate::program;
use crate::sys::Ourselves;
use crate::telling;
use crate::wire::{MARKER, Payload, PayloadError, Up};
use exit::{CODE_SETUP, Panic, SetupError};

/// The exit code of a process that somebody has started by hand as if it were a child (`EX_USAGE` of
/// sysexits.h).
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
/// [`CODE_ERROR`](crate::CODE_ERROR), [`CODE_PANIC`](crate::CODE_PANIC) or [`CODE_SETUP`], or with what its role's
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
        let ourselves = Ourselves::look();
        let privileged = privilege::look(&ourselves, called.is_some());
        if let Some(called) = called {
            let code = if privileged {
                refuse(&"this program has gained rights by being executed, and becomes no child")
            } else {
                become_child(&called, &ourselves, &self.handlers)
            };
            end(code);
        }
    }
}

fn become_child(called: &Called, ourselves: &Ourselves, handlers: &[(Role, Handler)]) -> i32 {
    inherited::reset(called, ourselves);
    let link = match inherited::take_stdin(called, ourselves) {
        Ok(socket) => Link::new(socket).map_err(Stranger::NoSocket),
        Err(stranger) => Err(stranger),
    };
    let link = match link {
        Ok(link) => Arc::new(link),
        Err(stranger) => return refuse(&stranger),
    };
    if let Err(error) = inherited::empty_stdin() {
        let _ = link.send(&Up::SetupFailed(SetupError::new("open `/dev/null`", &error)));
        return CODE_SETUP;
    }
    let (payload, given) = match read_payload(&link, called) {
        Ok(read) => read,
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
    let boot = Boot { link, payload, given };
    match (handler, boot.payload.current.role) {
        (Some((_, handler)), _) => handler(boot),
        (None, Role::Launcher) => detached::launch(&boot),
        (None, _) => run_plain(boot),
    }
}

/// The payload, and the descriptor that is for the role's own handler.
fn read_payload(link: &Link, called: &Called) -> Result<(Payload, Option<OwnedFd>), PayloadError> {
    let mut descriptors = Vec::new();
    let payload = match link.take_payload(&mut descriptors) {
        Ok(bytes) => Payload::decode(&bytes),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(PayloadError::Missing),
        Err(source) => Err(PayloadError::Malformed { source }),
    };
    let is_given = payload.as_ref().is_ok_and(|payload| payload.given);
    let given = if is_given { descriptors.pop() } else { None };
    // Kept even if the payload is then refused: whoever looks at the descriptor's lock must see this
    // process until it has ended.
    if let Some(kept) = descriptors.into_iter().next() {
        program::keep(kept);
    }
    let payload = payload?;
    if called.nonce != *format!("{:016x}", payload.nonce) {
        return Err(PayloadError::NotForUs);
    }
    Ok((payload, given))
}

/// Refuses to become a child of somebody who has typed the marker by hand, or worse.
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

#[expect(clippy::disallowed_methods, reason = "this is where a child ends")]
fn end(code: i32) -> ! {
    std::process::exit(code)
}
