//! `supervisor` alone, in the foreground: a function that fails twice and is started again.

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use proc_spawn::{current, entries};
use supervisor::{DaemonOptions, run_daemon};

fn attempt() -> Result<(), String> {
    let run = current().incarnation;
    println!("run {run}");
    if run < 3 { Err(format!("run {run} failed")) } else { Ok(()) }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    supervisor::init(entries![attempt]); // The executor runs its entry here.

    let options = DaemonOptions::new("keep-alive.pid", attempt, ())
        .restart_interval(Duration::from_millis(100));
    let end = run_daemon(options)?;
    println!("{end}");
    Ok(end.into()) // That it failed is told by its exit code.
}
