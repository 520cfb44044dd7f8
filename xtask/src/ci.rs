//! Everything CI runs, in its order: cheap first, stop at the first failure.

use std::process::Command;
use std::time::{Duration, Instant};

use testbed::cargo::{self, Cargo};
use testbed::{Failure, Outcome, paint};

use crate::{alone, behaviour, tidy};

/// One line of the list.
enum Step {
    /// A cargo command.
    Run(Cargo),
    /// A command of this program.
    Xtask(&'static str, fn() -> Outcome),
    /// A program of this workspace, and who it is to attack or to measure, if anybody: those that the tests were
    /// built with.
    Member(&'static str, Option<&'static str>),
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
        Member("faults --sample 300", Some("victim")),
        Member("chaos --minutes 1", Some("victim")),
        Member("bench --small", Some("workload")),
        Member("examples --workspace-build", None),
    ]
}

/// Runs what is built already, with the same features: alone it would be built once more.
fn member(line: &str, other: Option<&str>) -> Outcome {
    let built = cargo::build(&["--workspace", "--all-targets"])?;
    let mut words = line.split(' ');
    let program = words.next().and_then(crate::member).unwrap_or_default();
    let mut command = Command::new(cargo::find(&built, program)?);
    command.args(words);
    if let Some(other) = other {
        command.arg("--program").arg(cargo::find(&built, other)?);
    }
    let status = cargo::foreground(command)?;
    if status.success() { Ok(()) } else { Err(Failure::new(status.to_string())) }
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
            Step::Member(line, other) => {
                let line = format!("cargo xtask {line}");
                println!("{}", paint::strong(format!("$ {line}")));
                member(&line["cargo xtask ".len()..], other)
                    .map_err(|failure| Failure::new(format!("{line}: {failure}")))?;
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
