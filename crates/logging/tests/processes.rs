//! Several processes and one log file: across midnight, over kills, on a full disk.
//!
//! This program is its own writers: called with the name of a part it plays that part. So a logger
//! is only ever installed in a child.
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
    pub(crate) mod failures;
    pub(crate) mod kills;
    pub(crate) mod leftovers;
    pub(crate) mod midnight;
    pub(crate) mod queues;
    pub(crate) mod streams;
}

use stories::{crashes, failures, kills, leftovers, midnight, queues, streams};

type Story = (&'static str, fn());

macro_rules! stories {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*]
    };
}

const STORIES: &[Story] = stories![
    midnight::processes_share_a_file_across_midnight,
    midnight::whoever_opens_yesterdays_file_puts_it_aside,
    kills::a_killed_writer_cuts_its_own_last_line_at_most,
    kills::writers_lose_nothing_over_rotations_kills_and_renames,
    kills::nor_do_they_when_somebody_holds_the_lock_of_the_folder,
    kills::nor_do_they_when_old_files_are_compressed,
    kills::a_stopped_writer_holds_up_nobody,
    crashes::killed_at_any_system_call_a_rotation_loses_nothing_and_the_next_goes_on,
    failures::without_its_folder_the_program_goes_on_and_counts,
    failures::on_a_full_device_the_program_goes_on_and_counts,
    failures::on_a_full_disk_nothing_is_cut,
    failures::at_the_largest_size_of_a_file_the_program_goes_on_and_counts,
    failures::a_second_logger_is_refused,
    leftovers::the_next_process_compresses_what_one_that_lived_shortly_has_left,
    midnight::what_was_put_aside_after_the_clock_was_set_is_not_the_oldest,
    queues::a_log_that_nobody_reads_holds_up_nobody_and_tells_what_it_did_not_take,
    queues::nor_does_a_stream,
    queues::only_the_thread_that_wants_it_hands_its_records_over,
    queues::last_words_are_written_before_the_end,
    queues::records_of_another_thread_are_written_before_the_end,
    queues::a_relative_path_means_the_same_file_from_then_on,
    queues::the_end_does_not_wait_for_a_log_that_nobody_reads,
    queues::records_by_queue_are_in_order_across_rotations,
    streams::records_go_to_the_stream_that_was_chosen,
    streams::a_stream_that_is_a_socket_is_written_to_by_whatever_name,
    streams::a_reader_that_has_gone_ends_nobody,
    streams::in_the_journal_each_line_has_its_priority,
    streams::colours_are_for_terminals,
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
