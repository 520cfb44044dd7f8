//! The one function that checks what the caller says about workers, and what comes of it.

use std::collections::BTreeMap;
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

/// What may stand only once in a list, as it is met: names, with the index of the worker, and files.
struct Seen {
    names: BTreeMap<String, usize>,
    files: Files,
}

/// Checks everything once, reports everything together, and makes relative paths absolute.
pub(crate) fn plan(
    list: Vec<WorkerStartInfo>,
    options: WorkersOptions,
) -> Result<Plan, WorkersError> {
    let base = Base::find();
    let mut problems = Problems::new();
    let mut seen = Seen { names: BTreeMap::new(), files: Files::new() };
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
    let debug_filename = debug_filename
        .map(|path| base.file(&mut problems, &mut seen.files, "debug_filename", &path));
    let debug_trust = Trust::folder_owners_if(options.trust_folder_owner);
    if let Some(path) = &debug_filename
        && let Some(reason) = StatusPlace::problem(path, debug_trust)
    {
        problems.add("debug_filename", path.display(), reason);
    }

    let names: Vec<_> = list.iter().map(|worker| worker.name.clone()).collect();
    let after: Vec<_> = list.iter().map(|worker| worker.after.clone()).collect();
    let marks: Vec<_> = list.iter().map(|worker| (worker.temporary, worker.significant)).collect();
    let mut workers = Vec::with_capacity(list.len());
    let mut parts = Vec::with_capacity(list.len());
    for (index, worker) in list.into_iter().enumerate() {
        let mut own = Problems::new();
        let planned = plan_worker(&mut own, &base, &policy, worker, index, &mut seen);
        parts.push(own);
        workers.extend(planned?);
    }
    if let Some(path) = &debug_filename {
        seen.files.note(Owner::Options, "debug_filename", Purpose::Status, path);
    }
    seen.files.check(|owner, problem| match owner {
        Owner::Worker(index) => parts[index].push(problem),
        Owner::Options | Owner::Above => problems.push(problem),
    });
    for (index, part) in parts.into_iter().enumerate() {
        problems.add_part(&format!("workers[{index}]"), part);
    }
    let after = lifecycle::resolve(&mut problems, &names, &after, options.in_order);
    let members: Vec<_> = std::iter::zip(after, marks)
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
    worker: WorkerStartInfo,
    index: usize,
    seen: &mut Seen,
) -> Result<Option<WorkerPlan>, WorkersError> {
    let name = worker.name;
    check_name(problems, "name", &name);
    if let Some(first) = seen.names.get(&name) {
        let reason = format!("is the name of workers[{first}] too; each needs its own");
        problems.add("name", &name, reason);
    } else {
        seen.names.insert(name.clone(), index);
    }

    let pid_filename = base.file(problems, &mut seen.files, "pid_filename", &worker.pid_filename);
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
    let surroundings = worker.surroundings.check(problems, &mut seen.files, base, whose);

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
        let current = Current { role: Role::Worker, name: name.clone(), incarnation: 1 };
        // What comes before the worker's own streams are in place (the linker's word, a panic
        // ahead of `init`) would otherwise be nowhere.
        let spawn = spawn.current(current).own_group().stderr(Stdio::Inherit);
        let spawn = if wants_stdout { spawn.stdout(Stdio::Inherit) } else { spawn };
        let spawn = spawn.environment(environment);
        WorkerPlan { name, pid_filename, setup, policy: own, spawn, capture }
    }))
}
