//! The one function that checks what the caller says about workers, and what comes of it.

use std::collections::HashMap;
use std::iter::zip;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use capture::Capture;
use lifecycle::{Group, Member};
use policy::{EndWhen, Policy, Problems, check_duration, check_name};
use proc_spawn::{Current, Role, Spawn, SpawnError, Stdio};
use stdio_redirect::Target;
use surroundings::{Base, Files, Owner, Parent, PlannedSurroundings, Purpose, Setup, Whose, check};
use trusted_path::Trust;

use super::{WorkerStartInfo, WorkersOptions};
use crate::error::WorkersError;
use crate::status::StatusPlace;

/// One worker, checked and complete.
pub(crate) struct WorkerPlan {
    pub(crate) name: String,
    pub(crate) pid_filename: PathBuf,
    pub(crate) setup: Setup,
    pub(crate) policy: Arc<Policy>,
    pub(crate) spawn: Spawn,
    pub(crate) capture: Option<Capture>,
}

/// Everything about a pool, checked and complete. Nothing after this needs deciding.
pub(crate) struct Plan {
    pub(crate) workers: Vec<WorkerPlan>,
    pub(crate) group: Group,
    pub(crate) start_stagger: Duration,
    pub(crate) ready_when_all: bool,
    pub(crate) debug_filename: Option<PathBuf>,
    pub(crate) debug_trust: Trust,
}

/// What the pool keeps of a worker beside what its child is told.
struct Kept {
    name: String,
    /// `None`: relative to nothing, which has been told.
    pid_filename: Option<PathBuf>,
}

/// Checks everything once, reports everything together, and makes relative paths absolute.
pub(crate) fn plan(
    list: Vec<WorkerStartInfo>,
    options: WorkersOptions,
) -> Result<Plan, WorkersError> {
    let base = Base::find();
    let mut problems = Problems::new();
    let mut files = Files::new();
    let policy = Arc::new(Policy {
        start: options.start,
        restart: options.restart,
        stop: options.stop,
        must_launch: options.ready_when_all,
        leftovers: options.leftovers,
    });
    policy.check(&mut problems);
    if let Some(limit) = options.restart_limit {
        limit.check(&mut problems, "restart_limit");
    }
    check_duration(&mut problems, "start_stagger", options.start_stagger);
    let debug_filename = options.debug_filename;
    let debug_filename =
        debug_filename.map(|path| base.file(&mut problems, &mut files, "debug_filename", path));
    let debug_trust = Trust::folder_owners_if(options.trust_folder_owner);
    if let Some(path) = &debug_filename
        && let Some(reason) = StatusPlace::problem(path, debug_trust)
    {
        problems.add("debug_filename", path.display(), reason);
    }

    let names: Vec<_> = list.iter().map(|worker| worker.name.clone()).collect();
    let after: Vec<_> = list.iter().map(|worker| worker.after.clone()).collect();
    let marks: Vec<_> = list.iter().map(|worker| (worker.temporary, worker.significant)).collect();
    // What is kept for good is made first. Of thousands it would stand between pieces that are only needed
    // until the check is over, and whose room could not be used for anything larger then.
    let mut parts: Vec<_> = list.iter().map(|_| Problems::new()).collect();
    let kept: Vec<Kept> = zip(&list, &mut parts)
        .map(|(worker, own)| Kept {
            name: worker.name.clone(),
            pid_filename: base.absolute(own, "pid_filename", worker.pid_filename.clone()),
        })
        .collect();
    let mut first_of = HashMap::with_capacity(list.len());
    let mut workers = Vec::with_capacity(list.len());
    for (index, (kept, worker)) in zip(kept, list).enumerate() {
        let own = &mut parts[index];
        check_name(own, "name", &worker.name);
        if let Some(first) = first_of.get(worker.name.as_str()) {
            let reason = format!("is the name of workers[{first}] too; each needs its own");
            own.add("name", &worker.name, reason);
        } else {
            first_of.insert(names[index].as_str(), index);
        }
        workers.extend(plan_worker(own, &base, &policy, kept, worker, index, &mut files)?);
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
    let after = lifecycle::resolve(&mut problems, &names, &after, options.in_order);
    let members: Vec<_> = zip(after, marks)
        .map(|(after, (temporary, significant))| Member { after, temporary, significant })
        .collect();
    if options.end_when != EndWhen::AllAreOver && !members.iter().any(|member| member.significant) {
        let reason = "no worker is significant; make one so, or let all end it";
        problems.add("end_when", options.end_when, reason);
    }
    let group = Group::new(members, options.strategy, options.end_when)
        .restart_limit(options.restart_limit);
    let (start_stagger, ready_when_all) = (options.start_stagger, options.ready_when_all);
    problems
        .or(Plan { workers, group, start_stagger, ready_when_all, debug_filename, debug_trust })
        .map_err(WorkersError::Options)
}

fn plan_worker(
    problems: &mut Problems,
    base: &Base,
    otherwise: &Arc<Policy>,
    kept: Kept,
    worker: WorkerStartInfo,
    index: usize,
    files: &mut Files,
) -> Result<Option<WorkerPlan>, WorkersError> {
    if let Some(path) = &kept.pid_filename {
        files.check_file(problems, "pid_filename", path);
    }
    let pid_filename = kept.pid_filename.unwrap_or_default();
    let spawn = match Spawn::new(worker.call) {
        Ok(spawn) => Some(spawn),
        Err(SpawnError::Entry(error)) => {
            check::entry(problems, "", &error);
            None
        }
        // Nothing else matters to a program that cannot start itself.
        Err(error) => return Err(WorkersError::Spawn { source: error }),
    };
    let whose = Whose {
        owner: Owner::Worker(index),
        pid_filename: &pid_filename,
        output: Target::Null,
        parent: Parent::HasStreams,
        directory: None,
    };
    let surroundings = worker.surroundings.check(problems, files, base, whose);

    let own = Policy {
        start: worker.start.unwrap_or(otherwise.start),
        restart: worker.restart.clone().unwrap_or_else(|| otherwise.restart.clone()),
        stop: worker.stop.clone().unwrap_or_else(|| otherwise.stop.clone()),
        must_launch: otherwise.must_launch,
        leftovers: worker.leftovers.unwrap_or(otherwise.leftovers),
    };
    // Workers with the same policy share one.
    let own = if own == **otherwise {
        Arc::clone(otherwise)
    } else {
        own.check(problems);
        Arc::new(own)
    };

    let PlannedSurroundings {
        redirect,
        wants_stdout,
        logging,
        capture,
        directory,
        umask,
        environment,
    } = surroundings;
    let setup = Setup {
        pid_file: Some(pid_filename.clone()),
        redirect,
        logging,
        directory,
        umask,
        base: base.clone(),
        ready: own.start.ready,
        grace: own.stop.total(),
        ..Setup::default()
    };
    Ok(spawn.map(|spawn| {
        let current = Current { role: Role::Worker, name: worker.name, incarnation: 1 };
        // What comes before the worker's own streams are in place (the linker's word, a panic
        // ahead of `init`) would otherwise be nowhere.
        let spawn = spawn.current(current).own_group().stderr(Stdio::Inherit);
        let spawn = if wants_stdout { spawn.stdout(Stdio::Inherit) } else { spawn };
        let spawn = spawn.environment(environment);
        WorkerPlan { name: kept.name, pid_filename, setup, policy: own, spawn, capture }
    }))
}
