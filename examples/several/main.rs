//! Two daemons in one file, one of which has workers: `several start all`, `several list`, `several stop mixer` …

#![expect(clippy::print_stderr, reason = "it tells who called it why it cannot begin")]

use std::process::ExitCode;
use std::time::Duration;

use appkit::cli::Service;
use appkit::{
    WorkerStartInfo, WorkersError, WorkersOptions, entries, quit_requested, sleep, start_workers,
};

/// A daemon with a worker for each colour.
fn mixer(colors: Vec<String>) -> Result<(), WorkersError> {
    let workers = colors.into_iter().map(|color| {
        let pid_file = format!(".data/{color}.pid");
        WorkerStartInfo::new(color, pid_file, works, ())
    });
    start_workers(workers, WorkersOptions::new())?.into_result()
}

/// A worker, and a daemon that has none.
fn works() {
    while !quit_requested() {
        sleep(Duration::from_secs(25)); // Ends early when asked to stop.
    }
}

fn main() -> ExitCode {
    appkit::init(entries![mixer, works]); // A child runs its entry here and never returns.
    if let Err(error) = std::fs::create_dir_all(".data") {
        eprintln!("several: cannot make `.data`: {error}");
        return ExitCode::FAILURE;
    }
    Service::from_file("daemons.yaml").main()
}
