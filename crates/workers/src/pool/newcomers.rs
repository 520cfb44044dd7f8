//! Those who come to the list with a newer one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lifecycle::group;
use policy::Policy;

use super::goals::Goal;
use super::refused::RequestError;
use super::requests::Count;
use super::rolling::KeptSet;
use super::{Loop, Worker};
use crate::spec::{NewerSet, Order};

/// Somebody who comes to the list.
pub(super) enum Newcomer {
    Worker { worker: Box<Worker>, policy: Arc<Policy>, order: Order },
    Set { set: Box<NewerSet>, policy: Arc<Policy>, made: BTreeMap<u32, Box<Worker>> },
}

impl Loop {
    /// Those who are new come, each after those that it is to come after.
    pub(super) fn let_come(
        &mut self,
        mut newcomers: Vec<Newcomer>,
    ) -> Result<Vec<Goal>, RequestError> {
        let mut goals = Vec::new();
        while !newcomers.is_empty() {
            let names: BTreeSet<String> = newcomers.iter().map(Newcomer::name).collect();
            let is_next = |newcomer: &Newcomer| {
                newcomer.order().after.iter().all(|other| !names.contains(other))
            };
            // The list was checked: nobody comes after himself by way of others.
            let at = newcomers.iter().position(is_next).unwrap_or_default();
            goals.push(match newcomers.remove(at) {
                Newcomer::Worker { worker, policy, order } => {
                    let Order { after, temporary, significant } = order;
                    let member = group::Member { after: BTreeSet::new(), temporary, significant };
                    self.add(worker, policy, member, &after)?
                }
                Newcomer::Set { set, policy, made } => self.add_set(*set, policy, made)?,
            });
        }
        Ok(goals)
    }

    fn add_set(
        &mut self,
        set: NewerSet,
        policy: Arc<Policy>,
        made: BTreeMap<u32, Box<Worker>>,
    ) -> Result<Goal, RequestError> {
        let NewerSet { plan, count, order } = set;
        let member = group::Member {
            after: self.ids_of(&order.after)?,
            temporary: order.temporary,
            significant: order.significant,
        };
        let id = self.roster.set([], member, policy);
        self.roster.max_unavailable(id, plan.max_unavailable);
        self.roster.recycle(id, plan.recycle.clone());
        self.roster.memory_hard_limit(id, plan.memory_hard_limit);
        self.chores.remove_strays(vec![(Arc::clone(&plan.pid_file_of), 0)]);
        let name = plan.name.clone();
        self.sets.push(KeptSet::new(id, plan, count));
        self.scale(&name, Count::To(count), made)?;
        Ok(Goal::Set { set: id, count })
    }
}

impl Newcomer {
    fn name(&self) -> String {
        match self {
            Newcomer::Worker { worker, .. } => worker.record.name().to_owned(),
            Newcomer::Set { set, .. } => set.plan.name.clone(),
        }
    }

    fn order(&self) -> &Order {
        match self {
            Newcomer::Worker { order, .. } => order,
            Newcomer::Set { set, .. } => &set.order,
        }
    }
}
