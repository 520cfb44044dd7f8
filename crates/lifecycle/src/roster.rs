//! Several children kept alive together, as one state machine.
//!
//! A roster has a [`Machine`] for each child and a [`Group`] for their order. It is told what happens, and
//! answers what that changes: for each child the [`Step`] that is to be carried out, and what concerns
//! all of them. It does not wait, spawn or signal: the pool does.

mod events;
mod gate;
mod grace;
mod list;
mod memory;
mod recycling;
mod requests;
mod rolling;
mod sets;
mod turns;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::group::{Group, Happened, Id, Order};
use crate::machine::{Action, Event, Machine, Outcome, Phase, Step};
pub use events::{Outgrown, RosterChange, RosterEvent};
use gate::Gate;
use grace::inner_grace;
use list::Sequence;
pub use memory::Look;
use policy::{Policy, RunEnd};
use sets::Set;
pub use sets::{Scaled, SetId};
use turns::Turns;

/// A child, as far as the roster goes.
#[derive(Debug)]
struct Kept {
    machine: Machine,
    /// The machine's deadline as it stands in [`Roster::due`], if it has one.
    due: Option<Instant>,
    /// Somebody has taken it off the list.
    leaves: bool,
    /// Of which set it is, and which of that.
    of: Option<(SetId, u32)>,
}

impl Kept {
    fn new(policy: Arc<Policy>, seed: u64) -> Box<Kept> {
        Box::new(Kept { machine: Machine::new(policy, seed), due: None, leaves: false, of: None })
    }
}

/// The children of a list, and all that is decided about them.
#[derive(Debug)]
pub struct Roster {
    /// Each in a box: a map of thousands is made by way of a list, for which there is room only for a moment.
    kept: BTreeMap<Id, Box<Kept>>,
    group: Group,
    turns: Turns,
    due: BTreeSet<(Instant, Id)>,
    gate: Gate,
    /// How many are not finished.
    left: usize,
    /// By when all are to be over, if they are to stop.
    quit_by: Option<Instant>,
    /// Whose end was the last that called for a restart.
    last_failure: Option<(Id, RunEnd)>,
    gave_up: bool,
    sets: Vec<Set>,
    /// Those that were removed, until that has been carried out.
    gone: BTreeMap<Id, Machine>,
    next: Sequence,
}

impl Roster {
    /// A roster that waits for [`RosterEvent::Begin`]: the members of `group` in their order, each with
    /// what it is kept by. The jitter of their delays follows from `seed`.
    ///
    /// # Panics
    ///
    /// The group has another number of members.
    pub fn new(group: Group, policies: Vec<Arc<Policy>>, seed: u64) -> Roster {
        assert_eq!(group.len(), policies.len(), "each member has a policy");
        let left = policies.len();
        let mut next = Sequence::new(seed);
        let kept = policies.into_iter().map(|policy| {
            let (id, seed) = next.next();
            (id, Kept::new(policy, seed))
        });
        let kept: BTreeMap<_, _> = kept.collect();
        let mut gate = Gate::default();
        Id::all().take(left).for_each(|id| gate.wait_for(id));
        Roster {
            kept,
            group,
            turns: Turns::default(),
            due: BTreeSet::new(),
            gate,
            left,
            quit_by: None,
            last_failure: None,
            gave_up: false,
            sets: Vec::new(),
            gone: BTreeMap::new(),
            next,
        }
    }

    /// Between two starts passes at least this time. Default: none.
    #[must_use]
    pub fn start_stagger(mut self, stagger: Duration) -> Roster {
        self.turns.stagger = stagger;
        self
    }

    /// Has the roster announce when all have been ready ([`RosterChange::Ready`]), and stop all if a
    /// child whose policy says `must_launch` ends before it is ([`RosterChange::LaunchFailed`]). Default:
    /// neither.
    #[must_use]
    pub fn announces_ready(mut self, announces: bool) -> Roster {
        self.gate.announces = announces;
        self
    }

    /// Who is on it, in the order of the list.
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        self.kept.keys().copied()
    }

    /// What decides about this child, or has decided until it was [removed](RosterChange::Removed), if nobody has
    /// [let it go](Roster::let_go) since; `None`: it is not known.
    pub fn machine(&self, id: Id) -> Option<&Machine> {
        self.kept_machine(id).or(self.gone.get(&id))
    }

    fn kept_machine(&self, id: Id) -> Option<&Machine> {
        self.kept.get(&id).map(|kept| &kept.machine)
    }

    /// How many are not finished.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Whether all are being stopped for good, or have been.
    pub fn is_quitting(&self) -> bool {
        self.group.quits()
    }

    /// When to come back with [`RosterEvent::DeadlinePassed`] if nothing happens first; perhaps at once.
    pub fn deadline(&self) -> Option<Instant> {
        let due = self.due.first().map(|(at, _)| *at);
        [due, self.turns.due(), self.rolls_at(), self.recycles_at()].into_iter().flatten().min()
    }

    /// Decides what follows, in this order.
    pub fn on(&mut self, event: RosterEvent, now: Instant) -> Vec<RosterChange> {
        let mut changes = Vec::new();
        match event {
            RosterEvent::Begin => {
                self.happened(Happened::Begin, now, &mut changes);
                // Of none all are ready.
                if self.gate.waits_for_nobody() {
                    changes.push(RosterChange::Ready);
                }
            }
            RosterEvent::Child(id, event) => self.child(id, event, now, &mut changes),
            RosterEvent::JobsDone { id, jobs } => self.note_outgrown(id, Outgrown::Jobs(jobs), now),
            RosterEvent::Memory { id, run, bytes } => {
                self.note_memory(id, run, bytes, now, &mut changes);
            }
            RosterEvent::DeadlinePassed => self.pass(now, &mut changes),
            RosterEvent::Quit { by } => {
                self.gate.announces = false;
                self.quit_by = [self.quit_by, by].into_iter().flatten().min();
                self.happened(Happened::Quit, now, &mut changes);
            }
        }
        self.advance_all(now, &mut changes);
        changes
    }

    /// One thing that time alone brings: a deadline, or else a start whose turn it is.
    fn pass(&mut self, now: Instant, changes: &mut Vec<RosterChange>) {
        if let Some((_, id)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.child(id, Event::DeadlinePassed, now, changes);
        } else if let Some(id) = self.turns.next(now) {
            self.child(id, Event::Start, now, changes);
        }
    }

    fn child(&mut self, id: Id, event: Event, now: Instant, changes: &mut Vec<RosterChange>) {
        if let Some(happened) = self.step(id, event, now, changes) {
            self.happened(happened, now, changes);
        }
    }

    /// Tells the group, and has done what it wants, until it wants nothing more.
    fn happened(&mut self, happened: Happened, now: Instant, changes: &mut Vec<RosterChange>) {
        let mut news = VecDeque::from([happened]);
        while let Some(happened) = news.pop_front() {
            for order in self.ask_group(happened, now, changes) {
                let (Order::Start(id) | Order::Pause(id) | Order::Quit(id)) = order;
                self.turns.forget(id);
                let next = match order {
                    Order::Start(_) => {
                        let asked = self.kept_machine(id).is_some_and(Machine::is_asked_for);
                        self.turns.wait(id, asked, now);
                        None
                    }
                    // A child without a process that was never started has nothing to stop.
                    Order::Pause(_) if self.phase(id) == Some(Phase::Idle) => {
                        Some(Happened::Paused(id))
                    }
                    Order::Pause(_) => self.step(id, Event::Pause, now, changes),
                    Order::Quit(_) => {
                        let within = self.within(now);
                        self.step(id, Event::Quit { within }, now, changes)
                    }
                };
                news.extend(next);
            }
            let gone = if let Happened::Over { worker, .. } = happened {
                Some((worker, Phase::Finished))
            } else if let Happened::Stopped(worker) = happened {
                // It may have been told to quit at once: then its end is among the news.
                Some((worker, Phase::Stopped))
            } else {
                None
            };
            if let Some((id, phase)) = gone
                && self.phase(id) == Some(phase)
                && self.leaves(id)
            {
                self.forget(id, now, changes);
            }
        }
    }

    fn phase(&self, id: Id) -> Option<Phase> {
        self.kept_machine(id).map(Machine::phase)
    }

    /// What a child has of the time in which all have to be over.
    fn within(&self, now: Instant) -> Option<Duration> {
        self.quit_by.map(|by| inner_grace(by.saturating_duration_since(now)))
    }

    /// What the group wants; tells when it has given up.
    fn ask_group(
        &mut self,
        happened: Happened,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) -> Vec<Order> {
        let orders = self.group.on(happened, now);
        if self.group.quits() {
            // In a list with an order the children are told to quit one after the other, and one that
            // waits for its turn would be started before it is told.
            self.turns.clear();
        }
        if !self.gave_up
            && let Some(limit) = self.group.gave_up()
            && let Some((id, end)) = self.last_failure.take()
        {
            self.gave_up = true;
            changes.push(RosterChange::GaveUp { limit, id, end });
        }
        orders
    }

    /// Steps one machine, and says what the group should know of it.
    fn step(
        &mut self,
        id: Id,
        event: Event,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) -> Option<Happened> {
        let kept = self.kept.get_mut(&id)?;
        let (launched, before) = (kept.machine.launched(), kept.machine.phase());
        let step = kept.machine.step(event, now);
        let news = kept.machine.launched() && !launched;
        let asked_for = kept.machine.is_asked_for();
        self.set_due(id);
        self.note_age(id, step.entered, now);
        let happened = match step.entered {
            // One that can work again is not started after anybody.
            Some(Phase::Running) if before == Phase::NotReady => None,
            Some(Phase::Running) => Some(Happened::Ready(id)),
            Some(Phase::Waiting) => {
                self.last_failure = step.ended.clone().map(|end| (id, end));
                Some(Happened::Failed(id))
            }
            Some(Phase::Due) if asked_for => Some(Happened::Asked(id)),
            Some(Phase::Due) => Some(Happened::Due(id)),
            Some(Phase::Idle) => Some(Happened::Paused(id)),
            Some(Phase::Stopped) => Some(Happened::Stopped(id)),
            Some(Phase::Finished) => {
                self.left -= 1;
                Some(Happened::Over { worker: id, well: self.is_well(id, &step) })
            }
            Some(Phase::Starting | Phase::NotReady | Phase::Stopping) | None => None,
        };
        let not_launched = matches!(step.action, Action::Finish(Outcome::NotLaunched(_)));
        if step.action != Action::Nothing || step.entered.is_some() {
            changes.push(RosterChange::Stepped(id, step));
        }
        if news {
            self.let_through(id, changes);
        }
        if not_launched && std::mem::take(&mut self.gate.announces) {
            changes.push(RosterChange::LaunchFailed);
            // The group is told of this end before it is told to quit.
            if let Some(happened) = happened {
                self.happened(happened, now, changes);
            }
            return Some(Happened::Quit);
        }
        happened
    }

    /// Whether a child that is over has ended as it should.
    fn is_well(&self, id: Id, step: &Step) -> bool {
        let temporary = self.group.is_temporary(id);
        match &step.action {
            Action::Finish(Outcome::Ended(end)) => {
                let machine = self.kept_machine(id);
                temporary || machine.is_some_and(|machine| machine.policy().restart.is_clean(end))
            }
            Action::Finish(Outcome::GaveUp(..) | Outcome::NotLaunched(_)) => temporary,
            Action::Finish(Outcome::Quit(_) | Outcome::Stopped)
            | Action::Nothing
            | Action::Spawn
            | Action::Look
            | Action::Silent(_)
            | Action::Terminate { .. }
            | Action::Kill => true,
        }
    }

    fn set_due(&mut self, id: Id) {
        let Some(kept) = self.kept.get_mut(&id) else { return };
        let due = kept.machine.deadline();
        if kept.due != due {
            if let Some(old) = kept.due {
                self.due.remove(&(old, id));
            }
            self.due.extend(due.map(|at| (at, id)));
            kept.due = due;
        }
    }
}

#[cfg(test)]
mod tests;
