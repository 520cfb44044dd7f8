//! A service with everything a real one has, and its commands: `daemon start`, `daemon status`, `daemon stop` …

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use appkit::cli::Service;
use appkit::{DaemonOptions, current, entries, quit_requested, sleep};
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

/// What is to be started, as the file in the caller's directory has it.
fn options() -> Result<DaemonOptions, Box<dyn Error + Send + Sync>> {
    std::fs::create_dir_all(".data")?;
    Ok(DaemonOptions::from_yaml_file("daemon.yaml")?)
}

fn main() -> ExitCode {
    appkit::init(entries![daemon_main, once]); // A child runs its entry here and never returns.
    Service::new("daemon", options).main()
}
