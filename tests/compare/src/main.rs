//! How many lines a second one process logs to a file: env_logger to a plain file, env_logger to a
//! rotating file of another make (file-rotate), and `logging`, which rotates too, in turns.
//!
//! ```console
//! $ cargo run --release --manifest-path tests/compare/Cargo.toml -- [LINES]
//! ```
//!
//! Nothing rotates meanwhile. What the others do not do is not measured: notice that somebody has
//! renamed the file, and share it with other processes.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use env_logger::{Builder, Target};
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use log::{Level, LevelFilter, Log, Record};
use logging::{Logger, LoggingConfig, Process};

const ROUNDS: usize = 15;
/// More than anybody writes here.
const MOST: usize = 1 << 30;

fn main() -> Result<(), Box<dyn Error>> {
    let lines: u32 = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let kinds = ["env_logger, plain file", "env_logger, file-rotate", "logging"];
    let mut times = vec![Vec::new(); kinds.len()];
    for _ in 0..ROUNDS {
        for (kind, times) in kinds.iter().zip(&mut times) {
            let path = folder.path().join("log");
            times.push(round(kind, &path, lines)?);
            assert_eq!(fs::read_to_string(&path)?.lines().count(), lines as usize, "of {kind}");
            fs::remove_file(&path)?;
        }
    }
    let rate = |times: &mut Vec<Duration>| {
        times.sort();
        f64::from(lines) / times[times.len() / 2].as_secs_f64()
    };
    let rates: Vec<f64> = times.iter_mut().map(rate).collect();
    println!("{lines} lines, the median of {ROUNDS} rounds each");
    for (kind, rate) in kinds.iter().zip(&rates) {
        println!("{kind:24} {rate:>9.0} lines/s  ratio {:.2}", rate / rates[0]);
    }
    Ok(())
}

fn round(kind: &str, path: &Path, lines: u32) -> Result<Duration, Box<dyn Error>> {
    let plain = |target: Box<dyn Write + Send>| -> Box<dyn Log> {
        let mut builder = Builder::new();
        builder.filter_level(LevelFilter::Info).format_timestamp_millis();
        Box::new(builder.target(Target::Pipe(target)).build())
    };
    let logger: Box<dyn Log> = match kind {
        "logging" => Box::new(Logger::new(&LoggingConfig::file(path), Process::new("bench"))?),
        "env_logger, file-rotate" => plain(Box::new(FileRotate::new(
            path,
            AppendCount::new(7),
            ContentLimit::BytesSurpassed(MOST),
            Compression::None,
            None,
        ))),
        _ => plain(Box::new(OpenOptions::new().create(true).append(true).open(path)?)),
    };
    let start = Instant::now();
    for line in 0..lines {
        let mut record = Record::builder();
        record.level(Level::Info).target("bench::writer");
        logger.log(&record.args(format_args!("line {line} of {lines} by somebody")).build());
    }
    logger.flush();
    Ok(start.elapsed())
}
