//! One story: what happens in it, and the laws that are looked at after each step.

use std::collections::{BTreeMap, BTreeSet};

use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};

use super::super::*;
use crate::machine::{Answer, Refused, Then};
use crate::roll;
use policy::{RollPolicy, Share};

/// The only set.
pub(super) const SET: SetId = SetId(0);

/// What a child really does, by what was asked of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Real {
    pub(super) alive: bool,
    pub(super) killed: bool,
    pub(super) finished: bool,
    /// It was stopped by request.
    pub(super) stopped: bool,
    /// It has said that it is ready, and nobody has told it to stop since.
    pub(super) ready: bool,
    pub(super) removed: bool,
    /// Somebody has asked for its start, which has not been seen.
    pub(super) asked: bool,
    /// Its process has died, and what it has left has not.
    pub(super) dead: bool,
}

pub(super) struct Story {
    pub(super) roster: Roster,
    pub(super) real: BTreeMap<Id, Real>,
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) stagger: Duration,
    pub(super) last_spawn: Option<Instant>,
    /// Since when nobody may be started any more.
    pub(super) quit: bool,
    pub(super) announced: bool,
    /// Those that were taken off the list.
    pub(super) leaving: BTreeSet<Id>,
    /// How many of the set may be away by choice.
    pub(super) away: Share,
    /// Those that are being replaced.
    pub(super) unsettled: BTreeSet<Id>,
    /// Who was of the set before what happens now.
    pub(super) before: Vec<(u32, Id)>,
}

impl Story {
    /// Says whether anything has changed.
    pub(super) fn on(&mut self, event: RosterEvent) -> Result<bool, TestCaseError> {
        self.quit |= matches!(event, RosterEvent::Quit { .. });
        self.before = self.roster.places(SET).collect();
        let changes = self.roster.on(event, self.now);
        let any = !changes.is_empty();
        self.carry_out(changes)?;
        Ok(any)
    }

    pub(super) fn child(&mut self, id: Id, event: Event) -> Result<(), TestCaseError> {
        self.on(RosterEvent::Child(id, event)).map(drop)
    }

    pub(super) fn ask(&mut self, id: Id, request: Request) -> Result<(), TestCaseError> {
        let quits = self.roster.group.quits();
        let gone = self.roster.machine(id).is_none();
        let before = self.roster.machine(id).map(Machine::phase);
        let (answer, changes) = match self.roster.request(id, request, self.now) {
            Ok(taken) => taken,
            Err(Refused::Unknown) => {
                prop_assert!(gone, "{id} is there");
                return Ok(());
            }
            Err(Refused::Quitting) => {
                prop_assert!(quits, "nobody quits");
                return Ok(());
            }
            Err(refused) => {
                prop_assert_eq!(refused, Refused::Ending);
                // It is being taken off the list, or goes with others as one that is not started again.
                let leaves = self.leaving.contains(&id);
                prop_assert!(leaves || before == Some(Phase::Stopping));
                return Ok(());
            }
        };
        prop_assert!(!quits && !gone);
        let still = matches!(answer, Answer::Already | Answer::Joined);
        prop_assert!(!still || changes.is_empty(), "{answer}: {changes:?}");
        let real = self.real.get_mut(&id).expect("it is there");
        if request == Request::Stop {
            (real.stopped, real.asked) = (!real.finished, false);
            self.unsettled.remove(&id);
        } else {
            real.stopped = false;
            real.finished = false;
            real.asked |= answer == Answer::Begun;
        }
        self.carry_out(changes)
    }

    pub(super) fn carry_out(&mut self, changes: Vec<RosterChange>) -> Result<(), TestCaseError> {
        // Who leaves a set, or comes back, is told by the roster.
        for (_, id) in self.roster.places(SET) {
            if self.roster.leaves(id) {
                self.leaving.insert(id);
                // It is nobody's to replace any more.
                self.unsettled.remove(&id);
            } else if self.leaving.remove(&id)
                && let Some(real) = self.real.get_mut(&id)
            {
                real.stopped = false;
            }
        }
        for change in changes {
            match change {
                RosterChange::Stepped(id, step) => self.step(id, step)?,
                RosterChange::Removed(id) => {
                    prop_assert!(self.roster.ids().all(|other| other != id), "{id} is there");
                    self.roster.let_go(id);
                    let real = self.real.get_mut(&id).expect("nobody else is spoken of");
                    prop_assert!(!real.alive, "{id} is removed alive");
                    prop_assert!(!real.removed, "{id} is removed twice");
                    (real.removed, real.finished) = (true, true);
                }
                RosterChange::Rolled(_, step) => self.rolled(step)?,
                RosterChange::Recycled { id, .. } => {
                    prop_assert!(self.real[&id].ready, "{id} is recycled");
                    self.give_up_one(id)?;
                }
                RosterChange::TooMuchMemory(id, used) => {
                    prop_assert!(self.real[&id].ready && !self.quit, "{id} is stopped");
                    prop_assert!(
                        used.limit < used.bytes && used.limit == super::memory::HARD,
                        "{used}"
                    );
                }
                RosterChange::Ready => {
                    prop_assert!(!self.announced, "announced twice");
                    self.announced = true;
                }
                RosterChange::LaunchFailed | RosterChange::GaveUp { .. } => self.quit = true,
            }
        }
        // The end of a child may have made the group quit, too.
        self.quit |= self.roster.group.quits();
        let real = |real: &&Real| !real.finished;
        prop_assert_eq!(self.roster.left(), self.real.values().filter(real).count());
        let stays = |(_, id): &(u32, Id)| !self.leaving.contains(id);
        let indices = self.roster.places(SET).filter(stays).map(|(index, _)| index);
        let indices: Vec<u32> = indices.collect();
        let wanted = 1..=self.roster.wanted(SET) + self.roster.extra(SET);
        prop_assert!(indices.iter().all(|index| wanted.contains(index)), "{:?}", indices);
        for id in self.roster.ids() {
            let machine = self.roster.machine(id).expect("it is on the list");
            let runs = matches!(
                machine.phase(),
                Phase::Starting | Phase::Running | Phase::NotReady | Phase::Stopping
            );
            prop_assert_eq!(runs, self.real[&id].alive, "{} {:?}", id, machine);
        }
        Ok(())
    }

    fn step(&mut self, id: Id, step: Step) -> Result<(), TestCaseError> {
        let real = self.real.get_mut(&id).expect("nobody else is spoken of");
        // A roll tries one again that has ended for good.
        let is_of_set = self.roster.set_of(id).is_some();
        real.finished &= step.entered != Some(Phase::Due) || !is_of_set;
        prop_assert!(!real.finished && !real.removed, "{id} after its end: {step:?}");
        match step.action {
            Action::Spawn => {
                prop_assert!(!real.alive && !self.quit && !real.stopped, "{id} is started");
                let since = self.last_spawn.map(|last| self.now - last);
                prop_assert!(since.is_none_or(|since| self.stagger <= since), "too soon");
                self.last_spawn = Some(self.now);
                *real = Real { alive: true, ..Real::default() };
            }
            Action::Terminate { .. } | Action::Look => prop_assert!(real.alive, "{id} is asked"),
            Action::Silent(silent) if silent.then != Then::Kill => prop_assert!(real.alive),
            Action::Kill | Action::Silent(_) => {
                prop_assert!(real.alive && !real.killed, "{id} is killed");
                real.killed = true;
            }
            Action::Finish(_) => {
                prop_assert!(!real.alive, "{id} is given up alive");
                let kept = self.roster.machine(id).is_some() && !self.leaving.contains(&id);
                prop_assert!(
                    !real.asked || self.quit || self.roster.group.quits() || !kept,
                    "{id} is lost"
                );
                real.finished = true;
            }
            Action::Nothing => (),
        }
        if let Some(phase) = step.entered {
            real.ready = phase == Phase::Running && !real.dead;
        }
        Ok(())
    }

    /// One that is ready is given up by choice only where nobody is missed.
    fn give_up_one(&self, id: Id) -> Result<(), TestCaseError> {
        let is_there = |(_, id): &(u32, Id)| self.real[id].ready && !self.unsettled.contains(id);
        let ready = self.before.iter().filter(|place| is_there(place)).count();
        let wanted = self.roster.wanted(SET) as usize;
        let away = match self.away {
            Share::Count(count) => count as usize,
            Share::Percent(percent) => (wanted * percent as usize / 100).max(1),
        };
        prop_assert!(
            wanted < ready + away,
            "{ready} of {wanted} are ready, {away} may be away, and {id} is taken"
        );
        Ok(())
    }

    fn rolled(&mut self, step: roll::Step) -> Result<(), TestCaseError> {
        match step {
            roll::Step::Taken { id, gives_up_one } => {
                prop_assert_eq!(gives_up_one, self.real[&id].ready, "{}", id);
                if gives_up_one {
                    self.give_up_one(id)?;
                }
                prop_assert!(self.unsettled.insert(id), "{id} is taken twice");
            }
            roll::Step::Settled { id, .. } => drop(self.unsettled.remove(&id)),
            roll::Step::Ended(_) => self.unsettled.clear(),
        }
        Ok(())
    }

    pub(super) fn roll(&mut self, policy: RollPolicy) -> Result<(), TestCaseError> {
        let last = self.roster.wanted(SET) + self.roster.surge_of(SET, &policy);
        let before = self.roster.missing(SET, last.max(self.roster.wanted(SET)));
        match self.roster.roll(SET, policy, self.now) {
            Ok(scaled) => {
                let added: Vec<u32> = scaled.added.iter().map(|(index, _)| *index).collect();
                prop_assert!(before.iter().all(|index| added.contains(index)));
                self.came(scaled)
            }
            Err(roll::Refused::Quitting) => {
                prop_assert!(self.quit);
                Ok(())
            }
            Err(roll::Refused::Rolling(_)) => {
                prop_assert!(self.roster.rolling(SET).is_some());
                Ok(())
            }
            Err(roll::Refused::Strategy(strategy)) => {
                prop_assert!(strategy != Strategy::OneForOne);
                Ok(())
            }
        }
    }

    /// Those of a list of numbers are to be others.
    pub(super) fn renew(
        &mut self,
        numbers: BTreeSet<u32>,
        policy: RollPolicy,
    ) -> Result<(), TestCaseError> {
        self.before = self.roster.places(SET).collect();
        match self.roster.renew(SET, &numbers, policy, self.now) {
            Ok(scaled) => self.came(scaled),
            Err(roll::Refused::Strategy(strategy)) => {
                prop_assert!(strategy != Strategy::OneForOne);
                Ok(())
            }
            Err(refused) => {
                prop_assert_eq!(refused, roll::Refused::Quitting);
                prop_assert!(self.quit);
                Ok(())
            }
        }
    }

    pub(super) fn scale(&mut self, count: u32) -> Result<(), TestCaseError> {
        let before = self.roster.missing(SET, count + self.roster.extra(SET));
        let scaled = match self.roster.scale(SET, count, self.now) {
            Ok(scaled) => scaled,
            Err(refused) => {
                prop_assert_eq!(refused, Refused::Quitting);
                prop_assert!(self.quit);
                return Ok(());
            }
        };
        let added: Vec<u32> = scaled.added.iter().map(|(index, _)| *index).collect();
        prop_assert_eq!(added, before);
        self.came(scaled)
    }

    fn came(&mut self, scaled: Scaled) -> Result<(), TestCaseError> {
        for (_, id) in &scaled.added {
            prop_assert!(self.real.insert(*id, Real::default()).is_none(), "{id} again");
        }
        self.carry_out(scaled.changes)
    }

    /// Lets all happen that is due until `second`.
    pub(super) fn until(&mut self, second: u64) -> Result<(), TestCaseError> {
        let end = self.start + seconds(second);
        let mut left = 10_000;
        while let Some(due) = self.roster.deadline().filter(|due| *due <= end) {
            left -= 1;
            prop_assert!(left > 0, "it does not come to rest: {:?}", self.roster);
            self.now = self.now.max(due);
            let done = self.on(RosterEvent::DeadlinePassed)?;
            let moved = self.roster.deadline() != Some(due);
            prop_assert!(done || moved, "nothing is done that is due: {:?}", self.roster);
        }
        self.now = end;
        Ok(())
    }

    pub(super) fn end(&mut self, id: Id, code: i32) -> Result<(), TestCaseError> {
        let real = self.real.get_mut(&id).expect("nobody else is spoken of");
        if std::mem::take(&mut real.alive) {
            let end = RunEnd::Exited(Exit::Code(code));
            let at = self.now;
            self.child(id, Event::Ended { end, at })?;
        }
        Ok(())
    }

    /// Everybody does what he should until nothing moves any more: then no request is owed.
    pub(super) fn rest(&mut self, second: &mut u64) -> Result<(), TestCaseError> {
        for _ in 0..=2 * self.real.len() + 4 {
            *second += 20;
            self.until(*second)?;
            for id in self.real.keys().copied().collect::<Vec<_>>() {
                let phase = self.roster.machine(id).map(Machine::phase);
                match phase {
                    // What is dead can become ready no more.
                    Some(Phase::Starting) => {
                        self.child(id, Event::Ready)?;
                    }
                    Some(Phase::Stopping) => self.end(id, 0)?,
                    _ => (),
                }
            }
        }
        for (id, real) in &self.real {
            let Some(machine) = self.roster.machine(*id).filter(|_| !self.quit) else { continue };
            prop_assert!(!real.asked, "{id} was asked for: {:?}", self.roster);
            prop_assert_eq!(
                real.stopped,
                machine.phase() == Phase::Stopped,
                "{} {:?}",
                id,
                machine
            );
        }
        Ok(())
    }
}
