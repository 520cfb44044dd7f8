//! Signals reach the holder or nobody.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pidfile::{Doubt, Error, PidFile, holder};

use crate::bed::{Actor, Bed, LIMIT};
use crate::stale::range;

#[test]
fn the_holder_can_be_signalled_and_waited_for() {
    let bed = Bed::new();
    let mut actor = bed.holder();
    let holder = holder(bed.pid_file()).unwrap().expect("it is held");
    assert_eq!(holder.pid(), actor.pid());
    assert!(!holder.wait(Some(Duration::ZERO)).unwrap());

    holder.signal(libc::SIGTERM).unwrap();
    assert!(holder.wait(Some(LIMIT)).unwrap());
    assert_eq!(actor.end().signal(), Some(libc::SIGTERM));
    assert!(holder.wait(None).unwrap());

    let error = holder.signal(libc::SIGTERM).unwrap_err();
    assert!(matches!(error, Error::Gone { pid, .. } if pid == actor.pid()), "{error:?}");
    assert!(pidfile::holder(bed.pid_file()).unwrap().is_none());
}

#[test]
fn a_process_that_holds_the_file_itself_is_told_so() {
    let bed = Bed::new();
    assert!(holder(bed.pid_file()).unwrap().is_none());
    let _pid_file = PidFile::acquire(bed.pid_file()).unwrap();
    assert_eq!(
        holder(bed.pid_file()).unwrap().map(|holder| holder.pid()),
        Some(std::process::id())
    );
}

#[test]
fn numbers_that_are_no_signals_are_refused() {
    let bed = Bed::new();
    let mut actor = bed.holder();
    let holder = holder(bed.pid_file()).unwrap().expect("it is held");
    for number in [i32::MIN, -1, 0, 65, i32::MAX] {
        let error = holder.signal(number).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot signal the holder of pid file `{}`", bed.pid_file().display())
        );
    }
    assert!(actor.is_alive());
}

/// Somebody has the lock, but the number in the file is another's: nothing may be signalled.
#[track_caller]
fn forge(content: &str, expected: Doubt) {
    let bed = Bed::new();
    fs::write(bed.pid_file(), content).unwrap();
    let forger = fs::File::options().write(true).open(bed.pid_file()).unwrap();
    fcntl(&forger, FcntlArg::F_OFD_SETLK(&range(libc::F_WRLCK, 1, 1))).unwrap();
    let error = holder(bed.pid_file()).unwrap_err();
    assert!(matches!(error, Error::Unverified { doubt, .. } if doubt == expected), "{error:?}");
}

/// Cases: PID-04, SEC-04
#[test]
fn the_number_of_a_process_without_the_lock_is_not_the_holder() {
    let mut command = Actor::command();
    command.arg("idle");
    let mut stranger = Actor::start(command);
    stranger.expect("idle");
    let pid = stranger.pid();
    forge(&format!("{pid}\n"), Doubt::NotTheHolder { pid });
    assert!(stranger.is_alive());
}

/// Cases: PID-09, SEC-04
#[test]
fn no_number_becomes_a_target_because_the_file_is_locked() {
    for content in ["", "0\n", "-1\n", "99999999999\n", "12 34\n", "garbage"] {
        forge(content, Doubt::NoNumber);
    }
    forge("2147483647\n", Doubt::NotRunning { pid: 2_147_483_647 });
}
