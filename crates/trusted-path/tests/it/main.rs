//! Real files, links and owners: as root, as an ordinary user, and in a user namespace.
//!
//! What takes another user or a namespace is played by a child, which is this program started again
//! in a role; the roles stand beside their tests. Giving a file away takes root: without it such a
//! test prints a line and is left out.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests only")]

mod bed;
mod change;
mod links;
mod namespaces;
mod ordinary;
mod owners;
mod races;
mod same;
mod syscalls;

use std::path::Path;
use std::process::ExitCode;

type Test = fn();
type Role = fn(&Path);

macro_rules! named {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*]
    };
}

const TESTS: &[(&str, Test)] = named![
    links::a_strangers_link_is_not_followed_wherever_it_is,
    links::a_link_with_a_second_name_is_not_followed_where_others_put_names,
    links::links_of_our_own_are_followed_to_what_is_not_there_yet,
    links::links_of_the_kernel_are_followed_if_they_are_ours,
    links::what_is_no_file_is_told_by_its_kind,
    owners::a_strangers_file_is_not_used_and_ours_is,
    owners::a_hard_link_to_a_file_of_roots_is_not_used,
    owners::the_usual_folders_go_on_working,
    owners::a_folder_given_to_somebody_by_name_is_not_shared_by_a_group,
    owners::owner_and_mode_are_inherited_only_from_what_is_ours,
    owners::a_folders_owner_can_be_trusted,
    change::a_file_is_replaced_whole_and_links_are_not_followed,
    change::a_file_that_is_not_complete_may_stand_where_somebody_else_put_one,
    change::a_name_is_given_only_if_it_is_free,
    change::what_is_created_replaces_nothing,
    change::siblings_are_single_names,
    same::paths_are_compared_by_where_they_lead,
    races::a_name_that_is_exchanged_all_the_time_never_leads_elsewhere,
    ordinary::an_ordinary_user_is_served_by_the_same_rule,
    namespaces::roots_links_are_followed_where_root_is_not_mapped,
    syscalls::opening_takes_few_system_calls,
];

const ROLES: &[(&str, Role)] =
    named![ordinary::play, namespaces::play, races::exchange, syscalls::open_once,];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mark, role, folder] = &arguments[..]
        && mark == bed::ROLE
    {
        let (_, play) = ROLES.iter().find(|(name, _)| name == role).expect("a role we have");
        play(Path::new(folder));
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        for (name, _) in TESTS {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut failed = 0;
    for (name, test) in TESTS {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        match std::panic::catch_unwind(*test) {
            Ok(()) => println!("test {name} ... ok"),
            Err(_) => {
                failed += 1;
                println!("test {name} ... FAILED");
            }
        }
    }
    println!("{failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
