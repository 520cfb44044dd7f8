//! One scope of quitting: what was asked, and everything that must be woken by it.
//!
//! Reading goes up: whether and why we quit is asked of the scope and its ancestors, so a scope
//! never says "no" after its ancestor said "yes". Waking goes down, from the one that was asked to
//! all below it. No two locks are ever held together.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::Error;
use crate::bell::Bell;
use crate::reason::{Reason, Request};

/// The scope that signals set.
pub(crate) static PROCESS: Scope = Scope::new(None);

/// A scope, held by whoever may ask it. The scope of the process is a static, so that asking it is one
/// load of a known address.
#[derive(Clone, Debug)]
pub(crate) enum Handle {
    Process,
    Own(Arc<Scope>),
}

impl Handle {
    /// Whether a signal handler, which can wake no list of waiters, may be what requests it.
    pub(crate) fn quits_by_signal(&self) -> bool {
        match self {
            Handle::Process => true,
            Handle::Own(scope) => scope.parent.as_ref().is_some_and(Handle::quits_by_signal),
        }
    }
}

impl Deref for Handle {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        match self {
            Handle::Process => &PROCESS,
            Handle::Own(scope) => scope,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Scope {
    /// Set by handlers and by `wake`, never cleared.
    pub(crate) flag: AtomicBool,
    /// The last signal, 0 for none. Handlers can store a number but cannot lock, so it becomes a
    /// reason when somebody looks.
    pub(crate) signal: AtomicUsize,
    parent: Option<Handle>,
    bell: OnceLock<Bell>,
    state: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    request: Option<Request>,
    channel: Option<Channel>,
    children: Vec<Weak<Scope>>,
    /// Rung when the deadline comes forward.
    watches: Vec<Weak<Bell>>,
}

/// Nothing is ever sent: without its sender the channel is disconnected, and so ready for ever.
#[derive(Debug)]
struct Channel {
    sender: Option<Sender<()>>,
    receiver: Receiver<()>,
}

impl Scope {
    pub(crate) const fn new(parent: Option<Handle>) -> Scope {
        Scope {
            flag: AtomicBool::new(false),
            signal: AtomicUsize::new(0),
            parent,
            bell: OnceLock::new(),
            state: Mutex::new(Shared {
                request: None,
                channel: None,
                children: Vec::new(),
                watches: Vec::new(),
            }),
        }
    }

    pub(crate) fn requested(&self) -> bool {
        self.flag.load(Ordering::Acquire)
            || self.parent.as_ref().is_some_and(|parent| parent.requested())
    }

    /// What was asked, once something was.
    pub(crate) fn asked(&self) -> Option<Request> {
        if !self.requested() {
            return None;
        }
        let inherited = self.inherited();
        let mut state = self.lock();
        self.learn(&mut state, inherited);
        state.request
    }

    /// Takes the request and wakes all that wait here or below.
    pub(crate) fn request(&self, request: Request) {
        // A request that an ancestor had before comes first, even if nobody has looked at it until now:
        // its reason must stay.
        let inherited = self.inherited();
        let mut state = self.lock();
        self.learn(&mut state, inherited);
        let before = state.request.and_then(|request| request.deadline());
        self.learn(&mut state, Some(request));
        let after = state.request.and_then(|request| request.deadline());
        let watches = if before == after { Vec::new() } else { state.watches.clone() };
        drop(state);
        self.wake();
        // Rung after `wake`: whoever a watch wakes must find that quit is requested.
        watches.iter().filter_map(Weak::upgrade).for_each(|bell| bell.ring());
    }

    /// From now on `bell` is rung when the deadline comes forward.
    pub(crate) fn watch_deadline(&self, bell: &Arc<Bell>) {
        let mut state = self.lock();
        state.watches.retain(|watch| watch.strong_count() != 0);
        state.watches.push(Arc::downgrade(bell));
    }

    /// Sets the flag, then rings, then does the same below.
    pub(crate) fn wake(&self) {
        let mut state = self.lock();
        // The flag is set first: whoever is woken looks at it.
        self.flag.store(true, Ordering::Release);
        if let Some(bell) = self.bell.get() {
            bell.ring();
        }
        if let Some(channel) = &mut state.channel {
            channel.sender = None;
        }
        let children = std::mem::take(&mut state.children);
        drop(state);
        for child in children.iter().filter_map(Weak::upgrade) {
            child.wake();
        }
    }

    /// The bell, made when first needed.
    pub(crate) fn bell(&self) -> Result<&Bell, Error> {
        if let Some(bell) = self.bell.get() {
            return Ok(bell);
        }
        // Under the lock, as `wake` is: a quit either finds this bell and rings it, or has set its flag
        // before we look below.
        let _state = self.lock();
        if let Some(bell) = self.bell.get() {
            return Ok(bell);
        }
        let bell = Bell::new().map_err(|source| Error::Pipe { source })?;
        if self.requested() {
            bell.ring();
        }
        Ok(self.bell.get_or_init(|| bell))
    }

    pub(crate) fn receiver(&self) -> Receiver<()> {
        let mut state = self.lock();
        let channel = state.channel.get_or_insert_with(|| {
            let (sender, receiver) = bounded(0);
            Channel { sender: Some(sender), receiver }
        });
        if self.requested() {
            channel.sender = None;
        }
        channel.receiver.clone()
    }

    /// From now on `child` is woken with us.
    pub(crate) fn adopt(&self, child: &Arc<Scope>) {
        let mut state = self.lock();
        // The dead are removed only when the list would have to grow: so each new child pays for a
        // constant share of that.
        if state.children.len() == state.children.capacity() {
            state.children.retain(|child| child.strong_count() != 0);
        }
        state.children.push(Arc::downgrade(child));
        drop(state);
        // Asked after the child is in the list: a quit that emptied the list before has not woken the
        // child, but is seen here.
        if self.requested() {
            child.wake();
        }
    }

    fn inherited(&self) -> Option<Request> {
        self.parent.as_ref().and_then(|parent| parent.asked())
    }

    fn learn(&self, state: &mut Shared, later: Option<Request>) {
        let signalled = match self.signal.load(Ordering::Acquire) {
            0 => None,
            number => i32::try_from(number).ok().map(|number| Request::new(Reason::Signal(number))),
        };
        for next in [signalled, later].into_iter().flatten() {
            state.request = Some(match state.request {
                Some(first) => first.followed_by(next),
                None => next,
            });
        }
    }

    /// A lock that a panic has poisoned is taken all the same: no panic can have left the state half
    /// changed.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
