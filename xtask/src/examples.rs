//! Every example played end to end, as a user would: scenarios are data, this is what plays them.

mod detached;
mod look;
mod player;
mod scenario;
mod zone;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use lexopt::prelude::*;
use testbed::cargo::Built;
use testbed::example::build;
use testbed::{Failure, Outcome, interrupt, paint};

use crate::{behaviour, tree};
use scenario::Scenario;

/// Scenarios mostly wait; more of them at once is also a harder test.
const JOBS: usize = 4;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let options = Options::parse(arguments)?;
    let root = testbed::root();
    let features = behaviour::features(&root)?;
    let all = scenarios(&root)?;
    check_features(&features, &all)?;
    let chosen: Vec<&Scenario> =
        all.iter().filter(|scenario| options.wants(&scenario.name)).collect();
    if chosen.is_empty() {
        return Err(Failure::new("no scenario has such a name"));
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
    print_features(&features, &chosen);
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
    fn parse(words: &[String]) -> Outcome<Self> {
        let mut options = Options {
            names: Vec::new(),
            repeat: 1,
            jobs: JOBS,
            keep: false,
            build: vec!["-p", "example-daemon", "-p", "example-workers", "-p", "example-pieces"],
        };
        let mut words = lexopt::Parser::from_args(words);
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
    let folder = root.join("examples");
    let mut scenarios = Vec::new();
    for path in tree::files(&folder, "txt")? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("scenario") {
            scenarios.push(Scenario::parse(&folder, &path, &testbed::read(&path)?)?);
        }
    }
    Ok(scenarios)
}

/// Every row is shown by a scenario, and no scenario shows what is not there.
fn check_features(features: &[(String, String)], scenarios: &[Scenario]) -> Outcome {
    let shown = |row: &str| scenarios.iter().any(|scenario| scenario.shows(row));
    let unshown: Vec<&str> =
        features.iter().filter(|(row, _)| !shown(row)).map(|(row, _)| row.as_str()).collect();
    if !unshown.is_empty() {
        return Err(Failure::new(format!("no scenario shows {}", unshown.join(", "))));
    }
    Ok(())
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

fn print_features(features: &[(String, String)], scenarios: &[&Scenario]) {
    let mut shown = BTreeMap::new();
    for (row, text) in features {
        let by: Vec<&str> = scenarios
            .iter()
            .filter(|scenario| scenario.shows(row))
            .map(|scenario| scenario.name.as_str())
            .collect();
        shown.insert(row, (text, by));
    }
    println!("\n{}", paint::strong("feature → scenarios"));
    for (row, (text, by)) in shown {
        let text: String = text.chars().take(60).collect();
        println!("  {row}  {text:60}  {}", paint::faint(by.join(", ")));
    }
}
