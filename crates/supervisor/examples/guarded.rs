//! A service that can be started, stopped and asked after: `guarded start|stop|status|run`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that people start")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use supervisor::{
    DaemonOptions, DaemonRunStatus, daemon_status, run_daemon, start_daemon, stop_daemon,
};

const PID_FILE: &str = "service.pid";

fn work(rounds: u32) -> Result<(), String> {
    for _ in 0..rounds {
        eprintln!("a round");
        if quit::sleep(Duration::from_secs(5)).was_cut_short() {
            return Ok(());
        }
    }
    Err(format!("{rounds} rounds were not enough"))
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    supervisor::init(proc_spawn::entries![work]);

    let options = DaemonOptions::new(PID_FILE, work, 1000)
        .stderr_filename("service.txt")
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
        _ => println!("guarded start|stop|status|run"),
    }
    Ok(ExitCode::SUCCESS)
}
