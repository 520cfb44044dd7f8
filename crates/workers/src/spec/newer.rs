//! A list that is to take the place of the one in force, checked as that was.

use super::plan::{SetPlan, WorkerPlan, plan};
use super::planner::Planner;
use super::{Listed, WorkersOptions};
use crate::error::WorkersError;

use std::collections::BTreeMap;

/// After whom somebody comes, and what his end means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// By the names of workers and sets.
    pub(crate) after: Vec<String>,
    pub(crate) temporary: bool,
    pub(crate) significant: bool,
}

/// A set of a newer list.
pub(crate) struct NewerSet {
    pub(crate) plan: SetPlan,
    pub(crate) count: u32,
    pub(crate) order: Order,
}

/// A list, checked and complete.
pub(crate) struct NewerList {
    pub(crate) alone: Vec<(Box<WorkerPlan>, Order)>,
    pub(crate) sets: Vec<NewerSet>,
    pub(crate) planner: Planner,
    /// Each comes after the one before it, whatever else is said.
    pub(crate) in_order: bool,
}

/// Checks a list as one that is to be started.
pub(crate) fn newer(list: Vec<Listed>, options: WorkersOptions) -> Result<NewerList, WorkersError> {
    let in_order = options.in_order;
    let orders = list.iter().map(|listed| {
        let template = listed.template();
        let order = Order {
            after: template.after.clone(),
            temporary: template.temporary,
            significant: template.significant,
        };
        (template.name.clone(), order)
    });
    let mut orders: BTreeMap<String, Order> = orders.collect();
    let plan = plan(list, options)?;
    let mut order_of = |name: &str| orders.remove(name).unwrap_or_default();
    let ranges: Vec<_> = plan.sets.iter().map(|set| set.workers.clone()).collect();
    let sets = plan.sets.into_iter().map(|plan| NewerSet {
        count: u32::try_from(plan.workers.len()).unwrap_or(u32::MAX),
        order: order_of(&plan.name),
        plan,
    });
    let sets = sets.collect();
    let alone = plan.workers.into_iter().enumerate();
    let alone = alone.filter(|(at, _)| !ranges.iter().any(|range| range.contains(at)));
    let alone = alone.map(|(_, worker)| {
        let order = order_of(&worker.name);
        (worker, order)
    });
    Ok(NewerList { alone: alone.collect(), sets, planner: plan.planner, in_order })
}
