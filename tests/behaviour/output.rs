//! Where the streams of daemon and workers go.

use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        without_files_the_streams_lead_nowhere_and_writing_succeeds,
        files_are_appended_to_and_each_stream_keeps_its_order,
        both_streams_may_go_to_one_file,
        binary_output_arrives_as_it_was,
        the_callers_pipes_end_with_the_caller,
        what_a_worker_writes_does_not_cross_to_others,
    ]
}

/// Cases: F-06, IO-03, IO-04
fn without_files_the_streams_lead_nowhere_and_writing_succeeds() {
    let bed = bed();
    let daemon =
        bed.start("{daemon_args: [report: report, print: x, eprint: x, spew: 100000, rounds]}");
    let report = bed.report("report");
    assert_eq!(report["streams"], serde_json::json!(["/dev/null", "/dev/null", "/dev/null"]));
    assert_eq!(report["stdin"], 0);
    for stream in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(daemon.guardian().link(stream).to_str(), Some("/dev/null"));
    }
    daemon.stop();
    assert_eq!(bed.times("executor asked to quit: stop, run 1"), 1);
    bed.nothing_left();
}

/// Cases: F-06, IO-01
fn files_are_appended_to_and_each_stream_keeps_its_order() {
    let bed = bed();
    bed.write("out.txt", "of yesterday\n");
    let daemon = bed.start(
        "{stdout_filename: out.txt, stderr_filename: err.txt, restart_interval: 0s, daemon_args: \
         [print: one, eprint: a, print: two, eprint: b, in_run: [1, {exit: 1}], print: end, rounds]}",
    );
    bed.expect_in_file("out.txt", "end\n");
    assert_eq!(bed.read("out.txt"), "of yesterday\none\ntwo\none\ntwo\nend\n");
    assert_eq!(bed.read("err.txt"), "a\nb\na\nb\n");
    for (stream, file) in [("fd/1", "out.txt"), ("fd/2", "err.txt")] {
        assert_eq!(daemon.guardian().link(stream), bed.path(file));
        assert_eq!(daemon.executor().link(stream), bed.path(file));
    }
    daemon.stop();
    bed.nothing_left();
}

/// Case: F-06
fn both_streams_may_go_to_one_file() {
    let bed = bed();
    let daemon = bed.start(
        "{stdout_filename: all.txt, stderr_filename: all.txt, \
         daemon_args: [print: one, eprint: two, print: three, rounds]}",
    );
    bed.expect_in_file("all.txt", "three\n");
    assert_eq!(bed.read("all.txt"), "one\ntwo\nthree\n");
    daemon.stop();
    bed.nothing_left();
}

/// Case: IO-14
fn binary_output_arrives_as_it_was() {
    let bed = bed();
    // Killed right after it, so that nothing can be added at an end in peace.
    let file = bed.options("{stdout_filename: out.bin, daemon_args: [binary, signal: 9]}");
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(std::fs::read(bed.path("out.bin")).unwrap(), all);
}

/// Also when the daemon has started somebody who keeps what it was given.
///
/// Cases: F-11, IO-07
fn the_callers_pipes_end_with_the_caller() {
    let bed = bed();
    let file = bed.options("{daemon_args: [command: [sleep, '600'], rounds]}");
    let mut shell = bed.command("sh");
    shell.env("FIXTURE", bed.fixture()).args([
        "-c",
        r#"out=$("$FIXTURE" start "$1" 2>&1) && echo "$out" | tr -d 0-9 && "$FIXTURE" start "$1" | cat | tr -d 0-9"#,
        "sh",
        &file,
    ]);
    bed.launch_command(shell).finish().says("launched, pid \nalready running, pid");
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}

/// Cases: F-12, F-15, IO-09
fn what_a_worker_writes_does_not_cross_to_others() {
    let bed = bed();
    let worker = |name: &str| {
        format!(
            "{{name: {name}, stdout_filename: {name}.out, stderr_filename: {name}.err, \
             args: [print: {name}, eprint: {name}!, report: {name}.report, rounds]}}"
        )
    };
    let silent = "{name: silent, args: [print: x, eprint: x, report: silent.report, rounds]}";
    let workers = [worker("red"), worker("blue"), silent.to_owned()].join(", ");
    let daemon = bed.start(&format!(
        "{{stdout_filename: out.txt, stderr_filename: err.txt, \
         daemon_args: [{{workers: {{workers: [{workers}]}}}}]}}"
    ));
    for name in ["red", "blue"] {
        bed.report(&format!("{name}.report"));
        assert_eq!(bed.read(format!("{name}.out")), format!("{name}\n"));
        assert_eq!(bed.read(format!("{name}.err")), format!("{name}!\n"));
    }
    let streams = &bed.report("silent.report")["streams"];
    assert_eq!(*streams, serde_json::json!(["/dev/null", "/dev/null", "/dev/null"]));
    daemon.stop();
    assert_eq!(bed.read("out.txt") + &bed.read("err.txt"), "");
    bed.nothing_left();
}
