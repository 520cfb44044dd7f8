//! Jobs of which there is an end: so many at a time, each in a process of its own, and what each has returned.

mod feeder;
mod report;
mod running;

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use policy::batch;
use policy::{Leftovers, StartPolicy, StopPolicy};
use proc_spawn::value;
use proc_spawn::{Call, EntryFn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use surroundings::Surroundings;

use crate::error::WorkersError;
use crate::pool::{PoolOfJobs, Progress, prepare_jobs};
use crate::spec::{JobsSaid, WorkerStartInfo};
use feeder::Feeder;
pub use report::{BatchFailed, BatchReport, JobFailed};
pub use running::RunningBatch;

/// Deep enough for a logger, and what carries out a start.
const STACK: usize = 1 << 20;

/// One thing that is to be done by a process of its own, and what comes of it: an entry with its arguments.
pub struct Job<T> {
    call: Call,
    returns: PhantomData<fn() -> T>,
}

impl<T> Job<T> {
    /// This entry with these arguments. What it returns with `Ok` is the job's value.
    pub fn new<F: EntryFn<M, Value = T>, M>(entry: F, args: F::Args) -> Job<T> {
        Job { call: Call::new(entry, args), returns: PhantomData }
    }

    /// The entry of this name with its arguments as any serde value, for configuration files. Whether it returns what is
    /// expected is found when it has.
    pub fn named(name: impl Into<String>, args: impl Serialize) -> Job<T> {
        Job { call: Call::named(name, args), returns: PhantomData }
    }
}

impl<T> Clone for Job<T> {
    fn clone(&self) -> Job<T> {
        Job { call: self.call.clone(), returns: PhantomData }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Job").field(&self.call).finish()
    }
}

/// Jobs that are alike but for their arguments, each done by a process of its own, so many at a time; and what each has
/// returned, in their order.
///
/// ```no_run
/// use std::io;
/// use workers::{Batch, Job};
///
/// fn pages(file: String) -> Result<u32, io::Error> {
///     Ok(file.len().try_into().unwrap_or(u32::MAX)) // Whatever may crash, leak, or take for ever.
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     workers::init(proc_spawn::entries![pages]); // A job runs its entry here.
///     quit::install()?; // Ctrl-C stops the batch.
///
///     let files = ["a.pdf", "b.pdf"];
///     let jobs = files.iter().map(|file| Job::new(pages, file.to_string()));
///     let report = Batch::new(jobs).name("pages").at_most(4).tries(3).run()?;
///     for (file, pages) in files.iter().zip(&report) {
///         match pages {
///             Ok(pages) => println!("{file} has {pages} pages"),
///             Err(why) => println!("{file}: {why}"),
///         }
///     }
///     report.into_result()?; // An error if not all are done: the program ends with code 1.
///     Ok(())
/// }
/// ```
///
/// A job that fails is tried again, if it may be, behind those that were never begun, and when all that its run has left
/// is gone. One that is killed takes nobody else with it. What has failed for good, as
/// [`Entries::permanent_if`](proc_spawn::Entries::permanent_if) says, is not tried again, nor is a value that cannot be
/// encoded or is [too large](Batch::keep_value). When this process is asked to quit, no job is begun any more, those that
/// run are asked, and killed when their grace is over; the report tells them apart.
///
/// While it runs, a daemon's status has its progress, and each process under the batch's name with the job's number,
/// counted from 1: `pages-17`. A job that waits takes little more memory than its arguments. Where several pools, or
/// batches, run in one process the eldest is shown.
///
/// Nothing is kept on disk: a batch that is killed with its process begins anew.
#[must_use = "nothing is done before it runs"]
pub struct Batch<T> {
    calls: Vec<Call>,
    name: String,
    pid_filename: PathBuf,
    policy: batch::BatchPolicy,
    surroundings: Surroundings,
    start: Option<StartPolicy>,
    stop: Option<StopPolicy>,
    leftovers: Option<Leftovers>,
    keep_value: u64,
    returns: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + 'static> Batch<T> {
    /// These jobs, as many at a time as there are processors for this process.
    pub fn new(jobs: impl IntoIterator<Item = Job<T>>) -> Batch<T> {
        let processors = available_parallelism().map_or(1, usize::from);
        let at_most = u32::try_from(processors).unwrap_or(u32::MAX);
        Batch {
            calls: jobs.into_iter().map(|job| job.call).collect(),
            name: "job".to_owned(),
            pid_filename: PathBuf::new(),
            policy: batch::BatchPolicy { at_most, ..batch::BatchPolicy::default() },
            surroundings: Surroundings::default(),
            start: None,
            stop: None,
            leftovers: None,
            keep_value: value::DEFAULT_VALUE,
            returns: PhantomData,
        }
    }

    /// Its name, which each job has with its number, counted from 1. Default: `job`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many run at a time. None is for a batch that is [started](Batch::start): it waits until somebody says
    /// [another number](RunningBatch::at_most). Default: as many as there are processors for this process.
    pub fn at_most(mut self, count: u32) -> Self {
        self.policy.at_most = count;
        self
    }

    /// How often a job is begun, at most, until it has failed for good. Default: once.
    pub fn tries(mut self, tries: u32) -> Self {
        self.policy.tries = tries;
        self
    }

    /// What a job that has failed for good means for the others. Default: nothing.
    pub fn on_failure(mut self, halt: batch::Halt) -> Self {
        self.policy.on_failure = halt;
        self
    }

    /// The most bytes that the value of a job may have, encoded, from 1 to
    /// [`LONGEST_VALUE`](proc_spawn::value::LONGEST_VALUE). All of them are kept until the batch is over. Where jobs return
    /// nothing nothing is sent. Default: [`DEFAULT_VALUE`](value::DEFAULT_VALUE).
    pub fn keep_value(mut self, most: u64) -> Self {
        self.keep_value = most;
        self
    }

    /// Has each job hold a pid file, so that no other process does the same job meanwhile, and one that is left by a
    /// process that was killed keeps the next from beginning it. It has `{index}` or `{name}` in it, as paths of
    /// [sets](crate::WorkerSet) have. Default: none.
    pub fn pid_filename(mut self, path: impl AsRef<Path>) -> Self {
        self.pid_filename = path.as_ref().to_owned();
        self
    }

    /// When a job counts as started, and how long that may take. Default: when its entry is called; 30 s.
    pub fn start_policy(mut self, policy: StartPolicy) -> Self {
        self.start = Some(policy);
        self
    }

    /// How a job is stopped, step by step; [`grace`](Batch::grace) is the simple form of it.
    pub fn stop_policy(mut self, policy: StopPolicy) -> Self {
        self.stop = Some(policy);
        self
    }

    /// How long a job has from being asked to quit until it is killed; less if this process itself has less. Default:
    /// 10 s.
    pub fn grace(self, grace: Duration) -> Self {
        self.stop_policy(StopPolicy::grace(grace))
    }

    /// What becomes of processes that a run of a job leaves behind. Default: they are ended before it is over.
    pub fn leftovers(mut self, leftovers: Leftovers) -> Self {
        self.leftovers = Some(leftovers);
        self
    }

    surroundings::surroundings_methods!(
        surroundings of "each job",
        output and environment of "each job",
        by default "`/dev/null`"
    );

    /// Does the jobs, and returns when all are done, have failed, or are not to be done any more. The calling thread
    /// decides which is next; another one keeps the processes.
    ///
    /// # Errors
    ///
    /// The options or a job are wrong: all problems at once, and nothing was started. Or the system refused something
    /// that nothing works without; then the jobs that run are let go, and quit. That jobs have failed is no error: see
    /// [`BatchReport::into_result`].
    pub fn run(self) -> Result<BatchReport<T>, WorkersError> {
        let (feeder, _) = self.prepare(false)?;
        feeder.run()?.typed()
    }

    /// Does the jobs beside the program, which can change how many run at a time, stop them, and look at how far they
    /// are.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Batch::run) before anything is started, or the system refuses a thread.
    pub fn start(self) -> Result<RunningBatch<T>, WorkersError> {
        let (feeder, handle) = self.prepare(true)?;
        handle.begin(feeder)
    }

    fn prepare(self, may_wait: bool) -> Result<(Feeder, RunningBatch<T>), WorkersError> {
        // What returns nothing has nothing to send.
        let returns_nothing = TypeId::of::<T>() == TypeId::of::<()>();
        let keep_value = (!returns_nothing).then_some(self.keep_value);
        let nobody = Call::named("", ());
        let mut template = WorkerStartInfo::of(self.name, self.pid_filename, nobody);
        template.surroundings = self.surroundings;
        (template.start, template.stop) = (self.start, self.stop);
        (template.leftovers, template.keep_value) = (self.leftovers, keep_value);
        let (calls, policy) = (self.calls, self.policy);
        let mut plan = JobsSaid { template, calls, policy, may_wait }.plan()?;
        let calls = std::mem::take(&mut plan.calls);
        let (name, jobs) = (plan.name.clone(), calls.len());
        let progress = Arc::new(Progress::default());
        let PoolOfJobs { pool, shared, news, heard } = prepare_jobs(plan, Arc::clone(&progress))?;
        let for_thread = Arc::clone(&shared);
        helper_thread::spawn("pool", STACK, move || pool.run_for(for_thread))
            .map_err(|source| WorkersError::Io { step: "start the pool's thread", source })?;
        let handle = RunningBatch::new(Arc::clone(&shared), news, Arc::clone(&progress), jobs);
        Ok((Feeder::new(name, calls, policy, shared, heard, progress), handle))
    }
}

impl<T> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("name", &self.name)
            .field("jobs", &self.calls.len())
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
