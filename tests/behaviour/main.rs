//! What the whole does, as seen by who runs it: real processes, real signals, real files.

#![expect(clippy::unwrap_used, reason = "what fails in here fails a test")]
#![expect(clippy::print_stderr, reason = "what is left is told to people")]

mod arguments;
mod asked;
mod captured;
mod control;
mod deaths;
mod detached;
mod faults;
mod hard_deaths;
mod logging;
mod options_page;
mod output;
mod quitting;
mod refusals;
mod restart;
mod stale;
mod start;
mod stop;
mod surroundings;
mod workers;

use std::process::ExitCode;

use bed::{Reaper, TestBed};
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

/// The policy of a restart at once, also of what crashes as soon as it starts: an option of a daemon.
const AT_ONCE: &str = "restart: {restart: on-failure, backoff: {floor: 0s}}";

/// An ordinary user who owns nothing, by custom.
const NOBODY: u32 = 65534;

/// Whether we are root, whom no permission stops.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn main() -> ExitCode {
    // What a test lays out is for other users, too.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let reaper = Reaper::of_beds(bed::kept());
    let mut arguments = Arguments::from_args();
    // The tests wait for processes most of the time.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let trials: Vec<Trial> = [
        start::trials(),
        stale::trials(),
        arguments::trials(),
        output::trials(),
        captured::trials(),
        logging::trials(),
        restart::trials(),
        stop::trials(),
        hard_deaths::trials(),
        deaths::trials(),
        surroundings::trials(),
        control::trials(),
        asked::trials(),
        workers::trials(),
        quitting::trials(),
        detached::trials(),
        refusals::trials(),
        options_page::trials(),
        faults::trials(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    reaper.end(!conclusion.has_failed())
}
