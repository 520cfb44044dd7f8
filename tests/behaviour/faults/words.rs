//! Words that get lost, or say the wrong thing (kind H).

use std::os::unix::process::CommandExt;
use std::path::Path;

use bed::Output;
use libtest_mimic::Trial;

use crate::{bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_code_that_counts_as_success_is_one_everywhere,
        a_launcher_that_cannot_start_anything_says_why,
        without_dev_null_the_error_names_it,
        a_program_under_a_linker_or_a_tool_is_told_that,
    ]
}

/// A user of whom nothing else runs: another for each test.
fn lonely(test: u32) -> u32 {
    1_000_000 + 10 * std::process::id() + test
}

/// The caller and the launcher are two; a third is not let through. What the launcher says of it comes
/// over a socket in which the guardian's payload is left unread.
///
/// Case: FLT-H1
fn a_launcher_that_cannot_start_anything_says_why() {
    if !is_root() {
        eprintln!("skipped: only root can be a user of whom nothing else runs");
        return;
    }
    let mut bed = bed();
    bed.open_to_others();
    let file = bed.options("{}");
    for _ in 0..20 {
        let mut command = bed.command("sh");
        // bash and others say it with `-u`.
        let limit = r#"ulimit -u 2 2>/dev/null || ulimit -p 2; exec "$@""#;
        command.args(["-c", limit, "sh"]).arg(bed.fixture()).args(["start", &file]);
        command.uid(lonely(1)).gid(lonely(1));
        bed.launch_command(command).finish().fails(&[
            "the launcher could not be set up: launch: cannot execute `/proc/self/exe`: Resource",
        ]);
        bed.nothing_left();
    }
}

/// Case: FLT-H4
fn without_dev_null_the_error_names_it() {
    if !is_root() {
        eprintln!("skipped: only root can have a /dev of its own");
        return;
    }
    let mounts = [
        ("mount -t tmpfs none /dev", "No such file or directory", 0),
        (": >null; chmod 600 null; mount --bind null /dev/null", "Permission denied", lonely(2)),
    ];
    for (mount, why, user) in mounts {
        let mut bed = bed();
        bed.open_to_others();
        let file = bed.options("{}");
        let mut command = bed.command("unshare");
        let shell =
            format!(r#"{mount} && exec setpriv --reuid {user} --regid {user} --clear-groups "$@""#);
        command.args(["-m", "sh", "-c", &shell, "sh"]).arg(bed.fixture()).args(["start", &file]);
        let output = bed.launch_command(command).finish();
        if is_of_the_tools(&output) {
            eprintln!("skipped: no mount namespace can be made here: {}", output.stderr.trim());
            return;
        }
        output.fails(&[&format!("cannot open `/dev/null`: {why}")]);
        bed.nothing_left();
    }
}

fn is_of_the_tools(output: &Output) -> bool {
    ["unshare:", "mount:", "setpriv:"].iter().any(|tool| output.stderr.contains(tool))
}

/// Case: FLT-H6
fn a_program_under_a_linker_or_a_tool_is_told_that() {
    let linkers = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
    let Some(linker) = linkers.into_iter().find(|path| Path::new(path).exists()) else {
        eprintln!("skipped: no dynamic linker at a place that is known here");
        return;
    };
    let bed = bed();
    let program = bed.fixture().display();
    let file = bed.options("{}");
    for (word, who) in [("start", "launcher"), ("run", "executor")] {
        let mut command = bed.command(linker);
        command.arg(bed.fixture()).args([word, &file]);
        bed.launch_command(command).finish().fails(&[
            &format!("the {who} exited with code"),
            &format!("`/proc/self/exe` is another program than `{program}`"),
            "ld-linux",
        ]);
        bed.nothing_left();
    }
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
