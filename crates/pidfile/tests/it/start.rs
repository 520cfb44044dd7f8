//! One holder, from the start to the release.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use pidfile::{Error, Existing, Options, PidFile, Probe, probe};

use crate::bed::{Actor, Bed};

/// Cases: PID-01, SEC-06
#[test]
fn a_new_file_holds_exactly_our_pid_and_its_mode_does_not_depend_on_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let bed = Bed::new();
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("umask {umask}; exec \"$0\" hold \"$1\""));
        shell.arg(Actor::command().get_program()).arg(bed.pid_file());
        let actor = Actor::start(shell);
        actor.expect(&format!("held {}", actor.pid()));

        assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), format!("{}\n", actor.pid()));
        let mode = fs::metadata(bed.pid_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644, "with umask {umask}");
        assert_eq!(bed.names(), ["my.pid"]);
    }
}

/// A file must never be seen empty, half written, or without its lock, however often it comes and
/// goes.
///
/// Case: PID-02
#[test]
fn a_file_is_complete_and_locked_from_the_instant_it_appears() {
    let bed = Bed::new();
    let cycling = bed.actor("cycle");
    let held = Probe::Held { pid: Some(cycling.pid()) };
    let mut seen = 0;
    while seen < 500 {
        match fs::read_to_string(bed.pid_file()) {
            Ok(content) => assert_eq!(content, format!("{}\n", cycling.pid())),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
        let found = probe(bed.pid_file()).unwrap();
        assert!(found == held || found == Probe::Absent, "{found:?}");
        seen += u32::from(found == held);
    }
}

/// Case: PID-10
#[test]
fn a_second_start_is_told_who_is_running_and_touches_nothing() {
    let bed = Bed::new();
    let mut first = bed.holder();
    let before = fs::metadata(bed.pid_file()).unwrap();

    let second = PidFile::acquire(bed.pid_file()).unwrap_err();
    assert!(
        matches!(second, Error::Held { pid: Some(pid), .. } if pid == first.pid()),
        "{second:?}"
    );
    bed.actor("hold").expect(&format!(
        "error: pid file `{}` is held by process {}",
        bed.pid_file().display(),
        first.pid()
    ));

    let after = fs::metadata(bed.pid_file()).unwrap();
    let print =
        |file: &fs::Metadata| (file.ino(), file.mtime(), file.mtime_nsec(), file.ctime_nsec());
    assert_eq!(print(&after), print(&before));
    assert!(first.is_alive());
}

#[test]
fn one_process_cannot_hold_it_twice_either() {
    let bed = Bed::new();
    let first = PidFile::acquire(bed.pid_file()).unwrap();
    let second = PidFile::acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(second, Error::Held { pid: Some(pid), .. } if pid == std::process::id()));
    assert!(first.is_in_place().unwrap());
}

/// Case: PID-25
#[test]
fn different_files_do_not_hinder_each_other() {
    let bed = Bed::new();
    let one = PidFile::acquire(bed.path("one.pid")).unwrap();
    let two = PidFile::acquire(bed.path("two.pid")).unwrap();
    assert_eq!(bed.names(), ["one.pid", "two.pid"]);
    one.release().unwrap();
    assert!(two.is_in_place().unwrap());
    assert!(PidFile::acquire(bed.path("two.pid")).is_err());
}

/// Case: PID-15
#[test]
fn a_release_and_a_drop_remove_the_file_and_free_the_lock() {
    let bed = Bed::new();
    for farewell in ["release", "drop"] {
        let mut actor = bed.holder();
        actor.tell(farewell);
        actor.expect(if farewell == "release" { "released" } else { "dropped" });
        assert_eq!(bed.names(), [""; 0]);
        // While the process lives on.
        PidFile::acquire(bed.pid_file()).unwrap().release().unwrap();
        assert!(actor.is_alive());
    }
}

/// Case: PID-13
#[test]
fn starts_and_stops_can_follow_each_other_without_pause() {
    let bed = Bed::new();
    for _ in 0..200 {
        let pid_file = PidFile::acquire(bed.pid_file()).unwrap();
        assert_eq!(bed.names(), ["my.pid"]);
        pid_file.release().unwrap();
        assert_eq!(bed.names(), [""; 0]);
    }
}

/// Case: PID-23
#[test]
fn a_relative_path_is_resolved_when_the_file_is_acquired() {
    let bed = Bed::new();
    fs::create_dir(bed.path("deeper")).unwrap();
    for relative in ["my.pid", "./my.pid", "deeper/../my.pid"] {
        let mut command = Actor::command();
        command.args(["hold-and-move", relative]).current_dir(bed.folder());
        let mut actor = Actor::start(command);
        let line = actor.line();
        assert!(line.starts_with("held /") && line.ends_with("my.pid"), "{line:?}");
        assert!(bed.pid_file().exists());
        // Its working directory is another one by now.
        assert!(actor.end().success());
        assert!(!bed.pid_file().exists());
    }
}

#[test]
fn the_strict_reading_refuses_any_file_that_is_there() {
    let bed = Bed::new();
    let strict = Options::new().existing(Existing::Refuse);
    fs::write(bed.pid_file(), "123\n").unwrap();
    let refused = strict.acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(refused, Error::Exists { number: Some(123), .. }), "{refused:?}");
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), "123\n");

    fs::remove_file(bed.pid_file()).unwrap();
    let first = strict.acquire(bed.pid_file()).unwrap();
    let refused = strict.acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(refused, Error::Held { pid: Some(pid), .. } if pid == first.pid()));
    bed.actor("hold-strictly").expect(&format!(
        "error: pid file `{}` is held by process {}",
        bed.pid_file().display(),
        first.pid()
    ));
}

#[test]
fn a_file_that_was_replaced_by_hand_is_not_ours_to_remove() {
    let bed = Bed::new();
    let first = PidFile::acquire(bed.pid_file()).unwrap();
    assert!(first.is_in_place().unwrap());
    fs::remove_file(bed.pid_file()).unwrap();
    assert!(!first.is_in_place().unwrap());

    let successor = bed.holder();
    assert!(!first.is_in_place().unwrap());
    first.release().unwrap();
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(successor.pid()) });
    assert_eq!(bed.names(), ["my.pid"]);
}

#[test]
fn a_release_after_the_folder_is_gone_is_quiet() {
    let bed = Bed::new();
    fs::create_dir(bed.path("deeper")).unwrap();
    let pid_file = PidFile::acquire(bed.path("deeper/my.pid")).unwrap();
    fs::remove_dir_all(bed.path("deeper")).unwrap();
    assert!(!pid_file.is_in_place().unwrap());
    pid_file.release().unwrap();
}

#[test]
fn descriptors_are_above_the_standard_streams_and_not_inherited() {
    let bed = Bed::new();
    let mut actor = bed.actor("descriptors");
    actor.expect("4 opened, 4 of them kept from children");
    actor.expect("child sees it: false");
    assert!(actor.end().success());

    bed.actor("hold-without-stdio").expect("taken: []");
}
