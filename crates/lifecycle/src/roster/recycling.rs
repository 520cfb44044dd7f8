//! Children of a set are replaced when a run has reached a limit: one after another, by the same promise as a roll. While
//! there is a roll nobody is, since it replaces them anyway.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::{Outgrown, Roster, RosterChange, SetId};
use crate::group::{Happened, Id};
use crate::machine::{Fault, Machine, Phase, Request};
use policy::RecyclePolicy;

/// So many runs in a row may be replaced as soon as they can be; what comes after them counts as a failure.
const MOST_EARLY: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Recycling {
    /// When each run is due that is ready, and why.
    due: BTreeMap<Id, Due>,
    /// The same in the order of time.
    by_time: BTreeSet<(Instant, Id)>,
    /// Those that are due, in the order in which they have become so.
    queue: VecDeque<(Id, Due)>,
    /// How many runs in a row have reached a limit before they could be replaced, of those of whom the last one has.
    early: BTreeMap<Id, u32>,
    /// Those that are ready.
    ready: BTreeSet<Id>,
    /// Who is being replaced just now.
    goes: Option<Id>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    why: Outgrown,
    /// It had reached its limit before it could be replaced.
    early: bool,
}

impl Recycling {
    fn expect(&mut self, id: Id, due: Due) {
        if let Some(before) = self.due.insert(id, due) {
            self.by_time.remove(&(before.at, id));
        }
        self.by_time.insert((due.at, id));
    }

    fn expect_age(&mut self, id: Id, age: Option<Duration>, since: Instant) {
        if let Some(age) = age
            && let Some(at) = since.checked_add(age)
        {
            self.expect(id, Due { at, why: Outgrown::Age(age), early: false });
        }
    }

    fn forget_ages(&mut self) {
        let is_other = |due: &Due| !matches!(due.why, Outgrown::Age(_));
        self.due.retain(|_, due| is_other(due));
        self.by_time = self.due.iter().map(|(id, due)| (due.at, *id)).collect();
        self.queue.retain(|(_, due)| is_other(due));
    }

    /// Which limit this run has reached, if it has not been replaced yet.
    fn reached(&mut self, id: Id) -> Option<&mut Due> {
        let queued = self.queue.iter_mut().find(|(queued, _)| *queued == id).map(|(_, due)| due);
        queued.or(self.due.get_mut(&id))
    }

    /// Those that are to be replaced since they had too much memory.
    pub(super) fn with_memory(&self) -> BTreeSet<Id> {
        let all = self.due.iter().chain(self.queue.iter().map(|(id, due)| (id, due)));
        let had_more =
            |(id, due): (&Id, &Due)| matches!(due.why, Outgrown::Memory(_)).then_some(*id);
        all.filter_map(had_more).collect()
    }

    fn forget(&mut self, id: Id) {
        if let Some(due) = self.due.remove(&id) {
            self.by_time.remove(&(due.at, id));
        }
        self.queue.retain(|(queued, _)| *queued != id);
    }

    /// It is not ready: its run has ended, or is told to. One that ends otherwise, without having reached a limit too
    /// soon, breaks the row.
    fn leaves(&mut self, id: Id) {
        let is_early = self.due.get(&id).is_some_and(|due| due.early)
            || self.queue.iter().any(|(queued, due)| *queued == id && due.early);
        if self.ready.remove(&id) && self.goes != Some(id) && !is_early {
            self.early.remove(&id);
        }
        self.forget(id);
    }

    /// It is of the set no more.
    pub(super) fn remove(&mut self, id: Id) {
        self.forget(id);
        self.early.remove(&id);
        self.ready.remove(&id);
    }

    pub(super) fn queue_those_due(&mut self, now: Instant) {
        while let Some((_, id)) = self.by_time.first().copied().filter(|(at, _)| *at <= now) {
            self.by_time.pop_first();
            self.queue.extend(self.due.remove(&id).map(|due| (id, due)));
        }
    }

    /// Takes note that a run is replaced; says whether that counts as a failure.
    fn fails(&mut self, id: Id, due: Due) -> bool {
        if !due.early {
            self.early.remove(&id);
            return false;
        }
        let early = self.early.entry(id).or_default();
        *early = early.saturating_add(1);
        MOST_EARLY < *early
    }
}

impl Roster {
    /// When children of a set are replaced by themselves, from here on.
    pub fn recycle(&mut self, set: SetId, policy: RecyclePolicy) {
        let before = self.sets[set.0].recycling.take();
        let is_set = policy.is_set();
        self.sets[set.0].recycle = policy;
        if !is_set {
            return;
        }
        // What has been reached stays so; ages are counted anew, from when each became ready.
        let mut recycling = before.unwrap_or_default();
        recycling.forget_ages();
        for (_, id) in self.places(set) {
            let since = self.kept_machine(id).filter(|machine| machine.is_ready());
            let since = since.and_then(Machine::ready_at);
            let Some(since) = since.filter(|_| !self.group.is_temporary(id)) else { continue };
            recycling.ready.insert(id);
            if recycling.reached(id).is_none() {
                let age = self.sets[set.0].recycle.age_of(self.seed_of_run(id));
                recycling.expect_age(id, age, since);
            }
        }
        self.sets[set.0].recycling = Some(recycling);
    }

    /// How many of a set are due to be replaced, and wait for their turn.
    pub fn due_to_be_recycled(&self, set: SetId) -> usize {
        self.sets[set.0].recycling.as_ref().map_or(0, |recycling| recycling.queue.len())
    }

    /// Those that are due to be replaced, and wait for their turn, with what they have reached.
    pub fn waiting_to_be_recycled(&self) -> BTreeMap<Id, Outgrown> {
        let queues = self.sets.iter().filter_map(|set| set.recycling.as_ref());
        queues.flat_map(|set| &set.queue).map(|(id, due)| (*id, due.why)).collect()
    }

    /// Takes note of where a child stands now.
    pub(super) fn note_age(&mut self, id: Id, entered: Option<Phase>, now: Instant) {
        let Some(kept) = self.kept.get(&id) else { return };
        let Some((set, _)) = kept.of.filter(|_| !self.group.is_temporary(id)) else { return };
        let age = self.sets[set.0].recycle.age_of(self.seed_of_run(id));
        let Some(recycling) = &mut self.sets[set.0].recycling else { return };
        match entered {
            None => (),
            Some(Phase::Running) => {
                recycling.ready.insert(id);
                // One that was ready before is as old as it was, and keeps its place in the queue.
                let is_queued = recycling.queue.iter().any(|(queued, _)| *queued == id);
                let since = kept.machine.ready_at().unwrap_or(now);
                if !is_queued && !recycling.due.contains_key(&id) {
                    recycling.expect_age(id, age, since);
                }
            }
            // It is the same run, and may come back.
            Some(Phase::NotReady) => (),
            Some(_) => recycling.leaves(id),
        }
    }

    /// Takes note of a limit that a child says it has reached. It is asked no sooner than each run may go.
    pub(super) fn note_outgrown(&mut self, id: Id, why: Outgrown, now: Instant) {
        let Some(kept) = self.kept.get(&id).filter(|kept| kept.machine.is_ready()) else { return };
        let of = kept.of.filter(|_| !self.group.is_temporary(id));
        let (Some((set, _)), Some(since)) = (of, kept.machine.ready_at()) else { return };
        let min_age = self.sets[set.0].recycle.min_age;
        let Some(recycling) = &mut self.sets[set.0].recycling else { return };
        // Later than the clock can tell is never.
        let Some(may_go) = since.checked_add(min_age) else { return };
        let at = may_go.max(now);
        let is_due = recycling.due.get(&id).is_some_and(|due| due.at <= at)
            || recycling.queue.iter().any(|(queued, _)| *queued == id);
        if !is_due {
            recycling.expect(id, Due { at, why, early: now < may_go });
        } else if let Some(due) = recycling.reached(id)
            && let Outgrown::Memory(_) = due.why
        {
            // It may have less again, but what else it has reached it has reached for good.
            due.why = why;
        }
    }

    /// One that had more memory than it may have, and has not been replaced yet, has less again: it goes on.
    pub(super) fn note_less_memory(&mut self, id: Id) {
        let Some(kept) = self.kept.get(&id) else { return };
        let (Some((set, _)), Some(since)) = (kept.of, kept.machine.ready_at()) else { return };
        let age = self.sets[set.0].recycle.age_of(self.seed_of_run(id));
        let Some(recycling) = &mut self.sets[set.0].recycling else { return };
        if let Some(Due { why: Outgrown::Memory(_), .. }) = recycling.reached(id) {
            recycling.forget(id);
            recycling.expect_age(id, age, since);
        }
    }

    /// From which the limits of the present run follow.
    pub(super) fn seed_of_run(&self, id: Id) -> u64 {
        let runs = self.kept_machine(id).map_or(0, Machine::runs);
        self.next.seed_of(id).wrapping_add(runs << 32)
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
        let mut not_ready = Vec::new();
        while let Some(recycling) = &mut self.sets[set.0].recycling
            && let Some((id, due)) = recycling.queue.front().copied()
        {
            // One that has died or is stopped meanwhile is no more the run that was due.
            let is_ready =
                self.kept.get(&id).is_some_and(|kept| !kept.leaves && kept.machine.is_ready());
            if is_ready && spare == 0 {
                break;
            }
            recycling.queue.pop_front();
            if !is_ready {
                // Who is not ready just now waits until it is.
                if self.phase(id) == Some(Phase::NotReady) && !self.leaves(id) {
                    not_ready.push((id, due));
                }
                continue;
            }
            spare -= 1;
            let fails = recycling.fails(id, due);
            recycling.goes = Some(id);
            changes.push(RosterChange::Recycled { id, why: due.why, fails });
            match fails {
                true => self.fail(id, Fault::Outgrown, now, changes),
                false => drop(self.ask(id, Request::Restart, now, changes)),
            }
            if let Some(recycling) = &mut self.sets[set.0].recycling {
                recycling.goes = None;
            }
        }
        if let Some(recycling) = &mut self.sets[set.0].recycling {
            for waits in not_ready.into_iter().rev() {
                recycling.queue.push_front(waits);
            }
        }
    }

    /// Has a child that is ready stopped, as one that has failed.
    pub(super) fn fail(
        &mut self,
        id: Id,
        fault: Fault,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) {
        let Some(step) = self.kept.get_mut(&id).and_then(|kept| kept.machine.fail(fault, now))
        else {
            return;
        };
        self.set_due(id);
        self.note_age(id, step.entered, now);
        changes.push(RosterChange::Stepped(id, step));
        self.happened(Happened::Stopping(id), now, changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_who_was_removed() {
        let mut recycling = Recycling::default();
        let now = Instant::now(); // An origin only.
        let due = |id| (Id::nth(id).unwrap(), Due { at: now, why: Outgrown::Jobs(1), early: true });
        let (one, other) = (due(0), due(1));
        for (id, due) in [one, other] {
            recycling.expect(id, due);
            assert!(!recycling.fails(id, due));
        }
        recycling.queue_those_due(now);
        recycling.expect(one.0, Due { at: now + Duration::from_secs(1), ..one.1 });
        recycling.remove(one.0);
        recycling.remove(other.0);
        assert!(recycling.due.is_empty() && recycling.by_time.is_empty());
        assert!(recycling.queue.is_empty() && recycling.early.is_empty());
    }
}
