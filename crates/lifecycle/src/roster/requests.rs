//! What somebody asks of one child of a roster.

use std::sync::Arc;
use std::time::Instant;

use policy::Policy;

use super::{Roster, RosterChange};
use crate::group::{Happened, Id};
use crate::machine::{Action, Answer, Phase, Refused, Request};

impl Roster {
    /// Keeps a child by another policy from here on. What its present run waits for (to be ready, to end) has the times that
    /// it had when that began.
    pub fn set_policy(&mut self, id: Id, policy: Arc<Policy>) {
        if let Some(kept) = self.kept.get_mut(&id) {
            kept.machine.set_policy(policy);
        }
    }

    /// Takes a request: says what it has found, as in the [table](Request), and what follows, in this order.
    ///
    /// A child that is to be started has the next turn: the [stagger](Roster::start_stagger) holds for it, too. It
    /// waits for those that it starts after, and for its group where that is being started again, as long as they are
    /// on their way up; it does not wait for those that are over or stopped by request. A restart that its policy wants
    /// later follows the order of the list again.
    ///
    /// A child that is stopped by request is started by nothing but a request. Who has stopped it, as with
    /// supervisorctl or systemctl, expects that a start brings it back: so it is [left](Roster::left), which keeps
    /// the roster from being over when all others are, and its group does not take it for one that has ended. Those
    /// that start after it, and have not, go on waiting; those that run go on running. It is not waited for where it
    /// is [announced](Roster::announces_ready) that all are ready. When all quit, it is over
    /// ([`Outcome::Stopped`](crate::Outcome::Stopped)).
    ///
    /// # Errors
    ///
    /// Nobody has this id, it is being taken off the list or stopped for good, or all are: nothing has changed.
    pub fn request(
        &mut self,
        id: Id,
        request: Request,
        now: Instant,
    ) -> Result<(Answer, Vec<RosterChange>), Refused> {
        let kept = self.kept.get(&id).ok_or(Refused::Unknown)?;
        if kept.leaves {
            return Err(Refused::Ending);
        }
        let mut changes = Vec::new();
        let answer = self.ask(id, request, now, &mut changes)?;
        self.advance_all(now, &mut changes);
        Ok((answer, changes))
    }

    pub(super) fn ask(
        &mut self,
        id: Id,
        request: Request,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) -> Result<Answer, Refused> {
        let kept = self.kept.get_mut(&id).ok_or(Refused::Unknown)?;
        if self.group.quits() {
            return Err(Refused::Quitting);
        }
        let was_over = kept.machine.phase() == Phase::Finished;
        let (answer, step) = kept.machine.request(request, now)?;
        if matches!(answer, Answer::Already | Answer::Joined) {
            return Ok(answer);
        }
        let (phase, launched) = (kept.machine.phase(), kept.machine.launched());
        self.left += usize::from(was_over);
        self.turns.forget(id);
        self.set_due(id);
        self.note_age(id, step.entered, now);
        if step.action != Action::Nothing || step.entered.is_some() {
            changes.push(RosterChange::Stepped(id, step));
        }
        if request != Request::Stop && !launched {
            self.gate.wait_for(id);
        }
        let happened = if phase == Phase::Stopped {
            Happened::Stopped(id)
        } else if phase == Phase::Due {
            Happened::Asked(id)
        } else {
            Happened::Stopping(id)
        };
        self.happened(happened, now, changes);
        if request == Request::Stop {
            self.let_through(id, changes);
        }
        Ok(answer)
    }
}
