//! A service with everything a real one has: `daemon start|stop|status|run [daemon.yaml]`.

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use appkit::{
    DaemonOptions, DaemonRunStatus, DaemonStatus, StopStatus, current, daemon_status, entries,
    quit_requested, run_daemon, sleep, start_daemon, stop_daemon,
};
use serde::{Deserialize, Serialize};

/// What the daemon is told: `daemon_args` in the configuration file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DaemonArgs {
    foo: i64,
    bar: i64,
}

/// The service: works in rounds, and asks between them whether to go on.
fn daemon_main(args: DaemonArgs) -> Result<(), String> {
    log::info!("started, incarnation {}", current().incarnation);
    println!("ready to divide {} by {}", args.foo, args.bar);
    let mut round = 0;
    while !quit_requested() {
        round += 1;
        log::debug!(target: "daemon::rounds", "round {round}");
        let result = args.foo.checked_div(args.bar).ok_or("bar is 0")?;
        log::info!("I am running, foo={}, bar={}, {result}", args.foo, args.bar);
        sleep(Duration::from_secs(3)); // Ends early when asked to stop.
    }
    log::info!("asked to stop after {round} rounds");
    Ok(())
}

/// A task that ends by itself, and with it the daemon.
fn once(args: DaemonArgs) {
    log::info!("{} and {} are {}", args.foo, args.bar, args.foo + args.bar);
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    appkit::init(entries![daemon_main, once]); // A child runs its entry here and never returns.

    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let options = DaemonOptions::from_yaml_file(words.next().unwrap_or("daemon.yaml".into()))?;
    std::fs::create_dir_all(".data")?;

    match command.as_str() {
        "start" => match start_daemon(options)? {
            DaemonRunStatus::Launched { pid } => println!("launched, pid {pid}"),
            DaemonRunStatus::AlreadyRunning { pid } => println!("already running, pid {pid}"),
        },
        "stop" => match stop_daemon(options.pid_filename())? {
            StopStatus::Stopped { pid } => println!("stopped, pid was {pid}"),
            StopStatus::NotRunning => println!("not running"),
            left @ StopStatus::FileLeft { .. } => println!("{left}"),
        },
        "status" => {
            let status = daemon_status(options.pid_filename())?;
            println!("{status:?}");
            if matches!(status, DaemonStatus::NotRunning { .. }) {
                return Ok(ExitCode::from(3)); // As init scripts have it.
            }
        }
        "run" => {
            let end = run_daemon(options)?;
            println!("{end}");
            return Ok(end.into()); // That it failed is told by its exit code.
        }
        _ => {
            println!("usage: daemon start|stop|status|run [daemon.yaml]");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}
