//! What the daemon keeps of its caller, and the caller of the daemon: nothing.

use std::os::unix::process::CommandExt;

use bed::{Process, TestBed};
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{AT_ONCE, bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        the_daemon_is_in_a_session_of_its_own_without_a_terminal,
        the_end_of_the_terminal_does_not_reach_the_daemon,
        a_caller_in_any_condition_starts_clean_processes,
        a_caller_may_be_a_task_of_an_async_runtime,
        the_hundredth_executor_starts_like_the_first,
        descriptors_of_the_guardian_do_not_accumulate,
        the_umask_is_as_asked,
        the_directory_is_as_asked,
        the_environment_is_the_callers_and_no_more,
        the_environment_is_changed_as_asked,
        a_long_lived_caller_keeps_no_zombie,
        a_signal_to_a_group_hits_that_tree_only,
        in_the_foreground_ctrl_c_stops_and_the_streams_are_the_callers,
        in_the_foreground_everything_else_is_the_same,
        in_the_foreground_other_children_are_left_alone,
    ]
}

/// Its workers and itself report.
const REPORTING: &str = "{daemon_args: [report: executor.report, \
                         {workers: {workers: [{name: red, args: [report: red.report, rounds]}]}}]}";

/// Cases: F-11, HYG-11, DIE-02
fn the_daemon_is_in_a_session_of_its_own_without_a_terminal() {
    let bed = bed();
    let mut caller = bed.launch(["start", &bed.options(REPORTING), "--stay"]);
    bed.expect("caller has an answer");
    bed.report("red.report");
    let us = bed.by_pid(caller.pid()).stat();
    let [guardian, executor, worker] = family(&bed).map(|process| (process.pid(), process.stat()));
    // The launcher led the session, and is gone: nobody can ever get a terminal again.
    assert_ne!(guardian.1.session, us.session);
    assert_ne!(guardian.1.session, guardian.0);
    assert_ne!(guardian.1.parent, caller.pid());
    for (pid, stat) in [guardian, executor, worker] {
        assert_eq!((stat.session, stat.terminal), (guardian.1.session, 0));
        assert_ne!(pid, stat.session);
    }
    // A Ctrl-C for one is not for the others.
    assert_eq!((executor.1.group, worker.1.group), (executor.0, worker.0));
    assert_eq!((executor.1.parent, worker.1.parent), (guardian.0, executor.0));
    // The caller's end changes nothing.
    caller.close_stdin();
    caller.finish().success();
    bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({}) }}", guardian.0));
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}

fn family(bed: &TestBed) -> [Process; 3] {
    ["guardian d", "executor d", "worker red"].map(|who| bed.process(who))
}

/// `script(1)` gives a terminal to the program that it runs, and hangs it up at the end.
///
/// Cases: F-11, HYG-13, HYG-17, DIE-03
fn the_end_of_the_terminal_does_not_reach_the_daemon() {
    let bed = bed();
    let file = bed.options(REPORTING);
    let mut script = bed.command("script");
    // The terminal's settings before and after the start, and whether it is one.
    script.env("FIXTURE", bed.fixture()).env("FILE", &file).args([
        "-qec",
        r#"stty -a >before; [ -t 0 ] && [ -t 1 ] && "$FIXTURE" start "$FILE" && stty -a >after"#,
        "/dev/null",
    ]);
    bed.launch_command(script).finish().success();
    assert_eq!(bed.read("before"), bed.read("after"));
    assert!(bed.read("before").contains("echo"));
    bed.report("red.report");
    for process in family(&bed) {
        assert_eq!(process.stat().terminal, 0, "{}", process.title());
        let terminals = process.descriptors().into_iter().filter(|to| to.contains("/pts/")).count();
        assert_eq!(terminals, 0, "{}", process.title());
    }
    // The guardian has no terminal, so a hang-up that reaches it all the same means nothing.
    let guardian = bed.process("guardian d");
    guardian.signal(Signal::HUP);
    bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({}) }}", guardian.pid()));
    bed.run(["stop", "d.pid"]).success();
    assert_eq!(bed.times("worker red asked to quit: stop, run 1"), 1);
    bed.nothing_left();
}

/// Signals that a process starts with: none blocked; ignored only SIGPIPE, as in any Rust program,
/// and what the C library keeps for its threads (32 and 33).
#[track_caller]
fn starts_clean(who: &str, blocked: &str, ignored: &str, descriptors: &Value) {
    const ALLOWED: u64 = 1 << 12 | 1 << 31 | 1 << 32;
    let bits = |text: &str| u64::from_str_radix(text, 16).unwrap();
    assert_eq!(bits(blocked), 0, "{who} starts with signals blocked");
    assert_eq!(bits(ignored) & !ALLOWED, 0, "{who} starts with signals ignored: {ignored}");
    assert_eq!(*descriptors, json!([0, 1, 2]), "{who}");
}

/// Cases: F-11, HYG-01, HYG-04
fn a_caller_in_any_condition_starts_clean_processes() {
    let conditions: [(&str, &[&str]); 8] = [
        (r#"exec "$@""#, &[]),
        (r#"exec "$@""#, &["--block-signals"]),
        (r#"trap '' TERM INT HUP CHLD USR1 QUIT; exec "$@""#, &[]),
        (r#"exec 5</dev/null 7>seven 9<>nine; exec "$@""#, &[]),
        (r#"exec "$@" <&- >&- 2>&-"#, &[]),
        (r#"exec "$@" <&-"#, &[]),
        (r#"exec "$@" >&-"#, &[]),
        (r#"exec "$@" 2>&-"#, &[]),
    ];
    for (shell, flags) in conditions {
        let bed = bed();
        let mut command = bed.command("sh");
        command.args(["-c", shell, "sh"]).arg(bed.fixture());
        command.args(["start", &bed.options(REPORTING)]).args(flags);
        bed.launch_command(command).finish().success();
        for who in ["executor", "red"] {
            let report = bed.report(&format!("{who}.report"));
            let text = |field: &str| report[field].as_str().unwrap().to_owned();
            starts_clean(who, &text("blocked"), &text("ignored"), &report["descriptors"]);
        }
        let guardian = bed.process("guardian d");
        let descriptors = json!(guardian.inherited_descriptors());
        starts_clean(
            "guardian",
            &guardian.status("SigBlk"),
            &guardian.status("SigIgn"),
            &descriptors,
        );
        // They can be stopped by signals, which is what it is about.
        bed.run(["stop", "d.pid"]).success();
        assert_eq!(bed.times("worker red finished, run 1"), 1);
        bed.nothing_left();
    }
}

/// The runtime reaps by SIGCHLD, and has descriptors and threads of its own: neither is in the way of
/// the other.
///
/// Cases: CFG-11, HYG-01
fn a_caller_may_be_a_task_of_an_async_runtime() {
    let bed = bed();
    let daemon = bed.start_with("d", REPORTING, &["--in-tokio"]);
    for who in ["executor", "red"] {
        let report = bed.report(&format!("{who}.report"));
        let text = |field: &str| report[field].as_str().unwrap().to_owned();
        starts_clean(who, &text("blocked"), &text("ignored"), &report["descriptors"]);
    }
    daemon.stop();
    bed.nothing_left();
}

/// Case: HYG-01
fn the_hundredth_executor_starts_like_the_first() {
    let bed = bed();
    let daemon = bed.start(&format!(
        "{{{AT_ONCE}, stderr_filename: err.txt, daemon_args: [in_run: [1, {{report: 1.report}}], \
         in_run: [100, {{report: 100.report}}], in_run: [100, rounds], exit: 1]}}",
    ));
    let mut first = bed.report("1.report");
    let mut hundredth = bed.report("100.report");
    assert_eq!([&first["incarnation"], &hundredth["incarnation"]], [&json!(1), &json!(100)]);
    assert_eq!(first["descriptors"], json!([0, 1, 2]));
    for report in [&mut first, &mut hundredth] {
        for differs in ["incarnation", "pid"] {
            report[differs] = Value::Null;
        }
        // The number that marks a child as one of ours.
        report["args"][1] = Value::Null;
    }
    assert_eq!(first, hundredth);
    daemon.stop();
    bed.nothing_left();
}

/// Case: HYG-02
fn descriptors_of_the_guardian_do_not_accumulate() {
    const RUNS: usize = 1000;
    let bed = bed();
    let daemon = bed.start(&format!(
        "{{{AT_ONCE}, logging_config: {{file: d.log, level: warn}}, \
         daemon_args: [report_parent_descriptors: counts, in_run: [{RUNS}, rounds], exit: 1]}}"
    ));
    bed.expect(&format!("executor started, run {RUNS}"));
    bed.until("the last count", || (bed.read("counts").lines().count() == RUNS).then_some(()));
    let counts: Vec<u32> = bed.read("counts").lines().map(|line| line.parse().unwrap()).collect();
    // The usual one: it opens files for a moment, and a child may look before its parent has all that
    // it keeps of it.
    let usual = |counts: &[u32]| {
        let mut counts = counts.to_vec();
        counts.sort_unstable();
        counts[counts.len() / 2]
    };
    assert_eq!(usual(&counts[..100]), usual(&counts[RUNS - 100..]), "{counts:?}");
    daemon.stop();
    bed.nothing_left();
}

/// Cases: F-11, HYG-06
fn the_umask_is_as_asked() {
    for (caller, option, flags, expected) in [
        ("0", "", &[][..], "0022"),
        ("077", "", &[], "0022"),
        ("0", ", umask: 0o027", &[], "0027"),
        ("077", "", &["--inherit-umask"], "0077"),
    ] {
        let bed = bed();
        let options = format!(
            "{{stdout_filename: out.txt, restart_interval: 0s{option}, daemon_args: [\
             in_run: [1, {{exit: 1}}], report: executor.report, \
             {{workers: {{workers: [{{name: red, args: [report: red.report, rounds]}}]}}}}]}}"
        );
        let mut shell = bed.command("sh");
        shell.args(["-c", &format!(r#"umask {caller}; exec "$@""#), "sh"]).arg(bed.fixture());
        shell.args(["start", &bed.options(&options)]).args(flags);
        bed.launch_command(shell).finish().success();
        assert_eq!(bed.report("executor.report")["umask"], expected);
        assert_eq!(bed.report("red.report")["umask"], expected);
        assert_eq!(bed.process("guardian d").status("Umask"), expected);
        bed.run(["stop", "d.pid"]).success();
        bed.nothing_left();
    }
}

/// Cases: F-11, HYG-07
fn the_directory_is_as_asked() {
    for (option, expected) in [("", "/"), (", directory: sub", "sub")] {
        let bed = bed();
        bed.write("sub/empty", "");
        let expected = bed.path(expected);
        let options = REPORTING.replacen('{', &format!("{{name: d{option}, "), 1);
        bed.run(["start", &bed.options(&options)]).success();
        bed.report("red.report");
        for process in family(&bed) {
            assert_eq!(process.link("cwd"), expected, "{}", process.title());
        }
        bed.run(["stop", "d.pid"]).success();
        bed.nothing_left();
    }
}

/// Whatever is in it: not one variable of ours joins it, in no incarnation.
///
/// Cases: HYG-08, HYG-09
fn the_environment_is_the_callers_and_no_more() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let strange = [
        ("EQUALS", &b"a=b=c"[..]),
        ("LINES", b"a\nb\n"),
        ("BYTES", b"\xff\xfe"),
        ("PERCENT", b"%d;%s;$HOME"),
        ("EMPTY", b""),
    ];
    let bed = bed();
    let file = bed.options(
        "{restart_interval: 0s, daemon_args: [in_run: [1, {exit: 1}], report: executor.report, \
         {workers: {workers: [{name: red, args: [report: red.report, rounds]}]}}]}",
    );
    let mut caller = bed.command(bed.fixture());
    let set = caller.get_envs();
    let markers: Vec<_> =
        set.filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect();
    caller.env_clear().envs(markers.iter().cloned()).args(["start", &file]);
    for (key, value) in strange {
        caller.env(key, OsStr::from_bytes(value));
    }
    bed.launch_command(caller).finish().success();
    let mut expected: std::collections::BTreeMap<String, String> = strange
        .iter()
        .map(|(key, value)| ((*key).to_owned(), format!("{:?}", OsStr::from_bytes(value))))
        .collect();
    expected.extend(
        markers.iter().map(|(key, value)| (key.display().to_string(), format!("{value:?}"))),
    );
    assert_eq!(bed.report("executor.report")["environment"], json!(expected));
    assert_eq!(without_mark(bed.report("red.report")), json!(expected));
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}

/// The environment of a worker without the variable by which what a run leaves is known.
#[track_caller]
fn without_mark(mut report: Value) -> Value {
    let mut environment = report["environment"].take();
    let mark = environment.as_object_mut().unwrap().remove("APPKIT_RUN");
    assert!(mark.is_some(), "{environment}");
    environment
}

/// The guardian's stays as it is: the change is for the application's own code.
///
/// Cases: HYG-08, HYG-07
fn the_environment_is_changed_as_asked() {
    let bed = bed();
    bed.write("sub/empty", "");
    let mut caller = bed.command(bed.fixture());
    let markers: std::collections::BTreeMap<_, _> = caller
        .get_envs()
        .filter_map(|(key, value)| Some((key.display().to_string(), value?.display().to_string())))
        .collect();
    let mut only = markers.clone();
    only.insert("ONLY".to_owned(), "a=b\nc".to_owned());
    let workers = json!([
        {"name": "red", "args": [{"report": "red.report"}, "rounds"], "directory": "sub",
         "env": {"COLOR": "red", "KEPT": null}},
        {"name": "blue", "args": [{"report": "blue.report"}, "rounds"],
         "env": only, "env_clear": true},
    ]);
    let options = json!({
        "env": {"COLOR": "green", "GONE": null},
        "daemon_args": [{"report": "executor.report"}, {"workers": {"workers": workers}}],
    });
    caller.args(["start", &bed.options(&options.to_string())]);
    caller.env("COLOR", "white").env("GONE", "x").env("KEPT", "y");
    bed.launch_command(caller).finish().success();
    let mut reports = ["executor", "red", "blue"].map(|who| bed.report(&format!("{who}.report")));
    let seen = |report: &Value| {
        ["COLOR", "GONE", "KEPT"].map(|key| report["environment"][key].as_str().map(str::to_owned))
    };
    let text = |text: &str| Some(format!("{text:?}"));
    assert_eq!(seen(&reports[0]), [text("green"), None, text("y")]);
    assert_eq!(seen(&reports[1]), [text("red"), None, None]);
    let only: std::collections::BTreeMap<_, _> =
        only.into_iter().map(|(key, value)| (key, format!("{value:?}"))).collect();
    assert_eq!(reports[1]["directory"], json!(bed.path("sub")));
    assert_eq!(reports[2]["directory"], "/");
    assert_eq!(without_mark(reports[2].take()), json!(only));
    let [guardian, ..] = family(&bed);
    let environment = std::fs::read(format!("/proc/{}/environ", guardian.pid())).unwrap();
    assert!(environment.split(|byte| *byte == 0).any(|variable| variable == b"COLOR=white"));
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}

/// Cases: F-11, ORP-13
fn a_long_lived_caller_keeps_no_zombie() {
    for flags in [&["--stay"][..], &["--stay", "--in-thread"]] {
        let bed = bed();
        let file = bed.options("{}");
        let mut caller = bed.launch(["start", &file].into_iter().chain(flags.iter().copied()));
        bed.expect("caller has an answer");
        bed.expect("executor started, run 1");
        assert_eq!(children(caller.pid()), "");
        // Nor after a failure, nor when there was nothing to start.
        let failing = bed.options_of("e", "{start_timeout: 100ms}");
        bed.write("before-executor", "[park]");
        let mut failed = bed.launch(["start", &failing, "--stay"]);
        bed.expect("caller has a refusal");
        assert_eq!(children(failed.pid()), "");
        failed.close_stdin();
        failed.finish();
        let mut second = bed.launch(["start", &file, "--stay"]);
        bed.expect_times("caller has an answer", 2);
        assert_eq!(children(second.pid()), "");
        second.close_stdin();
        second.finish().success();
        caller.close_stdin();
        // The thread that started it has long ended: that is no reason for the daemon to go.
        caller.finish().success();
        assert!(bed.process("guardian d").is_alive());
        bed.run(["stop", "d.pid"]).success();
        bed.nothing_left();
    }
}

/// All children of a process, of whatever thread, zombies included.
fn children(pid: u32) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| match std::fs::read_to_string(task.ok()?.path().join("children")) {
            // The thread has ended since, and has passed its children on: to one of the others.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            list => Some(list.unwrap()),
        })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Case: HYG-11
fn a_signal_to_a_group_hits_that_tree_only() {
    let bed = bed();
    let daemon = bed.start(
        "{daemon_args: [{workers: {restart: never, workers: [\
         {name: red, args: [command: [sleep, '600'], say: has a child, rounds]}, {name: blue}]}}]}",
    );
    bed.expect("worker red has a child, run 1");
    bed.expect("worker blue started, run 1");
    let red = bed.process("worker red");
    let child = bed.until("the worker's child", || {
        bed.processes().into_iter().find(|process| process.title() == "sleep 600")
    });
    let mut kill = bed.command("sh");
    kill.args(["-c", &format!("kill -9 -{}", red.pid())]);
    bed.launch_command(kill).finish().success();
    bed.wait_gone(&red);
    bed.wait_gone(&child);
    assert!(bed.process("worker blue").is_alive() && daemon.executor().is_alive());
    daemon.stop();
    bed.nothing_left();
}

/// Ctrl-C is a SIGINT to everybody in the terminal's foreground group.
///
/// Cases: F-11, HS-23
fn in_the_foreground_ctrl_c_stops_and_the_streams_are_the_callers() {
    let bed = bed();
    let mut command = bed.command(bed.fixture());
    command.args([
        "run",
        &bed.options("{grace: 60s, daemon_args: [print: out, eprint: err, rounds]}"),
    ]);
    command.process_group(0);
    let program = bed.launch_command(command);
    bed.expect("executor started, run 1");
    assert_eq!(bed.pid_of("d.pid"), program.pid());
    let executor = bed.executor_of(program.pid());
    assert_eq!(executor.stat().session, bed.by_pid(program.pid()).stat().session);
    let mut kill = bed.command("sh");
    kill.args(["-c", &format!("kill -INT -{}", program.pid())]);
    bed.launch_command(kill).finish().success();
    let output = program.finish().success();
    assert_eq!(output.stdout, "out\nStopped, quit requested: true\n");
    assert_eq!(output.stderr, "err\n");
    // The executor was asked by the guardian, and not by the terminal.
    assert_eq!(bed.times("executor asked to quit: stop, run 1"), 1);
    bed.nothing_left();
}

/// Case: HS-23
fn in_the_foreground_everything_else_is_the_same() {
    let bed = bed();
    let file = bed.options(
        "{restart_interval: 10ms, logging_config: {file: d.log}, stdout_filename: out.txt, \
         daemon_args: [print: hello, in_run: [1, {exit: 3}], in_run: [2, {report: report}], \
         in_run: [2, rounds], in_run: [3, {exit: 0}]]}",
    );
    let program = bed.launch(["run", &file]);
    bed.expect("executor started, run 2");
    let report = bed.report("report");
    assert_eq!(report["directory"], bed.path("").to_str().unwrap().trim_end_matches('/'));
    assert_eq!(report["descriptors"], json!([0, 1, 2]));
    // A second one is told so, in the foreground and in the background.
    let pid = program.pid();
    bed.run(["run", &file])
        .says(&format!("AlreadyRunning {{ pid: {pid} }}, quit requested: false"));
    bed.run(["start", &file]).says(&format!("already running, pid {pid}"));
    // It can be stopped from elsewhere.
    bed.run(["stop", "d.pid"]).says(&format!("stopped, pid was {pid}"));
    program.finish().says("Stopped, quit requested: true");
    assert_eq!(bed.read("out.txt"), "hello\nhello\n");
    assert!(bed.read("d.log").contains("starting it again"));
    bed.nothing_left();

    // An end of its own, and a failure ahead of the entry.
    let ends = bed.options("{daemon_args: [exit: 0]}");
    bed.run(["run", &ends]).says("Ended(Exited(Code(0))), quit requested: false");
    let fails = bed.options("{daemon_args: [exit: 3]}");
    bed.run(["run", &fails]).says("Ended(Exited(Code(3))), quit requested: false");
    bed.write("before-executor", "[eprint: no luck, exit: 3]");
    bed.run(["run", &bed.options("{restart_interval: 0s}")])
        .fails(&["exited with code 3", "no luck"]);
    bed.nothing_left();
}

/// What the caller had started before is not the daemon's.
///
/// Case: HS-23
fn in_the_foreground_other_children_are_left_alone() {
    let bed = bed();
    // The shell's child becomes the fixture's when the shell becomes the fixture.
    let mut shell = bed.command("sh");
    shell.args(["-c", r#"sleep 600 & exec "$@""#, "sh"]).arg(bed.fixture());
    shell.args(["run", &bed.options("{restart_interval: 0s, grace: 300ms}")]);
    let program = bed.launch_command(shell);
    bed.expect("executor started, run 1");
    let sleep = bed.until("the sleep", || {
        bed.processes().into_iter().find(|process| process.title() == "sleep 600")
    });
    bed.executor_of(program.pid()).signal(Signal::KILL);
    bed.expect("executor started, run 2");
    bed.run(["stop", "d.pid"]).success();
    assert!(sleep.is_alive());
    sleep.signal(Signal::KILL);
    program.finish().says("Stopped, quit requested: true");
    bed.wait_nobody_left();
    bed.nothing_left();
}
