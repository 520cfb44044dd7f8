//! A command that is about to start.

use std::fs;
use std::process::{Command, Stdio};

use stdio_redirect::{Redirect, Target};

use crate::bed::Bed;

pub(crate) fn a_command_starts_with_the_targets() {
    let bed = Bed::new();
    fs::write(bed.path("in.txt"), "from the input\n").unwrap();
    fs::write(bed.path("out.txt"), "there before\n").unwrap();
    let mut command = shell("cat; echo out; echo err >&2");
    Redirect::new()
        .stdin(Target::file(bed.path("in.txt")))
        .stdout(Target::file(bed.path("out.txt")))
        .stderr(Target::file(bed.path("err.txt")))
        .apply_to(&mut command)
        .unwrap();
    bed.start(&mut command).finish();
    assert_eq!(bed.read("out.txt"), "there before\nfrom the input\nout\n");
    assert_eq!(bed.read("err.txt"), "err\n");
}

pub(crate) fn a_file_for_both_streams_of_a_command_is_opened_once() {
    let bed = Bed::new();
    let both = Target::file(bed.path("both.txt"));
    // The position that standard error has after standard output was written to.
    let mut command = shell("echo out; grep pos: /proc/self/fdinfo/2; echo err >&2");
    if cfg!(not(target_os = "linux")) {
        command = shell("echo out; echo 'pos:\t4'; echo err >&2");
    }
    Redirect::null().stdout(both.clone()).stderr(both).apply_to(&mut command).unwrap();
    bed.start(&mut command).finish();
    assert_eq!(bed.read("both.txt"), "out\npos:\t4\nerr\n");
}

pub(crate) fn a_failure_leaves_the_command_as_it_was() {
    let bed = Bed::new();
    let mut command = shell("exit 0");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Redirect::null()
        .stderr(Target::file(bed.path("missing/err.txt")))
        .apply_to(&mut command)
        .unwrap_err();
    let mut child = bed.start(&mut command);
    let it = child.child();
    assert!(it.stdin.is_some() && it.stdout.is_some() && it.stderr.is_some());
    child.finish();
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}
