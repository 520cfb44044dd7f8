//! The child's side of the lifeline: what the parent says, and that it has died.
//!
//! The socket's end tells of the parent's death, whatever it died of. A descriptor of the parent stands
//! beside it, for a parent that forked without exec and so left a copy of its end behind. And the
//! kernel sends SIGCONT when the parent dies, so that a child which is stopped gets to see it.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, getppid, kill_current_process_group, kill_process};

use crate::link::{Link, Received};
use crate::mutex::lock;
use crate::sys::{wake_at_end_of_parent, watch_end};
use crate::wire::Down;
use crate::words::Told;
use exit::Panic;
use quit::Reason;
use serde_bytes::ByteBuf;
use waiter::readable;

/// What a child hears over its lifeline.
#[derive(Debug)]
#[non_exhaustive]
pub enum Heard {
    /// The parent asks to quit, and kills after the time that remains (`None`: it waits for ever).
    Quit {
        /// Why; a reason that only a newer build knows is a [`Reason::Stop`].
        reason: Reason,
        /// How long until it kills.
        remaining: Option<Duration>,
    },
    /// The parent asks to open files anew.
    Reopen,
    /// The parent asks to read anew what this process works by.
    Reload,
    /// The parent tells something that is for whoever is built on this: see [`Child::tell`](crate::Child::tell).
    Told(Told),
    /// Somebody wants to ask this process, and the parent has handed the connection down. Dropping it closes it.
    Connection(OwnedFd),
    /// The parent is dead; this process is killed after its grace.
    ParentDied {
        /// How long until then.
        remaining: Duration,
    },
}

impl Heard {
    /// Whether it is a [`Quit`](Heard::Quit).
    pub fn asks_to_quit(&self) -> bool {
        matches!(self, Heard::Quit { .. })
    }
}

/// A word of the parent's, of whose user nothing need be known: it has made this process.
pub(crate) fn told(bytes: ByteBuf) -> Heard {
    Heard::Told(Told { by: None, bytes: bytes.into_vec() })
}

struct Watch<F> {
    link: Arc<Link>,
    /// Readable once the parent has ended.
    parent: Option<OwnedFd>,
    parent_died: bool,
    grace: Duration,
    /// When the parent kills us, or we do it ourselves once it is dead.
    deadline: Option<Instant>,
    heard: F,
}

pub(crate) fn watch(
    link: Arc<Link>,
    parent: Option<u32>,
    grace: Duration,
    heard: impl FnMut(Heard) + Send + 'static,
) -> io::Result<()> {
    let Some(parent) = parent else { return Ok(()) };
    // Second lines of defence: where the system does not have them, the socket is enough.
    wake_at_end_of_parent();
    let parents_end = watch_end(parent).ok();
    // Looked at after the number was turned into a descriptor: if it is still our parent, then the
    // descriptor is the parent's. A parent in another pid namespace has no number here (getppid(2)), and
    // the number that it has there is somebody else's here: then the socket alone tells of its end.
    let now = getppid();
    let is_ours = now == Pid::from_raw(i32::try_from(parent).unwrap_or_default());
    let parent_died = now.is_some() && !is_ours;
    let mut watch = Watch {
        link,
        parent: parents_end.filter(|_| now.is_some() && is_ours),
        parent_died: false,
        grace,
        deadline: None,
        heard,
    };
    // What was said before now is known before anything else is done: an entry that looks at once
    // must not miss a quit that is older than its call.
    if parent_died || watch.take_words().is_break() {
        watch.parent_is_dead();
    }
    // Deep enough for a logger that is called from `heard`.
    helper_thread::spawn("lifeline", 256 << 10, move || watch.run()).map(drop)
}

impl<F: FnMut(Heard)> Watch<F> {
    fn run(mut self) {
        loop {
            if self.wait().is_err() {
                // Without a wait the parent's death would not be noticed, so the child must not live on.
                self.parent_is_dead();
                kill_ourselves();
            }
            if self.take_words().is_break() || self.has_lost_its_parent() {
                self.parent_is_dead();
            }
            if self.parent_died && self.deadline.is_some_and(|at| at <= Instant::now()) {
                kill_ourselves();
            }
        }
    }

    /// Takes all that the parent has said.
    fn take_words(&mut self) -> ControlFlow<()> {
        while !self.parent_died {
            match self.link.receive() {
                Ok(Received::Message(Down::Quit { reason, remaining })) => {
                    let deadline = remaining.and_then(|left| Instant::now().checked_add(left));
                    self.deadline = earlier(self.deadline, deadline);
                    self.tell(Heard::Quit { reason, remaining });
                }
                Ok(Received::Message(Down::Reopen)) => self.tell(Heard::Reopen),
                Ok(Received::Message(Down::Reload)) => self.tell(Heard::Reload),
                Ok(Received::Message(Down::Told(bytes))) => self.tell(told(bytes)),
                Ok(Received::Message(Down::Connection)) => {
                    if let Some(connection) = self.link.take_descriptor() {
                        self.tell(Heard::Connection(connection));
                    }
                }
                // If something is left in the socket, the next wait ends at once.
                Ok(Received::Nothing | Received::Enough) => break,
                Ok(Received::Closed | Received::Descriptors) | Err(_) => {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn has_lost_its_parent(&self) -> bool {
        !self.parent_died && self.parent.as_ref().is_some_and(has_ended)
    }

    fn parent_is_dead(&mut self) {
        if !self.parent_died {
            self.parent_died = true;
            let now = Instant::now();
            self.deadline = earlier(self.deadline, now.checked_add(self.grace));
            let remaining =
                self.deadline.map_or(self.grace, |at| at.saturating_duration_since(now));
            self.tell(Heard::ParentDied { remaining });
        }
    }

    /// A panic in there is told by the panic hook, and is not the end of the lifeline: this process would live on
    /// without its parent.
    fn tell(&mut self, heard: Heard) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.heard)(heard))) {
            // What was thrown may panic when it is dropped.
            std::mem::forget(panic);
        }
    }

    fn wait(&self) -> io::Result<()> {
        // A dead parent's descriptors are readable for ever, so there is only the deadline left.
        if self.parent_died {
            return readable(&[], self.deadline).map(drop);
        }
        let mut fds = vec![self.link.as_fd()];
        fds.extend(self.parent.iter().map(AsFd::as_fd));
        readable(&fds, None).map(drop)
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn has_ended(process: &OwnedFd) -> bool {
    readable(&[process.as_fd()], Some(Instant::now())).unwrap_or(false)
}

/// The surest end there is: nothing that the entry does can hold it up.
fn kill_ourselves() -> ! {
    // Asked by nix: getpgrp(2) gives 0 for a group from outside this pid namespace, which rustix takes
    // for impossible.
    if nix::unistd::getpgrp() == nix::unistd::getpid() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    let _ = kill_process(getpid(), Signal::KILL);
    // Only the first process of a pid namespace comes here, which no signal of its own kills
    // (pid_namespaces(7)); a fault does.
    std::process::abort();
}

static LAST_PANIC: Mutex<Option<(thread::ThreadId, Panic)>> = Mutex::new(None);

/// Keeps the place of a panic until it is known whether the entry ended by it.
pub(crate) fn remember_panic(panic: Panic) {
    let mut last = lock(&LAST_PANIC);
    *last = Some((thread::current().id(), panic));
}

/// The last panic, if it was this thread's.
pub(crate) fn last_panic() -> Option<Panic> {
    let last = lock(&LAST_PANIC);
    last.clone().filter(|(thread, _)| *thread == thread::current().id()).map(|(_, panic)| panic)
}
