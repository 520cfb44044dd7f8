//! What errors say.

use std::error::Error as _;

use super::*;

#[track_caller]
fn check(error: &Error, expected: &str) {
    assert_eq!(error.to_string(), expected);
}

#[test]
fn texts_are_those_people_search_for() {
    let path = PathBuf::from("/run/x.pid");
    check(
        &Error::Held { path: path.clone(), pid: Some(7) },
        "pid file `/run/x.pid` is held by process 7",
    );
    check(
        &Error::Held { path: path.clone(), pid: None },
        "pid file `/run/x.pid` is held by another process",
    );
    check(
        &Error::Exists { path: path.clone(), number: Some(7) },
        "pid file `/run/x.pid` exists already",
    );
    check(
        &Error::Orphaned { path: path.clone(), left: vec![] },
        "the holder of pid file `/run/x.pid` is gone, but a process that depended on it is left",
    );
    check(
        &Error::Orphaned { path: path.clone(), left: vec![8] },
        "the holder of pid file `/run/x.pid` is gone, but process 8 is left",
    );
    check(
        &Error::Orphaned { path: path.clone(), left: vec![8, 9] },
        "the holder of pid file `/run/x.pid` is gone, but processes 8, 9 are left",
    );
    check(
        &Error::Busy { path: path.clone() },
        "pid file `/run/x.pid` is being taken over by another process that does not finish",
    );
    check(
        &Error::Interrupted { path: path.clone() },
        "the wait for pid file `/run/x.pid` was interrupted",
    );
    check(&Error::NotHeld { path: path.clone() }, "pid file `/run/x.pid` is held by nobody");
    check(
        &Error::OtherHolder { path: path.clone(), expected: 7, pid: Some(8) },
        "pid file `/run/x.pid` is held by process 8 instead of process 7",
    );
    check(
        &Error::Joined { path: path.clone(), by: vec![8] },
        "pid file `/run/x.pid` has a dependent process already",
    );
    check(&Error::BadPath { path: "a\0b".into() }, r"`a\0b` cannot be the path of a pid file");
    check(
        &Error::NotAFile { path: path.clone(), kind: FileKind::Fifo },
        "`/run/x.pid` is a named pipe, not a pid file",
    );
    check(
        &Error::NoFolder { path: path.clone(), folder: "/run".into() },
        "folder `/run` of pid file `/run/x.pid` does not exist",
    );
    check(
        &Error::NotAFolder { path: path.clone(), folder: "/run".into(), kind: FileKind::File },
        "`/run` on the way to pid file `/run/x.pid` is a file, not a folder",
    );
    check(
        &Error::Insecure { path: path.clone(), danger: Danger::WorldWritable },
        "pid file `/run/x.pid` cannot be trusted: everybody may write it",
    );
    check(
        &Error::Insecure { path: path.clone(), danger: Danger::ForeignOwner { uid: 5 } },
        "pid file `/run/x.pid` cannot be trusted: it belongs to user 5 and others may write in its folder",
    );
    check(
        &Error::Unverified { path: path.clone(), doubt: Doubt::NotTheHolder { pid: 7 } },
        "cannot verify who holds pid file `/run/x.pid`: process 7 does not have the lock",
    );
    check(
        &Error::NotAPidFile { path: "/etc/x.yaml".into(), size: 99, start: r"a\n".into() },
        r"`/etc/x.yaml` is not a pid file and was left as it is: it has 99 bytes and begins with `a\n`; a pid file is empty or one number: give another path, or remove the file",
    );
    check(
        &Error::NotPermitted { path: path.clone(), pid: 7, uid: Some(0) },
        "pid file `/run/x.pid` is held by process 7, which belongs to root: only root can signal it",
    );
    check(
        &Error::NotPermitted { path: path.clone(), pid: 7, uid: Some(5) },
        "pid file `/run/x.pid` is held by process 7, which belongs to user 5: only root or user 5 can signal it",
    );
    check(
        &Error::Unverified { path: path.clone(), doubt: Doubt::OtherUser { pid: 7, uid: 0 } },
        "cannot verify who holds pid file `/run/x.pid`: process 7 belongs to root, and what it has locked is shown to root only",
    );
    check(
        &Error::Unverified { path: path.clone(), doubt: Doubt::ForeignFile { pid: 7, owner: 5 } },
        "cannot verify who holds pid file `/run/x.pid`: the file belongs to user 5, and process 7 does not",
    );
    check(
        &Error::Hindered { path: path.clone(), by: vec![8] },
        "pid file `/run/x.pid` cannot be locked: process 8 has a shared lock on it",
    );
    check(
        &Error::Gone { path: path.clone(), pid: 7 },
        "process 7, which held pid file `/run/x.pid`, is gone",
    );
    check(
        &Error::io(Op::TakeOver, &path)(Errno::ACCESS),
        "cannot take over the stale pid file `/run/x.pid`",
    );
}

#[test]
fn the_cause_is_reached_and_not_repeated() {
    let error = Error::io(Op::Open, Path::new("/run/x.pid"))(Errno::ACCESS);
    let cause = error.source().expect("an Io error has a cause").to_string();
    assert!(cause.to_lowercase().contains("permission denied"), "{cause}");
    assert_eq!(error.to_string(), "cannot open pid file `/run/x.pid`");
    assert_eq!(format!("{error:?}"), format!("{error}: {cause}"));
}

/// Case: PID-27
#[test]
fn a_file_system_without_locks_has_its_own_error() {
    for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
        let error = Error::lock(Path::new("/mnt/x.pid"))(errno);
        assert!(matches!(error, Error::LocksUnsupported { .. }), "{errno:?} gave {error:?}");
        check(&error, "the file system of pid file `/mnt/x.pid` has no locks");
        assert!(error.source().is_some());
    }
    assert!(matches!(Error::lock(Path::new("/x"))(Errno::IO), Error::Io { op: Op::Lock, .. }));
}

#[test]
fn an_error_can_be_sent_and_boxed() {
    fn sendable<T: Send + Sync + 'static>() {}
    sendable::<Error>();
}
