//! The one function that checks what the caller says about workers, and what comes of it.

use std::iter::zip;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use capture::Capture;
use lifecycle::group;
use policy::{EndWhen, Policy, Problems, RecyclePolicy, RollPolicy, Share, Strategy};
use proc_spawn::Spawn;
use surroundings::{Base, Files, Owner, Purpose, Setup};
use trusted_path::Trust;

use super::expand::{Expanded, check_names, each, expand, marks, unit};
use super::planner::{Kept, Planner};
use super::{Listed, WorkersOptions};
use crate::error::WorkersError;
use crate::status::StatusPlace;

/// One worker, checked and complete.
pub(crate) struct WorkerPlan {
    pub(crate) name: String,
    pub(crate) pid_filename: PathBuf,
    pub(crate) setup: Setup,
    pub(crate) policy: Arc<Policy>,
    pub(crate) spawn: Spawn,
    pub(crate) capture: Option<Box<Capture>>,
}

/// Everything about a pool, checked and complete. Nothing after this needs deciding.
pub(crate) struct Plan {
    #[expect(clippy::vec_box, reason = "the room of each is used again as soon as it is a worker")]
    pub(crate) workers: Vec<Box<WorkerPlan>>,
    pub(crate) group: group::Group,
    pub(crate) sets: Vec<SetPlan>,
    pub(crate) planner: Planner,
    pub(crate) start_stagger: Duration,
    pub(crate) ready_when_all: bool,
    pub(crate) debug_filename: Option<PathBuf>,
    pub(crate) debug_trust: Trust,
}

/// The pid file of each number of a set.
pub(crate) type PidFileOf = Arc<dyn Fn(u32) -> PathBuf + Send + Sync>;

/// One set, checked and complete.
pub(crate) struct SetPlan {
    pub(crate) name: String,
    /// Which of the plan's workers it has.
    pub(crate) workers: Range<usize>,
    /// What is said of the order of those that come later.
    pub(crate) member: group::Member,
    pub(crate) policy: Arc<Policy>,
    pub(crate) max_unavailable: Share,
    pub(crate) roll: RollPolicy,
    pub(crate) recycle: RecyclePolicy,
    pub(crate) memory_hard_limit: Option<u64>,
    /// How output is captured, but for the file.
    pub(crate) capture: Option<Capture>,
    /// The pid file of the worker of a number.
    pub(crate) pid_file_of: PidFileOf,
}

/// Checks everything once, reports everything together, and makes relative paths absolute.
pub(crate) fn plan(list: Vec<Listed>, options: WorkersOptions) -> Result<Plan, WorkersError> {
    let base = Base::find();
    let mut problems = Problems::new();
    let mut files = Files::new();
    let policy = Arc::new(Policy {
        start: options.start,
        restart: options.restart,
        stop: options.stop,
        must_launch: options.ready_when_all,
        leftovers: options.leftovers,
        watchdog: options.watchdog,
    });
    policy.check(&mut problems);
    if let Some(limit) = options.restart_limit {
        limit.check(&mut problems, "restart_limit");
    }
    problems.check_duration("start_stagger", options.start_stagger);
    let debug_filename = options.debug_filename;
    let debug_filename =
        debug_filename.map(|path| base.file(&mut problems, &mut files, "debug_filename", path));
    let debug_trust = Trust::folder_owners_if(options.trust_folder_owner);
    if let Some(path) = &debug_filename
        && let Some(reason) = StatusPlace::problem(path, debug_trust)
    {
        problems.add("debug_filename", path.display(), reason);
    }

    let units: Vec<_> = list.iter().map(unit).collect();
    let marks: Vec<_> = list.iter().map(marks).collect();
    // What is kept for good is made first. Of thousands it would stand between pieces that are only needed
    // until the check is over, and whose room could not be used for anything larger then.
    let mut parts: Vec<_> = list.iter().map(|_| Problems::new()).collect();
    check_names(&mut parts, &list);
    let (list, sets) = expand(&mut parts, &mut files, &base, list);
    let kept: Vec<Kept> = list
        .iter()
        .map(|Expanded { entry, worker, .. }| Kept {
            name: worker.name.clone(),
            pid_filename: base.absolute(
                &mut parts[*entry],
                "pid_filename",
                worker.pid_filename.clone(),
            ),
        })
        .collect();
    let planner = Planner { base, otherwise: policy, sets };
    let mut plans: Vec<SetPlan> = Vec::with_capacity(planner.sets.len());
    let mut workers = Vec::with_capacity(list.len());
    for (kept, expanded) in zip(kept, list) {
        let Expanded { entry, place, is_probe, .. } = expanded;
        let mut own = Problems::new();
        let set = place.map(|_| units[entry].name.as_str());
        let known = plans.last().filter(|plan| set == Some(&plan.name)).map(|plan| &plan.policy);
        let known = known.cloned();
        let planned = planner.worker(&mut own, known.as_ref(), kept, expanded, &mut files)?;
        // Of workers that are alike it is said once.
        if place.is_none_or(|place| place.index == 1) || parts[entry].is_empty() {
            parts[entry].extend(own);
        }
        let Some(planned) = planned else { continue };
        if let Some(set) = set {
            if known.is_none() {
                plans.push(SetPlan {
                    name: set.to_owned(),
                    workers: workers.len()..workers.len(),
                    member: group::Member::default(),
                    policy: Arc::clone(&planned.policy),
                    max_unavailable: Share::Count(1),
                    roll: RollPolicy::default(),
                    recycle: RecyclePolicy::default(),
                    memory_hard_limit: None,
                    capture: planned.capture.as_deref().cloned(),
                    pid_file_of: planner.pid_file_of(plans.len()),
                });
            }
            if let Some(plan) = plans.last_mut().filter(|_| !is_probe) {
                plan.workers.end += 1;
            }
        }
        if !is_probe {
            workers.push(Box::new(planned));
        }
    }
    if let Some(path) = &debug_filename {
        files.note(Owner::Options, "debug_filename", Purpose::Status, path);
    }
    files.check(|owner, problem| match owner {
        Owner::Worker(index) => parts[index].push(problem),
        Owner::Options | Owner::Above => problems.push(problem),
    });
    for (index, part) in parts.into_iter().enumerate() {
        problems.add_part(&format!("workers[{index}]"), part);
    }
    let after = group::Unit::resolve(&units, options.in_order, &mut problems);
    let members =
        zip(&units, zip(after, marks)).map(|(unit, (after, (temporary, significant)))| {
            (unit.count, group::Member { after, temporary, significant })
        });
    let members: Vec<(usize, group::Member)> = members.collect();
    if options.end_when != EndWhen::AllAreOver
        && !members.iter().any(|(_, member)| member.significant)
    {
        let reason = "no worker is significant; make one so, or let all end it";
        problems.add("end_when", options.end_when, reason);
    }
    for (plan, set) in zip(&mut plans, &planner.sets) {
        (plan.max_unavailable, plan.roll) = (set.max_unavailable, set.roll.clone());
        (plan.recycle, plan.memory_hard_limit) = ((*set.recycle).clone(), set.memory_hard_limit);
        if plan.recycle.is_set() && options.strategy != Strategy::OneForOne {
            let reason = "the workers of a set are not recycled with this strategy, since none is restarted alone";
            problems.add("strategy", options.strategy, reason);
        }
        let at = units.iter().position(|unit| unit.name == plan.name);
        plan.member = at.map(|at| members[at].1.clone()).unwrap_or_default();
    }
    let members = each(members, options.in_order);
    let group = group::Group::new(members, options.strategy, options.end_when)
        .restart_limit(options.restart_limit);
    let (start_stagger, ready_when_all) = (options.start_stagger, options.ready_when_all);
    problems
        .or(Plan {
            workers,
            group,
            sets: plans,
            planner,
            start_stagger,
            ready_when_all,
            debug_filename,
            debug_trust,
        })
        .map_err(WorkersError::Options)
}
