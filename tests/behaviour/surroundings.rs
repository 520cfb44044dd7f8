//! A machine that is full, closed, or not what it looks like: the answer is true, or says why not,
//! nobody else is signalled, and nothing of anybody else is changed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::process::Stdio;

use bed::{Running, TestBed};
use libtest_mimic::Trial;

use crate::{NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_full_disk_fails_the_launch_and_nothing_is_left,
        a_read_only_file_system_fails_the_launch,
        a_file_system_without_locks_is_told_by_every_question,
        files_and_links_of_strangers_are_refused_and_left_alone,
        without_proc_a_start_is_refused_and_a_stop_works,
        with_a_proc_of_another_namespace_only_the_kernel_is_believed,
        the_daemon_of_another_pid_namespace_is_signalled_by_its_number_here_or_asked,
    ]
}

/// A shell in namespaces of its own, in the bed's folder: `$0` is the fixture, `$1` the folder.
fn unshared(bed: &TestBed, options: &[&str], script: &str) -> Running {
    let mut command = bed.command("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(options).args(["--", "sh", "-ec", script]).arg(bed.fixture()).arg(bed.path(""));
    bed.launch_command(command)
}

/// Whether such a script runs at all here; says so if not.
fn can(options: &[&str], script: &str) -> bool {
    let works = unshared(&bed(), options, script).finish().status.success();
    if !works {
        eprintln!("skipped: no such namespaces here: unshare {options:?}");
    }
    works
}

const MOUNT: &[&str] = &["--mount"];

/// Case: PID-20
fn a_full_disk_fails_the_launch_and_nothing_is_left() {
    let prepare = "mkdir \"$1/small\"; mount -t tmpfs -o size=4k none \"$1/small\"; \
                   echo full > \"$1/small/file\"";
    if !can(MOUNT, prepare) {
        return;
    }
    let bed = bed();
    let file = bed.options("{pid_filename: small/d.pid}");
    let script = format!("{prepare}; \"$0\" start {file} || {{ ls -A small; exit 1; }}");
    let output = unshared(&bed, MOUNT, &script).finish();
    let output = output.fails(&["cannot write pid file", "small/d.pid", "No space left on device"]);
    assert_eq!(output.stdout, "file\n");
    assert_eq!(bed.journal(), [""; 0]);
    bed.nothing_left();
}

/// Case: PID-20
fn a_read_only_file_system_fails_the_launch() {
    let prepare = "mkdir \"$1/closed\"; mount -t tmpfs none \"$1/closed\"; \
                   echo 1 > \"$1/closed/old.pid\"; mount -o remount,ro \"$1/closed\"";
    if !can(MOUNT, prepare) {
        return;
    }
    for (name, step) in [("d.pid", "cannot create pid file"), ("old.pid", "cannot take over")] {
        let bed = bed();
        let file = bed.options(&format!("{{pid_filename: closed/{name}}}"));
        let script = format!("{prepare}; exec \"$0\" start {file}");
        let output = unshared(&bed, MOUNT, &script).finish();
        output.fails(&[step, name, "Read-only file system"]);
        assert_eq!(bed.journal(), [""; 0]);
        bed.nothing_left();
    }
}

/// As strace has it answer: what locks a file fails as it does where there are no locks.
///
/// Case: PID-27
fn a_file_system_without_locks_is_told_by_every_question() {
    let bed = bed();
    bed.write("d.pid", "1\n");
    let file = bed.options("{}");
    let strace = |args: &[&str]| {
        let mut command = bed.command("strace");
        command.args(["-qq", "-o", "/dev/null", "-e", "inject=fcntl:error=ENOLCK"]).args(args);
        command
    };
    let mut trial = strace(&["true"]);
    if !trial.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|end| end.success()) {
        eprintln!("skipped: no strace");
        return;
    }
    let fixture = bed.fixture().display().to_string();
    for words in [["start", &file], ["status", "d.pid"], ["stop", "d.pid"]] {
        let output = bed.launch_command(strace(&[&[fixture.as_str()][..], &words].concat()));
        output.finish().fails(&["d.pid` has no locks"]);
    }
    assert_eq!(bed.read("d.pid"), "1\n");
    assert_eq!(bed.journal(), [""; 0]);
}

/// In a folder like /tmp.
///
/// Case: SEC-03
fn files_and_links_of_strangers_are_refused_and_left_alone() {
    if !is_root() {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    let bed = bed();
    let dear = bed.write("dear", "dear\n");
    bed.write("open/foreign.pid", "1\n");
    bed.write("open/out.txt", "theirs\n");
    fs::set_permissions(bed.path("open"), fs::Permissions::from_mode(0o1777)).unwrap();
    for name in ["foreign.pid", "out.txt"] {
        chown(bed.path("open").join(name), Some(NOBODY), None).unwrap();
    }
    for name in ["link.pid", "link.txt"] {
        symlink(&dear, bed.path("open").join(name)).unwrap();
        lchown(bed.path("open").join(name), Some(NOBODY), None).unwrap();
    }
    for (options, name) in [
        ("{pid_filename: open/foreign.pid}", "foreign.pid"),
        ("{pid_filename: open/link.pid}", "link.pid"),
        ("{stdout_filename: open/link.txt}", "link.txt"),
        ("{stderr_filename: open/link.txt, logging_config: {file: d.log}}", "link.txt"),
        ("{logging_config: {file: open/link.txt}}", "link.txt"),
    ] {
        bed.run(["start", &bed.options(options)]).fails(&[name]);
        assert_eq!(bed.times("executor started, run 1"), 0, "{options}");
    }
    for name in ["open/foreign.pid", "open/link.pid"] {
        bed.run(["status", name]).fails(&[name]);
        bed.run(["stop", name]).fails(&[name]);
    }
    assert_eq!(bed.read("dear"), "dear\n");
    assert_eq!(bed.read("open/foreign.pid"), "1\n");
    assert_eq!(bed.read("open/out.txt"), "theirs\n");
    assert_eq!(fs::read_link(bed.path("open/link.pid")).unwrap(), dear);
    assert!(!bed.path("d.pid").exists());
}

/// As in a chroot that has none. We cannot execute ourselves there, nor verify whom we would signal.
///
/// Case: SEC-04
fn without_proc_a_start_is_refused_and_a_stop_works() {
    let prepare = "mount -t tmpfs none /proc";
    if !can(MOUNT, prepare) {
        return;
    }
    let bed = bed();
    let file = bed.options("{}");
    let inside = |command: &str| {
        unshared(&bed, MOUNT, &format!("{prepare}; exec \"$0\" {command}")).finish()
    };
    inside(&format!("start {file}")).fails(&["cannot execute `/proc/self/exe`"]);
    bed.nothing_left();
    inside("status d.pid").says("NotRunning { stale: false }");
    inside("stop d.pid").says("not running");

    let daemon = bed.start("{}");
    inside("status d.pid").says(&format!("Running {{ pid: Some({}) }}", daemon.pid()));
    inside(&format!("start {file}")).says(&format!("already running, pid {}", daemon.pid()));
    inside("stop d.pid").says(&format!("stopped, pid was {}", daemon.pid()));
    bed.nothing_left();
}

/// In a pid namespace of our own under the /proc of the one above, in which our numbers are others'.
///
/// Case: SEC-04
fn with_a_proc_of_another_namespace_only_the_kernel_is_believed() {
    let foreign_proc = &["--pid", "--fork", "--kill-child"];
    if !can(foreign_proc, "true") {
        return;
    }
    let bed = bed();
    let file = bed.options("{grace: 2s}");
    // The shell is process 1 there, and lives until its input ends.
    let script = format!(
        "\"$0\" start {file}; \"$0\" start {file}; \"$0\" status d.pid; touch asked; read -r _; \
         \"$0\" stop d.pid; read -r _"
    );
    let mut inside = unshared(&bed, foreign_proc, &script);
    bed.expect_file("asked");
    // A daemon like any. /proc would tell of another process by its number; the kernel does not.
    let guardian = bed.process("guardian d");
    assert!(guardian.is_alive());
    let pid = bed.pid_of("d.pid");
    assert_ne!(pid, guardian.pid());
    assert_eq!(bed.times("executor asked to quit: stop, run 1"), 0);
    inside.say("");
    bed.wait_gone(&guardian);
    bed.expect_no_file("d.pid");
    inside.say("");
    let output = inside.finish().success();
    assert_eq!(
        output.stdout,
        format!(
            "launched, pid {pid}\nalready running, pid {pid}\nRunning {{ pid: Some({pid}) }}\n\
             stopped, pid was {pid}\n"
        )
    );
    assert_eq!(bed.times("executor finished, run 1"), 1);
    bed.nothing_left();
}

/// Two containers that share a folder.
///
/// Case: SEC-04
fn the_daemon_of_another_pid_namespace_is_signalled_by_its_number_here_or_asked() {
    let container = &["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    if !can(container, "true") {
        return;
    }
    let bed = bed();
    let file = bed.options("{}");
    let daemon = bed.start("{}");
    let pid = daemon.pid();
    for (command, expected) in [
        ("status d.pid".to_owned(), format!("Running {{ pid: Some({pid}) }}")),
        (format!("start {file}"), format!("already running, pid {pid}")),
    ] {
        unshared(&bed, container, &format!("\"$0\" {command}")).finish().says(&expected);
    }
    let stop = "\"$0\" stop d.pid; code=$?; exit $code";
    let silent = bed.start_of("silent", "{control: {socket: false}}");
    let refused = unshared(&bed, container, &stop.replace("d.pid", "silent.pid")).finish();
    refused.fails(&["cannot verify who holds", "silent.pid"]);
    assert!(silent.guardian().is_alive());
    silent.stop();
    // The other way round: the number in the file is one of in there, which is somebody else here; the
    // kernel tells the one that it has here.
    let other = bed.options_of("other", "{}");
    let inside = unshared(&bed, container, &format!("\"$0\" start {other}; read -r _"));
    bed.expect("executor other started, run 1");
    // Not before: until it executes itself, its executor has the same title.
    let guardian = bed.process("guardian other");
    bed.run(["stop", "other.pid"]).says(&format!("stopped, pid was {}", guardian.pid()));
    bed.wait_gone(&guardian);
    assert!(daemon.guardian().is_alive());
    inside.finish();
    // One that answers by its socket can be asked to stop from there, too.
    unshared(&bed, container, stop).finish().says(&format!("stopped, pid was {pid}"));
    daemon.wait_gone();
    bed.nothing_left();
}
