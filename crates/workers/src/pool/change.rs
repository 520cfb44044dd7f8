//! What a newer list changes: found by comparing it with what there is, and carried out as a whole or not at all.

use std::collections::BTreeSet;
use std::fmt;

use lifecycle::Id;
use logging::LoggingConfig;
use policy::{Policy, Problems, Strategy};
use surroundings::Setup;

use super::refused::RequestError;
use super::view::{Seen, SeenSet, View};
use crate::spec::{NewerList, NewerSet, Order, Planner, WorkerPlan};

/// One thing that a newer list changes, in one line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangePart {
    /// This worker, or so many of this set, come to the list.
    Added {
        /// The name of the worker or of the set.
        name: String,
        /// How many of a set; `None`: it is a worker.
        count: Option<u32>,
    },
    /// This worker or set is stopped, and leaves the list.
    Removed {
        /// Its name.
        name: String,
    },
    /// This worker is stopped and started again, since its next run is another.
    Restarted {
        /// Its name.
        name: String,
        /// What is other.
        what: Difference,
    },
    /// So many of this set are replaced one after another, since their next runs are others.
    Rolled {
        /// The name of the set.
        name: String,
        /// How many.
        count: u32,
        /// What is other.
        what: Difference,
    },
    /// There are to be so many of this set: after its roll, if there is one and there are to be fewer.
    Scaled {
        /// The name of the set.
        name: String,
        /// How many there were to be.
        from: u32,
        /// How many there are to be.
        to: u32,
    },
    /// What holds for this worker or set is other from here on (policies, limits, levels of its log); no process is
    /// touched.
    Amended {
        /// Its name.
        name: String,
    },
}

/// What is other about a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Its entry, arguments or environment.
    pub call: bool,
    /// What it has around it: streams, directory, umask, log.
    pub surroundings: bool,
    /// How its output is captured.
    pub capture: bool,
}

impl Difference {
    pub(super) fn any(self) -> bool {
        self.call || self.surroundings || self.capture
    }

    fn and(self, other: Difference) -> Difference {
        Difference {
            call: self.call || other.call,
            surroundings: self.surroundings || other.surroundings,
            capture: self.capture || other.capture,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.call, "its call or environment"),
            (self.surroundings, "its surroundings"),
            (self.capture, "its capture"),
        ];
        let all: Vec<&str> = all.into_iter().filter(|(is, _)| *is).map(|(_, text)| text).collect();
        f.write_str(&all.join(", "))
    }
}

impl fmt::Display for ChangePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangePart::Added { name, count: None } => write!(f, "{name}: is started"),
            ChangePart::Added { name, count: Some(count) } => {
                write!(f, "{name}: {count} are started")
            }
            ChangePart::Removed { name } => write!(f, "{name}: is stopped and removed"),
            ChangePart::Restarted { name, what } => {
                write!(f, "{name}: is stopped and started again ({what})")
            }
            ChangePart::Rolled { name, count, what } => {
                write!(f, "{name}: {count} are replaced one after another ({what})")
            }
            ChangePart::Scaled { name, from, to } => write!(f, "{name}: {to} in place of {from}"),
            ChangePart::Amended { name } => {
                write!(f, "{name}: other policies or levels, and no process is touched")
            }
        }
    }
}

/// What a newer list would change: looked at first, and then [applied](super::Pool::apply) as it stands, or dropped.
///
/// As text, each change is a line.
pub struct Change {
    pub(super) parts: Vec<ChangePart>,
    /// The state of the list with which it was compared.
    pub(super) version: u64,
    pub(super) planner: Planner,
    pub(super) removed: BTreeSet<Id>,
    pub(super) kept: Vec<Renewal>,
    pub(super) added: Vec<NewWorker>,
    pub(super) sets: Vec<SetChange>,
    pub(super) new_sets: Vec<NewerSet>,
}

/// A worker that stays, and what its next runs are.
pub(super) struct Renewal {
    pub(super) id: Id,
    pub(super) plan: WorkerPlan,
    pub(super) what: Difference,
    /// What its log is to pass from here on, if that is other.
    pub(super) levels: Option<LoggingConfig>,
    pub(super) of_set: bool,
}

/// A worker that comes, and after whom.
pub(super) struct NewWorker {
    pub(super) plan: Box<WorkerPlan>,
    pub(super) order: Order,
}

/// What becomes of a set that there is.
pub(super) struct SetChange {
    pub(super) at: usize,
    /// `None`: it is on the list no more.
    pub(super) newer: Option<Box<NewerSet>>,
    /// Those that are to be replaced.
    pub(super) others: BTreeSet<u32>,
    /// How many there are to be.
    pub(super) to: u32,
}

impl Change {
    /// What it changes; nothing where the list says the same as the one in force.
    pub fn parts(&self) -> &[ChangePart] {
        &self.parts
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.parts.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// Compares a list, which has been checked alone, with the one in force.
pub(super) fn compare(
    view: View,
    newer: NewerList,
    planner: &Planner,
    strategy: Strategy,
) -> Result<Change, RequestError> {
    let mut problems = Problems::new();
    let NewerList { alone, sets: mut newer_sets, planner: newest, in_order } = newer;
    let names: BTreeSet<&str> = alone.iter().map(|(plan, _)| plan.name.as_str()).collect();
    let names: BTreeSet<String> = names
        .into_iter()
        .chain(newer_sets.iter().map(|set| set.plan.name.as_str()))
        .map(str::to_owned)
        .collect();
    let planner_now = newest.in_order_of(planner);
    let mut change = Change {
        parts: Vec::new(),
        version: view.version,
        planner: planner_now,
        removed: BTreeSet::new(),
        kept: Vec::new(),
        added: Vec::new(),
        sets: Vec::new(),
        new_sets: Vec::new(),
    };
    let mut there = view.alone;
    for (plan, order) in alone {
        let name = plan.name.clone();
        let Some(seen) = there.remove(&name) else {
            change.parts.push(ChangePart::Added { name, count: None });
            change.added.push(NewWorker { plan, order });
            continue;
        };
        if seen.leaves {
            return Err(RequestError::Leaving { name });
        }
        if !in_order {
            check_order(&mut problems, &name, &seen.order, &order, &names);
        }
        let renewal = renewal(&mut problems, seen, *plan, false);
        let (what, amended) = (renewal.0.what, renewal.1);
        if what.any() {
            change.parts.push(ChangePart::Restarted { name, what });
        } else if amended {
            change.parts.push(ChangePart::Amended { name });
        }
        change.kept.push(renewal.0);
    }
    for (name, seen) in there.into_iter().filter(|(_, seen)| !seen.leaves) {
        change.parts.push(ChangePart::Removed { name });
        change.removed.insert(seen.id);
    }
    for (at, seen) in view.sets.into_iter().enumerate() {
        let place = newer_sets.iter().position(|set| set.plan.name == seen.name);
        let Some(place) = place else {
            if !seen.dropped {
                change.parts.push(ChangePart::Removed { name: seen.name });
                change.sets.push(SetChange { at, newer: None, others: BTreeSet::new(), to: 0 });
            }
            continue;
        };
        let newer = newer_sets.remove(place);
        compare_set(&mut change, &mut problems, at, seen, newer, &names, in_order)?;
    }
    for set in newer_sets {
        let name = set.plan.name.clone();
        change.parts.push(ChangePart::Added { name, count: Some(set.count) });
        change.new_sets.push(set);
    }
    problems.or(()).map_err(RequestError::Options)?;
    let rolled = change.sets.iter().find(|set| !set.others.is_empty());
    if let (Some(rolled), true) = (rolled, strategy != Strategy::OneForOne) {
        let set = change.planner.name_of(rolled.at).to_owned();
        return Err(RequestError::NotAlone { set, strategy });
    }
    Ok(change)
}

fn compare_set(
    change: &mut Change,
    problems: &mut Problems,
    at: usize,
    seen: SeenSet,
    newer: NewerSet,
    names: &BTreeSet<String>,
    in_order: bool,
) -> Result<(), RequestError> {
    let name = seen.name.clone();
    if !in_order && !seen.dropped {
        check_order(problems, &name, &seen.order, &newer.order, names);
    }
    if (seen.pid_file_of)(1) != (newer.plan.pid_file_of)(1) {
        let reason = "cannot be another while it runs; give the set another name, too";
        problems.add(format!("{name}.pid_filename"), (newer.plan.pid_file_of)(1).display(), reason);
    }
    // A number that somebody has set meanwhile stays, unless the list has another one than before.
    let to = match newer.count == seen.configured && !seen.dropped {
        true => seen.then.unwrap_or(seen.wanted),
        false => newer.count,
    };
    let numbers: Vec<u32> = seen.members.keys().copied().collect();
    let plans = change.planner.of_set(at, &newer.plan.policy, &numbers, to)?;
    let mut what = Difference::default();
    let mut others = BTreeSet::new();
    let mut amended = seen.max_unavailable != newer.plan.max_unavailable
        || seen.roll != newer.plan.roll
        || seen.recycle != newer.plan.recycle
        || seen.memory_hard_limit != newer.plan.memory_hard_limit
        || !is_like(&seen.policy, &newer.plan.policy);
    for ((index, member), plan) in seen.members.into_iter().zip(plans) {
        let is_there = !member.leaves;
        let (renewal, has_other_policy) = renewal(problems, member, plan, true);
        amended |= has_other_policy;
        if is_there && renewal.what.any() && index <= to.max(seen.wanted) {
            what = what.and(renewal.what);
            others.insert(index);
        }
        change.kept.push(renewal);
    }
    if seen.dropped {
        change.parts.push(ChangePart::Added { name, count: Some(to) });
    } else {
        if !others.is_empty() {
            let count = u32::try_from(others.len()).unwrap_or(u32::MAX);
            change.parts.push(ChangePart::Rolled { name: name.clone(), count, what });
        } else if amended {
            change.parts.push(ChangePart::Amended { name: name.clone() });
        }
        if to != seen.wanted {
            change.parts.push(ChangePart::Scaled { name, from: seen.wanted, to });
        }
    }
    change.sets.push(SetChange { at, newer: Some(Box::new(newer)), others, to });
    Ok(())
}

/// Adds that somebody who stays is to come after others, or that his end is to mean something else.
fn check_order(
    problems: &mut Problems,
    name: &str,
    seen: &Order,
    newer: &Order,
    names: &BTreeSet<String>,
) {
    let still = seen.after.iter().filter(|other| names.contains(*other));
    let (still, said): (BTreeSet<_>, BTreeSet<_>) = (still.collect(), newer.after.iter().collect());
    let is_same = seen.temporary == newer.temporary && seen.significant == newer.significant;
    if !is_same || still != said {
        let reason = "cannot be others while it runs; give it another name, or start all anew";
        problems.add(
            format!("{name}: after, temporary, significant"),
            newer.after.join(", "),
            reason,
        );
    }
}

/// What the next runs of somebody are who stays, and whether other policies hold for him.
fn renewal(problems: &mut Problems, seen: Seen, plan: WorkerPlan, of_set: bool) -> (Renewal, bool) {
    let setup = seen.spawn.read_setup::<Setup>().unwrap_or_default();
    let levels =
        plan.setup.logging.clone().filter(|logging| Some(logging) != setup.logging.as_ref());
    let (old, new) = (around(setup), around(plan.setup.clone()));
    if old.pid_file != new.pid_file && !of_set {
        let reason = "cannot be another while it runs; give the worker another name, too";
        problems.add(format!("{}.pid_filename", plan.name), plan.pid_filename.display(), reason);
    }
    let what = Difference {
        call: !seen.spawn.does_the_same(&plan.spawn),
        surroundings: old != new,
        capture: seen.capture.as_ref() != plan.capture.as_deref(),
    };
    // Where the log is other in more than its levels it is another run.
    let levels = levels.filter(|_| !what.any());
    let amended = !is_like(&seen.policy, &plan.policy) || levels.is_some();
    (Renewal { id: seen.id, plan, what, levels, of_set }, amended)
}

/// What a run has around it, as far as it is another run where that is other: what it counts itself, what time it has and
/// how many files it may open hold from its next run on.
fn around(setup: Setup) -> Setup {
    let usual = Setup::default();
    Setup {
        ready: usual.ready,
        grace: usual.grace,
        open_files: None,
        recycle: None,
        files: Vec::new(),
        logging: setup.logging.map(LoggingConfig::without_levels),
        ..setup
    }
}

/// Whether two policies say the same, but for who waits for the first start.
fn is_like(one: &Policy, other: &Policy) -> bool {
    Policy { must_launch: other.must_launch, ..one.clone() } == *other
}
