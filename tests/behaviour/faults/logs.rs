//! Logs (kind J), and what others can do to them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

use libtest_mimic::Trial;

use crate::{NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_log_that_a_stranger_has_laid_out_is_refused_before_anything_runs,
        a_log_that_a_stranger_exchanges_is_counted_and_the_daemon_goes_on,
        at_the_largest_size_of_a_file_the_daemon_lives_and_stops,
    ]
}

/// Cases: FLT-A1, FLT-A2, FLT-A3
fn a_log_that_a_stranger_has_laid_out_is_refused_before_anything_runs() {
    if !is_root() {
        eprintln!("skipped: only root can be fooled by the files of others");
        return;
    }
    let mut bed = bed();
    bed.open_to_others();
    bed.tell_of_children();
    let (theirs, secret) = (bed.path("theirs"), bed.write("secret", "secret\n"));
    fs::create_dir(&theirs).unwrap();
    for (name, mode) in [("link", 0o755), ("way", 0o755), ("file", 0o1777)] {
        chown(&theirs, Some(NOBODY), Some(NOBODY)).unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(mode)).unwrap();
        let (place, log) = match name {
            "way" => (theirs.join("way"), "theirs/way/new.log"),
            _ => (theirs.join("d.log"), "theirs/d.log"),
        };
        match name {
            "link" => symlink(&secret, &place).unwrap(),
            "way" => symlink(bed.path(""), &place).unwrap(),
            _ => fs::write(&place, "").unwrap(),
        }
        lchown(&place, Some(NOBODY), Some(NOBODY)).unwrap();
        let file = bed.options(&format!("{{logging_config: {{file: {log}}}}}"));
        bed.run(["start", &file]).fails(&["field `file`", "belongs to user 65534"]);
        fs::remove_file(&place).unwrap();
    }
    assert_eq!(bed.read("secret"), "secret\n");
    bed.expect_no_file("new.log");
    assert_eq!(bed.journal(), [""; 0]);
    bed.nothing_left();
}

/// Case: FLT-A1
fn a_log_that_a_stranger_exchanges_is_counted_and_the_daemon_goes_on() {
    if !is_root() {
        eprintln!("skipped: only root can be fooled by the files of others");
        return;
    }
    let mut bed = bed();
    bed.open_to_others();
    let (theirs, secret) = (bed.path("theirs"), bed.write("secret", "secret\n"));
    fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(NOBODY), Some(NOBODY)).unwrap();
    bed.gate("exchanged");
    let daemon = bed.start(
        "{logging_config: {file: theirs/d.log, format: '{message}'}, stderr_filename: err.txt, \
         daemon_args: [log: [INFO, app, before], gate: exchanged, log: [INFO, app, lost], rounds]}",
    );
    bed.expect_in_file("theirs/d.log", "before");
    let link = theirs.join("link");
    symlink(&secret, &link).unwrap();
    lchown(&link, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::rename(&link, theirs.join("d.log")).unwrap();
    bed.open_gate("exchanged");
    // What cannot be written to the log is shown on standard error.
    bed.expect_in_file("err.txt", "lost");
    daemon.stop();
    assert_eq!(bed.read("secret"), "secret\n");
    bed.nothing_left();
}

/// Case: FLT-G1
fn at_the_largest_size_of_a_file_the_daemon_lives_and_stops() {
    let bed = bed();
    // Whatever the unit is for this shell, less than what follows.
    let lines = format!("log: [INFO, app, {}], ", "x".repeat(200)).repeat(40);
    let options = format!(
        "{{logging_config: {{file: d.log}}, daemon_args: [{lines} rounds], stderr_filename: /dev/null}}"
    );
    let mut command = bed.command("sh");
    command.args(["-c", "ulimit -S -f 4 && exec \"$@\"", "sh"]).arg(bed.fixture());
    command.args(["start", &bed.options(&options)]);
    bed.launch_command(command).finish().success();
    bed.expect_in_file("d.log", "xxxx");
    let guardian = bed.by_pid(bed.pid_of("d.pid"));
    let stop = bed.run(["stop", "d.pid"]);
    bed.wait_gone(&guardian);
    stop.success();
    bed.nothing_left();
}
