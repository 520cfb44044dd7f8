//! Several processes and one file: across midnight, over kills, over rotations that are cut short.
//!
//! This program is its own writers: called with the name of a part it plays that part.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and its own harness")]

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

mod support {
    pub(crate) mod bed;
    pub(crate) mod lines;
    pub(crate) mod parts;
}
mod stories {
    pub(crate) mod crashes;
    pub(crate) mod kills;
    pub(crate) mod leftovers;
    pub(crate) mod midnight;
}

use stories::{crashes, kills, leftovers, midnight};

type Story = (&'static str, fn());

macro_rules! stories {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*]
    };
}

const STORIES: &[Story] = stories![
    midnight::processes_share_a_file_across_midnight,
    midnight::whoever_opens_yesterdays_file_puts_it_aside,
    midnight::what_was_put_aside_after_the_clock_was_set_is_not_the_oldest,
    kills::a_killed_writer_cuts_its_own_last_line_at_most,
    kills::writers_lose_nothing_over_rotations_kills_and_renames,
    kills::nor_do_they_when_somebody_holds_the_lock_of_the_folder,
    kills::nor_do_they_when_old_files_are_compressed,
    kills::a_stopped_writer_holds_up_nobody,
    crashes::killed_at_any_system_call_a_rotation_loses_nothing_and_the_next_goes_on,
    leftovers::the_next_process_compresses_what_one_that_lived_shortly_has_left,
];

/// These take their time: run with `--ignored`.
const LONG_STORIES: &[Story] = stories![kills::a_million_records_over_rotations_kills_and_renames];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == support::parts::MARK) {
        support::parts::play(&args[1..]);
        return ExitCode::SUCCESS;
    }
    let trial = |(name, story): &Story| {
        let story = *story;
        Trial::test(*name, move || {
            story();
            Ok(())
        })
    };
    let usual = STORIES.iter().map(trial);
    let long = LONG_STORIES.iter().map(trial).map(|trial| trial.with_ignored_flag(true));
    libtest_mimic::run(&Arguments::from_args(), usual.chain(long).collect()).exit_code()
}
