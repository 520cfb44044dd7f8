//! How many lines per second: ours, and env_logger to a plain file, in the same run.
//!
//! ```console
//! $ cargo run --release -p logging --example rate_bench -- [LINES [PROCESSES [FOLDER]]]
//! ```
//!
//! Both write the same records, in turns, into a folder that is removed afterwards. With several
//! processes each writes its share of the lines, to one file that all have in common.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, process};

use env_logger::Target;
use log::{Level, Log, Record};
use logging::{Logger, LoggingConfig, Process};

const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == "child") {
        return child(&args[1], Path::new(&args[2]), args[3].parse()?);
    }
    let number = |at: usize, default: u32| args.get(at).map_or(Ok(default), |arg| arg.parse());
    let lines = number(0, 100_000)?;
    let processes = number(1, 1)?;
    let base = args.get(2).map_or_else(env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(base)?;

    println!("{lines} lines by {processes} process(es), the best of {ROUNDS} rounds each");
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (kind, best) in ["env_logger", "logging"].iter().zip(&mut best) {
            let path = folder.path().join(format!("{kind}.log"));
            let took = round(kind, &path, lines, processes)?;
            let written = fs::read_to_string(&path)?.lines().count();
            assert_eq!(written, (lines / processes * processes) as usize, "lines of {kind}");
            fs::remove_file(&path)?;
            *best = took.min(*best);
        }
    }
    let rates = best.map(|took| f64::from(lines) / took.as_secs_f64());
    println!("env_logger, plain file  {:>9.0} lines/s", rates[0]);
    println!("logging                 {:>9.0} lines/s", rates[1]);
    println!("ratio                   {:>9.2}", rates[1] / rates[0]);
    Ok(())
}

/// From the moment when all are ready to the moment when all have finished.
fn round(kind: &str, path: &Path, lines: u32, processes: u32) -> Result<Duration, Box<dyn Error>> {
    let mut children = Vec::new();
    for _ in 0..processes {
        let mut child = Command::new(env::current_exe()?)
            .args(["child", kind])
            .arg(path)
            .arg((lines / processes).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        wait_for_byte(&mut child)?;
        children.push(child);
    }
    let start = Instant::now();
    for child in &mut children {
        drop(child.stdin.take());
    }
    for child in &mut children {
        wait_for_byte(child)?;
    }
    let took = start.elapsed();
    for mut child in children {
        child.wait()?;
    }
    Ok(took)
}

fn wait_for_byte(child: &mut Child) -> Result<(), Box<dyn Error>> {
    let out = child.stdout.as_mut().expect("it was piped above");
    Ok(out.read_exact(&mut [0])?)
}

fn child(kind: &str, path: &Path, lines: u32) -> Result<(), Box<dyn Error>> {
    let logger: Box<dyn Log> = match kind {
        "logging" => Box::new(Logger::new(&LoggingConfig::file(path), Process::new("bench"))?),
        _ => {
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            let mut builder = env_logger::Builder::new();
            builder.filter_level(log::LevelFilter::Info).format_timestamp_millis();
            Box::new(builder.target(Target::Pipe(Box::new(file))).build())
        }
    };
    let mut stdout = std::io::stdout();
    stdout.write_all(b".")?;
    stdout.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let pid = process::id();
    for line in 0..lines {
        let mut record = Record::builder();
        record.level(Level::Info).target("bench::writer");
        logger.log(&record.args(format_args!("line {line} of {lines} by process {pid}")).build());
    }
    stdout.write_all(b".")?;
    stdout.flush()?;
    Ok(())
}
