//! Bad input: a clear answer that names field, value and what would be right, all of it at once,
//! before there is any process or file.

use bed::TestBed;
use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        everything_wrong_with_the_options_is_told_at_once,
        a_path_that_can_be_no_file_is_refused,
        a_path_of_the_wrong_kind_is_refused,
        a_path_relative_to_nowhere_is_refused,
        a_pid_file_in_a_missing_folder_is_refused,
        durations_below_zero_and_beyond_reason_are_refused,
        durations_of_zero_and_for_ever_are_fine,
        names_that_would_fool_somebody_are_refused,
        yaml_that_cannot_be_read_is_told_with_line_and_column,
        unknown_keys_are_told_with_line_and_column,
        wrong_logging_configurations_are_refused,
        a_program_without_init_is_told_what_to_do,
        a_test_binary_is_told_what_to_do,
        a_child_started_by_hand_is_refused,
    ]
}

/// A start that is refused: nothing was started, and no file came into being.
#[track_caller]
fn refused(bed: &TestBed, options: &str, parts: &[&str]) {
    bed.tell_of_children();
    let file = bed.options(options);
    refused_file(bed, &file, parts);
}

#[track_caller]
fn refused_file(bed: &TestBed, file: &str, parts: &[&str]) {
    let before = bed.names();
    for command in ["start", "run"] {
        bed.run([command, file]).fails(parts);
        assert_eq!(bed.names(), before, "a file came into being");
        assert_eq!(bed.processes().len(), 0);
    }
}

/// Case: CFG-01
fn everything_wrong_with_the_options_is_told_at_once() {
    refused(
        &bed(),
        "{pid_filename: missing/d.pid, daemon_entry: 'fixture:nothing', name: 'a/b', \
         stdout_filename: missing/out.txt, stderr_filename: '', logging_config: {format: '{x}'}, \
         restart_interval: 1000000d, grace: 1000000d, start_timeout: 1000000d, directory: missing, \
         umask: 0o1777, env: {'A=B': x, '': y}}",
        &[
            "daemon_entry `fixture:nothing`: unknown entry",
            "pid_filename `",
            "missing/d.pid`: the folder `",
            "` does not exist; create it first",
            "name `a/b`: contains `/`; leave it out",
            "stdout_filename `",
            "stderr_filename ``: ",
            "logging_config",
            "restart_interval `",
            "grace `",
            "start_timeout `",
            "longer than 100 years; give less, or Duration::MAX for ever",
            "directory `",
            "missing`: no such folder; give one that exists",
            "umask `0o1777`: has bits beyond 0o777",
            "env `A=B`: a variable's name has a `=` in it; give one without",
            "env ``: a variable has no name; give it one",
        ],
    );
}

/// Case: CFG-01
fn a_path_that_can_be_no_file_is_refused() {
    for field in ["pid_filename", "stdout_filename", "stderr_filename"] {
        refused(&bed(), &format!("{{{field}: ''}}"), &[&format!("{field} ``: "), "empty"]);
        refused(&bed(), &format!("{{{field}: \"a\\0b\"}}"), &[&format!("{field} `"), "NUL"]);
        refused(&bed(), &format!("{{{field}: 'sub/'}}"), &[&format!("{field} `"), "folder"]);
    }
    // What one file is for, another cannot be.
    refused(&bed(), "{stdout_filename: d.pid}", &["stdout_filename `", "is the pid file too"]);
    refused(
        &bed(),
        "{logging_config: {file: d.pid}}",
        &["logging_config `", "is the pid file too; give another file"],
    );
}

/// Case: PID-21
fn a_path_of_the_wrong_kind_is_refused() {
    let bed = bed();
    bed.gate("fifo");
    bed.write("folder/empty", "");
    std::os::unix::fs::symlink("nowhere", bed.path("dangling")).unwrap();
    refused(&bed, "{pid_filename: folder}", &["pid_filename `", "folder`: is a folder"]);
    refused(&bed, "{pid_filename: fifo}", &["fifo`"]);
    refused(&bed, "{pid_filename: /dev/null}", &["/dev/null`"]);
    refused(&bed, "{stdout_filename: folder}", &["stdout_filename `", "folder`: it is a folder"]);
    // A pipe is fine for output, if only there is somebody who reads it.
    let file = bed.options("{stdout_filename: fifo}");
    bed.run(["start", &file]).fails(&["redirect", "fifo` as standard output", "nobody reads"]);
    bed.nothing_left();
    std::fs::remove_file(bed.path("journal")).unwrap();
    refused(&bed, "{logging_config: {file: folder}}", &["logging_config `", "folder"]);
    refused(&bed, "{directory: folder/empty}", &["directory `", "no such folder"]);
    refused(&bed, "{pid_filename: folder/empty/d.pid}", &["pid_filename `", "is not a folder"]);
}

/// The caller's directory is gone, so there is nothing that a path could be relative to.
fn a_path_relative_to_nowhere_is_refused() {
    let bed = bed();
    bed.tell_of_children();
    let file = bed.options("{}");
    let mut shell = bed.command("sh");
    shell.args(["-c", r#"mkdir gone && cd gone && rmdir ../gone && exec "$@""#, "sh"]);
    shell.arg(bed.fixture()).args(["start", bed.path(file).to_str().unwrap()]);
    bed.launch_command(shell).finish().fails(&["cannot find the current directory"]);
    assert_eq!(bed.journal(), [""; 0]);
    bed.nothing_left();
}

/// Case: PID-19
fn a_pid_file_in_a_missing_folder_is_refused() {
    let bed = bed();
    refused(
        &bed,
        "{pid_filename: run/appkit/d.pid}",
        &["pid_filename `", "run/appkit` does not exist; create it first"],
    );
}

/// Case: CFG-03
fn durations_below_zero_and_beyond_reason_are_refused() {
    for field in ["restart_interval", "grace", "start_timeout"] {
        for (value, part) in [
            ("-1", "`-1` is negative"),
            ("-0.5", "-0.5"),
            ("'-5s'", "`-5s` is negative"),
            (
                "soon",
                "`soon` is no span of time; give seconds, or a number with ms, s, min, h or d, or `forever`",
            ),
            ("'5 parsecs'", "`5 parsecs` is no span of time"),
            (".nan", "NaN"),
            ("[1]", "a span of time: seconds as a number, or a text like `50ms`"),
        ] {
            let options = format!("{{{field}: {value}}}");
            refused(&bed(), &options, &[part, field, " at line ", " column "]);
        }
        refused(&bed(), &format!("{{{field}: 1000000d}}"), &[&format!("{field} `"), "100 years"]);
    }
}

/// Case: CFG-03
fn durations_of_zero_and_for_ever_are_fine() {
    // As many seconds as there can be is what `Duration::MAX` is in YAML.
    for options in
        ["{restart_interval: 0, grace: 0s}", "{restart_interval: 0ms, start_timeout: 1h}"]
    {
        let bed = bed();
        bed.start(options).stop();
        assert_eq!(bed.processes().len(), 0);
    }
    let bed = bed();
    bed.write("before-executor", "[park]");
    bed.run(["start", &bed.options("{start_timeout: 0}")]).fails(&["was not ready within "]);
    bed.nothing_left();
}

/// Case: CFG-01
fn names_that_would_fool_somebody_are_refused() {
    let long = "x".repeat(101);
    for (name, part) in [
        ("", "name ``: empty; give it a name"),
        ("a/b", "name `a/b`: contains `/`; leave it out"),
        ("..", "name `..`: stands for a folder"),
        ("a\\0b", "name `a\\0b`: contains a control character (or NUL)"),
        ("a\\nb", "name `a\\nb`: contains a control character"),
        (&long, "longer than 100 bytes"),
    ] {
        refused(&bed(), &format!("{{name: \"{name}\"}}"), &[part]);
    }
    // One that nobody has given.
    let told =
        "comes from the pid file's name: longer than 100 bytes; give a shorter one, by `name`";
    refused(&bed(), &format!("{{pid_filename: {long}.pid}}"), &["name `xxx", told]);
}

fn yaml_that_cannot_be_read_is_told_with_line_and_column() {
    let bed = bed();
    bed.write("bad.yaml", "pid_filename: d.pid\ndaemon_entry: a: b\n");
    refused_file(&bed, "bad.yaml", &["bad.yaml` cannot be read", "line 2 column "]);
    bed.write("bad.yaml", "pid_filename: d.pid\ndaemon_entry: fixture:ok\numask: much\n");
    refused_file(
        &bed,
        "bad.yaml",
        &[
            "bad.yaml` cannot be read",
            "expected permission bits like `0o022`, or `inherit`",
            "umask",
            "line 3 column 8",
        ],
    );
    bed.write("bad.yaml", "daemon_entry: fixture:ok\n");
    refused_file(&bed, "bad.yaml", &["bad.yaml` cannot be read", "missing field `pid_filename`"]);
    bed.write("bad.yaml", b"pid_filename: \xff\n");
    refused_file(&bed, "bad.yaml", &["bad.yaml`"]);
    refused_file(&bed, "missing.yaml", &["cannot read `missing.yaml`", "No such file"]);
}

fn unknown_keys_are_told_with_line_and_column() {
    let bed = bed();
    bed.write("bad.yaml", "pid_filename: d.pid\ndaemon_entry: fixture:ok\nrestart_intervall: 5\n");
    refused_file(
        &bed,
        "bad.yaml",
        &["unknown field `restart_intervall`", "restart_interval", "line 3 column 1"],
    );
    bed.write(
        "bad.yaml",
        "pid_filename: d.pid\ndaemon_entry: fixture:ok\nlogging_config:\n  levle: info\n",
    );
    refused_file(&bed, "bad.yaml", &["unknown field `levle`", "line 4"]);
}

fn wrong_logging_configurations_are_refused() {
    refused(&bed(), "{logging_config: {level: loud}}", &["loud", "line "]);
    refused(&bed(), "{logging_config: {filters: {x: loud}}}", &["loud"]);
    refused(&bed(), "{logging_config: {keep: -1}}", &["keep"]);
    refused(&bed(), "{logging_config: {format: '{mesage}'}}", &["logging_config", "mesage"]);
    refused(&bed(), "{logging_config: {file: missing/d.log}}", &["logging_config `", "missing"]);
    refused(&bed(), "{logging_config: {file: ''}}", &["logging_config"]);
}

fn a_program_without_init_is_told_what_to_do() {
    let bed = bed();
    bed.tell_of_children();
    let file = bed.options("{}");
    for command in ["start", "run"] {
        bed.run([command, &file, "--without-init"]).fails(&[
            "this program has not called `init`: make `init(entries![…])` the first line of `main`",
        ]);
    }
    bed.write("w.yaml", "{workers: [{name: red}]}");
    bed.run(["workers", "w.yaml", "--without-init"]).fails(&["has not called `init`"]);
    assert_eq!(bed.journal(), [""; 0]);
    bed.nothing_left();
}

/// This is one, and it must not run itself again.
fn a_test_binary_is_told_what_to_do() {
    fn entry() {}
    let bed = bed();
    let options = appkit::DaemonOptions::new(bed.path("d.pid"), entry, ());
    let error = appkit::start_daemon(options).unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("A test binary has no `main` of its own"), "{text}");
    assert!(text.contains("`harness = false`"), "{text}");
    assert_eq!(bed.names(), [""; 0]);
}

fn a_child_started_by_hand_is_refused() {
    let bed = bed();
    let output = bed.run(["--proc-spawn-child=0123456789abcdef", "executor"]);
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(
        output.stderr.contains("is for processes that this program starts itself"),
        "{output:?}"
    );
    assert_eq!(bed.names(), [""; 0]);
}
