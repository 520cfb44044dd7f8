//! Files that nobody holds: whatever is in them, the next start gets through.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pidfile::{
    Error, Options, PidFile, Probe, check_content, holder, probe, remove_stale, try_remove_stale,
};
use proptest::prelude::*;

use crate::bed::{Actor, Bed};

#[track_caller]
fn check(content: &[u8], number: Option<u32>) {
    let bed = Bed::new();
    fs::write(bed.pid_file(), content).unwrap();
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Stale { number });
    assert_eq!(holder(bed.pid_file()).unwrap().map(|holder| holder.pid()), None);

    let pid_file = PidFile::acquire(bed.pid_file()).unwrap();
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), format!("{}\n", std::process::id()));
    pid_file.release().unwrap();
    assert_eq!(bed.names(), [""; 0]);

    fs::write(bed.pid_file(), content).unwrap();
    assert!(remove_stale(bed.pid_file()).unwrap());
    assert_eq!(bed.names(), [""; 0]);
}

/// Case: PID-03
#[test]
fn the_number_of_a_dead_process_is_taken_over() {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    check(format!("{}\n", child.id()).as_bytes(), Some(child.id()));
}

/// A child has its parent's locks until it executes something: if the parent is killed before that,
/// nobody is the holder any more.
///
/// Case: PID-03
#[test]
fn a_lock_that_outlives_its_holder_by_a_moment_is_waited_for() {
    // This process has ended, but is not reaped, so that its number is nobody else's.
    let mut dead = Command::new("true").spawn().unwrap();
    let stat = format!("/proc/{}/stat", dead.id());
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        std::thread::yield_now();
    }
    // The start waits for a second. On a machine that stands still for so long the test tries again.
    let got_it = (0..10).any(|_| {
        let bed = Bed::new();
        fs::write(bed.pid_file(), format!("{}\n", dead.id())).unwrap();
        let copy = fs::File::options().write(true).open(bed.pid_file()).unwrap();
        fcntl(&copy, FcntlArg::F_OFD_SETLK(&range(libc::F_WRLCK, 1, 1))).unwrap();
        let next = bed.actor("hold");
        next.expect_waiting();
        drop(copy);
        next.line() == format!("held {}", next.pid())
    });
    assert!(got_it);
    dead.wait().unwrap();
}

/// Cases: PID-04, SEC-04
#[test]
fn the_number_of_a_living_stranger_is_taken_over_and_the_stranger_is_left_alone() {
    let mut command = Actor::command();
    command.arg("idle");
    let mut stranger = Actor::start(command);
    stranger.expect("idle");
    check(format!("{}\n", stranger.pid()).as_bytes(), Some(stranger.pid()));
    assert!(stranger.is_alive());
}

/// Our own number, or that of pid 1, says nothing either: containers repeat them.
///
/// Case: PID-04
#[test]
fn our_own_number_and_that_of_init_are_stale_like_any_other() {
    let ours = std::process::id();
    check(format!("{ours}\n").as_bytes(), Some(ours));
    check(b"1\n", Some(1));
}

/// Case: PID-07
#[test]
fn an_empty_file_is_taken_over() {
    check(b"", None);
}

/// Whatever a file contains that nobody holds, asking says so, finds nobody, and changes nothing.
///
/// Cases: PID-08, PID-09
#[test]
fn no_content_makes_a_holder() {
    let bed = Bed::new();
    let numbers = "[-+ 0]{0,2}[0-9]{0,12}\n{0,2}".prop_map(String::into_bytes);
    let any = prop_oneof![prop::collection::vec(any::<u8>(), 0..100), numbers];
    proptest!(|(content in any)| {
        fs::write(bed.pid_file(), &content).unwrap();
        let found = probe(bed.pid_file()).unwrap();
        prop_assert!(matches!(found, Probe::Stale { .. }), "{found:?}");
        prop_assert!(holder(bed.pid_file()).unwrap().is_none());
        prop_assert_eq!(fs::read(bed.pid_file()).unwrap(), content);
    });
}

/// A gibibyte of digits, by processes that may not have a quarter of one.
///
/// Cases: FLT-C1, PID-08
#[test]
fn of_a_huge_file_only_the_beginning_is_read() {
    let bed = Bed::new();
    let mut file = fs::File::create(bed.pid_file()).unwrap();
    file.write_all(&[b'1'; 100]).unwrap();
    // Sparse: it takes no room on the disk.
    file.set_len(1 << 30).unwrap();
    drop(file);
    for (verb, answer) in [("probe", "Stale { number: None }"), ("hold", "error: `")] {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 250000; exec \"$@\"", "sh"]);
        command.arg(Actor::command().get_program()).arg(verb).arg(bed.pid_file());
        let line = Actor::start(command).line();
        assert!(line.starts_with(answer), "{line:?}");
    }
}

/// Somebody slips in an option, and the path is that of a file which is dear to him.
///
/// Cases: FLT-C1, PID-08
#[test]
fn what_was_never_a_pid_file_is_refused_and_stays() {
    for content in [
        b"abc".as_slice(),
        b"12 34",
        b"\0\xff\xfe\n",
        b"\n123\n",
        b"123\n\n",
        b"pid_filename: my.pid\n",
        &vec![b'1'; 1024 * 1024],
        &[0; 4096],
    ] {
        let bed = Bed::new();
        fs::write(bed.pid_file(), content).unwrap();
        assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Stale { number: None });
        let beginning = content[..content.len().min(32)].escape_ascii().to_string();
        for error in [
            PidFile::acquire(bed.pid_file()).unwrap_err(),
            Options::new().with_hold().try_once().acquire(bed.pid_file()).unwrap_err(),
            remove_stale(bed.pid_file()).unwrap_err(),
            try_remove_stale(bed.pid_file()).unwrap_err(),
            check_content(bed.pid_file()).unwrap_err(),
        ] {
            let is_so = matches!(
                &error,
                Error::NotAPidFile { path, size, start }
                    if *path == bed.pid_file() && *size == content.len() as u64 && *start == beginning
            );
            assert!(is_so, "{error:?}");
        }
        assert_eq!(fs::read(bed.pid_file()).unwrap(), content);
        assert_eq!(bed.names(), ["my.pid"]);
    }
}

/// A file whose length was written before the power went, and whose content was not.
#[test]
fn the_zeros_of_a_power_cut_are_taken_over() {
    check(&[0; 7], None);
}

/// Case: PID-09
#[test]
fn numbers_that_are_no_pids_are_taken_over() {
    check(b"0\n", None);
    check(b"-1\n", None);
    check(b"99999999999\n", None);
    check(b"2147483648\n", None);
    check(b"2147483647\n", Some(2_147_483_647));
}

#[test]
fn a_file_of_a_killed_holder_is_taken_over_by_a_new_file() {
    let bed = Bed::new();
    let mut first = bed.holder();
    // Kept open, so that its inode is not used again.
    let old = fs::File::open(bed.pid_file()).unwrap();
    first.kill();
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Stale { number: Some(first.pid()) });

    let second = bed.holder();
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(second.pid()) });
    assert_ne!(fs::metadata(bed.pid_file()).unwrap().ino(), old.metadata().unwrap().ino());
    assert_eq!(old.metadata().unwrap().nlink(), 0);
}

#[test]
fn only_what_nobody_holds_is_removed() {
    let bed = Bed::new();
    assert!(!remove_stale(bed.pid_file()).unwrap());

    let mut holder = bed.holder();
    assert!(!remove_stale(bed.pid_file()).unwrap());
    let mut dependent = bed.dependent_of(&holder);
    holder.kill();
    assert!(!remove_stale(bed.pid_file()).unwrap());
    dependent.kill();
    assert!(remove_stale(bed.pid_file()).unwrap());
    assert_eq!(bed.names(), [""; 0]);
}

/// A reader can have a shared lock, so a shared lock is no sign of life.
#[test]
fn a_shared_lock_of_a_reader_makes_nobody_the_holder() {
    let bed = Bed::new();
    fs::write(bed.pid_file(), "123\n").unwrap();
    let reader = fs::File::open(bed.pid_file()).unwrap();
    fcntl(&reader, FcntlArg::F_OFD_SETLK(&range(libc::F_RDLCK, 1, 2))).unwrap();
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Stale { number: Some(123) });
    PidFile::acquire(bed.pid_file()).unwrap().release().unwrap();
}

/// Byte 0 is what a take-over waits for.
#[test]
fn a_take_over_that_somebody_blocks_can_be_interrupted() {
    let bed = Bed::new();
    fs::write(bed.pid_file(), "123\n").unwrap();
    let taker = fs::File::options().write(true).open(bed.pid_file()).unwrap();
    fcntl(&taker, FcntlArg::F_OFD_SETLK(&range(libc::F_WRLCK, 0, 1))).unwrap();
    let (asked_to_quit, asking) = std::io::pipe().unwrap();
    drop(asking);
    let wake = std::os::fd::AsFd::as_fd(&asked_to_quit);
    let error = Options::new().wake(wake).acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    // A start or a removal that waits for nobody says so at once.
    let error = Options::new().try_once().acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error:?}");
    let error = try_remove_stale(bed.pid_file()).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error:?}");
    drop(taker);
    PidFile::acquire(bed.pid_file()).unwrap().release().unwrap();
}

/// Another program's lock, of the classic kind, is respected, whatever its file contains.
#[test]
fn a_file_that_another_program_has_locked_is_held() {
    let bed = Bed::new();
    fs::write(bed.pid_file(), "no number").unwrap();
    let file = fs::File::options().write(true).open(bed.pid_file()).unwrap();
    fcntl(&file, FcntlArg::F_OFD_SETLK(&range(libc::F_WRLCK, 0, 0))).unwrap();
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: None });
    let error = PidFile::acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(error, Error::Held { pid: None, .. }), "{error:?}");
    assert!(!remove_stale(bed.pid_file()).unwrap());
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), "no number");
}

pub(crate) fn range(kind: i32, first: i64, length: i64) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: first,
        l_len: length,
        l_pid: 0,
    }
}
