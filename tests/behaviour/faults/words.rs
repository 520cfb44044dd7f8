//! Words that get lost, or say the wrong thing (kind H).

use bed::{Output, TestBed};
use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_directory_that_is_gone_is_missed_by_relative_paths_only,
        a_code_that_counts_as_success_is_one_everywhere,
    ]
}

/// The fixture with this command, in a directory that was removed.
fn from_nowhere(bed: &TestBed, command: &str, file: &str) -> Output {
    let mut shell = bed.command("sh");
    shell.args(["-c", r#"mkdir gone && cd gone && rmdir ../gone && exec "$@""#, "sh"]);
    shell.arg(bed.fixture()).args([command, bed.path(file).to_str().unwrap()]);
    bed.launch_command(shell).finish()
}

/// Case: FLT-H5
fn a_directory_that_is_gone_is_missed_by_relative_paths_only() {
    let bed = bed();
    let path = |name: &str| bed.path(name).to_str().unwrap().to_owned();
    let pool = format!(
        "{{debug_filename: {}, workers: [{{name: red, pid_filename: {}, stdout_filename: {}, \
         args: [print: hello]}}]}}",
        path("debug.json"),
        path("red.pid"),
        path("red.txt"),
    );
    let absolute = format!(
        "pid_filename: {}, stdout_filename: {}, logging_config: {{file: {}}}",
        path("d.pid"),
        path("out.txt"),
        path("d.log"),
    );
    for command in ["start", "run"] {
        let file = bed.options(&format!("{{{absolute}, daemon_args: [{{workers: {pool}}}]}}"));
        from_nowhere(&bed, command, &file).success();
        bed.wait_nobody_left();
        assert_eq!(bed.read("red.txt"), "hello\n", "{command}: {}", bed.scene());
        std::fs::remove_file(bed.path("red.txt")).unwrap();
        assert_eq!(bed.pid_files(), [""; 0]);
    }
    // Each relative path is named.
    let file = bed.options(
        "{stdout_filename: out.txt, stderr_filename: /dev/null, directory: sub, \
         logging_config: {file: d.log, loggers: {x: {file: x.log}}}, capture: {file: c.txt, \
         streams: stderr}}",
    );
    let output = from_nowhere(&bed, "start", &file).fails(&[]);
    for field in [
        "pid_filename `d.pid`",
        "stdout_filename `out.txt`",
        "directory `sub`",
        "logging_config `d.log`",
        "logging_config `x.log`",
        "capture.file `c.txt`",
    ] {
        let problem = format!("{field}: cannot find the current directory that it is relative to");
        assert!(output.stderr.contains(&problem), "{problem}: {output:?}");
    }
    bed.nothing_left();
}

/// Case: FLT-H11
fn a_code_that_counts_as_success_is_one_everywhere() {
    let bed = bed();
    let workers = "{debug_filename: debug.json, restart: never, workers: [\
        {name: red, restart: {restart: on-failure, success: {codes: [3]}}, args: [exit: 3]}, \
        {name: blue, restart: {restart: never, success: {codes: [4]}}, args: [error: [oh]]}]}";
    // Who runs it in the foreground sees the code of the end.
    let options = |workers: &str, code: i32| {
        format!(
            "{{logging_config: {{file: d.log, format: '{{level}} {{message}}'}}, \
             restart: {{restart: on-failure, success: {{codes: [5]}}}}, \
             daemon_args: [{{workers: {workers}}}, exit: {code}]}}"
        )
    };
    let file = bed.options(&options(&workers.replace("error: [oh]", "exit: 4"), 5));
    let output = bed.run(["run", &file]).success();
    assert!(output.stdout.contains("Succeeded"), "{output:?}");
    let log = bed.read("d.log");
    assert!(!log.contains("ERROR"), "{log}");
    assert!(log.contains("INFO worker red, pid "), "{log}");
    assert!(log.contains(" exited with code 3, which counts as success\n"), "{log}");
    assert!(log.contains(" exited with code 5, which counts as success\n"), "{log}");
    let status: serde_json::Value = serde_json::from_str(&bed.read("debug.json")).unwrap();
    let exit = &status["workers"][0]["last_exits"][0];
    assert_eq!(exit["text"], "exited with code 3, which counts as success", "{status}");
    // Another code is still a failure, of the list and of the daemon.
    let output = bed.run([
        "run",
        &bed.options(&options(workers, 5).replace("on-failure, success: {codes: [5]}", "never")),
    ]);
    assert!(output.stdout.contains("worker `blue` returned an error: oh"), "{output:?}");
    bed.nothing_left();
}
