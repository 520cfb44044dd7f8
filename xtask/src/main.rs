//! The automation of this workspace: `cargo xtask <command>`. CI calls it and has no logic of its own.

#![expect(clippy::print_stdout, reason = "these commands talk to the person who called them")]

mod ci;

mod alone;
mod behaviour;
mod tidy;

mod finding;
mod rust_text;
mod tree;

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use testbed::cargo::Cargo;
use testbed::{Failure, Outcome, interrupt};

const USAGE: &str = "\
usage: cargo xtask <command>          (…: options, which `cargo xtask <command> --help` tells)

  demo                    a daemon with workers starts, crashes, comes back and stops, in fifteen seconds
  ci                      what CI runs, in its order
  tidy                    layers, module docs, reasons of dependencies, links, papers
  alone [--check] [CRATE…]
                          each crate by itself: check, test, package list (--check: without the tests)
  behaviour               cases without test, tests without case; which tests hold a case, into
                          target/behaviour.md
  examples [--repeat N] [--jobs N] [--keep] [NAME…]
                          plays the scenarios of the examples (NAME: those whose name contains it;
                          --keep: leave their folders for looking)
  faults …                each system call of each process fails once, each process is killed at each
  chaos …                 starts, stops, kills and shortages at random, in namespaces of their own
  bench …                 what it costs beside what the kernel costs; what each crate costs who depends on it
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    testbed::at_end(dispatch(&arguments))
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::new(USAGE));
    };
    if let Some(member) = member(command) {
        return Err(become_member(member, rest));
    }
    interrupt::install()?;
    match command.as_str() {
        "ci" => ci::run(),
        "tidy" => tidy::run(),
        "alone" => alone::run(rest),
        "behaviour" => behaviour::run(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        unknown => Err(Failure::new(format!("unknown command `{unknown}`\n\n{USAGE}"))),
    }
}

/// The program below `tests/` that a command is, if it is one.
fn member(command: &str) -> Option<&str> {
    match command {
        "faults" | "chaos" | "bench" | "demo" => Some(command),
        "examples" => Some("scenarios"),
        _ => None,
    }
}

/// Becomes the program, built by cargo: its exit code is ours then, and so are its signals. Returns
/// only if it cannot.
fn become_member(name: &str, arguments: &[String]) -> Failure {
    let cargo = Cargo::new(["run", "--quiet", "-p", name, "--"]);
    // Where we are: a path among the arguments is meant from here.
    let error = cargo.command().args(arguments).current_dir(".").exec();
    Failure::step("run cargo")(error)
}
