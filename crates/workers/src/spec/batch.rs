//! What the caller says about the jobs of a batch, checked, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::group;
use policy::batch;
use policy::{EndWhen, Policy, Problems, Strategy};
use proc_spawn::{Call, Place, Spawn, SpawnError};
use surroundings::{Base, Files, check};
use trusted_path::Trust;

use super::expand::{Expanded, check_own_name};
use super::plan::{Plan, WorkerPlan};
use super::planner::{Kept, Planner};
use super::{WorkerSet, WorkerStartInfo};
use crate::error::WorkersError;

/// More jobs that are wrong are not told.
const MOST_TOLD: usize = 10;

/// What was said about jobs: a template of the worker that does one, what each runs, and how they are done.
pub(crate) struct JobsSaid {
    pub(crate) template: WorkerStartInfo,
    pub(crate) calls: Vec<Call>,
    pub(crate) policy: batch::BatchPolicy,
    /// Somebody can change how many run at a time.
    pub(crate) may_wait: bool,
}

/// The same, checked and complete.
pub(crate) struct BatchPlan {
    pub(crate) name: String,
    pub(crate) calls: Vec<Call>,
    /// How many of them run at a time, as long as nobody says another number.
    pub(crate) at_once: usize,
    /// Whether output of the jobs is captured.
    pub(crate) is_captured: bool,
    /// A pool that has nobody yet, and can make who does a job.
    pub(crate) pool: Plan,
}

impl JobsSaid {
    /// Checks everything once, and reports everything together: also what each job runs.
    pub(crate) fn plan(self) -> Result<BatchPlan, WorkersError> {
        let JobsSaid { mut template, calls, policy, may_wait } = self;
        let base = Base::find();
        let (mut problems, mut files) = (Problems::new(), Files::new());
        check_own_name(&mut problems, &template.name);
        policy.check(&mut problems, may_wait);
        if u32::try_from(calls.len()).is_err() {
            problems.add("jobs", calls.len(), format!("more than {}; give fewer", u32::MAX));
        }
        // What is not a job's own is said once.
        let otherwise = Arc::new(Policy {
            start: template.start.take().unwrap_or_default(),
            stop: template.stop.take().unwrap_or_default(),
            leftovers: template.leftovers.take().unwrap_or_default(),
            // Its batch decides whether a job is tried again.
            ..Policy::default()
        });
        otherwise.check(&mut problems);
        let (name, is_captured) = (template.name.clone(), template.surroundings.capture.is_some());
        let set = WorkerSet::new(u32::try_from(calls.len()).unwrap_or(u32::MAX), template);
        set.check_paths(&mut problems);
        set.note_families(&mut files, &base, 0);
        check_calls(&mut problems, &calls)?;
        let planner = Planner { base, otherwise, sets: vec![set] };
        if problems.is_empty()
            && let Some(first) = calls.first()
        {
            planner.plan_job(&mut problems, 1, first.clone(), &mut files)?;
            files.check(|_, problem| problems.push(problem));
        }
        let at_once = calls.len().min(policy.at_most as usize);
        let group = group::Group::new(Vec::new(), Strategy::OneForOne, EndWhen::AllAreOver);
        let pool = Plan {
            workers: Vec::new(),
            group,
            sets: Vec::new(),
            planner,
            start_stagger: Duration::ZERO,
            ready_when_all: false,
            debug_filename: None,
            debug_trust: Trust::folder_owners_if(false),
        };
        problems
            .or(BatchPlan { name, at_once, calls, is_captured, pool })
            .map_err(WorkersError::Options)
    }
}

/// Adds what is wrong with what each job runs.
fn check_calls(problems: &mut Problems, calls: &[Call]) -> Result<(), WorkersError> {
    let mut wrong = 0;
    for (index, call) in calls.iter().enumerate() {
        match Spawn::new(call.clone()) {
            Ok(_) => (),
            Err(SpawnError::Entry(error)) if wrong < MOST_TOLD => {
                wrong += 1;
                check::entry(problems, &format!("jobs[{index}]."), &error);
            }
            Err(SpawnError::Entry(_)) => wrong += 1,
            Err(source) => return Err(WorkersError::Spawn { source }),
        }
    }
    if wrong > MOST_TOLD {
        let more = wrong - MOST_TOLD;
        problems.add(
            "jobs",
            wrong,
            format!("so many are wrong, of which {more} are not told here"),
        );
    }
    Ok(())
}

impl Planner {
    /// Who does the job of this number, counted from 1. It looks at the disk.
    pub(crate) fn job(&self, number: u32, call: Call) -> Result<WorkerPlan, WorkersError> {
        let mut problems = Problems::new();
        let planned = self.plan_job(&mut problems, number, call, &mut Files::new())?;
        let planned = problems.or(planned).map_err(WorkersError::Options)?;
        // Without a problem there is a plan.
        planned.ok_or_else(|| WorkersError::Options(Problems::new()))
    }

    fn plan_job(
        &self,
        problems: &mut Problems,
        number: u32,
        call: Call,
        files: &mut Files,
    ) -> Result<Option<WorkerPlan>, WorkersError> {
        let set = &self.sets[0];
        let mut worker = set.worker(number);
        let place = Some(Place { index: number, count: set.count });
        worker.call = call;
        let pid_filename = Some(worker.pid_filename.clone());
        let pid_filename = pid_filename.filter(|path| !path.as_os_str().is_empty());
        let pid_filename =
            pid_filename.and_then(|path| self.base.absolute(problems, "pid_filename", path));
        let kept = Kept { name: worker.name.clone(), pid_filename };
        let expanded = Expanded { entry: 0, place, is_probe: false, recycle: None, worker };
        self.worker(problems, None, kept, expanded, files)
    }
}
