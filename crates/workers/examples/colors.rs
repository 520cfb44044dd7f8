//! Two workers below an ordinary program; Ctrl-C stops them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that people start")]

use std::error::Error;
use std::time::Duration;

use workers::{WorkerStartInfo, WorkersOptions, start_workers};

fn paint(color: String) -> Result<(), String> {
    for _ in 0..3 {
        eprintln!("{} paints {color}", proc_spawn::current().name);
        if quit::sleep(Duration::from_secs(2)).was_cut_short() {
            return Ok(());
        }
    }
    Err(format!("no more {color}"))
}

fn main() -> Result<(), Box<dyn Error>> {
    workers::init(proc_spawn::entries![paint]);
    quit::install()?;

    let worker = |name: &str, color: &str| {
        WorkerStartInfo::new(name, format!("{name}.pid"), paint, color.to_owned())
            .stderr_filename("colors.txt")
    };
    let report = start_workers(
        [worker("worker-1", "red"), worker("worker-2", "yellow")],
        WorkersOptions::default()
            .restart_interval(Duration::from_secs(1))
            .debug_filename("colors.json"),
    )?;
    for worker in &report.workers {
        println!("{worker}, after {} runs", worker.runs);
    }
    report.into_result()?;
    Ok(())
}
