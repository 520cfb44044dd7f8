//! How much memory children of a set may have: who is to be looked at, and what follows.

use std::time::{Duration, Instant};

use super::{Outgrown, Roster, RosterChange, SetId};
use crate::group::Id;
use crate::machine::Fault;
use policy::MemoryUse;

/// A run whose memory is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Of which child.
    pub id: Id,
    /// Which run of it.
    pub run: u64,
    /// How many bytes it may have: what is more has to be told ([`RosterEvent::Memory`](super::RosterEvent::Memory)).
    pub limit: u64,
    /// It had more, and has not been replaced yet: also what is less has to be told.
    pub had_more: bool,
    /// Whether the memory of what it has started counts, too.
    pub tree: bool,
}

impl Roster {
    /// How many bytes of memory a child of a set may have in any case: one that has more is stopped at once, whoever is
    /// away, and that is a failure. `None`, which it is at first: any number.
    pub fn memory_hard_limit(&mut self, set: SetId, bytes: Option<u64>) {
        self.sets[set.0].memory_hard_limit = bytes;
    }

    /// The sets of which somebody has to look how much memory their children have, and after how long again.
    pub fn looks(&self) -> impl Iterator<Item = (SetId, Duration)> {
        let of_set = |(number, set): (usize, &super::Set)| {
            let is_limited = set.recycle.memory.or(set.memory_hard_limit).is_some();
            (is_limited && !set.is_dropped).then_some((SetId(number), set.recycle.look_every))
        };
        self.sets.iter().enumerate().filter_map(of_set)
    }

    /// Those of a set that are ready now, and may not have any amount of memory.
    pub fn to_look_at(&self, set: SetId) -> Vec<Look> {
        if self.group.quits() {
            return Vec::new();
        }
        let set = &self.sets[set.0];
        let had_more = set.recycling.as_ref().map(super::recycling::Recycling::with_memory);
        let had_more = had_more.unwrap_or_default();
        let look = |id: &Id| {
            let kept = self.kept.get(id).filter(|kept| kept.machine.is_ready())?;
            let (soft, hard) = self.memory_limits(*id)?;
            let limit = [soft, hard].into_iter().flatten().min()?;
            let (run, had_more) = (kept.machine.runs(), had_more.contains(id));
            Some(Look { id: *id, run, limit, had_more, tree: set.recycle.tree })
        };
        set.places.values().filter_map(look).collect()
    }

    /// With how many bytes the present run of a child is replaced in its turn, and with how many at once.
    fn memory_limits(&self, id: Id) -> Option<(Option<u64>, Option<u64>)> {
        let kept = self.kept.get(&id)?;
        let (set, _) = kept.of?;
        let set = &self.sets[set.0];
        // What is temporary is not replaced.
        let is_replaced = !self.group.is_temporary(id);
        let soft = is_replaced.then(|| set.recycle.memory_of(self.seed_of_run(id)));
        Some((soft.flatten(), set.memory_hard_limit))
    }

    pub(super) fn note_memory(
        &mut self,
        id: Id,
        run: u64,
        bytes: u64,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) {
        let machine = self.kept_machine(id).filter(|machine| machine.is_ready());
        if self.group.quits() || machine.is_none_or(|machine| machine.runs() != run) {
            return;
        }
        let Some((soft, hard)) = self.memory_limits(id) else { return };
        if let Some(limit) = hard.filter(|limit| *limit < bytes) {
            let used = MemoryUse { bytes, limit };
            changes.push(RosterChange::TooMuchMemory(id, used));
            self.fail(id, Fault::Memory(used), now, changes);
        } else if let Some(limit) = soft {
            match limit < bytes {
                true => self.note_outgrown(id, Outgrown::Memory(MemoryUse { bytes, limit }), now),
                false => self.note_less_memory(id),
            }
        }
    }
}
