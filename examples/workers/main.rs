//! A daemon with workers, one of which fails now and then: `workers start`, `workers status`, `workers restart worker-1` …

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use appkit::cli::Service;
use appkit::{
    DaemonOptions, LoggingConfig, WorkerStartInfo, WorkersError, WorkersOptions, current, entries,
    quit_requested, sleep, start_workers,
};
use serde::{Deserialize, Serialize};

/// `daemon_args` in the configuration file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DaemonArgs {
    restart_interval_ms: u64,
    workers: Vec<WorkerArgs>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkerArgs {
    name: String,
    color: String,
    /// In this round it fails. Default: never.
    fails_in_round: Option<u32>,
    /// After so many rounds it is done. Default: never.
    rounds: Option<u32>,
}

/// Runs in the executor: starts the workers and keeps them alive until it is asked to stop.
fn daemon_main(args: DaemonArgs) -> Result<(), WorkersError> {
    let workers = args.workers.into_iter().map(|worker| {
        let file = |suffix: &str| format!(".data/{}{suffix}", worker.name);
        WorkerStartInfo::new(&worker.name, file(".pid"), worker_main, worker.clone())
            .stdout_filename(file("-out.txt"))
            .stderr_filename(file("-err.txt"))
            .logging_config(LoggingConfig::file(file(".log")))
    });
    let options = WorkersOptions::default()
        .restart_interval(Duration::from_millis(args.restart_interval_ms))
        .debug_filename(".data/debug.json");
    start_workers(workers, options)? // Every problem of the list at once.
        .into_result() // An error when a worker failed for good.
}

/// Runs in a worker, which is a process of its own.
fn worker_main(args: WorkerArgs) -> Result<(), String> {
    println!("mixing {}", args.color);
    log::info!("{} is {}, incarnation {}", current().name, args.color, current().incarnation);
    for round in 1.. {
        if args.fails_in_round == Some(round) {
            return Err(format!("out of {}", args.color));
        }
        if args.rounds.is_some_and(|rounds| rounds < round) || quit_requested() {
            break;
        }
        log::info!("round {round} in {}", args.color);
        sleep(Duration::from_secs(1)); // Ends early when asked to stop.
    }
    log::info!("done");
    Ok(())
}

/// What is to be started, as the file in the caller's directory has it.
fn options() -> Result<DaemonOptions, Box<dyn Error + Send + Sync>> {
    std::fs::create_dir_all(".data")?;
    Ok(DaemonOptions::from_yaml_file("workers.yaml")?)
}

fn main() -> ExitCode {
    appkit::init(entries![daemon_main, worker_main]); // A child runs its entry here.
    Service::new("workers", options).main()
}
