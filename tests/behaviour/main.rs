//! What the whole does, as seen by who runs it: real processes, real signals, real files.

mod daemon;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;

use bed::TestBed;
use libtest_mimic::{Arguments, Trial};

/// Makes trials of functions, named after the module they stand in.
macro_rules! trials {
    ($($test:ident),* $(,)?) => {
        vec![$(libtest_mimic::Trial::test(
            concat!(module_path!(), "::", stringify!($test)),
            || { $test(); Ok(()) },
        )),*]
    };
}
use trials;

/// An empty bed for the fixture.
fn bed() -> TestBed {
    TestBed::new(env!("CARGO_BIN_EXE_fixture"))
}

/// Whether we may do what only root may; says what is skipped if not.
fn root(what: &str) -> bool {
    let root = File::open("/proc/self").and_then(|file| file.metadata());
    let root = root.is_ok_and(|metadata| metadata.uid() == 0);
    if !root {
        println!("skipped, since only root may {what}");
    }
    root
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The tests wait for processes most of the time.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let trials: Vec<Trial> = [daemon::trials()].into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let left = bed::left_of_run();
    for process in &left {
        eprintln!("left running: {} {}", process.pid(), process.title());
    }
    match left.is_empty() {
        true => conclusion.exit_code(),
        false => ExitCode::FAILURE,
    }
}
