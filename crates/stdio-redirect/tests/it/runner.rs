//! The part of the usual test runner that these tests need: filters, threads, a verdict.

use std::process::ExitCode;
use std::thread;

pub(crate) fn run(arguments: &[String], tests: &[(&'static str, fn())]) -> ExitCode {
    let exact = arguments.iter().any(|argument| argument == "--exact");
    let filters: Vec<_> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let matches = |name: &str| {
        filters.is_empty()
            || filters.iter().any(|f| if exact { name == *f } else { name.contains(f.as_str()) })
    };
    let chosen: Vec<_> = tests.iter().filter(|(name, _)| matches(name)).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }

    println!("\nrunning {} tests", chosen.len());
    let mut failed = Vec::new();
    // A few at once: more children than that would only wait for each other.
    let at_once = 2 * thread::available_parallelism().map_or(1, usize::from);
    for group in chosen.chunks(at_once) {
        let running = group.iter().map(|(name, test)| {
            let started = thread::Builder::new().name(String::from(*name)).spawn(*test);
            (name, started.unwrap())
        });
        for (name, test) in running.collect::<Vec<_>>() {
            let passed = test.join().is_ok();
            println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
            if !passed {
                failed.push(name);
            }
        }
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    let passed = chosen.len() - failed.len();
    println!("\ntest result: {verdict}. {passed} passed; {} failed\n", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
