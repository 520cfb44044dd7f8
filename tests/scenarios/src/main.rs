//! Every example played end to end, as a user would: scenarios are data, this is what plays them.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it tells who called it how it goes"
)]

mod detached;
mod look;
mod player;
mod scenario;
mod zone;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use lexopt::prelude::*;
use testbed::cargo::Built;
use testbed::example::build;
use testbed::{Failure, Outcome, interrupt, paint};

use scenario::Scenario;

/// Scenarios mostly wait; more of them at once is also a harder test.
const JOBS: usize = 4;

fn main() -> ExitCode {
    testbed::at_end(interrupt::install().and_then(|()| run()))
}

fn run() -> Outcome {
    let options = Options::parse()?;
    let all = scenarios(&testbed::root())?;
    let chosen: Vec<&Scenario> =
        all.iter().filter(|scenario| options.wants(&scenario.name)).collect();
    if chosen.is_empty() {
        return Err(Failure::new("no scenario has such a name"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let (chosen, skipped): (Vec<&Scenario>, Vec<&Scenario>) =
        chosen.into_iter().partition(|scenario| scenario.missing(&folders).is_none());
    for scenario in skipped {
        let missing = scenario.missing(&folders).unwrap_or_default();
        println!("skipped {}: there is no {missing}", scenario.name);
    }
    let programs = build(&options.build)?;
    for round in 1..=options.repeat {
        let started = Instant::now();
        play_all(&chosen, &programs, &options)?;
        let time = started.elapsed().as_secs_f64();
        println!(
            "{} {} scenarios, {time:.1} s, round {round} of {}",
            paint::good("passed:"),
            chosen.len(),
            options.repeat
        );
    }
    Ok(())
}

struct Options {
    names: Vec<String>,
    repeat: usize,
    jobs: usize,
    keep: bool,
    build: Vec<&'static str>,
}

impl Options {
    fn parse() -> Outcome<Self> {
        let mut options = Options {
            names: Vec::new(),
            repeat: 1,
            jobs: JOBS,
            keep: false,
            build: vec![
                "-p",
                "example-daemon",
                "-p",
                "example-workers",
                "-p",
                "example-several",
                "-p",
                "example-spool",
                "-p",
                "example-capitals",
                "-p",
                "example-pieces",
            ],
        };
        let mut words = lexopt::Parser::from_env();
        while let Some(word) = words.next()? {
            match word {
                Long("repeat") => options.repeat = words.value()?.parse::<NonZeroUsize>()?.get(),
                Long("jobs") => options.jobs = words.value()?.parse::<NonZeroUsize>()?.get(),
                Long("keep") => options.keep = true,
                // After the tests nearly all of this is built, with the same features.
                Long("workspace-build") => options.build = vec!["--workspace", "--all-targets"],
                Value(name) => options.names.push(name.string()?),
                Short(_) | Long(_) => return Err(word.unexpected().into()),
            }
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| name.contains(wanted.as_str()))
    }
}

/// Every `examples/<name>/scenario*.txt`.
fn scenarios(root: &Path) -> Outcome<Vec<Scenario>> {
    let examples = root.join("examples");
    let mut scenarios = Vec::new();
    for folder in list(&examples)?.iter().filter(|path| path.is_dir()) {
        for path in list(folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("scenario") && name.ends_with(".txt") {
                scenarios.push(Scenario::parse(&examples, &path, &testbed::read(&path)?)?);
            }
        }
    }
    Ok(scenarios)
}

/// What is in a folder, sorted.
fn list(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Failure::at("list", folder))?;
    let paths: Result<Vec<PathBuf>, std::io::Error> =
        entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(Failure::at("list", folder))?;
    paths.sort();
    Ok(paths)
}

fn play_all(scenarios: &[&Scenario], programs: &[Built], options: &Options) -> Outcome {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(scenarios.len()) {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if interrupt::asked() {
                        return;
                    }
                    if let Err(failure) = player::play(scenario, programs, options.keep) {
                        if !interrupt::asked() {
                            eprintln!("{failure}");
                        }
                        let mut failures =
                            failures.lock().expect("no thread panics while it holds this");
                        failures.push(scenario.name.clone());
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panics while it holds this");
    if interrupt::asked() {
        Err(Failure::new("interrupted; nothing of it is left"))
    } else if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("scenarios that did not go as written: {}", failures.join(", "))))
    }
}
