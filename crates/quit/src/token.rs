//! A quit of one's own: the same questions and waits as for the process, for a part of it.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::scope::{Handle, Scope};
use crate::sleep::{self, Slept};
use crate::{Error, Reason, Request, watcher};

/// A request to quit that can be passed around.
///
/// The functions of this crate ask the token that signals set, [`QuitToken::process`]. Use your own
/// where a part should be stopped without stopping the process, or in a test:
///
/// ```
/// use std::time::Duration;
/// use quit::{QuitToken, Reason, Slept};
///
/// let executor = QuitToken::new()?;
/// let worker = executor.child()?; // Quits with the executor, or alone.
///
/// worker.request(Reason::Scale);
/// assert_eq!(worker.sleep(Duration::from_secs(3600)), Slept::Quit);
/// assert!(!executor.requested());
/// # Ok::<(), quit::Error>(())
/// ```
///
/// Clones are the same token. Once requested, it stays requested. Each own token holds two descriptors.
/// Dropping the last clone (children count as clones of their parent) closes them, asks nobody to quit,
/// and makes its [receivers](QuitToken::receiver) ready, since nobody is left who could request it.
#[derive(Clone, Debug)]
pub struct QuitToken(Handle);

impl QuitToken {
    /// A token of its own, which nothing requests but you.
    ///
    /// # Errors
    ///
    /// [`Error::Pipe`] if the process has too many open files.
    pub fn new() -> Result<QuitToken, Error> {
        let scope = Arc::new(Scope::new(None));
        scope.bell()?;
        Ok(QuitToken(Handle::Own(scope)))
    }

    /// The token of the whole process: the one that signals set and the functions of this crate ask.
    pub fn process() -> QuitToken {
        QuitToken(Handle::Process)
    }

    /// A token that is requested when this one is, but can also be requested alone.
    ///
    /// [`requested`](QuitToken::requested) and [`reason`](QuitToken::reason) of a child know of the
    /// parent's quit at the same instant. Its waiters are woken by whoever requests the parent;
    /// where that is a signal, by the thread described at [`receiver`](crate::receiver).
    ///
    /// # Errors
    ///
    /// [`Error::Pipe`] if the process has too many open files; [`Error::Thread`] if that thread is
    /// needed and cannot be started.
    pub fn child(&self) -> Result<QuitToken, Error> {
        if self.0.quits_by_signal() {
            watcher::start()?;
        }
        let scope = Arc::new(Scope::new(Some(self.0.clone())));
        scope.bell()?;
        self.0.adopt(&scope);
        Ok(QuitToken(Handle::Own(scope)))
    }

    /// Requests quit of this token and its children, and wakes all that wait for it.
    ///
    /// The first reason stays; a later request may only bring the deadline forward. Not for signal
    /// handlers: it takes a lock.
    pub fn request(&self, request: impl Into<Request>) {
        self.0.request(request.into());
    }

    /// Whether quit was requested, of this token or one above it. An atomic load for each, no lock,
    /// no system call.
    #[inline]
    pub fn requested(&self) -> bool {
        self.0.requested()
    }

    /// Why. `None` until it is requested.
    pub fn reason(&self) -> Option<Reason> {
        self.asked().map(|request| request.reason())
    }

    /// By when all must be over. `None` until it is requested, and if no request named a deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.asked().and_then(|request| request.deadline())
    }

    /// The time left until the [deadline](QuitToken::deadline); zero when it has passed.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// As [`sleep`](crate::sleep()), until this token is requested.
    pub fn sleep(&self, duration: Duration) -> Slept {
        sleep::sleep(&self.0, duration)
    }

    /// As [`sleep_in_steps`](crate::sleep_in_steps), until this token is requested.
    pub fn sleep_in_steps(&self, total: Duration, step: Duration) -> Slept {
        sleep::sleep_in_steps(&self.0, total, step, || false)
    }

    /// As [`sleep_in_steps_until`](crate::sleep_in_steps_until), until this token is requested.
    pub fn sleep_in_steps_until(
        &self,
        total: Duration,
        step: Duration,
        asked: impl FnMut() -> bool,
    ) -> Slept {
        sleep::sleep_in_steps(&self.0, total, step, asked)
    }

    /// As [`descriptor`](crate::descriptor), readable once this token is requested.
    ///
    /// # Errors
    ///
    /// Only for [`QuitToken::process`]; own tokens have their descriptor from the start.
    pub fn descriptor(&self) -> Result<BorrowedFd<'_>, Error> {
        Ok(self.0.bell()?.as_fd())
    }

    /// As [`receiver`](crate::receiver), ready once this token is requested.
    ///
    /// It does not keep the token alive: when the last clone is dropped it becomes ready too.
    ///
    /// # Errors
    ///
    /// Only for [`QuitToken::process`] and those below it, which need the watching thread.
    pub fn receiver(&self) -> Result<Receiver<()>, Error> {
        if self.0.quits_by_signal() {
            watcher::start()?;
        }
        Ok(self.0.receiver())
    }

    pub(crate) fn asked(&self) -> Option<Request> {
        self.0.asked()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::bell::Waited;

    fn parent_and_child_to_be() -> (QuitToken, Arc<Scope>) {
        let parent = QuitToken::new().unwrap();
        let child = Arc::new(Scope::new(Some(parent.0.clone())));
        child.bell().unwrap();
        (parent, child)
    }

    /// A signal handler sets the flag of the process, and can do nothing for the children of its token.
    #[test]
    fn a_child_knows_before_anybody_wakes_it() {
        let (parent, child) = parent_and_child_to_be();
        parent.0.flag.store(true, Ordering::SeqCst);
        parent.0.signal.store(15, Ordering::SeqCst);
        assert!(child.requested());
        assert_eq!(child.asked().map(|request| request.reason()), Some(Reason::Signal(15)));
    }

    #[test]
    fn a_child_that_is_adopted_after_the_quit_is_woken() {
        let (parent, child) = parent_and_child_to_be();
        parent.request(Reason::Stop);
        assert_eq!(child.bell().unwrap().listen(Some(Duration::ZERO)), Waited::Nothing);
        parent.0.adopt(&child);
        assert_eq!(child.bell().unwrap().listen(Some(Duration::ZERO)), Waited::Ring);
    }
}
