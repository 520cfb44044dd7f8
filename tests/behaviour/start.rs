//! From the call of `start_daemon` to its answer: when it comes, and what is there then.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::time::Duration;

use bed::{Running, TestBed};
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        the_pid_file_is_there_as_long_as_the_daemon,
        launched_comes_when_the_entry_is_called_and_not_before,
        a_second_start_is_told_so_and_touches_nothing,
        two_daemons_with_two_files_do_not_know_each_other,
        of_fifty_starts_at_once_one_launches,
        start_and_stop_can_follow_each_other_without_pause,
        a_start_during_the_stop_says_already_running,
        relative_paths_are_those_of_the_caller,
        an_executor_that_exits_early_fails_the_launch_with_its_last_words,
        an_executor_that_is_aborted_early_fails_the_launch_with_the_signal,
        a_panic_ahead_of_the_entry_arrives_with_message_and_place,
        a_launch_that_takes_too_long_is_undone,
        a_guardian_that_dies_early_fails_the_launch,
        a_launcher_that_dies_early_fails_the_launch,
        output_that_cannot_be_opened_fails_the_launch,
        a_log_file_that_cannot_be_opened_fails_the_launch,
        a_directory_that_may_not_be_entered_fails_the_launch,
        a_folder_that_may_not_be_written_fails_the_launch,
        a_caller_that_is_killed_meanwhile_gets_the_daemon_all_the_same,
        neither_side_keeps_the_socket_of_the_launch,
        a_stop_during_the_start_ends_it,
        a_quit_ahead_of_the_entry_is_seen_at_its_first_look,
        what_the_caller_has_not_flushed_appears_once,
    ]
}

/// Cases: F-01, PID-02, PID-15
fn the_pid_file_is_there_as_long_as_the_daemon() {
    for umask in ["0", "077"] {
        let bed = bed();
        let mut shell = bed.command("sh");
        shell.args(["-c", &format!(r#"umask {umask}; exec "$@""#), "sh"]).arg(bed.fixture());
        shell.args(["start", &bed.options("{}")]);
        let pid = bed.launch_command(shell).finish().success().number();
        assert_eq!(bed.read("d.pid"), format!("{pid}\n"));
        assert_eq!(bed.path("d.pid").metadata().unwrap().mode() & 0o777, 0o644);
        assert_eq!(bed.process("guardian d").pid(), pid);
        // Held, and not only there.
        bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({pid}) }}"));
        bed.run(["stop", "d.pid"]).says(&format!("stopped, pid was {pid}"));
        bed.nothing_left();
    }
}

/// Cases: F-09, HS-02
fn launched_comes_when_the_entry_is_called_and_not_before() {
    let bed = bed();
    bed.gate("gate");
    bed.write("before-executor", "[gate: gate]");
    let file = bed.options("{stdout_filename: out.txt, logging_config: {file: d.log}}");
    let mut start = bed.launch(["start", &file]);
    bed.expect("executor is early");
    bed.expect("caller is at the gate gate");
    assert!(start.is_running(), "an answer although the entry is not being called");
    bed.open_gate("gate");
    let guardian = start.finish().success().number();
    // By now everything is in place.
    assert_eq!(bed.read("d.pid"), format!("{guardian}\n"));
    assert!(bed.path("out.txt").exists() && bed.path("d.log").exists());
    let journal = bed.journal();
    let at = |line: &str| journal.iter().position(|found| found == line);
    assert!(at("caller is at the gate gate") < at("caller has an answer"), "{journal:?}");
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}

/// Cases: F-02, PID-10, PID-25
fn a_second_start_is_told_so_and_touches_nothing() {
    let bed = bed();
    let daemon = bed.start("{stdout_filename: out.txt}");
    bed.expect("executor started, run 1");
    let seen = || {
        let file = bed.path("d.pid").metadata().unwrap();
        let alive: Vec<u32> = bed.processes().iter().map(|process| process.pid()).collect();
        let journal = bed.journal();
        let journal: Vec<_> =
            journal.into_iter().filter(|line| !line.starts_with("caller")).collect();
        (file.ino(), file.mtime_nsec(), bed.read("d.pid"), bed.read("out.txt"), journal, alive)
    };
    let before = seen();
    bed.tell_of_children();
    let second = bed.options_of(
        "e",
        "{pid_filename: d.pid, stdout_filename: other.txt, logging_config: {file: other.log}}",
    );
    bed.run(["start", &second]).says(&format!("already running, pid {}", daemon.pid()));
    assert_eq!(seen(), before);
    assert!(!bed.path("other.txt").exists() && !bed.path("other.log").exists());
    daemon.stop();
    bed.nothing_left();
}

/// Case: PID-25
fn two_daemons_with_two_files_do_not_know_each_other() {
    let bed = bed();
    let first = bed.start_of("d", "{}");
    let second = bed.start_of("e", "{}");
    assert_ne!(first.pid(), second.pid());
    first.stop();
    assert!(second.guardian().is_alive() && second.executor().is_alive());
    assert_eq!(bed.pid_files(), ["e.pid"]);
    second.stop();
    bed.nothing_left();
}

/// Cases: PID-11, PID-16
fn of_fifty_starts_at_once_one_launches() {
    let bed = bed();
    let file = bed.options("{}");
    let starts: Vec<Running> = (0..50).map(|_| bed.launch(["start", &file])).collect();
    let said: Vec<String> =
        starts.into_iter().map(|start| start.finish().success().stdout).collect();
    let pid = bed.pid_of("d.pid");
    let launched = said.iter().filter(|said| **said == format!("launched, pid {pid}\n")).count();
    let refused =
        said.iter().filter(|said| **said == format!("already running, pid {pid}\n")).count();
    assert_eq!((launched, refused), (1, 49), "{said:?}");
    let guardians: Vec<u32> = bed.find("guardian d").iter().map(|found| found.pid()).collect();
    assert_eq!(guardians, [pid]);
    assert_eq!(bed.times("executor started, run 1"), 1);
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}

/// Case: PID-13
fn start_and_stop_can_follow_each_other_without_pause() {
    let bed = bed();
    let file = bed.options("{daemon_entry: fixture:script}");
    // Each caller has the time that anything may take.
    for _ in 0..8 {
        bed.run(["start-and-stop", &file, "25"]).says("25 times");
    }
    bed.nothing_left();
    assert_eq!(bed.names(), ["d.yaml", "journal"]);
}

/// Case: PID-12
fn a_start_during_the_stop_says_already_running() {
    let bed = bed();
    bed.gate("gate");
    let daemon = bed.start("{daemon_args: [rounds, gate: gate]}");
    daemon.guardian().signal(Signal::TERM);
    bed.expect("executor is at the gate gate, run 1");
    bed.run(["start", "d.yaml"]).says(&format!("already running, pid {}", daemon.pid()));
    bed.open_gate("gate");
    daemon.wait_gone();
    assert_eq!(bed.times("executor started, run 1"), 1);
    bed.start("{}").stop();
    bed.nothing_left();
}

/// Case: PID-23
fn relative_paths_are_those_of_the_caller() {
    let bed = bed();
    bed.write("below/here.txt", "");
    let file = bed.options(
        "{pid_filename: sub.pid, stdout_filename: ../out.txt, logging_config: {file: d.log}, \
         daemon_args: [report: report, print: hello, rounds]}",
    );
    let mut start = bed.command(bed.fixture());
    start.args(["start", &format!("../{file}")]).current_dir(bed.path("below"));
    let guardian = bed.launch_command(start).finish().success().number();
    assert_eq!(bed.report("report")["directory"], "/");
    assert_eq!(bed.read("below/sub.pid"), format!("{guardian}\n"));
    bed.expect_in_file("out.txt", "hello\n");
    assert!(bed.path("below/d.log").exists());
    let mut stop = bed.command(bed.fixture());
    stop.args(["stop", "sub.pid"]).current_dir(bed.path("below"));
    bed.launch_command(stop).finish().says(&format!("stopped, pid was {guardian}"));
    bed.nothing_left();
}

/// A launch that fails, and leaves nothing but an output file.
#[track_caller]
fn fails(bed: &TestBed, options: &str, parts: &[&str]) -> String {
    let output = bed.run(["start", &bed.options(options)]).fails(parts);
    bed.nothing_left();
    assert!(!bed.journal().iter().any(|line| line.contains("started")), "user code has run");
    output.stderr
}

/// Cases: F-09, HS-04, DIE-19
fn an_executor_that_exits_early_fails_the_launch_with_its_last_words() {
    for options in [
        "{}",
        "{restart_interval: 0s}",
        "{restart_interval: 0s, stderr_filename: err.txt, logging_config: {file: d.log}}",
    ] {
        let bed = bed();
        bed.write("before-executor", "[eprint: no such table, exit: 3]");
        bed.write("err.txt", "of yesterday\n");
        let text = fails(&bed, options, &["exited with code 3", "no such table"]);
        assert!(!text.contains("of yesterday"), "{text}");
        assert_eq!(bed.times("executor is early"), 1, "it was tried again");
    }
}

/// Cases: HS-05, DIE-19
fn an_executor_that_is_aborted_early_fails_the_launch_with_the_signal() {
    let bed = bed();
    bed.write("before-executor", "[abort]");
    fails(&bed, "{restart_interval: 0s}", &["was ended by SIGABRT"]);
}

/// Cases: F-09, HS-06, DIE-19
fn a_panic_ahead_of_the_entry_arrives_with_message_and_place() {
    let bed = bed();
    bed.write("before-executor", "[panic: no room left]");
    fails(&bed, "{}", &["exited with code 101", "no room left", "fixture/script.rs:"]);
}

/// Cases: F-09, HS-03
fn a_launch_that_takes_too_long_is_undone() {
    assert_eq!(appkit::policy::DEFAULT_START_TIMEOUT, Duration::from_secs(30));
    let bed = bed();
    bed.write("before-executor", "[eprint: still loading, park]");
    // It has to come as far as that.
    fails(
        &bed,
        "{start_timeout: 3s, restart_interval: 0s}",
        &["was not ready within ", "still loading"],
    );
    assert_eq!(bed.times("executor is early"), 1);
}

/// Case: F-09
fn a_guardian_that_dies_early_fails_the_launch() {
    let bed = bed();
    bed.write("before-guardian", "[eprint: nobody home, exit: 9]");
    fails(&bed, "{}", &["the guardian ended before the entry was called", "nobody home"]);
}

/// Case: F-09
fn a_launcher_that_dies_early_fails_the_launch() {
    let bed = bed();
    bed.write("before-launcher", "[eprint: out of luck, abort]");
    fails(
        &bed,
        "{}",
        &["the launcher was ended by SIGABRT before the guardian said anything", "out of luck"],
    );
}

/// Cases: F-09, HS-10
fn output_that_cannot_be_opened_fails_the_launch() {
    let mut bed = bed();
    closed_folder(&mut bed);
    let output = as_nobody(&bed, "{stdout_filename: closed/out.txt, restart_interval: 0s}");
    output.finish().fails(&["redirect", "closed/out.txt", "ermission denied"]);
    bed.nothing_left();
    assert_eq!(bed.journal(), [""; 0]);
}

/// Case: F-09
fn a_log_file_that_cannot_be_opened_fails_the_launch() {
    let mut bed = bed();
    closed_folder(&mut bed);
    let output = as_nobody(&bed, "{logging_config: {file: closed/d.log}}");
    output.finish().fails(&["logging", "closed/d.log", "ermission denied"]);
    bed.nothing_left();
    assert_eq!(bed.journal(), [""; 0]);
}

/// Case: HS-11
fn a_directory_that_may_not_be_entered_fails_the_launch() {
    let mut bed = bed();
    closed_folder(&mut bed);
    let output = as_nobody(&bed, "{directory: unreadable}");
    output.finish().fails(&["working directory", "unreadable", "ermission denied"]);
    bed.nothing_left();
    let missing = bed.options("{directory: missing}");
    bed.run(["start", &missing]).fails(&["directory `", "missing`: no such folder"]);
    bed.nothing_left();
}

/// Case: PID-20
fn a_folder_that_may_not_be_written_fails_the_launch() {
    let mut bed = bed();
    closed_folder(&mut bed);
    let output = as_nobody(&bed, "{pid_filename: closed/d.pid}");
    output.finish().fails(&["pid file", "closed/d.pid", "ermission denied"]);
    bed.nothing_left();
}

/// `closed`, in which [`as_nobody`] can make no file, and `unreadable`, which it cannot enter.
fn closed_folder(bed: &mut TestBed) {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    bed.open_to_others();
    for (name, mode) in [("closed", 0o555), ("unreadable", 0o444)] {
        std::fs::create_dir(bed.path(name)).unwrap();
        set_permissions(bed.path(name), Permissions::from_mode(mode)).unwrap();
    }
}

/// A start by somebody who is not root.
fn as_nobody(bed: &TestBed, options: &str) -> Running {
    let file = bed.options(options);
    let mut command = bed.command(bed.fixture());
    command.args(["start", &file]);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    bed.launch_command(command)
}

/// Cases: HS-12, DIE-01
fn a_caller_that_is_killed_meanwhile_gets_the_daemon_all_the_same() {
    let bed = bed();
    bed.gate("gate");
    bed.write("before-executor", "[gate: gate]");
    let start = bed.launch(["start", &bed.options("{}")]);
    bed.expect("caller is at the gate gate");
    drop(start);
    bed.open_gate("gate");
    bed.expect("executor started, run 1");
    let guardian = bed.pid_of("d.pid");
    assert_eq!(bed.times("caller has an answer"), 0);
    bed.run(["stop", "d.pid"]).says(&format!("stopped, pid was {guardian}"));
    bed.nothing_left();
}

/// The guardian of a daemon in the foreground never had such a socket: it shows how many others
/// there are.
///
/// Case: HS-13
fn neither_side_keeps_the_socket_of_the_launch() {
    let sockets = |descriptors: Vec<String>| {
        descriptors.iter().filter(|target| target.starts_with("socket:")).count()
    };
    let bed = bed();
    let caller = bed.launch(["start", &bed.options("{}"), "--stay"]);
    bed.expect("executor started, run 1");
    bed.expect("caller has an answer");
    assert_eq!(sockets(bed.by_pid(caller.pid()).descriptors()), 0);
    let detached = bed.process("guardian d");

    let log = "{logging_config: {file: e.log}}";
    let foreground = bed.launch(["run", &bed.options_of("e", log)]);
    // By then the child's own end, which goes with its exec, is closed as well.
    bed.expect_in_file("e.log", "executor is ready");
    let expected = sockets(bed.by_pid(foreground.pid()).descriptors());
    // It answers, and closes then.
    bed.until("the socket of the launch to be closed", || {
        (sockets(detached.descriptors()) == expected).then_some(())
    });
    caller.finish().success();
}

/// Case: STOP-11
fn a_stop_during_the_start_ends_it() {
    let bed = bed();
    bed.gate("gate");
    bed.write("before-executor", "[gate: gate]");
    // It cannot hear yet, and is killed when its grace is over.
    let start = bed.launch(["start", &bed.options("{restart_interval: 0s, grace: 200ms}")]);
    bed.expect("caller is at the gate gate");
    bed.process("guardian d").signal(Signal::TERM);
    start.finish().fails(&["it was asked to stop while it was being launched"]);
    bed.nothing_left();
    assert_eq!(bed.times("executor started, run 1"), 0);
}

/// The executor has heard of it before its entry, and workers are never started.
///
/// Case: QUIT-12
fn a_quit_ahead_of_the_entry_is_seen_at_its_first_look() {
    let bed = bed();
    bed.gate("gate");
    bed.write("before-executor", "[gate: gate]");
    // Long enough for the gate to be opened before the guardian kills.
    let options = "{grace: 60s, logging_config: {file: d.log}, \
                   daemon_args: [look, {workers: {workers: [{name: red}]}}]}";
    let start = bed.launch(["start", &bed.options(options)]);
    bed.expect("caller is at the gate gate");
    let guardian = bed.process("guardian d");
    guardian.signal(Signal::TERM);
    // Its ears are not open yet, so the word waits in its socket. It is there when the guardian, which says
    // so first, waits again.
    bed.expect_in_file("d.log", "asking executor to quit");
    bed.until("the guardian to wait", || guardian.status("State").starts_with('S').then_some(()));
    bed.open_gate("gate");
    start.finish().fails(&["it was asked to stop while it was being launched"]);
    bed.nothing_left();
    assert_eq!(bed.find("worker red").len(), 0);
    assert_eq!(bed.times("worker red started, run 1"), 0);
    assert_eq!(bed.times("executor asked to quit at its first look: true, run 1"), 1);
}

/// Case: HS-15
fn what_the_caller_has_not_flushed_appears_once() {
    let bed = bed();
    let file = bed.options("{stdout_filename: out.txt, daemon_args: [print: hello, rounds]}");
    let output = bed.run(["start", &file, "--unflushed"]).success();
    assert_eq!(output.stdout.matches("once;").count(), 1, "{output:?}");
    bed.expect_in_file("out.txt", "hello\n");
    assert_eq!(bed.read("out.txt"), "hello\n");
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}
