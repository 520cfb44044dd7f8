//! Everything CI runs, in its order: cheap first, stop at the first failure.

use std::time::{Duration, Instant};

use crate::{alone, behaviour, bench, chaos, examples, faults, tidy};
use testbed::cargo::Cargo;
use testbed::{Failure, Outcome, paint};

/// One line of the list.
enum Step {
    /// A cargo command.
    Run(Cargo),
    /// A command of this program.
    Xtask(&'static str, fn() -> Outcome),
    /// A cargo command whose tool may not be installed.
    IfInstalled(Cargo, &'static str),
}

/// The list.
fn steps() -> Vec<Step> {
    use Step::*;
    vec![
        Run(Cargo::new(["fmt", "--all", "--check"])),
        Xtask("tidy", tidy::run),
        IfInstalled(
            Cargo::new(["deny", "--offline", "check", "bans", "licenses", "sources"]),
            "cargo-deny",
        ),
        Run(Cargo::new(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        Xtask("alone --check", || alone::run(&["--check".to_owned()])),
        Run(Cargo::new(["test", "--workspace"])),
        Run(Cargo::new(["doc", "--workspace", "--no-deps"]).variable("RUSTDOCFLAGS", "-D warnings")),
        Xtask("behaviour", behaviour::run),
        Xtask("faults --sample 300", || faults::run(&words("--sample 300 --build workspace"))),
        Xtask("chaos --minutes 1", || chaos::run(&words("--minutes 1 --build workspace"))),
        Xtask("bench --small", || bench::run(&["--small".to_owned()])),
        Xtask("examples", || examples::run(&["--workspace-build".to_owned()])),
    ]
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

pub(crate) fn run() -> Outcome {
    let started = Instant::now();
    let mut times = Vec::new();
    for step in steps() {
        let began = Instant::now();
        let line = match step {
            Step::Run(program) => {
                program.run()?;
                program.line()
            }
            Step::Xtask(name, command) => {
                let line = format!("cargo xtask {name}");
                println!("{}", paint::strong(format!("$ {line}")));
                command().map_err(|failure| Failure::new(format!("{line}: {failure}")))?;
                line
            }
            Step::IfInstalled(program, tool) => {
                if program.installed() {
                    program.run()?;
                    program.line()
                } else {
                    println!("skipped, because {tool} is not installed: {}", program.line());
                    continue;
                }
            }
        };
        times.push((line, began.elapsed()));
        if let Some((line, time)) = times.last() {
            println!("{}", paint::faint(format!("  {} {line}", seconds(*time))));
        }
    }
    println!("\n{}", paint::good("all of it passed"));
    for (line, time) in times {
        println!("  {}  {line}", seconds(time));
    }
    println!("  {}  in all", seconds(started.elapsed()));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:6.1} s", time.as_secs_f64())
}
