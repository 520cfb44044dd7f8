//! `workers` alone, without any daemon: a program that shares its work among processes.

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::error::Error;

use proc_spawn::{current, entries};
use workers::{WorkerStartInfo, WorkersOptions, start_workers};

fn sum(upto: u64) -> Result<(), String> {
    let who = current();
    if who.name == "clumsy" && who.incarnation == 1 {
        return Err("dropped it".into());
    }
    println!(
        "{} {}, incarnation {}: {}",
        who.role,
        who.name,
        who.incarnation,
        upto * (upto + 1) / 2
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    workers::init(entries![sum]); // A worker runs its entry here.
    quit::install()?; // Ctrl-C asks us, and we ask the workers.

    let worker = |name: &str, upto| {
        WorkerStartInfo::new(name, format!("{name}.pid"), sum, upto).stdout_filename("crew.txt")
    };
    let report = start_workers(
        [worker("careful", 10_u64), worker("quick", 100), worker("clumsy", 1000)],
        WorkersOptions::default().restart_interval(std::time::Duration::from_millis(100)),
    )?;
    for worker in &report.workers {
        println!("{worker}, runs: {}", worker.runs);
    }
    Ok(report.into_result()?)
}
