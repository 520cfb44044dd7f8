//! The list in force, as whoever compares another one with it sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use capture::Capture;
use lifecycle::{Id, group};
use policy::{Policy, RecyclePolicy, RollPolicy, Share};
use proc_spawn::Spawn;

use super::Loop;
use crate::spec::{Order, PidFileOf};

/// The list that is in force, as whoever compares another with it sees it.
pub(super) struct View {
    pub(super) version: u64,
    pub(super) alone: BTreeMap<String, Seen>,
    pub(super) sets: Vec<SeenSet>,
}

/// A worker that there is.
pub(super) struct Seen {
    pub(super) id: Id,
    pub(super) spawn: Spawn,
    pub(super) capture: Option<Capture>,
    pub(super) policy: Arc<Policy>,
    pub(super) order: Order,
    pub(super) leaves: bool,
}

/// A set that there is.
pub(super) struct SeenSet {
    pub(super) name: String,
    pub(super) wanted: u32,
    /// How many there are to be when its roll has gone well.
    pub(super) then: Option<u32>,
    pub(super) configured: u32,
    pub(super) dropped: bool,
    pub(super) policy: Arc<Policy>,
    pub(super) max_unavailable: Share,
    pub(super) roll: RollPolicy,
    pub(super) recycle: RecyclePolicy,
    pub(super) memory_hard_limit: Option<u64>,
    pub(super) order: Order,
    pub(super) pid_file_of: PidFileOf,
    pub(super) members: BTreeMap<u32, Seen>,
}

impl Loop {
    /// The list in force, for who compares another with it.
    pub(super) fn view(&self) -> View {
        let seen = |id: Id| {
            let (worker, machine) = (self.workers.get(&id)?, self.roster.machine(id)?);
            let (spawn, recording) = worker.spawn_to_be();
            Some(Seen {
                id,
                spawn: spawn.clone(),
                capture: recording.map(|recording| recording.capture().clone()),
                policy: machine.shared_policy(),
                order: self.order_of(self.roster.member(id)),
                leaves: self.roster.leaves(id),
            })
        };
        let alone = self.workers.iter().filter(|(id, _)| self.roster.set_of(**id).is_none());
        let alone =
            alone.filter_map(|(id, worker)| Some((worker.record.name().to_owned(), seen(*id)?)));
        let sets = self.sets.iter().map(|set| SeenSet {
            name: set.name.clone(),
            wanted: self.roster.wanted(set.id),
            then: set.then,
            configured: set.configured,
            dropped: set.dropped,
            policy: self.roster.policy_of(set.id),
            max_unavailable: self.roster.share_unavailable(set.id),
            roll: set.roll.clone(),
            recycle: set.recycle.clone(),
            memory_hard_limit: set.memory_hard_limit,
            order: self.order_of(Some(self.roster.member_of(set.id))),
            pid_file_of: Arc::clone(&set.pid_file_of),
            members: self
                .roster
                .places(set.id)
                .filter_map(|(index, id)| Some((index, seen(id)?)))
                .collect(),
        });
        View { version: self.version, alone: alone.collect(), sets: sets.collect() }
    }

    /// After whom somebody comes, by names.
    fn order_of(&self, member: Option<&group::Member>) -> Order {
        let Some(member) = member else { return Order::default() };
        let name = |id: &Id| match self.roster.set_of(*id) {
            Some((set, _)) => self.sets.iter().find(|other| other.id == set).map(|set| &*set.name),
            None => self.workers.get(id).map(|worker| worker.record.name()),
        };
        let after: BTreeSet<&str> = member.after.iter().filter_map(name).collect();
        Order {
            after: after.into_iter().map(str::to_owned).collect(),
            temporary: member.temporary,
            significant: member.significant,
        }
    }
}
