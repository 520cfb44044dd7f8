//! What is asked over connections: it is answered at once, or by a thread that works for it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use control::service::refusal;
use control::{PLACES, Refusal, Ticket};
use lifecycle::roll;
use serde_json::json;

use super::Loop;
use super::goals::Goal;
use super::refused::RequestError;
use super::requests::Count;
use super::shared::Shared;
use crate::desk::{Asked, Named, Wanted};
use crate::wait::Wake;

/// So many turns have those who ask when all is over. In each several of them are answered, so it is enough for more
/// than [`PLACES`].
const LAST_TURNS: usize = PLACES / 4;

/// Deep enough for what makes a worker.
const SCALE_STACK: usize = 1 << 20;

impl Loop {
    /// Takes those who have been handed down.
    pub(super) fn look_at_callers(&mut self) {
        if let Err(error) = self.desk.admit().and_then(|()| self.watch_desk()) {
            log::warn!("who asks for the workers is not answered: {error}");
        }
    }

    fn watch_desk(&mut self) -> io::Result<()> {
        if let Some(descriptor) = self.desk.unwatched() {
            self.waiter.watch(descriptor, Wake::Desk)?;
            self.desk.set_watched();
        }
        Ok(())
    }

    /// Answers who asks for workers, and does what he wants.
    pub(super) fn look_at_desk(&mut self) {
        let lists = self.lists();
        let Loop { workers, roster, desk, .. } = self;
        let asked = desk.turn(&Named { workers, roster }, &lists, Instant::now());
        for Asked { to, wanted } in asked {
            if !self.desk.is_given_up(&to) {
                self.fulfil(to, wanted);
            }
        }
    }

    /// Answers those who have asked while the last worker ended, or before a pool that had nothing to do; nothing is done
    /// for them any more. Then all is told to those who want to know what has happened.
    pub(super) fn answer_the_last(&mut self) {
        if let Err(error) = self.desk.admit() {
            log::warn!("who asks for the workers is not answered: {error}");
        }
        let lists = self.lists();
        let Loop { workers, roster, desk, .. } = self;
        for _ in 0..LAST_TURNS {
            for Asked { to, .. } in desk.turn(&Named { workers, roster }, &lists, Instant::now()) {
                desk.reply(&to, Err(refusal("Stopping", json!({}))));
            }
        }
        desk.tell_readers();
    }

    fn fulfil(&mut self, to: Ticket, wanted: Wanted) {
        let done = match wanted {
            Wanted::OfWorker(id, request) => self.request(id, request).map(drop),
            Wanted::Signal(id, signal) => self.send(id, signal),
            Wanted::CancelRoll { set } => {
                let done = self.cancel_roll(&set).map_err(Refusal::from);
                return self.desk.reply(&to, done.map(told_progress));
            }
            Wanted::Scale { set, count } => {
                let scale = move |shared: &Shared| shared.scale(&set, Count::To(count));
                return self.do_beside(to, scale);
            }
            Wanted::Roll { set, amend } => {
                return self.do_beside(to, move |shared| shared.roll(&set, amend));
            }
            Wanted::Reload { only_look } => return self.reload_beside(to, only_look),
        };
        let done = done.map_err(Refusal::from);
        self.desk.reply(&to, done.map(|()| json!({})));
    }

    /// Whatever else in this process listens is told, too.
    fn reload_beside(&mut self, to: Ticket, only_look: bool) {
        if !only_look {
            self.reload.pass_on();
        }
        self.answer_beside(to, move |shared| {
            let reloaded = shared.reload(only_look)?;
            Ok(json!(super::renewal::told(&reloaded)))
        });
    }

    /// Has a thread do what looks at disks, which answers when that is done.
    fn do_beside(
        &mut self,
        to: Ticket,
        what: impl FnOnce(&Shared) -> Result<Goal, RequestError> + Send + 'static,
    ) {
        self.answer_beside(to, move |shared| what(shared).map(|_| json!({})));
    }

    fn answer_beside(
        &mut self,
        to: Ticket,
        what: impl FnOnce(&Shared) -> Result<serde_json::Value, RequestError> + Send + 'static,
    ) {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            // What makes workers may be the application's own, and panic.
            let mut answer = Answer { to, shared: Arc::clone(&shared), done: None };
            answer.done = Some(what(&shared));
        };
        // Each connection has one question at a time, and there are few connections.
        if let Err(error) = helper_thread::spawn("scale", SCALE_STACK, work) {
            let why = format!("there is no thread for it: {error}");
            self.desk.reply(&to, Err(refusal("Refused", json!({ "why": why }))));
        }
    }

    /// Somebody who asks by a connection of his own.
    pub(super) fn adopt(&mut self, connection: OwnedFd) -> io::Result<()> {
        self.desk.adopt(connection)?;
        self.watch_desk()
    }
}

/// An answer that is given, whatever becomes of the thread that works for it.
struct Answer {
    to: Ticket,
    shared: Arc<Shared>,
    done: Option<Result<serde_json::Value, RequestError>>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        let to = self.to;
        let done = match self.done.take() {
            Some(done) => done.map_err(Refusal::from),
            None => {
                Err(refusal("Refused", json!({ "why": "what makes its workers has panicked" })))
            }
        };
        self.shared.post(move |pool| pool.desk.reply(&to, done));
    }
}

fn told_progress(progress: roll::Progress) -> serde_json::Value {
    json!({ "done": progress.done, "total": progress.total })
}
