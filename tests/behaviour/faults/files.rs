//! Who is trusted on the way to a file (kind A).

use std::os::unix::fs::symlink;

use bed::TestBed;
use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        two_options_that_lead_to_one_file_are_refused,
        the_file_of_the_options_is_nothing_else,
        a_status_file_that_is_another_file_is_refused,
        a_status_file_that_is_the_daemons_own_is_refused,
    ]
}

/// A start that is refused, and leaves no file that was not there.
#[track_caller]
fn refused(bed: &TestBed, options: &str, parts: &[&str]) {
    let file = bed.options(options);
    let before = bed.names();
    for command in ["start", "run"] {
        bed.run([command, &file]).fails(parts);
        assert_eq!(bed.names(), before, "a file came into being");
    }
    bed.wait_nobody_left();
}

/// Case: FLT-A6
fn two_options_that_lead_to_one_file_are_refused() {
    let bed = bed();
    bed.write("sub/there", "");
    symlink("sub", bed.path("linked")).unwrap();
    symlink("new.pid", bed.path("sub/dangling")).unwrap();
    std::fs::hard_link(bed.path("sub/there"), bed.path("sub/second-name")).unwrap();
    let pid_file = "d.pid`, which is the pid file too; give another file";
    for path in ["sub/../d.pid", "linked/../d.pid"] {
        for field in ["stdout_filename", "stderr_filename"] {
            refused(
                &bed,
                &format!("{{{field}: {path}}}"),
                &[&format!("{field} `"), path, pid_file],
            );
        }
        let logging =
            format!("{{logging_config: {{file: x.log, loggers: {{x: {{file: {path}}}}}}}}}");
        refused(&bed, &logging, &["logging_config `", pid_file]);
        let capture = format!("{{capture: {{file: {path}}}}}");
        refused(&bed, &capture, &["capture.file `", "which is the pid_filename too"]);
    }
    for (pid_file, path) in [
        ("sub/new.pid", "linked/new.pid"),
        ("sub/new.pid", "linked/dangling"),
        ("linked/there", "sub/there"),
        ("linked/there", "sub/second-name"),
    ] {
        let options = format!("{{pid_filename: {pid_file}, stdout_filename: {path}}}");
        refused(&bed, &options, &["stdout_filename `", "which is the pid file too"]);
    }
    // Both streams may have one, whatever it is called.
    let daemon = bed.start("{stdout_filename: out.txt, stderr_filename: linked/../out.txt}");
    daemon.stop();
    bed.write(
        "w.yaml",
        "{workers: [{name: red}, {name: blue, pid_filename: sub/../red.pid}, \
         {name: grey, stdout_filename: linked/../blue.txt}, \
         {name: green, capture: {file: blue.txt}}]}",
    );
    bed.run(["workers", "w.yaml"]).fails(&[
        "workers[1].pid_filename `",
        "red.pid`, which is the pid file of workers[0] too; each needs its own",
        "workers[3].capture.file `",
        "blue.txt`, which is the stdout_filename of workers[2] too; give another file",
    ]);
}

/// The log would be appended to the options, which can then never be read again.
///
/// Case: FLT-A6
fn the_file_of_the_options_is_nothing_else() {
    let bed = bed();
    symlink("d.yaml", bed.path("link")).unwrap();
    let too = "the options file too; give another file";
    for path in ["d.yaml", "./d.yaml", "link"] {
        for (options, field) in [
            (format!("{{logging_config: {{file: {path}}}}}"), "logging_config `"),
            (format!("{{stdout_filename: {path}}}"), "stdout_filename `"),
            (format!("{{stderr: {{file: {path}}}}}"), "stderr_filename `"),
            (format!("{{capture: {{file: {path}}}}}"), "capture.file `"),
        ] {
            refused(&bed, &options, &[field, too]);
        }
    }
    let pool = "{debug_filename: d.yaml, workers: [{name: red, stdout_filename: link}, \
                {name: blue, pid_filename: d.yaml}]}";
    let options =
        format!("{{logging_config: {{file: d.log}}, daemon_args: [{{workers: {pool}}}]}}");
    let file = bed.options(&options);
    let before = bed.read(&file);
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    let log = bed.read("d.log");
    for field in ["debug_filename `", "workers[0].stdout_filename `", "workers[1].pid_filename `"] {
        assert!(log.contains(field), "{field} {log}");
    }
    assert!(log.contains("the options file of the process above too; give another file"), "{log}");
    assert_eq!(bed.read(&file), before);
    bed.nothing_left();
}

/// It is replaced whole, and so would they be.
///
/// Case: FLT-H13
fn a_status_file_that_is_another_file_is_refused() {
    let bed = bed();
    std::fs::create_dir(bed.path("sub")).unwrap();
    for (worker, field) in [
        ("pid_filename: it", "pid_filename"),
        ("stdout_filename: it", "stdout_filename"),
        ("stderr_filename: it", "stderr_filename"),
        ("logging_config: {file: it}", "logging_config"),
        ("logging_config: {file: a, loggers: {x: {file: it}}}", "logging_config"),
    ] {
        for status in ["it", "sub/../it"] {
            let pool = format!(
                "{{debug_filename: {status}, workers: [{{name: red}}, {{name: blue, {worker}}}]}}"
            );
            bed.write("w.yaml", pool);
            let problem = format!("the {field} of workers[1] too; give another file");
            bed.run(["workers", "w.yaml"]).fails(&["debug_filename `", &problem]);
        }
    }
    let pool = "{debug_filename: it, workers: [{name: red, capture: {file: sub/../it}}]}";
    bed.write("w.yaml", pool);
    bed.run(["workers", "w.yaml"]).fails(&[
        "workers[0].capture.file `",
        "which is the debug_filename too; give another file",
    ]);
    assert_eq!(bed.names(), ["sub", "w.yaml"]);
    bed.nothing_left();
}

/// Case: FLT-H13
fn a_status_file_that_is_the_daemons_own_is_refused() {
    for (path, field) in [
        ("d.pid", "pid_filename"),
        ("sub/../d.log", "logging_config"),
        ("x.log", "logging_config"),
        ("out.txt", "stdout_filename"),
        ("err.txt", "capture.file"),
    ] {
        let bed = bed();
        std::fs::create_dir(bed.path("sub")).unwrap();
        let options = format!(
            "{{logging_config: {{file: d.log, loggers: {{x: {{file: x.log}}}}}}, \
             stdout_filename: out.txt, capture: {{file: err.txt, streams: stderr}}, \
             daemon_args: [{{workers: {{debug_filename: {path}, workers: [{{name: red}}]}}}}]}}"
        );
        bed.run(["start", &bed.options(&options)]).success();
        bed.wait_nobody_left();
        let problem = format!("the {field} of the process above too; give another file");
        let log = bed.read("d.log");
        assert!(log.contains("debug_filename `") && log.contains(&problem), "{problem}: {log}");
        bed.nothing_left();
    }
    // What is appended to is shared by all.
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, stderr_filename: err.txt, daemon_args: [{workers: \
         {debug_filename: debug.json, workers: [{name: red, logging_config: {file: d.log}, \
         stderr_filename: err.txt}]}}]}",
    );
    bed.expect("worker red started, run 1");
    daemon.stop();
    bed.nothing_left();
}
