//! After somebody else has renamed or removed the files.

use std::fs;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use stdio_redirect::{Redirect, Target};

use crate::bed::{Bed, identities_of_streams};

fn both_to(path: impl AsRef<Path>) -> Redirect {
    let both = Target::file(path.as_ref());
    Redirect::null().stdout(both.clone()).stderr(both)
}

pub(crate) fn after_a_rename_a_new_file_is_begun() {
    let bed = Bed::new();
    bed.play("reopening::rename");
    assert_eq!(bed.read("both.txt.1"), "first\nto the old file, whatever its name\n");
    assert_eq!(bed.read("both.txt"), "second\nfrom the other stream\n");
}

pub(crate) fn rename(folder: &Path) {
    let path = folder.join("both.txt");
    let applied = both_to(&path).apply().unwrap();
    println!("first");
    fs::rename(&path, folder.join("both.txt.1")).unwrap();
    println!("to the old file, whatever its name");
    applied.reopen().unwrap();
    println!("second");
    // Still one open file description.
    assert_eq!(rustix::fs::tell(std::io::stderr()), Ok("second\n".len() as u64));
    eprintln!("from the other stream");
}

pub(crate) fn after_a_removal_a_new_file_is_begun() {
    let bed = Bed::new();
    bed.play("reopening::remove");
    assert_eq!(bed.read("both.txt"), "second\n");
}

pub(crate) fn remove(folder: &Path) {
    let path = folder.join("both.txt");
    let applied = both_to(&path).mode(0o600).apply().unwrap();
    println!("first");
    fs::remove_file(&path).unwrap();
    applied.reopen().unwrap();
    println!("second");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A daemon changes to `/` after its start, and is told to reopen long after.
pub(crate) fn names_are_those_of_the_moment_of_applying() {
    let bed = Bed::new();
    bed.start(bed.role("reopening::change_folder").current_dir(bed.folder())).finish();
    assert_eq!(bed.read("both.txt"), "second\n");
}

pub(crate) fn change_folder(folder: &Path) {
    let applied = both_to("both.txt").apply().unwrap();
    println!("first");
    fs::rename(folder.join("both.txt"), folder.join("both.txt.1")).unwrap();
    rustix::process::chdir("/").unwrap();
    applied.reopen().unwrap();
    println!("second");
}

pub(crate) fn a_failure_leaves_the_old_files() {
    let bed = Bed::new();
    bed.play("reopening::lose_the_folder");
    assert_eq!(bed.read("moved/err.txt"), "still there\n");
}

pub(crate) fn lose_the_folder(folder: &Path) {
    fs::create_dir(folder.join("logs")).unwrap();
    let out = Target::file(folder.join("out.txt"));
    let err = Target::file(folder.join("logs/err.txt"));
    let applied = Redirect::null().stdout(out).stderr(err).apply().unwrap();
    let before = identities_of_streams();
    fs::remove_file(folder.join("out.txt")).unwrap();
    fs::rename(folder.join("logs"), folder.join("moved")).unwrap();
    applied.reopen().unwrap_err();
    assert_eq!(identities_of_streams(), before);
    eprintln!("still there");
}

/// The reader of a FIFO may be gone by then: that must not keep the file from being reopened.
pub(crate) fn what_is_no_file_stays() {
    let bed = Bed::new();
    bed.play("reopening::fifo_and_file");
    assert_eq!(bed.read("err.txt"), "second\n");
}

pub(crate) fn fifo_and_file(folder: &Path) {
    let fifo = folder.join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let reader = rustix::fs::open(&fifo, flags, Mode::empty()).unwrap();
    let err = folder.join("err.txt");
    let streams = Redirect::new().stdout(Target::file(&fifo)).stderr(Target::file(&err));
    let applied = streams.apply().unwrap();

    println!("through the FIFO");
    let mut received = [0; 17];
    fs::File::from(reader).read_exact(&mut received).unwrap();
    assert_eq!(&received, b"through the FIFO\n");
    eprintln!("first");
    fs::remove_file(&err).unwrap();
    applied.reopen().unwrap();
    eprintln!("second");
}

/// Case: FLT-A1
pub(crate) fn a_link_that_a_stranger_has_put_there_meanwhile_is_not_followed() {
    if !rustix::process::geteuid().is_root() {
        println!("(a folder cannot be given to a stranger without root: left out)");
        return;
    }
    let bed = Bed::new();
    fs::create_dir(bed.path("theirs")).unwrap();
    std::os::unix::fs::chown(bed.path("theirs"), Some(4_000_001), None).unwrap();
    bed.play("reopening::exchanged_for_a_link");
    assert_eq!(bed.read("theirs/rotated"), "before\nafter\n");
    assert!(!bed.path("victim").exists(), "nothing is created through it either");
    assert_eq!(bed.read("theirs/new"), "in a new one\n");
}

pub(crate) fn exchanged_for_a_link(folder: &Path) {
    let path = folder.join("theirs/new");
    let applied = Redirect::new().stdout(Target::file(&path)).apply().unwrap();
    println!("before");
    fs::rename(&path, folder.join("theirs/rotated")).unwrap();
    std::os::unix::fs::symlink("../victim", &path).unwrap();
    std::os::unix::fs::lchown(&path, Some(4_000_001), None).unwrap();
    let error = applied.reopen().unwrap_err().to_string();
    assert!(error.contains("belongs to user 4000001"), "{error}");
    println!("after");
    fs::remove_file(&path).unwrap();
    applied.reopen().unwrap();
    println!("in a new one");
}
