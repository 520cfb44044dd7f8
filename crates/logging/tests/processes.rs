//! Processes with a logger: on a full disk, by a queue, to a stream.
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
    pub(crate) mod failures;
    pub(crate) mod queues;
    pub(crate) mod streams;
}

use stories::{failures, queues, streams};

type Story = (&'static str, fn());

macro_rules! stories {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*]
    };
}

const STORIES: &[Story] = stories![
    failures::without_its_folder_the_program_goes_on_and_counts,
    failures::on_a_full_device_the_program_goes_on_and_counts,
    failures::on_a_full_disk_nothing_is_cut,
    failures::at_the_largest_size_of_a_file_the_program_goes_on_and_counts,
    failures::a_second_logger_is_refused,
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
    libtest_mimic::run(&Arguments::from_args(), STORIES.iter().map(trial).collect()).exit_code()
}
