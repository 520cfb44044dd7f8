//! A program that logs as a YAML file says, until its input ends: each line it reads is a record.
//!
//! ```console
//! $ cat > logging.yaml <<'END'
//! file: app.log
//! level: debug
//! rotation: midnight
//! keep: 7
//! END
//! $ cargo run -p logging --example log_to_file -- logging.yaml
//! ```
//!
//! Start it several times at once, move `app.log` away, remove it, fill the disk: see what happens.
#![allow(clippy::print_stderr, reason = "a program that reports")]

use std::error::Error;
use std::io::{self, BufRead};
use std::process::ExitCode;

use logging::{LoggingConfig, Process};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause: Option<&dyn Error> = Some(&*error);
            while let Some(this) = cause {
                eprintln!("{this}");
                cause = this.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let config = match std::env::args_os().nth(1) {
        Some(path) => LoggingConfig::from_yaml_file(path)?,
        None => LoggingConfig::file("app.log"),
    };
    let problems = config.problems();
    if !problems.is_empty() {
        let texts: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        return Err(format!("this configuration cannot work:\n{}", texts.join("\n")).into());
    }
    let handle = logging::install(&config, Process::new("log_to_file"))?;

    log::info!("started");
    for line in io::stdin().lock().lines() {
        log::info!("{}", line?);
    }
    log::info!("finished");
    if handle.dropped() > 0 {
        eprintln!("{} records could not be written", handle.dropped());
    }
    Ok(())
}
