//! Who starts and stops the daemon, as often as it is told to: small, or with much memory and many
//! threads.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use appkit::{Daemon, DaemonOptions, DaemonRunStatus, LoggingConfig, start_daemon, stop_daemon};

use crate::{journal, pool};

const PID_FILE: &str = "d.pid";

/// Reads `start <workers>`, `status <workers>` and `stop` from standard input; answers each with a line. Until it ends,
/// holds so many MiB, all of them touched, and so many threads.
pub(crate) fn obey(mebibytes: usize, threads: usize) -> Result<(), Box<dyn Error>> {
    let memory = vec![1u8; mebibytes << 20];
    for _ in 0..threads {
        std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        });
    }
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match line.split_once(' ') {
            Some(("start", workers)) => start(workers.parse()?),
            Some(("status", workers)) => status(workers.parse()?),
            _ if line == "stop" => stop_daemon(PID_FILE).map(|_| 0).map_err(Into::into),
            _ => Err(format!("unknown command `{line}`").into()),
        };
        let answer = match answer {
            Ok(pid) => format!("{pid}"),
            Err(error) => format!("failed: {}", chain(&*error)),
        };
        let mut output = std::io::stdout();
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    // Neither is freed before.
    std::hint::black_box(&memory);
    Ok(())
}

fn start(workers: usize) -> Result<u32, Box<dyn Error>> {
    let options = DaemonOptions::new(PID_FILE, pool::daemon, workers)
        .stdout_filename("out.txt")
        .stderr_filename("err.txt")
        .logging_config(LoggingConfig::file("d.log"))
        .grace(Duration::from_secs(60));
    journal::note("start")?;
    let status = start_daemon(options)?;
    journal::note("launched")?;
    match status {
        DaemonRunStatus::Launched { pid } => Ok(pid),
        DaemonRunStatus::AlreadyRunning { pid } => Err(format!("{pid} runs already").into()),
    }
}

/// How many microseconds it takes to be told of the daemon, and of so many workers with what each uses.
fn status(workers: usize) -> Result<u32, Box<dyn Error>> {
    let daemon = Daemon::at(PID_FILE);
    let asked = Instant::now();
    let report = daemon.status()?;
    let told = daemon.workers(&[], true)?;
    let took = asked.elapsed();
    if !matches!(report.said, Some(Ok(_))) || told.len() != workers {
        return Err("it has not told all".into());
    }
    Ok(u32::try_from(took.as_micros())?)
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text
}
