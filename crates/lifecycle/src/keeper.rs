//! One child kept alive for somebody who waits for its start, as one state machine.
//!
//! A keeper has a [`Machine`], and decides what its guardian has to decide besides: what the starter is
//! told and when; how long what a run has left may go on, before the next run begins; and how much time
//! remains when somebody asks again to stop. It does not wait, spawn or signal: the guardian does.

mod events;
mod hurry;

use std::time::{Duration, Instant};

use crate::machine::{Answer, Event, Machine, Phase, Refused, Request, Step};
pub use events::{KeeperChange, KeeperEvent};
use hurry::Hurry;
use policy::RunEnd;

/// What is left of a grace, at most, when somebody asks a second time by SIGINT or SIGQUIT.
pub const HURRY: Duration = Duration::from_secs(2);

/// The starter is told a deadline that is later than the child's own by so much. Thus a child that asks
/// for a little more time again and again costs a word to the starter only each time it has gained so
/// much.
const MARGIN: Duration = Duration::from_secs(1);

/// A child, the starter who waits for it, and who asks it to stop.
#[derive(Debug)]
pub struct Keeper {
    machine: Machine,
    /// By when the starter expects an answer.
    answer_by: Option<Instant>,
    /// The starter has been told that the child is ready.
    launched: bool,
    quitting: Option<Quitting>,
    hurry: Hurry,
    leaving: Option<Leaving>,
}

/// The child is to stop for good.
#[derive(Clone, Copy, Debug)]
struct Quitting {
    /// When it has to be over; `None`: nobody has said so.
    by: Option<Instant>,
}

/// The child is dead, and what it has left behind is not gone.
#[derive(Debug)]
struct Leaving {
    end: RunEnd,
    at: Instant,
    /// When what is left is killed; `None`: it is waited for without end.
    kill_at: Option<Instant>,
}

impl Keeper {
    /// A keeper of this child, which waits for [`KeeperEvent::Begin`].
    pub fn new(machine: Machine) -> Keeper {
        Keeper {
            machine,
            answer_by: None,
            launched: false,
            quitting: None,
            hurry: Hurry::default(),
            leaving: None,
        }
    }

    /// What decides about the child alone.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Whether the starter has been told that the child is ready.
    pub fn is_launched(&self) -> bool {
        self.launched
    }

    /// Whether it is to stop for good.
    pub fn is_quitting(&self) -> bool {
        self.quitting.is_some()
    }

    /// Whether the child is dead, and what it has left is to be ended. When nothing is left, the guardian
    /// tells the keeper by [`KeeperEvent::LeftoversGone`].
    pub fn awaits_leftovers(&self) -> bool {
        self.leaving.is_some()
    }

    /// Until when what the child has left may go by itself, before it is killed; `None`: for ever, or
    /// nothing is left. An event may make this time earlier, and never later.
    pub fn leftovers_until(&self) -> Option<Instant> {
        self.leaving.as_ref().and_then(|leaving| leaving.kill_at)
    }

    /// When to come back with [`KeeperEvent::DeadlinePassed`] if nothing happens first.
    pub fn deadline(&self) -> Option<Instant> {
        self.machine.deadline()
    }

    /// Decides what follows, in this order.
    pub fn on(&mut self, event: KeeperEvent, now: Instant) -> Vec<KeeperChange> {
        let mut changes = Vec::new();
        match event {
            KeeperEvent::Begin => {
                self.step(Event::Start, now, &mut changes);
                self.answer_by = self.machine.deadline();
            }
            KeeperEvent::Child(event) => self.step(event, now, &mut changes),
            KeeperEvent::Reaped { end, at } => {
                if self.machine.policy().leftovers.are_ended() {
                    self.step(Event::Died, now, &mut changes);
                    self.leaving = Some(Leaving { end, at, kill_at: None });
                } else {
                    self.step(Event::Ended { end, at }, now, &mut changes);
                }
            }
            KeeperEvent::LeftoversGone => {
                if let Some(Leaving { end, at, .. }) = self.leaving.take() {
                    self.step(Event::Ended { end, at }, now, &mut changes);
                }
            }
            KeeperEvent::Hurried(signals) => self.hurry.hear(signals),
            KeeperEvent::Quit { by, in_hurry } => {
                self.hurry.begin(in_hurry);
                if self.quitting.is_none_or(|quitting| quitting.by != by) {
                    self.quitting = Some(Quitting { by });
                    let within = by.map(|by| by.saturating_duration_since(now));
                    self.step(Event::Quit { within }, now, &mut changes);
                }
            }
            KeeperEvent::DeadlinePassed => self.step(Event::DeadlinePassed, now, &mut changes),
        }
        if self.hurry.take() {
            changes.push(KeeperChange::Hurried);
            self.step(Event::Quit { within: Some(HURRY) }, now, &mut changes);
        }
        self.answer(&mut changes);
        // What is left may have less time now, if somebody has asked to quit or to hurry meanwhile.
        if let Some(leaving) = &mut self.leaving {
            let own = self.machine.leftovers_until(leaving.at);
            leaving.kill_at = [leaving.kill_at, own].into_iter().flatten().min();
        }
        changes
    }

    /// Takes a request to restart the child: says what it has found, as in the [table](Request), and what follows, in
    /// this order. The child is stopped within its grace, what it has left is ended, and it is started again at once.
    /// That is no failure: it counts against no limit, has no delay, and never ends the keeper.
    ///
    /// # Errors
    ///
    /// The child has never been ready, and the starter waits for the answer of the run that goes on; or it is to stop
    /// for good, or has: nothing has changed.
    pub fn restart(&mut self, now: Instant) -> Result<(Answer, Vec<KeeperChange>), Refused> {
        if self.quitting.is_some() {
            return Err(Refused::Quitting);
        }
        if self.machine.phase() == Phase::Finished {
            return Err(Refused::Ending);
        }
        if !self.launched {
            return Err(Refused::Launching);
        }
        let (answer, step) = self.machine.request(Request::Restart, now)?;
        let mut changes = Vec::new();
        self.stepped(step, now, &mut changes);
        Ok((answer, changes))
    }

    fn step(&mut self, event: Event, now: Instant, changes: &mut Vec<KeeperChange>) {
        let step = self.machine.step(event, now);
        self.stepped(step, now, changes);
    }

    fn stepped(&mut self, step: Step, now: Instant, changes: &mut Vec<KeeperChange>) {
        // There is no other child whose turn could come first: a restart that is due takes place at once.
        let due = step.entered == Some(Phase::Due);
        changes.push(KeeperChange::Stepped(step));
        if due {
            changes.push(KeeperChange::Stepped(self.machine.step(Event::Start, now)));
        }
    }

    /// Has the starter told that the child is ready, or that its start takes longer.
    fn answer(&mut self, changes: &mut Vec<KeeperChange>) {
        if self.launched {
            return;
        }
        if self.machine.launched() {
            self.launched = true;
            changes.push(KeeperChange::Launched);
        } else if let Some(at) = self.machine.deadline()
            && self.answer_by.is_some_and(|told| told < at)
        {
            // Where the margin would be beyond what an `Instant` can say, it is left out.
            let by = at.checked_add(MARGIN).unwrap_or(at);
            self.answer_by = Some(by);
            changes.push(KeeperChange::Extended { by });
        }
    }
}

#[cfg(test)]
mod tests;
