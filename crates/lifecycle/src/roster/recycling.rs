//! Children of a set are replaced when they have been ready for long enough: one after another, by the same promise as a
//! roll. While there is a roll nobody is, since it replaces them anyway.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::{Roster, RosterChange, SetId};
use crate::group::Id;
use crate::machine::{Phase, Request};
use policy::RecyclePolicy;

#[derive(Debug, Default)]
pub(super) struct Recycling {
    policy: RecyclePolicy,
    /// When each run is due that is ready, and for how long it will have been.
    due: BTreeMap<Id, (Instant, Duration)>,
    /// The same in the order of time.
    by_time: BTreeSet<(Instant, Id)>,
    /// Those that are due, in the order in which they have become so.
    queue: VecDeque<(Id, Duration)>,
}

impl Recycling {
    fn expect(&mut self, id: Id, at: Instant, age: Duration) {
        self.due.insert(id, (at, age));
        self.by_time.insert((at, id));
    }

    pub(super) fn forget(&mut self, id: Id) {
        if let Some((at, _)) = self.due.remove(&id) {
            self.by_time.remove(&(at, id));
        }
        self.queue.retain(|(queued, _)| *queued != id);
    }

    pub(super) fn queue_those_due(&mut self, now: Instant) {
        while let Some((at, id)) = self.by_time.first().copied().filter(|(at, _)| *at <= now) {
            self.by_time.remove(&(at, id));
            let age = self.due.remove(&id).map_or(Duration::ZERO, |(_, age)| age);
            self.queue.push_back((id, age));
        }
    }
}

impl Roster {
    /// When children of a set are replaced by themselves.
    pub fn recycle(&mut self, set: SetId, policy: RecyclePolicy) {
        self.sets[set.0].recycling =
            policy.age.is_some().then(|| Recycling { policy, ..Recycling::default() });
    }

    /// How many of a set are due to be replaced, and wait for their turn.
    pub fn due_to_be_recycled(&self, set: SetId) -> usize {
        self.sets[set.0].recycling.as_ref().map_or(0, |recycling| recycling.queue.len())
    }

    /// Takes note of where a child stands now.
    pub(super) fn note_age(&mut self, id: Id, entered: Option<Phase>, now: Instant) {
        let Some(kept) = self.kept.get(&id) else { return };
        let Some((set, _)) = kept.of else { return };
        let seed = self.next.seed_of(id).wrapping_add(kept.machine.runs() << 32);
        let Some(recycling) = &mut self.sets[set.0].recycling else { return };
        match entered {
            None => (),
            Some(Phase::Running) => {
                if let Some(age) = recycling.policy.age_of(seed)
                    && let Some(at) = now.checked_add(age)
                {
                    recycling.expect(id, at, age);
                }
            }
            Some(_) => recycling.forget(id),
        }
    }

    /// When the next one is due, whatever else happens.
    pub(super) fn recycles_at(&self) -> Option<Instant> {
        let sets = self.sets.iter().filter_map(|set| set.recycling.as_ref());
        sets.filter_map(|recycling| Some(recycling.by_time.first()?.0)).min()
    }

    /// Replaces those that are due, as far as nobody is missed.
    pub(super) fn recycle_those_due(
        &mut self,
        set: SetId,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) {
        let Some(recycling) = &self.sets[set.0].recycling else { return };
        if recycling.queue.is_empty() || self.group.quits() {
            return;
        }
        let mut spare = self.spare(set);
        while let Some(recycling) = &mut self.sets[set.0].recycling
            && let Some((id, age)) = recycling.queue.front().copied()
        {
            // One that has died or is stopped meanwhile is no more the run that was due.
            let is_ready =
                self.kept.get(&id).is_some_and(|kept| !kept.leaves && kept.machine.is_ready());
            if is_ready && spare == 0 {
                return;
            }
            recycling.queue.pop_front();
            if is_ready {
                spare -= 1;
                changes.push(RosterChange::Recycled { id, age });
                let _ = self.ask(id, Request::Restart, now, changes);
            }
        }
    }
}
