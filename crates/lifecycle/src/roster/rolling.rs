//! The children of a set are replaced one after another, while enough of them stay.
//!
//! A child is taken down by choice only if before that so many are there that none would be missed: of N that are
//! wanted, with u that may be away, N - u + 1 that are ready and have settled, those that were started beside the others
//! for the time of the roll (its surge) among them. What ends otherwise (by itself, by a kill from outside, by request)
//! uses the same budget up, and the roll waits until it has come back. Children that are not ready are replaced first:
//! that takes nothing away (Kubernetes' deployment controller does the same).

mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::{Roster, RosterChange, SetId};
use crate::group::Id;
use crate::roll::{self, Progress};
use policy::{RollPolicy, Strategy};

/// One that is being replaced.
#[derive(Clone, Copy, Debug)]
struct InHand {
    index: u32,
    /// Its new run comes after this one.
    after: u64,
    /// How often a new run has ended before it was ready.
    failed: u32,
    /// The run that is ready, and what is known of it.
    settles: Option<Settles>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settles {
    run: u64,
    /// `None`: never.
    at: Option<Instant>,
    has: bool,
}

/// What one is to a roll that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Replaced,
    /// Beside, for the time of the roll.
    Surge,
    /// It came meanwhile.
    New,
}

#[derive(Debug)]
pub(super) struct Roll {
    policy: RollPolicy,
    /// Those that are to be replaced, by index, and have not been taken.
    left: BTreeSet<u32>,
    in_hand: BTreeMap<Id, InHand>,
    /// Those that are there for the time of the roll and have been ready, or have not yet.
    surge: BTreeMap<Id, InHand>,
    /// Those that came since, as there are to be more, and have not settled: they count as little as those in hand.
    new: BTreeMap<Id, InHand>,
    done: u32,
    next_at: Option<Instant>,
    stalls_at: Option<Instant>,
    is_cancelled: bool,
}

impl Roll {
    pub(super) fn progress(&self) -> Progress {
        let open = self.left.len() + self.in_hand.len();
        let total = self.done.saturating_add(u32::try_from(open).unwrap_or(u32::MAX));
        Progress { done: self.done, total }
    }

    /// When time alone brings it further.
    pub(super) fn due(&self) -> Option<Instant> {
        let in_hand = self.in_hand.values().chain(self.surge.values()).chain(self.new.values());
        let settles = in_hand.filter_map(|in_hand| in_hand.settles);
        let settles = settles.filter(|settles| !settles.has).filter_map(|settles| settles.at);
        settles.chain(self.next_at).chain(self.stalls_at).min()
    }

    /// There are to be so many: those beyond are not replaced, and those that were beside may be of them now.
    pub(super) fn scaled(&mut self, wanted: u32) {
        self.left.retain(|index| *index <= wanted);
        let own: Vec<Id> =
            self.surge.iter().filter(|(_, it)| it.index <= wanted).map(|(id, _)| *id).collect();
        for id in own {
            // One that has not settled has to, as one that was replaced.
            if let Some(it) = self.surge.remove(&id).filter(|it| !it.has_settled()) {
                self.in_hand.insert(id, it);
            }
        }
    }

    /// These have come: beside for the rest of the roll, or for good.
    pub(super) fn came(&mut self, added: &[(u32, Id)], wanted: u32) {
        for (index, id) in added {
            let hand = if *index > wanted { &mut self.surge } else { &mut self.new };
            hand.insert(*id, InHand::new(*index, 0));
        }
    }

    fn hand(&mut self, kind: Kind) -> &mut BTreeMap<Id, InHand> {
        match kind {
            Kind::Replaced => &mut self.in_hand,
            Kind::Surge => &mut self.surge,
            Kind::New => &mut self.new,
        }
    }

    /// It has come further.
    pub(super) fn moves(&mut self, now: Instant) {
        self.stalls_at = now.checked_add(self.policy.stall);
    }
}

impl InHand {
    fn new(index: u32, after: u64) -> InHand {
        InHand { index, after, failed: 0, settles: None }
    }

    fn has_settled(&self) -> bool {
        self.settles.is_some_and(|settles| settles.has)
    }
}

impl Roster {
    /// Replaces the children of a set one after another: those that are on the list now, whatever becomes of the
    /// number meanwhile. Those that come later are new anyway. Those that are over or stopped by request stay so.
    ///
    /// The answer has who has come to the list as surge, by index, as [`scale`](Roster::scale) has it.
    ///
    /// # Errors
    ///
    /// [`roll::Refused`]: nothing has changed.
    pub fn roll(
        &mut self,
        set: SetId,
        policy: RollPolicy,
        now: Instant,
    ) -> Result<super::Scaled, roll::Refused> {
        self.may_roll()?;
        if let Some(roll) = &self.sets[set.0].roll {
            return Err(roll::Refused::Rolling(roll.progress()));
        }
        let left = self.to_be_replaced(set).collect();
        let mut changes = Vec::new();
        let added = self.begin_roll(set, left, policy, now, &mut changes);
        Ok(super::Scaled { from: self.sets[set.0].wanted, added, changes })
    }

    /// The same for those of these indices alone, whose new runs are to be others than their old ones were. A roll of the
    /// set that there is ends for it, with those that it has in hand where they are: they are in this one if they are
    /// among these, and otherwise count as there as soon as they are ready. Of nobody there is no roll.
    ///
    /// # Errors
    ///
    /// [`roll::Refused`]: nothing has changed.
    pub fn renew(
        &mut self,
        set: SetId,
        indices: &BTreeSet<u32>,
        policy: RollPolicy,
        now: Instant,
    ) -> Result<super::Scaled, roll::Refused> {
        self.may_roll()?;
        let mut changes = Vec::new();
        if self.sets[set.0].roll.take().is_some() {
            let end = roll::Step::Ended(roll::End::Superseded);
            changes.push(RosterChange::Rolled(set, end));
        }
        let left = self.to_be_replaced(set).filter(|index| indices.contains(index));
        let left: BTreeSet<u32> = left.collect();
        let added = match left.is_empty() {
            true => Vec::new(),
            false => self.begin_roll(set, left, policy, now, &mut changes),
        };
        self.advance(set, now, &mut changes);
        Ok(super::Scaled { from: self.sets[set.0].wanted, added, changes })
    }

    fn may_roll(&self) -> Result<(), roll::Refused> {
        match self.group.strategy() {
            _ if self.group.quits() => Err(roll::Refused::Quitting),
            Strategy::OneForOne => Ok(()),
            strategy @ (Strategy::OneForAll | Strategy::RestForOne) => {
                Err(roll::Refused::Strategy(strategy))
            }
        }
    }

    /// Those of `left` are to be replaced. Says who has come beside, by index.
    fn begin_roll(
        &mut self,
        set: SetId,
        left: BTreeSet<u32>,
        policy: RollPolicy,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) -> Vec<(u32, Id)> {
        let wanted = self.sets[set.0].wanted;
        let extra = self.surge_of(set, &policy).max(self.sets[set.0].extra);
        let stalls_at = now.checked_add(policy.stall);
        self.sets[set.0].extra = extra;
        self.sets[set.0].roll = Some(Roll {
            policy,
            left,
            in_hand: BTreeMap::new(),
            surge: BTreeMap::new(),
            new: BTreeMap::new(),
            done: 0,
            next_at: None,
            stalls_at,
            is_cancelled: false,
        });
        // Those that are on their way out are asked to come back.
        let back: Vec<(u32, Id)> =
            self.places(set).filter(|(index, id)| *index > wanted && self.leaves(*id)).collect();
        let added = self.fill(set, now, changes);
        let back = back.into_iter().filter(|(_, id)| !self.leaves(*id)).map(|(index, id)| {
            (id, InHand::new(index, self.kept_machine(id).map_or(0, crate::Machine::runs)))
        });
        let back: Vec<(Id, InHand)> = back.collect();
        if let Some(roll) = &mut self.sets[set.0].roll {
            roll.came(&added, wanted);
            roll.surge.extend(back);
        }
        self.advance(set, now, changes);
        added
    }

    /// How many come beside those that are wanted, for a roll of this set by this policy: see [`missing`](Roster::missing).
    pub fn surge_of(&self, set: SetId, policy: &RollPolicy) -> u32 {
        match self.to_be_replaced(set).next() {
            Some(_) => policy.surge.at_least(self.sets[set.0].wanted),
            None => 0,
        }
    }

    /// Those that an earlier roll has left beside are, too: there may be more wanted meanwhile.
    fn to_be_replaced(&self, set: SetId) -> impl Iterator<Item = u32> {
        let is_there = |id: Id| self.is_kept(id) && !self.group.is_temporary(id);
        self.places(set).filter(move |(_, id)| is_there(*id)).map(|(index, _)| index)
    }

    /// Ends a roll: those in hand are brought to their end, and no other is taken. `None`: there is none.
    pub fn cancel_roll(
        &mut self,
        set: SetId,
        now: Instant,
    ) -> Option<(Progress, Vec<RosterChange>)> {
        let roll = self.sets[set.0].roll.as_mut()?;
        roll.is_cancelled = true;
        let progress = roll.progress();
        let mut changes = Vec::new();
        self.advance(set, now, &mut changes);
        Some((progress, changes))
    }

    /// How far a roll of this set has come, if there is one.
    pub fn rolling(&self, set: SetId) -> Option<Progress> {
        self.sets[set.0].roll.as_ref().map(Roll::progress)
    }

    /// Has each roll do what can be done now.
    pub(super) fn advance_all(&mut self, now: Instant, changes: &mut Vec<RosterChange>) {
        for set in (0..self.sets.len()).map(SetId) {
            self.advance(set, now, changes);
        }
    }

    /// When the next roll is to be looked at, whatever else happens.
    pub(super) fn rolls_at(&self) -> Option<Instant> {
        let rolls = self.sets.iter().filter_map(|set| set.roll.as_ref());
        rolls.filter_map(Roll::due).min()
    }
}
