//! What makes a plan of one worker: those of the list, and those that come later.

use std::path::PathBuf;
use std::sync::Arc;

use policy::{Policy, Problems};
use proc_spawn::value;
use proc_spawn::{Current, Place, Role, Spawn, SpawnError, Stdio};
use stdio_redirect::Target;
use surroundings::{Base, Files, Owner, Parent, Setup, Whose, check};

use super::expand::{Expanded, check_own_name};
use super::plan::{PidFileOf, WorkerPlan};
use super::{WorkerSet, WorkerStartInfo};
use crate::error::WorkersError;

/// What the pool keeps of a worker beside what its child is told.
pub(super) struct Kept {
    pub(super) name: String,
    /// `None`: relative to nothing, which has been told.
    pub(super) pid_filename: Option<PathBuf>,
}

/// One worker that comes later, checked and complete, and what is said of its order.
pub(crate) struct AlonePlan {
    pub(crate) worker: WorkerPlan,
    pub(crate) after: Vec<String>,
    pub(crate) temporary: bool,
    pub(crate) significant: bool,
}

/// Makes plans of workers that come later.
pub(crate) struct Planner {
    pub(super) base: Base,
    /// What holds where a worker says nothing.
    pub(super) otherwise: Arc<Policy>,
    pub(super) sets: Vec<WorkerSet>,
}

impl Planner {
    /// Those of a set that have these numbers, checked as those that were there at the start. It looks at the disk.
    pub(crate) fn of_set(
        &self,
        set: usize,
        policy: &Arc<Policy>,
        numbers: &[u32],
        count: u32,
    ) -> Result<Vec<WorkerPlan>, WorkersError> {
        let mut problems = Problems::new();
        let mut files = Files::new();
        let set = &self.sets[set];
        let recycle = set.counts_itself();
        let mut plans = Vec::with_capacity(numbers.len());
        for index in numbers.iter().copied() {
            let worker = set.worker(index);
            let mut own = Problems::new();
            own.check_name("name", &worker.name);
            let pid_filename =
                self.base.absolute(&mut own, "pid_filename", worker.pid_filename.clone());
            let kept = Kept { name: worker.name.clone(), pid_filename };
            let (name, place) = (worker.name.clone(), Some(Place { index, count }));
            let recycle = recycle.clone();
            let expanded = Expanded { entry: 0, place, is_probe: false, recycle, worker };
            let planned = self.worker(&mut own, Some(policy), kept, expanded, &mut files)?;
            plans.extend(planned);
            problems.add_part(&name, own);
        }
        problems.or(plans).map_err(WorkersError::Options)
    }

    /// This planner, with the sets in the order of those of another one, which has those, too, that are on the list no
    /// more; new ones at the end.
    pub(crate) fn in_order_of(mut self, other: &Planner) -> Planner {
        let mut newer = std::mem::take(&mut self.sets);
        let taken = other.sets.iter().map(|old| {
            let at = newer.iter().position(|set| set.name() == old.name());
            at.map_or_else(|| old.clone(), |at| newer.remove(at))
        });
        self.sets = taken.collect();
        self.sets.append(&mut newer);
        self
    }

    /// The name of a set.
    pub(crate) fn name_of(&self, set: usize) -> &str {
        self.sets[set].name()
    }

    /// Where the pid files of this set are.
    pub(crate) fn pid_file_of(&self, set: usize) -> PidFileOf {
        let (base, set) = (self.base.clone(), self.sets[set].clone());
        Arc::new(move |number| {
            let path = set.pid_filename(number);
            base.absolute(&mut Problems::new(), "pid_filename", path).unwrap_or_default()
        })
    }

    /// Whether output of this set is captured.
    pub(crate) fn is_captured(&self, set: usize) -> bool {
        self.sets[set].template.surroundings.capture.is_some()
    }

    /// A worker that comes alone, checked as those that were there at the start. It looks at the disk.
    pub(crate) fn alone(&self, worker: WorkerStartInfo) -> Result<AlonePlan, WorkersError> {
        let mut own = Problems::new();
        let mut files = Files::new();
        check_own_name(&mut own, &worker.name);
        let after = worker.after.clone();
        let (temporary, significant) = (worker.temporary, worker.significant);
        let pid_filename =
            self.base.absolute(&mut own, "pid_filename", worker.pid_filename.clone());
        let kept = Kept { name: worker.name.clone(), pid_filename };
        let expanded = Expanded { entry: 0, place: None, is_probe: false, recycle: None, worker };
        let planned = self.worker(&mut own, None, kept, expanded, &mut files)?;
        let mut clashes = Problems::new();
        files.check(|_, problem| clashes.push(problem));
        own.extend(clashes);
        let planned = own.or(planned).map_err(WorkersError::Options)?;
        // Without a problem there is a plan.
        let worker = planned.ok_or_else(|| WorkersError::Options(Problems::new()))?;
        Ok(AlonePlan { worker, after, temporary, significant })
    }

    pub(super) fn worker(
        &self,
        problems: &mut Problems,
        policy: Option<&Arc<Policy>>,
        kept: Kept,
        expanded: Expanded,
        files: &mut Files,
    ) -> Result<Option<WorkerPlan>, WorkersError> {
        let otherwise = policy.unwrap_or(&self.otherwise);
        plan_worker(problems, &self.base, otherwise, kept, expanded, files)
    }
}

fn plan_worker(
    problems: &mut Problems,
    base: &Base,
    otherwise: &Arc<Policy>,
    kept: Kept,
    expanded: Expanded,
    files: &mut Files,
) -> Result<Option<WorkerPlan>, WorkersError> {
    let Expanded { entry, place, recycle, worker, .. } = expanded;
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
        owner: Owner::Worker(entry),
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
        watchdog: worker.watchdog.clone().or_else(|| otherwise.watchdog.clone()),
    };
    if let Some(most) = worker.keep_value.filter(|most| !(1..=value::LONGEST_VALUE).contains(most))
    {
        let reason = format!(
            "is not from 1 to {} bytes; a file is for what is larger",
            value::LONGEST_VALUE
        );
        problems.add("keep_value", most, reason);
    }
    // Workers with the same policy share one.
    let own = if own == **otherwise {
        Arc::clone(otherwise)
    } else {
        own.check(problems);
        Arc::new(own)
    };

    let setup = Setup {
        // A job may have none.
        pid_file: Some(&pid_filename).filter(|path| !path.as_os_str().is_empty()).cloned(),
        ready: own.start.ready,
        grace: own.stop.total(),
        watchdog: own.watchdog.as_ref().map(|watchdog| Box::new(watchdog.for_child())),
        recycle: recycle.as_deref().cloned().map(Box::new),
        ..surroundings.setup
    };
    Ok(spawn.map(|spawn| {
        // A copy: what the caller has made for thousands is given back whole, and not with a piece between that is kept.
        let current = Current::new(Role::Worker, kept.name.clone());
        // What comes before the worker's own streams are in place (the linker's word, a panic
        // ahead of `init`) would otherwise be nowhere.
        let spawn = spawn.current(current).place(place).own_group().stderr(Stdio::Inherit);
        let spawn = if surroundings.wants_stdout { spawn.stdout(Stdio::Inherit) } else { spawn };
        let spawn = spawn.environment(surroundings.environment);
        let spawn = match worker.keep_value {
            Some(most) => spawn.keep_value(most),
            None => spawn,
        };
        let capture = surroundings.capture.map(Box::new);
        WorkerPlan { name: kept.name, pid_filename, setup, policy: own, spawn, capture }
    }))
}
