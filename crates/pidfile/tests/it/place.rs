//! Where a pid file can be, and where it is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use pidfile::{Danger, Error, FileKind, PidFile, Probe, holder, probe, remove_stale, wait_free};

use crate::bed::{Actor, Bed, is_root, skip};

const NOBODY: u32 = 65534;

/// Every way to look at the path, and every way to take it, must give the same refusal.
#[track_caller]
fn refused_by_all(path: &Path, expected: impl Fn(&Error) -> bool) {
    let errors = [
        PidFile::acquire(path).map(drop).unwrap_err(),
        probe(path).map(drop).unwrap_err(),
        holder(path).map(drop).unwrap_err(),
        remove_stale(path).map(drop).unwrap_err(),
        wait_free(path, None, None).map(drop).unwrap_err(),
        pidfile::Dependent::join(path, None).map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(expected(&error), "{error:?}");
    }
}

/// Case: PID-19
#[test]
fn a_missing_folder_is_named() {
    let bed = Bed::new();
    let path = bed.path("not/there/my.pid");
    refused_by_all(
        &path,
        |error| matches!(error, Error::NoFolder { path: file, folder } if *file == path && *folder == bed.path("not")),
    );
    assert_eq!(bed.names(), [""; 0]);
}

#[test]
fn what_is_no_folder_is_named() {
    let bed = Bed::new();
    fs::write(bed.path("file"), "").unwrap();
    refused_by_all(
        &bed.path("file/my.pid"),
        |error| matches!(error, Error::NotAFolder { folder, kind: FileKind::File, .. } if *folder == bed.path("file")),
    );
}

/// Case: PID-21
#[test]
fn what_is_no_file_is_refused_without_being_opened() {
    let bed = Bed::new();
    fs::create_dir(bed.path("folder")).unwrap();
    symlink("target", bed.path("dangling")).unwrap();
    fs::write(bed.path("precious"), "123\n").unwrap();
    symlink("precious", bed.path("link")).unwrap();
    let _listener = UnixListener::bind(bed.path("socket")).unwrap();
    // Nobody has its other end open: an ordinary open would wait for ever.
    assert!(Command::new("mkfifo").arg(bed.path("fifo")).status().unwrap().success());
    let before = bed.names();
    for (name, expected) in [
        ("folder", FileKind::Folder),
        ("dangling", FileKind::Symlink),
        ("link", FileKind::Symlink),
        ("socket", FileKind::Socket),
        ("fifo", FileKind::Fifo),
        ("/dev/null", FileKind::Device),
    ] {
        let path = bed.path(name);
        refused_by_all(
            &path,
            |error| matches!(error, Error::NotAFile { kind, .. } if *kind == expected),
        );
    }
    assert_eq!(bed.names(), before);
    assert_eq!(fs::read_to_string(bed.path("precious")).unwrap(), "123\n");
}

#[test]
fn paths_that_name_no_file_are_refused() {
    for path in ["", "/", ".", "..", "/tmp/", "/tmp/.", "/tmp/..", "a\0b", "/tmp/a\0/b"] {
        refused_by_all(
            Path::new(path),
            |error| matches!(error, Error::BadPath { path: named } if named == Path::new(path)),
        );
    }
    let bed = Bed::new();
    refused_by_all(&bed.path(&"x".repeat(256)), |error| matches!(error, Error::Io { .. }));
}

#[test]
fn links_on_the_way_are_followed_where_nobody_else_can_put_them() {
    let bed = Bed::new();
    fs::create_dir(bed.path("real")).unwrap();
    symlink("real", bed.path("relative")).unwrap();
    symlink(bed.path("relative"), bed.path("absolute")).unwrap();
    symlink("../absolute/../real", bed.path("real/winding")).unwrap();
    for way in ["relative", "absolute", "real/winding"] {
        let pid_file = PidFile::acquire(bed.path(way).join("my.pid")).unwrap();
        assert!(bed.path("real/my.pid").exists());
        pid_file.release().unwrap();
        assert!(!bed.path("real/my.pid").exists());
    }

    symlink("round", bed.path("round")).unwrap();
    let error = PidFile::acquire(bed.path("round/my.pid")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

/// Case: SEC-03
#[test]
fn a_file_that_everybody_may_write_is_refused() {
    let bed = Bed::new();
    fs::write(bed.pid_file(), "123\n").unwrap();
    fs::set_permissions(bed.pid_file(), fs::Permissions::from_mode(0o646)).unwrap();
    refused_by_all(&bed.pid_file(), |error| {
        matches!(error, Error::Insecure { danger: Danger::WorldWritable, .. })
    });
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), "123\n");
}

/// Case: SEC-03
#[test]
fn a_strangers_file_is_refused_where_everybody_may_write() {
    if !is_root() {
        return skip("only root can give a file away");
    }
    for mode in [0o777, 0o1777] {
        let bed = Bed::new();
        fs::set_permissions(bed.folder(), fs::Permissions::from_mode(mode)).unwrap();
        fs::write(bed.pid_file(), "123\n").unwrap();
        chown(bed.pid_file(), Some(NOBODY), None).unwrap();
        refused_by_all(&bed.pid_file(), |error| {
            matches!(error, Error::Insecure { danger: Danger::ForeignOwner { uid: NOBODY }, .. })
        });
        // A file of our own is as good there as anywhere.
        fs::remove_file(bed.pid_file()).unwrap();
        fs::write(bed.pid_file(), "123\n").unwrap();
        PidFile::acquire(bed.pid_file()).unwrap().release().unwrap();
    }

    // Where only its owner can put files, a stale file of the last run under another user is no trap.
    let bed = Bed::new();
    fs::write(bed.pid_file(), "123\n").unwrap();
    chown(bed.pid_file(), Some(NOBODY), None).unwrap();
    PidFile::acquire(bed.pid_file()).unwrap().release().unwrap();
}

/// Case: SEC-03
#[test]
fn a_strangers_link_on_the_way_is_not_followed_where_everybody_may_write() {
    if !is_root() {
        return skip("only root can give a link away");
    }
    let bed = Bed::new();
    fs::create_dir(bed.path("real")).unwrap();
    fs::create_dir(bed.path("open")).unwrap();
    fs::set_permissions(bed.path("open"), fs::Permissions::from_mode(0o1777)).unwrap();
    symlink(bed.path("real"), bed.path("open/link")).unwrap();
    PidFile::acquire(bed.path("open/link/my.pid")).unwrap().release().unwrap();

    std::os::unix::fs::lchown(bed.path("open/link"), Some(NOBODY), None).unwrap();
    let link = bed.path("open/link");
    refused_by_all(
        &bed.path("open/link/my.pid"),
        |error| matches!(error, Error::Insecure { danger: Danger::ForeignLink { link: named, uid: NOBODY }, .. } if *named == link),
    );
}

/// A folder's owner is somebody else, too: what he links there is led where he likes.
///
/// Cases: FLT-A2, SEC-03
#[test]
fn a_link_on_the_way_is_not_followed_in_a_strangers_folder_nor_in_a_groups() {
    if !is_root() {
        return skip("only root can give a folder away");
    }
    for (owner, mode) in [(NOBODY, 0o755), (0, 0o775), (0, 0o1777), (NOBODY, 0o700)] {
        let bed = Bed::new();
        fs::create_dir(bed.path("roots")).unwrap();
        fs::create_dir(bed.path("theirs")).unwrap();
        symlink(bed.path("roots"), bed.path("theirs/sub")).unwrap();
        std::os::unix::fs::lchown(bed.path("theirs/sub"), Some(NOBODY), None).unwrap();
        chown(bed.path("theirs"), Some(owner), Some(NOBODY)).unwrap();
        fs::set_permissions(bed.path("theirs"), fs::Permissions::from_mode(mode)).unwrap();
        let link = bed.path("theirs/sub");
        fs::write(bed.path("roots/my.pid"), "123\n").unwrap();
        refused_by_all(
            &bed.path("theirs/sub/my.pid"),
            |error| matches!(error, Error::Insecure { danger: Danger::ForeignLink { link: named, uid: NOBODY }, .. } if *named == link),
        );
        assert_eq!(fs::read_to_string(bed.path("roots/my.pid")).unwrap(), "123\n");
        // Without a link there it is a place like any.
        fs::remove_file(&link).unwrap();
        PidFile::acquire(bed.path("theirs/my.pid")).unwrap().release().unwrap();
    }
}

/// The file of another daemon of root's, linked by a user into his folder: a stop would stop that.
///
/// Cases: FLT-A1, SEC-03
#[test]
fn a_hard_link_is_refused_where_others_can_have_made_it() {
    if !is_root() {
        return skip("only root can give a folder away");
    }
    let bed = Bed::new();
    let held = PidFile::acquire(bed.pid_file()).unwrap();
    fs::create_dir(bed.path("theirs")).unwrap();
    chown(bed.path("theirs"), Some(NOBODY), None).unwrap();
    fs::hard_link(bed.pid_file(), bed.path("theirs/my.pid")).unwrap();
    refused_by_all(&bed.path("theirs/my.pid"), |error| {
        matches!(error, Error::Insecure { danger: Danger::SecondName { links: 2 }, .. })
    });
    // In a folder where only we can put names, it is ours.
    assert!(holder(bed.pid_file()).unwrap().is_some());
    held.release().unwrap();
}

/// Between two starts somebody puts a link in the place of the file, which is to be made anew.
///
/// Case: FLT-A1
#[test]
fn a_link_in_the_place_of_the_file_is_refused_and_what_it_leads_to_stays() {
    let bed = Bed::new();
    fs::create_dir(bed.path("theirs")).unwrap();
    fs::write(bed.path("dear"), "123\n").unwrap();
    symlink(bed.path("dear"), bed.path("theirs/my.pid")).unwrap();
    if is_root() {
        chown(bed.path("theirs"), Some(NOBODY), None).unwrap();
    }
    refused_by_all(&bed.path("theirs/my.pid"), |error| {
        matches!(error, Error::NotAFile { kind: FileKind::Symlink, .. })
    });
    assert_eq!(fs::read_to_string(bed.path("dear")).unwrap(), "123\n");
}

fn as_nobody(bed: &Bed, verb: &str) -> Actor {
    let mut command = Command::new(bed.path("actor"));
    command.arg(verb).arg(bed.pid_file());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    Actor::start(command)
}

/// Case: PID-20
#[test]
fn a_folder_that_we_may_not_write_is_a_typed_error() {
    let bed = Bed::open_to_others();
    fs::set_permissions(bed.folder(), fs::Permissions::from_mode(0o555)).unwrap();
    let line = as_nobody(&bed, "hold").line();
    fs::set_permissions(bed.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    let expected =
        format!("error: cannot create pid file `{}`: Permission denied", bed.pid_file().display());
    assert!(line.starts_with(&expected), "{line:?}");
    assert_eq!(bed.names(), ["actor"]);
}

/// Case: PID-20
#[test]
fn a_file_that_we_may_only_read_still_tells_who_holds_it() {
    let bed = Bed::open_to_others();
    let held = PidFile::acquire(bed.pid_file()).unwrap();
    if is_root() {
        let expected = format!(
            "error: pid file `{}` is held by process {}",
            bed.pid_file().display(),
            held.pid()
        );
        as_nobody(&bed, "hold").expect(&expected);
        as_nobody(&bed, "probe").expect(&format!("{:?}", Probe::Held { pid: Some(held.pid()) }));
        // A process of another user: /proc keeps its descriptors to itself, and the kernel names it.
        as_nobody(&bed, "holder").expect(&format!("Some({})", held.pid()));
    }
    held.release().unwrap();

    fs::write(bed.pid_file(), "123\n").unwrap();
    fs::set_permissions(bed.pid_file(), fs::Permissions::from_mode(0o444)).unwrap();
    as_nobody(&bed, "probe").expect(&format!("{:?}", Probe::Stale { number: Some(123) }));
    let line = as_nobody(&bed, "hold").line();
    let expected = format!(
        "error: cannot take over the stale pid file `{}`: Permission denied",
        bed.pid_file().display()
    );
    assert!(line.starts_with(&expected), "{line:?}");
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), "123\n");
}
