//! Real processes: this test executes itself anew, which takes a `main` of its own.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests; the lint knows them by `#[test]` only, and who is skipped says so"
)]

mod compiler;
mod descriptors;
mod families;
mod forged;
mod memory;
mod payloads;
mod spawner;
mod talkers;
mod values;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use proc_spawn::{
    App, Call, Child, Current, Exit, NotReady, Role, Spawn, SpawnError, Stdio, current, entries,
};

const LIMIT: Duration = Duration::from_secs(30);

fn main() {
    forged::forge_if_asked();
    let entries = entries![
        fine,
        fails,
        fails_with_a_code,
        panics,
        panics_elsewhere,
        aborts,
        exits,
        writes,
        report,
        waits,
        families::parent,
        families::lingers,
        families::parent_of_one_that_lingers,
        families::leaking_parent,
        families::parent_of_a_listener,
        memory::grouped_parent,
        memory::eats,
        spawns_big,
        talkers::tells_statuses,
        talkers::tells_and_waits,
        talkers::talks_without_end,
        talkers::tells_more_than_fits,
        descriptors::has_no_descriptors_left,
        descriptors::writes_beyond_the_limit,
        descriptors::closes_what_its_child_inherits,
        values::counts,
        values::returns_bytes,
        values::returns_what_cannot_be_told,
        values::returns_and_lingers,
        "by:hand" => measure,
    ];
    // A child may know other entries than its parent, as after an update in place.
    let entries = match std::env::var("IT_KNOWS").as_deref() {
        Ok("nothing") => entries![fine],
        Ok("another") => entries!["it:panics" => exits],
        _ => entries,
    };
    App::new(entries.exit_code_if(69, |Unavailable(really)| *really))
        .role(Role::Executor, families::listener)
        .init();
    forged::spawn_if_asked();
    families::be_a_parent_if_asked();
    let trials = vec![
        trial("an_entry_that_returns_ends_with_code_0", an_entry_that_returns_ends_with_code_0),
        trial("an_error_arrives_with_its_causes", an_error_arrives_with_its_causes),
        trial("an_error_may_have_a_code_of_its_own", an_error_may_have_a_code_of_its_own),
        trial("a_child_without_the_entry_says_so_for_good", a_child_without_the_entry_says_so),
        trial("a_panic_arrives_with_message_and_place", a_panic_arrives_with_message_and_place),
        trial("a_caught_panic_is_no_verdict", a_caught_panic_is_no_verdict),
        trial("an_abort_is_a_signal", an_abort_is_a_signal),
        trial("a_kill_is_a_signal", a_kill_is_a_signal),
        trial("a_code_of_its_own_stays_its_own", a_code_of_its_own_stays_its_own),
        trial("an_unknown_name_starts_nothing", an_unknown_name_starts_nothing),
        trial("ten_mebibytes_of_arguments_arrive", ten_mebibytes_of_arguments_arrive),
        trial(
            "a_child_that_reads_nothing_is_waited_for_by_nobody",
            payloads::a_child_that_reads_nothing,
        ),
        trial("a_child_has_only_what_was_declared", a_child_has_only_what_was_declared),
        trial(
            "what_a_parent_closes_during_a_start_stays_with_no_child",
            descriptors::what_a_parent_closes_during_a_start,
        ),
        trial("a_child_starts_with_default_signals", a_child_starts_with_default_signals),
        trial("a_child_knows_who_it_is", a_child_knows_who_it_is),
        trial("streams_go_where_they_are_told", streams_go_where_they_are_told),
        trial("a_child_goes_with_its_parent", families::a_child_goes_with_its_parent),
        trial(
            "a_stopped_child_goes_with_its_parent",
            families::a_stopped_child_goes_with_its_parent,
        ),
        trial(
            "a_child_that_lingers_in_its_exit_goes_with_its_parent",
            families::a_child_that_lingers_in_its_exit_goes_with_its_parent,
        ),
        trial(
            "a_copy_of_the_socket_keeps_no_child_alive",
            families::a_copy_of_the_socket_keeps_no_child_alive,
        ),
        trial("a_dropped_child_goes", families::a_dropped_child_goes),
        trial(
            "a_child_that_panics_at_what_it_hears_goes_with_its_parent",
            families::a_child_that_panics_at_what_it_hears,
        ),
        trial(
            "a_child_whose_group_is_outside_its_namespace_goes_with_its_parent",
            families::a_child_whose_group_is_outside_its_namespace,
        ),
        trial(
            "a_parent_outside_the_namespace_is_not_dead",
            families::a_parent_outside_the_namespace_is_not_dead,
        ),
        trial("an_end_for_lack_of_memory_is_told_from_others", memory::an_end_for_lack_of_memory),
        trial("a_status_that_somebody_else_took", a_status_that_somebody_else_took),
        trial(
            "what_is_kept_open_is_open_in_all_below",
            families::what_is_kept_open_is_open_in_all_below,
        ),
        trial("many_threads_spawn_at_once", many_threads_spawn_at_once),
        trial(
            "a_spawner_starts_children_like_any_other",
            spawner::a_spawner_starts_children_like_any_other,
        ),
        trial(
            "a_spawner_holds_nothing_of_the_process",
            spawner::a_spawner_holds_nothing_of_the_process,
        ),
        trial(
            "a_spawned_child_does_not_hang_on_who_asked_for_it",
            spawner::a_spawned_child_does_not_hang_on_who_asked_for_it,
        ),
        trial("the_marker_by_hand_is_refused", the_marker_by_hand_is_refused),
        trial("a_program_that_gained_rights_is_no_child", forged::a_program_that_gained_rights),
        trial("a_socket_of_a_stranger_is_refused", forged::a_socket_of_a_stranger_is_refused),
        trial("a_silent_socket_is_refused_at_once", forged::a_silent_socket_is_refused_at_once),
        trial(
            "a_child_that_says_much_is_waited_for",
            talkers::a_child_that_says_much_is_waited_for,
        ),
        trial("a_child_that_says_much_is_tried", talkers::a_child_that_says_much_is_tried),
        trial("a_child_that_talks_without_end", talkers::a_child_that_talks_without_end),
        trial("a_panic_of_five_megabytes_arrives_cut", talkers::a_panic_of_five_megabytes),
        trial("a_word_that_is_too_long_is_an_error", talkers::a_word_that_is_too_long_is_an_error),
        trial("no_descriptors_are_not_the_parents_end", descriptors::no_descriptors_left),
        trial(
            "a_function_that_cannot_be_an_entry_is_told_why",
            compiler::a_function_that_cannot_be_an_entry_is_told_why,
        ),
        trial(
            "what_an_entry_returns_arrives_by_type",
            values::what_an_entry_returns_arrives_by_type,
        ),
        trial("what_nobody_asks_for_is_not_sent", values::what_nobody_asks_for_is_not_sent),
        trial(
            "a_value_may_be_as_large_as_was_asked_for",
            values::a_value_may_be_as_large_as_was_asked_for,
        ),
        trial(
            "what_cannot_be_encoded_is_a_failure_for_good",
            values::what_cannot_be_encoded_is_a_failure_for_good,
        ),
        trial(
            "who_exits_without_his_value_has_failed",
            values::who_exits_without_his_value_has_failed,
        ),
        trial(
            "a_value_that_was_sent_outlives_its_process",
            values::a_value_that_was_sent_outlives_its_process,
        ),
        trial("a_limit_of_file_size_is_an_error", descriptors::a_limit_of_file_size_is_an_error),
        trial("a_child_that_is_not_ready_says_so", a_child_that_is_not_ready_says_so),
        trial("a_parent_of_big_arguments_leaves_nothing", a_parent_of_big_arguments_leaves_nothing),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

// Entries.

fn fine() {}

#[derive(Debug, thiserror::Error)]
#[error("cannot count sheep")]
struct Outer(#[source] std::io::Error);

fn fails() -> Result<(), Outer> {
    Err(Outer(std::io::Error::other("no sheep")))
}

#[derive(Debug, thiserror::Error)]
#[error("the service is unavailable")]
struct Unavailable(bool);

#[derive(Debug, thiserror::Error)]
#[error("cannot go on")]
struct CannotGoOn(#[source] Unavailable);

fn fails_with_a_code(really: bool) -> Result<(), Box<dyn Error>> {
    Err(CannotGoOn(Unavailable(really)).into())
}

fn panics(text: String) {
    panic!("{text}");
}

fn panics_elsewhere() -> Result<(), Box<dyn Error>> {
    let caught = std::panic::catch_unwind(|| panic!("caught"));
    assert!(caught.is_err());
    Err("after all".into())
}

fn aborts() {
    std::process::abort();
}

#[expect(clippy::disallowed_methods, reason = "an application may")]
fn exits(code: i32) {
    std::process::exit(code);
}

fn writes(text: String) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())?;
    std::io::stderr().write_all(b"to stderr")
}

#[derive(Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Report {
    descriptors: BTreeSet<u32>,
    status: String,
    current: String,
    args: Vec<String>,
    comm: String,
    stdin: Vec<u8>,
}

fn report(path: PathBuf) -> Result<(), Box<dyn Error>> {
    let mut descriptors = BTreeSet::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        // The directory that is being read, and our own socket, close on exec.
        let number: u32 = entry.file_name().to_str().ok_or("not text")?.parse()?;
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("02000000");
        if u32::from_str_radix(flags.trim(), 8)? & 0o2000000 == 0 {
            descriptors.insert(number);
        }
    }
    let mut stdin = Vec::new();
    std::io::stdin().read_to_end(&mut stdin)?;
    let report = Report {
        descriptors,
        status: fs::read_to_string("/proc/thread-self/status")?,
        current: format!("{:?}", current()),
        args: std::env::args().collect(),
        comm: fs::read_to_string("/proc/self/comm")?,
        stdin,
    };
    fs::write(&path, rmp_serde::to_vec(&report)?)?;
    Ok(())
}

fn waits() {
    loop {
        std::thread::park();
    }
}

fn spawns_big() -> Result<(), Box<dyn Error>> {
    let big = vec![7u8; 1 << 20];
    let path = std::env::temp_dir();
    let mut child = Spawn::new(Call::new(measure, (big, path.join("unused"))))?.spawn()?;
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn measure((bytes, path): (Vec<u8>, PathBuf)) -> std::io::Result<()> {
    fs::write(path, format!("{} {}", bytes.len(), bytes.iter().all(|byte| *byte == 7)))
}

// Tests.

fn spawn(call: Call) -> Child {
    Spawn::new(call).unwrap().spawn().unwrap()
}

fn end_of(call: Call) -> Exit {
    spawn(call).wait().unwrap()
}

fn nix_kill(pid: u32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), signal).unwrap();
}

fn stop(pid: u32) {
    nix_kill(pid, nix::sys::signal::Signal::SIGSTOP);
    while !is_stopped(pid) {
        std::thread::yield_now();
    }
}

fn is_stopped(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ")
}

fn an_entry_that_returns_ends_with_code_0() {
    let mut child = spawn(Call::new(fine, ()));
    child.wait_until_ready(LIMIT).unwrap();
    let exit = child.wait().unwrap();
    assert_eq!(exit, Exit::Code(0));
    assert!(exit.is_success());
    assert_eq!(child.wait().unwrap(), Exit::Code(0), "told again");
}

/// Case: HS-07
fn an_error_arrives_with_its_causes() {
    let Exit::Error(failure) = end_of(Call::new(fails, ())) else { panic!("no error") };
    assert!(!failure.permanent);
    assert_eq!(failure.error.chain(), "cannot count sheep: no sheep");
}

fn an_error_may_have_a_code_of_its_own() {
    for (really, code) in [(true, 69), (false, 1)] {
        let exit = end_of(Call::new(fails_with_a_code, really));
        assert_eq!(exit.code(), Some(code));
        let text = "returned an error: cannot go on: the service is unavailable";
        assert_eq!(exit.to_string(), text, "whatever its code");
    }
}

/// Case: RST-35
fn a_child_without_the_entry_says_so() {
    for (knows, reason) in [("nothing", "it:fine"), ("another", "it:panics")] {
        let call = Call::new(panics, "boom".into());
        let mut child = Spawn::new(call).unwrap().env("IT_KNOWS", knows).spawn().unwrap();
        let exit = child.wait().unwrap();
        let Exit::SetupFailed(error) = &exit else { panic!("no failed set-up but {exit:?}") };
        assert!(error.chain().contains(reason), "{}", error.chain());
        assert!(exit.is_permanent(), "it would only happen again");
    }
}

fn a_panic_arrives_with_message_and_place() {
    let exit = end_of(Call::new(panics, "boom".into()));
    let Exit::Panic(panic) = &exit else { panic!("no panic but {exit:?}") };
    assert_eq!(panic.message, "boom");
    assert!(panic.place.contains("it/main.rs:"), "{}", panic.place);
}

fn a_caught_panic_is_no_verdict() {
    let exit = end_of(Call::new(panics_elsewhere, ()));
    assert_eq!(exit.to_string(), "returned an error: after all");
}

/// Case: ORP-11
fn an_abort_is_a_signal() {
    let exit = end_of(Call::new(aborts, ()));
    assert!(matches!(exit, Exit::Signal { signal: 6, panic: None, .. }), "{exit:?}");
}

fn a_kill_is_a_signal() {
    let mut child = spawn(Call::new(waits, ()));
    child.wait_until_ready(LIMIT).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    child.kill().unwrap();
    assert!(matches!(child.wait().unwrap(), Exit::Signal { signal: 9, core: false, .. }));
    child.kill().unwrap();
}

fn a_code_of_its_own_stays_its_own() {
    for code in [1, 3, 78, 101, 255] {
        assert_eq!(end_of(Call::new(exits, code)), Exit::Code(code));
    }
}

fn an_unknown_name_starts_nothing() {
    let error = Spawn::new(Call::named("no:such", ())).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, SpawnError::Entry(_)));
    assert!(text.contains("`no:such`") && text.contains("`by:hand`"), "{text}");
    let error = Spawn::new(Call::new(an_unknown_name_starts_nothing, ())).unwrap_err();
    assert!(error.to_string().contains("an_unknown_name_starts_nothing"), "{error}");
}

/// Case: HYG-18
fn ten_mebibytes_of_arguments_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen");
    let args = (vec![7u8; 10 << 20], path.clone());
    assert_eq!(end_of(Call::new(measure, args.clone())), Exit::Code(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), "10485760 true");
    assert_eq!(end_of(Call::named("by:hand", args)), Exit::Code(0));
}

fn report_of(spawn: impl FnOnce(Spawn) -> Spawn) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let child = spawn(Spawn::new(Call::new(report, path.clone())).unwrap());
    assert_eq!(child.spawn().unwrap().wait().unwrap(), Exit::Code(0));
    rmp_serde::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Case: HYG-01
fn a_child_has_only_what_was_declared() {
    // A descriptor that every process inherits, as a careless shell leaves it behind.
    let folder = tempfile::tempdir().unwrap();
    let stray = File::create(folder.path().join("stray")).unwrap();
    let stray: OwnedFd = nix::unistd::dup(stray.as_fd()).unwrap();
    for _ in 0..3 {
        let report = report_of(|spawn| spawn);
        assert_eq!(report.descriptors, BTreeSet::from([0, 1, 2]));
        assert_eq!(report.stdin, b"", "standard input is empty");
    }
    drop(stray);
}

/// Cases: HYG-04
fn a_child_starts_with_default_signals() {
    // The two signals are blocked for this thread alone, and for the children that it starts.
    let mut blocked = nix::sys::signal::SigSet::empty();
    blocked.add(nix::sys::signal::SIGTERM);
    blocked.add(nix::sys::signal::SIGHUP);
    blocked.thread_block().unwrap();
    let report = report_of(|spawn| spawn);
    blocked.thread_unblock().unwrap();
    let field = |name: &str| {
        let line = report.status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    assert_eq!(field("SigBlk:"), 0);
    let sigpipe = 1 << 12;
    let of_glibc = (1 << 31) | (1 << 32);
    assert_eq!(field("SigIgn:") & !of_glibc, sigpipe);
}

/// Case: HYG-16
fn a_child_knows_who_it_is() {
    let who = Current { incarnation: 3, ..Current::new(Role::Worker, "red\n") };
    let report = report_of(|spawn| spawn.current(who.clone()));
    assert_eq!(report.current, format!("{who:?}"));
    assert!(report.args[0].ends_with(": worker red\\n"), "{:?}", report.args);
    assert_eq!(report.comm.trim_end(), "red\\n");
    assert_eq!(current().role, Role::Application);
}

fn streams_go_where_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let stream =
        |name: &str| Stdio::Descriptor(Arc::new(OwnedFd::from(File::create(path(name)).unwrap())));
    let spawn = Spawn::new(Call::new(writes, "to stdout".into()))
        .unwrap()
        .stdout(stream("out"))
        .stderr(stream("err"));
    assert_eq!(spawn.spawn().unwrap().wait().unwrap(), Exit::Code(0));
    assert_eq!(fs::read_to_string(path("out")).unwrap(), "to stdout");
    assert_eq!(fs::read_to_string(path("err")).unwrap(), "to stderr");
}

/// An application may wait for whatever child there is.
fn a_status_that_somebody_else_took() {
    let mut child = spawn(Call::new(fine, ()));
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    let ended = rustix::process::WaitIdOptions::EXITED;
    rustix::process::waitid(rustix::process::WaitId::Pid(pid), ended).unwrap().unwrap();
    let exit = child.wait().unwrap();
    assert_eq!(exit, Exit::Unknown);
    assert!(!exit.is_success(), "nobody can tell that it went well");
}

fn many_threads_spawn_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..4 {
                    assert_eq!(end_of(Call::new(fine, ())), Exit::Code(0));
                }
            });
        }
    });
}

fn the_marker_by_hand_is_refused() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("--proc-spawn-child=0123456789abcdef")
        .stdin(File::open(Path::new("/dev/null")).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("processes that this program starts itself"), "{text}");
}

fn a_child_that_is_not_ready_says_so() {
    // The program that runs is `true`, which says nothing.
    let mut child = Spawn::new(Call::new(fine, ()))
        .unwrap()
        .program(proc_spawn::Program::Path("/bin/true".into()))
        .spawn()
        .unwrap();
    let error = child.wait_until_ready(LIMIT).unwrap_err();
    assert!(matches!(error, NotReady::Ended(Exit::Code(0))), "{error:?}");
}

fn a_parent_of_big_arguments_leaves_nothing() {
    assert_eq!(end_of(Call::new(spawns_big, ())), Exit::Code(0));
}
