//! A job runner: each file in a folder is a job, which one of a set of workers does. `spool start`, `spool scale runner
//! 5`, `spool roll runner`, `spool reload` …

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io};

use appkit::cli::Service;
use appkit::{
    DaemonOptions, WorkerSet, WorkersError, WorkersOptions, current, entries, job_done,
    quit_requested, sleep, start_workers,
};
use serde::{Deserialize, Serialize};

/// What a runner does, as `args` of the set in the configuration file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jobs {
    /// What is to be done.
    folder: PathBuf,
    /// What has been done.
    done: PathBuf,
}

/// Runs in the executor: the list is in the configuration file, as `daemon_args`, and is read from there again when somebody
/// asks for that (`spool reload`, or SIGHUP).
fn daemon_main(sets: Vec<WorkerSet>) -> Result<(), WorkersError> {
    let newer = || DaemonOptions::args_from_yaml_file::<Vec<WorkerSet>>("spool.yaml");
    start_workers(sets, WorkersOptions::default().on_reload(newer))?.into_result()
}

/// Runs in a worker: takes one job after another, until it is asked to stop.
fn runner(jobs: Jobs) -> io::Result<()> {
    let (index, count) = (current().index().unwrap_or(1), current().count().unwrap_or(1));
    log::info!("runner {index} of {count} begins");
    while !quit_requested() {
        match take(&jobs)? {
            Some(job) => {
                finish(&jobs, &job)?;
                job_done();
            }
            None => drop(sleep(Duration::from_millis(100))),
        }
    }
    Ok(())
}

/// A job is taken by giving its file another name, which only one can do.
fn take(jobs: &Jobs) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(&jobs.folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "job") {
            let taken = path.with_extension(&current().name);
            if fs::rename(&path, &taken).is_ok() {
                return Ok(Some(taken));
            }
        }
    }
    Ok(None)
}

/// The work: it counts words.
fn finish(jobs: &Jobs, job: &Path) -> io::Result<()> {
    let words = fs::read_to_string(job)?.split_whitespace().count();
    let name = job.file_stem().unwrap_or_default().to_string_lossy();
    fs::write(jobs.done.join(&*name), format!("{words} words, by {}\n", current().name))?;
    log::info!("{name} is done");
    fs::remove_file(job)
}

/// What is to be started, as the file in the caller's directory has it.
fn options() -> Result<DaemonOptions, Box<dyn Error + Send + Sync>> {
    for folder in [".data/jobs", ".data/done"] {
        fs::create_dir_all(folder)?;
    }
    Ok(DaemonOptions::from_yaml_file("spool.yaml")?)
}

fn main() -> ExitCode {
    appkit::init(entries![daemon_main, runner]); // A child runs its entry here.
    Service::new("spool", options).main()
}
