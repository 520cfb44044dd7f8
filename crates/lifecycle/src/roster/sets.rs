//! Children that are alike, and how many there are to be.
//!
//! Each child of a set has an index, from 1 on, which it keeps for life, and which no other child of the set has
//! meanwhile. When there are to be fewer, those with the highest indices go. One that is still on its way out when there
//! are to be more again comes back under its own index: a second process under its name would meet its pid file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::recycling::Recycling;
use super::rolling::Roll;
use super::{Roster, RosterChange};
use crate::group::{Happened, Id, Member};
use crate::machine::{Phase, Refused, Request};
use policy::{Policy, RecyclePolicy, Share};

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
    pub(super) wanted: u32,
    /// So many more are there for the time of a roll, or until they are not needed any more.
    pub(super) extra: u32,
    /// Those on the list, by index; also those that leave.
    pub(super) places: BTreeMap<u32, Id>,
    pub(super) max_unavailable: Share,
    pub(super) roll: Option<Roll>,
    /// When children are replaced by themselves, and what is known of that; `None`: never.
    pub(super) recycle: RecyclePolicy,
    pub(super) recycling: Option<Recycling>,
    /// Nobody wants it any more: there being none of it keeps the list from nothing.
    pub(super) is_dropped: bool,
    /// How many bytes of memory each may have in any case, where that is limited.
    pub(super) memory_hard_limit: Option<u64>,
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
    /// `member`'s order and this policy. One may be [away](Roster::max_unavailable) by choice.
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
        let (max_unavailable, extra) = (Share::Count(1), 0);
        let (roll, recycling, memory_hard_limit) = (None, None, None);
        self.sets.push(Set {
            wanted,
            extra,
            places,
            max_unavailable,
            roll,
            recycle: RecyclePolicy::default(),
            recycling,
            is_dropped: false,
            memory_hard_limit,
            member,
            policy,
        });
        set
    }

    /// Those that come to a set from now on are kept by this policy.
    pub fn amend_set(&mut self, set: SetId, policy: Arc<Policy>) {
        self.sets[set.0].policy = policy;
    }

    /// The order of those that come to a set later.
    pub fn member_of(&self, set: SetId) -> &Member {
        &self.sets[set.0].member
    }

    /// Whether nobody wants a set any more: then there being [none](Roster::is_over) of it means nothing.
    pub fn drop_set(&mut self, set: SetId, is_dropped: bool) {
        self.sets[set.0].is_dropped = is_dropped;
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

    /// How many of a set may be away by choice, while it is rolled. With percents at least one may, unless there is surge.
    pub fn max_unavailable(&mut self, set: SetId, share: Share) {
        self.sets[set.0].max_unavailable = share;
    }

    /// What was said of that.
    pub fn share_unavailable(&self, set: SetId) -> Share {
        self.sets[set.0].max_unavailable
    }

    /// How many there are beside those that are wanted, for the time of a roll.
    pub fn extra(&self, set: SetId) -> u32 {
        self.sets[set.0].extra
    }

    /// The indices that have nobody, from 1 to this one.
    pub fn missing(&self, set: SetId, last: u32) -> Vec<u32> {
        let places = &self.sets[set.0].places;
        (1..=last).filter(|index| !places.contains_key(index)).collect()
    }

    /// Has a set have as many, who need not be there at once: those that are [missing](Roster::missing), also of the
    /// [extra](Roster::extra) ones, come to the list, those that are too many leave it, the highest index first. Nobody
    /// else is touched, whatever became of it: one that is over is not started again.
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
        if let Some(roll) = &mut self.sets[set.0].roll {
            roll.scaled(count);
        }
        self.shrink(set, now, &mut changes);
        let added = self.fill(set, now, &mut changes);
        if let Some(roll) = &mut self.sets[set.0].roll {
            roll.came(&added, count);
        }
        self.advance_all(now, &mut changes);
        Ok(Scaled { from, added, changes })
    }

    fn last(&self, set: SetId) -> u32 {
        self.sets[set.0].wanted.saturating_add(self.sets[set.0].extra)
    }

    /// Those that are too many leave.
    pub(super) fn shrink(&mut self, set: SetId, now: Instant, changes: &mut Vec<RosterChange>) {
        let last = self.last(set);
        let surplus: Vec<Id> =
            self.places(set).filter(|(index, _)| *index > last).map(|(_, id)| id).collect();
        for id in surplus.into_iter().rev() {
            if !self.leaves(id) {
                self.leave(id, now, changes);
            }
        }
    }

    /// Those that are missing come, or come back. Says who is new, by index.
    pub(super) fn fill(
        &mut self,
        set: SetId,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) -> Vec<(u32, Id)> {
        let last = self.last(set);
        let wanted: Vec<Id> =
            self.places(set).filter(|(index, _)| *index <= last).map(|(_, id)| id).collect();
        for id in wanted {
            if let Some(kept) = self.kept.get_mut(&id)
                && std::mem::take(&mut kept.leaves)
            {
                let _ = self.ask(id, Request::Start, now, changes);
            }
        }
        let missing = self.missing(set, last);
        let (member, policy) = (self.sets[set.0].member.clone(), self.policy_of(set));
        let added = missing.into_iter().map(|index| {
            let id = self.put(member.clone(), Arc::clone(&policy));
            self.sets[set.0].places.insert(index, id);
            self.kept.get_mut(&id).expect("it was put there").of = Some((set, index));
            (index, id)
        });
        let added: Vec<(u32, Id)> = added.collect();
        for (_, id) in &added {
            self.happened(Happened::Added(*id), now, changes);
        }
        added
    }

    /// Whether nothing is left to be kept. A list of which all were taken off waits for who comes, as does a set of
    /// which there are to be none: what may be wanted later is not over, unless all quit.
    pub fn is_over(&self) -> bool {
        if self.left > 0 || self.group.quits() {
            return self.left == 0;
        }
        let none_is_wanted = |set: &Set| set.wanted == 0 && !set.is_dropped;
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
