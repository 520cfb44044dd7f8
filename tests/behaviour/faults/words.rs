//! Words that get lost, or say the wrong thing (kind H).

use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;

use bed::{Output, TestBed};
use libtest_mimic::Trial;

use crate::{bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        why_an_executor_ended_is_told_though_its_leftovers_outlast_the_start,
        a_directory_that_is_gone_is_missed_by_relative_paths_only,
        a_stop_and_a_status_that_fail_say_why_in_one_line,
        a_failed_launch_is_told_in_one_line_and_each_wrong_option_on_its_own,
        a_code_that_counts_as_success_is_one_everywhere,
        what_cannot_be_seen_in_a_name_is_escaped_in_the_status,
        what_cannot_be_seen_in_a_name_is_escaped_for_who_lists_processes,
        output_to_the_parents_streams_reaches_them,
        a_detached_daemon_is_told_that_it_has_no_streams_of_its_callers,
        a_launcher_that_cannot_start_anything_says_why,
        without_dev_null_the_error_names_it,
        a_program_under_a_linker_or_a_tool_is_told_that,
    ]
}

/// Who is dead misses no start. What it has left is given its time, and killed when that of the start is
/// over; what is told is why it ended.
///
/// Cases: HS-07, FLT-H6
fn why_an_executor_ended_is_told_though_its_leftovers_outlast_the_start() {
    let bed = bed();
    let options = "{start: {ready: told, timeout: 2s}, restart: {restart: never}, grace: 20s, \
         daemon_args: [{command: [sh, '-c', 'trap \"\" TERM; exec sleep 600']}, {error: [the real reason]}]}";
    bed.run(["start", &bed.options(options)]).fails(&["the real reason"]);
    bed.nothing_left();
}

/// The fixture with this command and path, in a directory that was removed.
fn from_nowhere(bed: &TestBed, command: &str, path: &Path) -> Output {
    let mut shell = bed.command("sh");
    shell.args(["-c", r#"mkdir gone && cd gone && rmdir ../gone && exec "$@""#, "sh"]);
    shell.arg(bed.fixture()).arg(command).arg(path);
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
        from_nowhere(&bed, command, &bed.path(file)).success();
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
    let output = from_nowhere(&bed, "start", &bed.path(file)).fails(&[]);
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

/// Cases: FLT-H5, FLT-H7
fn a_stop_and_a_status_that_fail_say_why_in_one_line() {
    let bed = bed();
    bed.write("d.pid", "a: b\n");
    for (command, step) in
        [("stop", "the daemon cannot be stopped"), ("status", "the daemon's status cannot be told")]
    {
        // As a `main` that returns it prints it, and then as a program that prints its `Display`.
        let both = |output: Output, why: &str| {
            let lines: Vec<_> = output.stderr.lines().collect();
            assert_eq!(lines.len(), 2, "{output:?}");
            assert_eq!(lines[0], lines[1]);
            assert!(
                lines[0].starts_with(&format!("{step}: ")) && lines[0].contains(why),
                "{output:?}"
            );
        };
        both(
            bed.run([command, "d.pid"]).fails(&[]),
            "d.pid` is not a pid file and was left as it is",
        );
        both(
            from_nowhere(&bed, command, Path::new("d.pid")).fails(&[]),
            "cannot find the folder of pid file `d.pid`: cannot find the current directory that it is \
             relative to: No such file or directory (os error 2); give an absolute path, or start from \
             a directory that is there",
        );
    }
}

/// Case: FLT-H7
fn a_failed_launch_is_told_in_one_line_and_each_wrong_option_on_its_own() {
    let bed = bed();
    let file = bed.options("{name: a/b, stdout_filename: missing/out.txt, umask: 0o1777}");
    let output = bed.run(["start", &file]).fails(&[]);
    // As a `main` that returns it prints it, and then as a program that prints its `Display`.
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 5, "{output:?}");
    assert_eq!(lines[0], "the daemon could not be launched: 3 options are wrong:");
    assert!(lines[1].starts_with("    name `a/b`: contains `/`"), "{output:?}");
    assert!(lines[2].starts_with("    stdout_filename `"), "{output:?}");
    assert!(lines[3].starts_with("    umask `0o1777`: "), "{output:?}");
    assert!(lines[4].starts_with("the daemon could not be launched: name `a/b`: "), "{output:?}");
    assert!(lines[4].contains("; [3 of 3] umask `"), "{output:?}");

    let panic = bed.options("{start: {ready: told}, daemon_args: [panic: \"one\\ntwo\"]}");
    let output = bed.run(["start", &panic]).fails(&[]);
    let last = output.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("the daemon could not be launched: the executor panicked: one\\ntwo, at "),
        "{output:?}"
    );
    bed.nothing_left();
}

/// Case: FLT-H15
fn what_cannot_be_seen_in_a_name_is_escaped_in_the_status() {
    let bed = bed();
    let fooling = "\u{202e}\u{61c}\u{200b}\u{feff}\u{e0041}";
    // A name has no control characters, but what workers say may.
    let text = format!("{fooling}\u{9b}\u{7f}");
    // JSON is YAML, too.
    let pool = serde_json::json!({
        "restart": "never",
        "debug_filename": "debug.json",
        "workers": [{
            "name": format!("red{fooling}"),
            "pid_filename": "red.pid",
            "args": [{"tell_status": format!("is{text}")}, {"panic": format!("oh{text}")}],
        }],
    });
    bed.write("w.yaml", pool.to_string().replace('\u{9b}', "\\u009b").replace('\u{7f}', "\\u007f"));
    bed.run(["workers", "w.yaml"]);
    let status = bed.read("debug.json");
    assert!(!status.chars().any(|c| text.contains(c)), "{status:?}");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let worker = &status["workers"][0];
    assert_eq!(worker["name"], format!("red{fooling}"));
    assert_eq!(worker["says"], format!("is{text}"));
    assert_eq!(worker["last_exits"][0]["end"]["exited"]["panic"]["message"], format!("oh{text}"));
    bed.nothing_left();
}

/// In its title, its short name and its arguments.
///
/// Case: FLT-H15
fn what_cannot_be_seen_in_a_name_is_escaped_for_who_lists_processes() {
    let bed = bed();
    bed.write(
        "w.yaml",
        "{workers: [{name: \"r\u{202e}d\", pid_filename: r.pid, args: [say: is there, rounds]}]}",
    );
    let pool = bed.launch(["workers", "w.yaml"]);
    bed.expect_in_file("journal", "is there");
    let worker = bed.by_pid(bed.pid_of("r.pid"));
    let shown = |file: &str| {
        let bytes = std::fs::read(format!("/proc/{}/{file}", worker.pid())).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    for file in ["comm", "cmdline"] {
        let text = shown(file);
        assert!(text.contains("r\\u{202e}d") && !text.contains('\u{202e}'), "{file}: {text:?}");
    }
    bed.by_pid(pool.pid()).signal(rustix::process::Signal::TERM);
    pool.finish().success();
    bed.nothing_left();
}

/// By its name, by a link, and by saying so; of a program, of an executor, of each stream.
///
/// Case: FLT-H14
fn output_to_the_parents_streams_reaches_them() {
    let ways = [
        "stdout_filename: /dev/stdout, stderr_filename: /dev/stderr",
        "stdout: inherit, stderr: inherit",
        "stdout_filename: /proc/self/fd/1, stderr_filename: /dev/fd/2",
        "stdout_filename: link, stderr_filename: link-to-stderr",
        "stdout: {file: linked/stdout}, stderr: {file: /dev/stderr}",
    ];
    let workers: Vec<_> = (0..ways.len())
        .map(|n| format!("{{name: w{n}, {}, args: [print: out {n}, eprint: err {n}]}}", ways[n]))
        .collect();
    let workers = format!("{{restart: never, workers: [{}]}}", workers.join(", "));
    let with_links = || {
        let bed = bed();
        symlink("/dev/stdout", bed.path("link")).unwrap();
        symlink("/proc/self/fd/2", bed.path("link-to-stderr")).unwrap();
        symlink("/dev", bed.path("linked")).unwrap();
        bed
    };
    let check = |out: &str, err: &str| {
        for (n, way) in ways.iter().enumerate() {
            assert_eq!(out.matches(&format!("out {n}\n")).count(), 1, "{way}: {out} {err}");
            assert_eq!(err.matches(&format!("err {n}\n")).count(), 1, "{way}: {out} {err}");
        }
    };
    let bed = with_links();
    bed.write("w.yaml", &workers);
    let output = bed.run(["workers", "w.yaml"]).success();
    check(&output.stdout, &output.stderr);

    // Of a daemon's workers the executor's, wherever those lead.
    let bed = with_links();
    let options = format!(
        "{{stdout_filename: out.txt, stderr_filename: err.txt, daemon_args: [{{workers: {workers}}}]}}"
    );
    bed.run(["start", &bed.options(&options)]).success();
    bed.wait_nobody_left();
    check(&bed.read("out.txt"), &bed.read("err.txt"));

    // A stream may go where the other one does.
    let bed = with_links();
    bed.write(
        "w.yaml",
        "{workers: [{name: red, stderr_filename: /dev/stdout, stdout_filename: /dev/stderr, \
         args: [print: crossed out, eprint: crossed err]}]}",
    );
    let output = bed.run(["workers", "w.yaml"]).success();
    assert!(output.stdout.contains("crossed err\n"), "{output:?}");
    assert!(output.stderr.contains("crossed out\n"), "{output:?}");
    bed.nothing_left();

    // What is said by nobody goes nowhere, as before.
    bed.write("w.yaml", "{workers: [{name: red, args: [print: to nobody, eprint: to nobody]}]}");
    let output = bed.run(["workers", "w.yaml"]).success();
    assert!(!format!("{output:?}").contains("to nobody"), "{output:?}");
}

/// Case: FLT-H14
fn a_detached_daemon_is_told_that_it_has_no_streams_of_its_callers() {
    let bed = bed();
    symlink("/dev/stdout", bed.path("link")).unwrap();
    let told =
        "`: a detached daemon has none of its caller's streams; give a file, or use `run_daemon`";
    for (options, field) in [
        ("stdout_filename: /dev/stdout", "stdout_filename `/dev/stdout"),
        ("stderr_filename: /dev/stderr", "stderr_filename `/dev/stderr"),
        ("stderr_filename: /dev/stdout", "stderr_filename `/dev/stdout"),
        ("stdout_filename: link", "/link"),
        ("stdout_filename: /proc/self/fd/1", "stdout_filename `/proc/self/fd/1"),
        ("stdout: inherit", "stdout `inherit"),
        ("stderr: inherit", "stderr `inherit"),
        ("capture: {file: /dev/stdout}", "capture.file `/dev/stdout"),
    ] {
        let file = bed.options(&format!("{{{options}, daemon_args: [print: hello, eprint: oh]}}"));
        bed.run(["start", &file]).fails(&[&format!("{field}{told}")]);
        // In the foreground there are some.
        let output = bed.run(["run", &file]).success();
        let all = format!("{}{}", output.stdout, output.stderr);
        assert!(all.contains("hello\n") && all.contains("oh\n"), "{options}: {output:?}");
    }
    for field in ["stdout_filename", "stderr_filename"] {
        let file = bed.options(&format!("{{{field}: /dev/stdin}}"));
        for command in ["start", "run"] {
            let problem = format!("{field} `/dev/stdin`: is standard input; give a file");
            bed.run([command, &file]).fails(&[&problem]);
        }
    }
    let both = "{stdout: inherit, stdout_filename: out.txt}";
    let problem = "`stdout_filename` is the simple form of `stdout`: give one of them";
    bed.run(["run", &bed.options(both)]).fails(&[problem]);
    let captured = bed.options("{stdout: inherit, capture: {file: c.txt}}");
    bed.run(["run", &captured]).fails(&["stdout `inherit`: the stream is captured; leave it out"]);
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
    let outcome = &status["workers"][0]["outcome"];
    assert_eq!(*outcome, "it exited with code 3, which counts as success", "{status}");
    // Another code is still a failure, of the list and of the daemon.
    let output = bed.run([
        "run",
        &bed.options(&options(workers, 5).replace("on-failure, success: {codes: [5]}", "never")),
    ]);
    assert!(output.stdout.contains("worker `blue` returned an error: oh"), "{output:?}");
    bed.nothing_left();
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
