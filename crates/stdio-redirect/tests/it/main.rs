//! The streams of real processes, replaced.
//!
//! What is under test changes the whole process, so every test starts this program anew, in a role,
//! and looks at what it leaves behind. The roles stand beside their tests.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests only")]

mod bed;
mod command;
mod descriptors;
mod input;
mod output;
mod refusals;
mod reopening;
mod runner;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [bed::ROLE, role, folder] => bed::play(role, folder.as_ref()),
        _ => runner::run(&arguments, TESTS),
    }
}

/// Names made from paths, so that a name cannot lead to another function.
macro_rules! by_name {
    ($($path:path),* $(,)?) => { &[$((stringify!($path), $path)),*] };
}

const TESTS: &[(&str, fn())] = by_name![
    output::files_are_appended_to_in_order,
    output::without_files_writing_succeeds,
    output::a_file_for_both_streams_is_opened_once,
    output::what_was_printed_before_goes_where_it_belongs,
    output::what_the_old_target_refuses_goes_to_the_new_one,
    output::files_are_created_with_a_decent_mode_whatever_the_umask,
    output::a_file_in_a_missing_folder_is_a_typed_error_and_changes_nothing,
    output::a_second_open_that_fails_leaves_the_first_stream_alone,
    output::a_stream_can_go_where_another_went,
    output::a_name_in_proc_is_followed_by_the_kernel,
    output::a_stream_can_be_pointed_at_an_open_descriptor,
    input::null_is_at_its_end_at_once,
    input::a_file_is_read_from_its_beginning,
    input::a_file_that_is_missing_is_not_created,
    input::a_fifo_without_writer_does_not_hold_us,
    descriptors::nothing_holds_the_pipe_of_the_caller,
    descriptors::closed_streams_get_the_right_files,
    descriptors::a_failure_leaves_closed_streams_closed,
    descriptors::streams_closed_by_the_shell_get_the_right_files,
    descriptors::a_thousand_rounds_leak_nothing,
    descriptors::no_stream_is_closed_for_an_instant,
    reopening::after_a_rename_a_new_file_is_begun,
    reopening::after_a_removal_a_new_file_is_begun,
    reopening::names_are_those_of_the_moment_of_applying,
    reopening::a_failure_leaves_the_old_files,
    reopening::what_is_no_file_stays,
    reopening::a_link_that_a_stranger_has_put_there_meanwhile_is_not_followed,
    refusals::a_strangers_link_is_not_followed,
    refusals::links_of_our_own_are_followed,
    refusals::links_that_go_round_are_refused,
    refusals::a_strangers_file_is_not_appended_to,
    refusals::a_strangers_folder_holds_nothing_that_is_used,
    refusals::a_fifo_that_nobody_reads_is_refused_at_once,
    refusals::a_fifo_with_a_reader_is_written_to_and_waits,
    refusals::what_is_no_file_is_refused_by_its_kind,
    refusals::all_problems_are_told_at_once_and_nothing_is_done,
    refusals::devices_are_no_problem,
    command::a_command_starts_with_the_targets,
    command::a_file_for_both_streams_of_a_command_is_opened_once,
    command::a_failure_leaves_the_command_as_it_was,
    terminal::the_terminal_of_the_caller_is_left_as_it_is,
    terminal::a_terminal_by_name_is_used_but_not_taken,
];

const ROLES: &[(&str, bed::Role)] = by_name![
    output::two_files,
    output::null_over_closed,
    output::one_file,
    output::print_then_apply,
    output::three_umasks,
    output::missing_folder,
    output::second_missing,
    output::error_to_output,
    output::error_to_proc,
    output::output_to_socket,
    input::read_null,
    input::read_file,
    input::read_missing,
    input::read_fifo,
    descriptors::let_go_of_pipe,
    descriptors::all_ways_of_being_closed,
    descriptors::fail_while_closed,
    descriptors::three_files,
    descriptors::thousand_rounds,
    descriptors::write_all_the_while,
    reopening::rename,
    reopening::remove,
    reopening::change_folder,
    reopening::lose_the_folder,
    reopening::fifo_and_file,
    reopening::exchanged_for_a_link,
    refusals::write_to_fifo,
    terminal::leave_alone,
    terminal::use_by_name,
];
