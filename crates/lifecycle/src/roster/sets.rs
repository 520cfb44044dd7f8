//! Children that are alike, and how many there are to be.
//!
//! Each child of a set has an index, from 1 on, which it keeps for life, and which no other child of the set has
//! meanwhile. When there are to be fewer, those with the highest indices go. One that is still on its way out when there
//! are to be more again comes back under its own index: a second process under its name would meet its pid file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::{Roster, RosterChange};
use crate::group::{Happened, Id, Member};
use crate::machine::{Phase, Refused, Request};
use policy::Policy;

/// Identifies one set of a roster: they are numbered in the order in which they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub(super) usize);

/// What has come of a wish for another number.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaled {
    /// How many there were to be before.
    pub from: u32,
    /// Who has come to the list, by index.
    pub added: Vec<(u32, Id)>,
    /// What is to be done, once those who came are known.
    pub changes: Vec<RosterChange>,
}

#[derive(Debug)]
pub(super) struct Set {
    wanted: u32,
    /// Those on the list, by index; also those that leave.
    places: BTreeMap<u32, Id>,
    member: Member,
    policy: Arc<Policy>,
}

impl Set {
    pub(super) fn forget(&mut self, index: u32, id: Id) {
        if self.places.get(&index) == Some(&id) {
            self.places.remove(&index);
        }
    }
}

impl Roster {
    /// Makes a set of these children of the list, which have the indices from 1 on. Those that come later have
    /// `member`'s order and this policy.
    ///
    /// # Panics
    ///
    /// One of them is not on the list, or of another set.
    pub fn set(
        &mut self,
        ids: impl IntoIterator<Item = Id>,
        member: Member,
        policy: Arc<Policy>,
    ) -> SetId {
        let set = SetId(self.sets.len());
        let places: BTreeMap<u32, Id> = (1..).zip(ids).collect();
        for (index, id) in &places {
            let kept = self.kept.get_mut(id).expect("it is on the list");
            assert!(kept.of.is_none(), "a child is of one set");
            kept.of = Some((set, *index));
        }
        let wanted = u32::try_from(places.len()).unwrap_or(u32::MAX);
        self.sets.push(Set { wanted, places, member, policy });
        set
    }

    /// How many a set is to have.
    pub fn wanted(&self, set: SetId) -> u32 {
        self.sets[set.0].wanted
    }

    /// Of which set a child is, and which of that.
    pub fn set_of(&self, id: Id) -> Option<(SetId, u32)> {
        self.kept.get(&id)?.of
    }

    /// Those of a set that are on the list, by index; also those that leave.
    pub fn places(&self, set: SetId) -> impl Iterator<Item = (u32, Id)> {
        self.sets[set.0].places.iter().map(|(index, id)| (*index, *id))
    }

    /// The indices that have nobody, of as many as that.
    pub fn missing(&self, set: SetId, count: u32) -> Vec<u32> {
        let places = &self.sets[set.0].places;
        (1..=count).filter(|index| !places.contains_key(index)).collect()
    }

    /// Has a set have as many, who need not be there at once: those that are [missing](Roster::missing) come to the
    /// list, those that are too many leave it, the highest index first. Nobody else is touched, whatever became of it:
    /// one that is over is not started again.
    ///
    /// # Errors
    ///
    /// [`Refused::Quitting`]: all are being stopped.
    pub fn scale(&mut self, set: SetId, count: u32, now: Instant) -> Result<Scaled, Refused> {
        if self.group.quits() {
            return Err(Refused::Quitting);
        }
        let mut changes = Vec::new();
        let from = std::mem::replace(&mut self.sets[set.0].wanted, count);
        let surplus: Vec<Id> =
            self.places(set).filter(|(index, _)| *index > count).map(|(_, id)| id).collect();
        for id in surplus.into_iter().rev() {
            if !self.kept.get(&id).is_some_and(|kept| kept.leaves) {
                self.leave(id, now, &mut changes);
            }
        }
        let wanted: Vec<Id> =
            self.places(set).filter(|(index, _)| *index <= count).map(|(_, id)| id).collect();
        for id in wanted {
            if let Some(kept) = self.kept.get_mut(&id)
                && std::mem::take(&mut kept.leaves)
            {
                let _ = self.ask(id, Request::Start, now, &mut changes);
            }
        }
        let missing = self.missing(set, count);
        let (member, policy) = (self.sets[set.0].member.clone(), &self.sets[set.0].policy);
        let policy = Arc::clone(policy);
        let added = missing.into_iter().map(|index| {
            let id = self.put(member.clone(), Arc::clone(&policy));
            self.sets[set.0].places.insert(index, id);
            self.kept.get_mut(&id).expect("it was put there").of = Some((set, index));
            (index, id)
        });
        let added: Vec<(u32, Id)> = added.collect();
        for (_, id) in &added {
            self.happened(Happened::Added(*id), now, &mut changes);
        }
        Ok(Scaled { from, added, changes })
    }

    /// Whether nothing is left to be kept. A list of which all were taken off waits for who comes, as does a set of
    /// which there are to be none: what may be wanted later is not over, unless all quit.
    pub fn is_over(&self) -> bool {
        if self.left > 0 || self.group.quits() {
            return self.left == 0;
        }
        let none_is_wanted = |set: &Set| set.wanted == 0;
        let somebody_is_over = !self.kept.is_empty();
        let was_empty_always = !self.next.has_begun();
        (somebody_is_over || was_empty_always) && !self.sets.iter().any(none_is_wanted)
    }

    /// How many of a set are in this phase.
    pub fn in_phase(&self, set: SetId, phase: Phase) -> usize {
        let is_so = |(_, id): &(u32, Id)| self.phase(*id) == Some(phase);
        self.places(set).filter(is_so).count()
    }

    /// What those are kept by that come to a set later.
    pub fn policy_of(&self, set: SetId) -> Arc<Policy> {
        Arc::clone(&self.sets[set.0].policy)
    }
}
