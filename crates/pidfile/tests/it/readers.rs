//! Who may read a pid file may lock it for reading, in every way there is. That keeps nobody from anything.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pidfile::{
    Dependent, Error, Options, PidFile, Probe, probe, remove_stale, try_remove_stale, wait_orphans,
};
use rustix::fs::{FlockOperation, flock};

use crate::bed::{Actor, Bed, LIMIT, is_root, skip};
use crate::stale::range;
use crate::verified::{as_nobody, theirs};

/// Locks every byte that a reader can lock, and the whole file by flock(2). `None`: the file is gone.
fn lock_for_reading(path: &Path, operation: FlockOperation) -> Option<File> {
    let file = File::open(path).ok()?;
    for (first, length) in [(0, 1), (1, 1), (2, 1)] {
        fcntl(&file, FcntlArg::F_OFD_SETLK(&range(libc::F_RDLCK, first, length))).ok();
    }
    flock(&file, operation).ok();
    Some(file)
}

/// Cases: FLT-D2, FLT-D5
#[test]
fn a_reader_that_keeps_its_locks_keeps_nobody_from_a_take_over() {
    for operation in
        [FlockOperation::LockShared, FlockOperation::LockExclusive, FlockOperation::Unlock]
    {
        let bed = Bed::new();
        let mut killed = bed.holder();
        killed.kill();
        let _reader = lock_for_reading(&bed.pid_file(), operation).unwrap();
        // A start succeeds, whether it may wait or not.
        let pid_file = Options::new().try_once().acquire(bed.pid_file()).unwrap();
        assert_eq!(bed.names(), ["my.pid"]);
        pid_file.release().unwrap();

        let mut killed = bed.holder();
        killed.kill();
        let _reader = lock_for_reading(&bed.pid_file(), operation).unwrap();
        assert!(try_remove_stale(bed.pid_file()).unwrap());
        assert_eq!(bed.names(), [""; 0]);
    }
}

/// What another user's process has locked is hidden from an ordinary user, and so from his daemon.
///
/// Case: FLT-D5
#[test]
fn another_users_lock_keeps_no_user_from_a_start_after_a_crash() {
    const STRANGER: u32 = 65533;
    if !is_root() {
        return skip("only root can be two users");
    }
    let bed = Bed::open_to_others();
    let path = theirs(&bed);
    let user = |verb: &str| as_nobody(&bed.path("actor"), verb, &path);
    let mut killed = user("hold-with-hold");
    killed.expect(&format!("held {}", killed.pid()));
    killed.kill();
    let mut command = Command::new(bed.path("actor"));
    command.arg("lock-whole").arg(&path).uid(STRANGER).gid(STRANGER);
    let stranger = Actor::start(command);
    stranger.expect("locked");
    // This holds also if the stranger has come by the number in the file.
    for number in [stranger.pid(), killed.pid()] {
        fs::write(&path, format!("{number}\n")).unwrap();
        user("probe").expect(&format!("Stale {{ number: Some({number}) }}"));
    }
    // And if the stranger has ended, and another process has a copy of his descriptor.
    let mut command = Command::new(bed.path("actor"));
    command.arg("lock-whole-and-leave").arg(&path).uid(STRANGER).gid(STRANGER);
    drop(stranger);
    let left = Actor::start(command);
    left.expect("left");
    user("probe").expect(&format!("Stale {{ number: Some({}) }}", killed.pid()));
    assert!(user("take").end().success());
    assert!(!path.exists());
}

/// Some starters get byte 0, because the reader was not there yet, and some do not: still there are never
/// two holders.
///
/// Case: FLT-D5
#[test]
fn of_many_that_a_reader_hinders_one_takes_over() {
    for _ in 0..5 {
        let bed = Bed::new();
        fs::write(bed.pid_file(), "4194304\n").unwrap();
        let mut starters: Vec<Actor> = (0..16).map(|_| bed.actor("hold-after-go")).collect();
        starters.iter().for_each(|starter| starter.expect("ready"));
        let done = AtomicBool::new(false);
        let lines: Vec<String> = thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    lock_for_reading(&bed.pid_file(), FlockOperation::NonBlockingLockShared);
                }
            });
            starters.iter_mut().for_each(|starter| starter.tell("go"));
            let lines = starters.iter().map(Actor::line).collect();
            done.store(true, Ordering::Relaxed);
            lines
        });
        let held = lines.iter().filter(|line| line.starts_with("held")).count();
        assert_eq!(held, 1, "{lines:?}");
        assert_eq!(
            lines.iter().filter(|line| line.contains("is held by")).count(),
            15,
            "{lines:?}"
        );
        assert_eq!(bed.names(), ["my.pid"]);
    }
}

/// Killed before each call of the take-over; what it leaves beside the file hinders nobody, and goes with
/// the next one.
///
/// Case: FLT-D5
#[test]
fn a_hindered_take_over_that_is_killed_leaves_nothing_for_long() {
    let strace = |bed: &Bed, fault: &str| {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", fault]);
        command.arg(Actor::command().get_program()).arg("take").arg(bed.pid_file());
        command
    };
    if Command::new("strace").arg("-V").stdout(std::process::Stdio::null()).status().is_err() {
        return skip("no strace");
    }
    let mut kills = 0;
    for call in ["openat", "newfstatat", "fcntl", "flock", "linkat", "unlinkat"] {
        for nth in 1.. {
            let bed = Bed::new();
            fs::write(bed.pid_file(), "4194304\n").unwrap();
            let reader = lock_for_reading(&bed.pid_file(), FlockOperation::Unlock);
            let fault = format!("inject={call}:signal=KILL:when={nth}");
            let came_through = Actor::start(strace(&bed, &fault)).end().success();
            fs::write(bed.pid_file(), "4194304\n").unwrap();
            let another = lock_for_reading(&bed.pid_file(), FlockOperation::Unlock);
            assert!(remove_stale(bed.pid_file()).unwrap());
            assert_eq!(bed.names(), [""; 0], "{fault}");
            drop((reader, another));
            if came_through {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 10, "only {kills} kills");
}

/// What somebody else has put there is no claim of ours, and no reason to follow a link.
#[test]
fn what_a_stranger_has_put_beside_the_file_is_no_claim() {
    let bed = Bed::new();
    fs::write(bed.path("precious"), "precious").unwrap();
    std::os::unix::fs::symlink("precious", bed.path(".my.pid.taking")).unwrap();
    fs::write(bed.pid_file(), "4194304\n").unwrap();
    PidFile::acquire(bed.pid_file()).unwrap().release().unwrap();

    fs::write(bed.pid_file(), "4194304\n").unwrap();
    let _reader = lock_for_reading(&bed.pid_file(), FlockOperation::Unlock);
    let error = PidFile::acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(error, Error::Insecure { .. }), "{error:?}");
    assert_eq!(bed.names(), [".my.pid.taking", "my.pid", "precious"]);
}

/// Case: FLT-D1
#[test]
fn a_hold_is_taken_before_anybody_can_lock_the_file() {
    let bed = Bed::new();
    let reader = bed.actor("lock-as-reader");
    reader.expect("locking");
    for _ in 0..60 {
        let mut pid_file = Options::new().with_hold().acquire(bed.pid_file()).unwrap();
        let hold = pid_file.take_hold();
        // The reader has met each new file.
        reader.expect("locked");
        pid_file.release().expect_err("the hold is alive");
        let found = probe(bed.pid_file()).unwrap();
        assert!(matches!(found, Probe::Orphaned { .. }), "{found:?}");
        drop(hold);
        // A child that another test is starting has a copy until its exec.
        assert!(wait_orphans(bed.pid_file(), Some(LIMIT), None).unwrap());
        assert!(remove_stale(bed.pid_file()).unwrap());
    }
    assert_eq!(bed.names(), [""; 0]);
}

/// Case: FLT-B4
#[test]
fn nothing_can_be_written_through_a_hold() {
    use std::io::{Seek, Write};
    let bed = Bed::new();
    let mut pid_file = Options::new().with_hold().acquire(bed.pid_file()).unwrap();
    let mut hold = File::from(pid_file.take_hold().unwrap());
    assert!(pid_file.take_hold().is_none());
    hold.rewind().unwrap();
    hold.write_all(b"1\n").unwrap_err();
    hold.set_len(0).unwrap_err();
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), format!("{}\n", std::process::id()));
    drop(hold);
    pid_file.release().unwrap();
    assert_eq!(bed.names(), [""; 0]);
}

/// A reader can keep a dependent that joins later from it; then the error says who it is.
#[test]
fn a_dependent_that_a_reader_hinders_says_so() {
    let bed = Bed::new();
    let holder = bed.holder();
    let reader = lock_for_reading(&bed.pid_file(), FlockOperation::Unlock);
    let error = Dependent::join(bed.pid_file(), Some(holder.pid())).unwrap_err();
    assert!(
        matches!(&error, Error::Hindered { by, .. } if *by == [std::process::id()]),
        "{error:?}"
    );
    drop(reader);
}
