//! Who is on the list: children come later, and are taken off it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::{Kept, Roster, RosterChange};
use crate::group::{Happened, Id, Member};
use crate::machine::{Phase, Request};
use policy::Policy;

/// Ids that nobody had before, each with what keeps the delays of its child out of step with the others'.
#[derive(Debug)]
pub(super) struct Sequence {
    id: Id,
    seed: u64,
}

impl Sequence {
    pub(super) fn new(seed: u64) -> Sequence {
        Sequence { id: Id(0), seed }
    }

    pub(super) fn next(&mut self) -> (Id, u64) {
        let id = self.id;
        self.id = Id(id.0 + 1);
        (id, self.seed_of(id))
    }

    /// The one that this id came with.
    pub(super) fn seed_of(&self, id: Id) -> u64 {
        self.seed.wrapping_add(id.0.into())
    }

    pub(super) fn has_begun(&self) -> bool {
        self.id != Id(0)
    }
}

impl Roster {
    /// Puts one more child at the end of the list, and starts it when it is its turn. Its id is new, whoever
    /// was on the list before. It waits for those of `member` that are on the list.
    pub fn add(
        &mut self,
        member: Member,
        policy: Arc<Policy>,
        now: Instant,
    ) -> (Id, Vec<RosterChange>) {
        let mut changes = Vec::new();
        let id = self.put(member, policy);
        self.happened(Happened::Added(id), now, &mut changes);
        (id, changes)
    }

    pub(super) fn put(&mut self, mut member: Member, policy: Arc<Policy>) -> Id {
        let (id, seed) = self.next.next();
        member.after.retain(|other| self.kept.contains_key(other));
        self.kept.insert(id, Kept::new(policy, seed));
        self.group.add(id, member);
        self.left += 1;
        self.gate.wait_for(id);
        id
    }

    /// Takes a child off the list: it is stopped, and forgotten when it has ended. That is nobody's failure, and ends no
    /// group. Nothing happens if it is not on the list.
    ///
    /// # Errors
    ///
    /// The children that are to start after this one, and are not over: they would wait for ever. Nothing
    /// has happened then.
    pub fn remove(&mut self, id: Id, now: Instant) -> Result<Vec<RosterChange>, Vec<Id>> {
        let mut changes = Vec::new();
        if !self.kept.contains_key(&id) {
            return Ok(changes);
        }
        let dependents = self.group.dependents(id);
        if !dependents.is_empty() {
            return Err(dependents);
        }
        self.leave(id, now, &mut changes);
        self.advance_all(now, &mut changes);
        Ok(changes)
    }

    /// The same for several, which may come after each other. Others that come after one of them are none of the caller's
    /// list any more: they wait for it no more when it is gone.
    pub fn remove_all(&mut self, ids: &BTreeSet<Id>, now: Instant) -> Vec<RosterChange> {
        let mut changes = Vec::new();
        for id in ids.iter().rev() {
            self.leave(*id, now, &mut changes);
        }
        self.advance_all(now, &mut changes);
        changes
    }

    /// After whom a child comes, and what its end means.
    pub fn member(&self, id: Id) -> Option<&Member> {
        self.kept.contains_key(&id).then(|| self.group.member(id))
    }

    /// Whether a child was taken off the list, and is on its way out.
    pub fn leaves(&self, id: Id) -> bool {
        self.kept.get(&id).is_some_and(|kept| kept.leaves)
    }

    /// A child that goes by request, as one that may come back until it is gone.
    pub(super) fn leave(&mut self, id: Id, now: Instant, changes: &mut Vec<RosterChange>) {
        let Some(kept) = self.kept.get_mut(&id) else { return };
        kept.leaves = true;
        let is_over = matches!(kept.machine.phase(), Phase::Finished | Phase::Stopped);
        if is_over {
            return self.forget(id, now, changes);
        }
        // Who is being stopped for good is forgotten when that has ended, as all are when they quit.
        if !self.group.quits() {
            let _ = self.ask(id, Request::Stop, now, changes);
        }
    }

    pub(super) fn forget(&mut self, id: Id, now: Instant, changes: &mut Vec<RosterChange>) {
        let Some(kept) = self.kept.remove(&id) else { return };
        if let Some(at) = kept.due {
            self.due.remove(&(at, id));
        }
        self.left -= usize::from(kept.machine.phase() != Phase::Finished);
        if let Some((set, index)) = kept.of {
            self.sets[set.0].forget(index, id);
            if let Some(recycling) = &mut self.sets[set.0].recycling {
                recycling.remove(id);
            }
        }
        self.turns.forget(id);
        self.group.remove(id);
        self.gone.insert(id, kept.machine);
        changes.push(RosterChange::Removed(id));
        self.let_through(id, changes);
        // Somebody may have waited for it.
        self.happened(Happened::Removed, now, changes);
    }

    /// That a child was removed has been carried out, and what came before that: nothing more need be known of it.
    pub fn let_go(&mut self, id: Id) {
        self.gone.remove(&id);
    }

    /// It is not waited for this child any more before it is announced that all are ready.
    pub(super) fn let_through(&mut self, id: Id, changes: &mut Vec<RosterChange>) {
        if self.gate.lets_through(id) && !self.group.quits() {
            changes.push(RosterChange::Ready);
        }
    }
}
