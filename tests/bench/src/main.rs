//! What it costs, beside what the kernel itself costs: everything in one run, taking turns.

#![expect(clippy::print_stdout, reason = "it tells who called it how it goes")]

mod calls;
mod cost;
mod daemon;
mod floor;
mod ground;
mod look;
mod options;
mod page;
mod peers;
mod programs;
mod rows;
mod samples;
mod sessions;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testbed::{Failure, Outcome, Workspace, interrupt, paint};

use options::Options;
use peers::Found;
use programs::Programs;
use samples::Samples;
use sessions::Sessions;
use table::Circumstances;

/// Where the table of a whole run stands, between markers of this name.
const PAGE: &str = "docs/performance.md";
const NAME: &str = "bench";

/// For programs, beside what cargo builds.
const JSON: &str = "bench.json";

fn main() -> ExitCode {
    testbed::at_end(run())
}

fn run() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options = Options::parse(lexopt::Parser::from_args(&words))?;
    if options.help {
        print!("{}", options::USAGE);
        return Ok(());
    }
    interrupt::install()?;
    if options.cost {
        return cost::run();
    }
    let programs = Programs::build(&options)?;
    if programs.smallest.is_none() {
        println!("no kernel floor: `cc` does not make the smallest program here");
    }
    let started = Instant::now();
    allow_many_descriptors()?;
    let circumstances = Circumstances::look(&words);
    let mut samples = Samples::default();
    let sizes = options.sizes();
    let mut sessions = Sessions { programs: &programs, sizes, samples: &mut samples };
    let mut found = Found { names: Vec::new(), missing: Vec::new() };
    for group in options::GROUPS.into_iter().filter(|group| options.wants(group)) {
        println!("{} {}", paint::strong(group), paint::faint(seconds(started)));
        match group {
            "launch" => sessions.launch()?,
            "workers" => sessions.workers()?,
            "calls" => sessions.calls()?,
            "orphans" => sessions.orphans()?,
            "quit" => sessions.quit()?,
            "arguments" => sessions.arguments()?,
            "pidfile" => sessions.pid_file()?,
            "log" => sessions.log()?,
            "storm" => sessions.storm()?,
            "peers" => found = sessions.peers()?,
            other => unreachable!("`{other}` is no group"),
        }
    }
    let rows = rows::rows(&samples, sizes);
    table::print(&rows, !options.small);
    if options.small {
        println!("\ntoo small for times to mean anything: it works");
    }
    let peers = table::peers(&samples, sizes, &found);
    if options.wants("peers") {
        print_peers(&peers, &found.missing);
    }
    let json = table::json(&rows, &circumstances, &peers, &found.missing);
    let path = Workspace::load()?.target.join(JSON);
    std::fs::write(&path, format!("{json:#}\n")).map_err(Failure::at("write", &path))?;
    println!("{}; {}", seconds(started), path.display());
    if options.write {
        let mut text = table::markdown(&rows, &circumstances);
        text += &peers_markdown(&peers, &found.missing);
        page::write(PAGE, NAME, &text)?;
    }
    Ok(())
}

fn seconds(since: Instant) -> String {
    format!("{:.0} s", since.elapsed().as_secs_f64())
}

/// A pidfd for each of thousands.
fn allow_many_descriptors() -> Outcome {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .map_err(Failure::step("raise the limit of descriptors"))
}

fn print_peers(peers: &[Vec<String>], missing: &[&str]) {
    println!();
    let widths: Vec<usize> =
        peers.first().into_iter().flatten().map(|cell| cell.chars().count() + 2).collect();
    for line in peers {
        let [workers, name, rest @ ..] = line.as_slice() else { continue };
        let rest = std::iter::zip(rest, widths.iter().skip(2));
        let rest: String = rest.map(|(cell, width)| format!("{cell:>width$}")).collect();
        println!("{workers:>7}  {name:10} {rest}");
    }
    if !missing.is_empty() {
        println!("not installed: {}", missing.join(", "));
    }
}

fn peers_markdown(peers: &[Vec<String>], missing: &[&str]) -> String {
    let mut text = String::from("\n");
    for (index, line) in peers.iter().enumerate() {
        let cells: Vec<&str> = line.iter().map(String::as_str).collect();
        text += &table::line(&cells);
        if index == 0 {
            text += &table::line(&vec!["---"; cells.len()]);
        }
    }
    if !missing.is_empty() {
        text += &format!("\nNot installed: {}.\n", missing.join(", "));
    }
    text
}
