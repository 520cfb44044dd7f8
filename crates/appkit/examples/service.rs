//! A whole service in one file: `service start|stop|status|run`, with two workers.

#![expect(clippy::print_stdout, reason = "a program that people start")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use appkit::{
    DaemonOptions, DaemonRunStatus, LoggingConfig, WorkerStartInfo, WorkersError, WorkersOptions,
    daemon_status, entries, quit_requested, run_daemon, sleep, start_daemon, start_workers,
    stop_daemon,
};

const PID_FILE: &str = "service.pid";

fn daemon_main() -> Result<(), WorkersError> {
    let worker = |name: &str, color: &str| {
        WorkerStartInfo::new(name, format!("{name}.pid"), paint, color.to_owned())
            .logging_config(LoggingConfig::file("service.log"))
    };
    start_workers(
        [worker("worker-1", "red"), worker("worker-2", "yellow")],
        WorkersOptions::default().restart_interval(Duration::from_secs(2)),
    )?
    .into_result()
}

fn paint(color: String) {
    while !quit_requested() {
        log::info!("{} paints {color}", appkit::current().name);
        sleep(Duration::from_secs(5)); // Ends early when asked to stop.
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    appkit::init(entries![daemon_main, paint]);

    let options = DaemonOptions::new(PID_FILE, daemon_main, ())
        .logging_config(LoggingConfig::file("service.log"))
        .restart_interval(Duration::from_secs(1));
    match std::env::args().nth(1).as_deref() {
        Some("start") => match start_daemon(options)? {
            DaemonRunStatus::Launched { pid } => println!("launched, pid {pid}"),
            DaemonRunStatus::AlreadyRunning { pid } => println!("already running, pid {pid}"),
        },
        Some("run") => {
            let end = run_daemon(options)?;
            println!("{end}");
            return Ok(end.into()); // That it failed is told by its exit code.
        }
        Some("stop") => println!("{:?}", stop_daemon(PID_FILE)?),
        Some("status") => println!("{:?}", daemon_status(PID_FILE)?),
        _ => println!("service start|stop|status|run"),
    }
    Ok(ExitCode::SUCCESS)
}
