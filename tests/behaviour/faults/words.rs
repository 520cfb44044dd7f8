//! Words that get lost, or say the wrong thing (kind H).

use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![a_code_that_counts_as_success_is_one_everywhere]
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
