//! Daemons for real: this test is the application, and executes itself anew.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests; the lint knows them by `#[test]` only"
)]

mod asking;
mod bed;
mod descriptors;
mod leftovers;
mod readiness;
mod reloading;
mod reopening;
mod restarting;
mod starting;
mod stopping;
mod watching;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use proc_spawn::entries;
use testbed::Reaper;

/// Trials named after their functions.
macro_rules! trials {
    ($($test:ident),* $(,)?) => { vec![$(crate::trial(stringify!($test), $test)),*] };
}
use trials;

fn main() -> ExitCode {
    let entries = entries![
        asking::ends_at_once,
        bed::rounds,
        bed::deaf,
        descriptors::sends_a_descriptor,
        leftovers::leaves_orphans,
        leftovers::leaves_stubborn_orphans,
        readiness::becomes_ready,
        reloading::listens,
        restarting::crashes_twice,
        restarting::counts_and_fails,
        restarting::hangs_once,
        starting::never_called,
        stopping::hears_everything,
        stopping::needs_time,
        stopping::tells_why,
        watching::two_loops,
        watching::first_full,
    ];
    supervisor::init(entries.permanent_if(|error: &restarting::Permanent| error.0));
    let reaper = Reaper::of_all();
    let topics = [
        asking::trials(),
        starting::trials(),
        readiness::trials(),
        reloading::trials(),
        reopening::trials(),
        restarting::trials(),
        stopping::trials(),
        leftovers::trials(),
        descriptors::trials(),
        watching::trials(),
    ];
    let trials = topics.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    reaper.end(!conclusion.has_failed())
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
