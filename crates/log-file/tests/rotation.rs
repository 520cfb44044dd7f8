//! When a file is put aside, what of it is kept, and what its successor is.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, Instant, SystemTime};

use log_file::{Options, Rotation};

mod support {
    pub(crate) mod log;
}

use support::log::{Bed, Log};

#[test]
fn a_file_of_today_is_not_rotated_when_it_is_opened() {
    for rotation in [Rotation::Never, Rotation::Midnight, Rotation::Weekly] {
        let bed = Bed::with(|options| options.rotation(rotation));
        bed.log("one");
        Log::open(&bed.path, |options| options.rotation(rotation)).append("two");
        // If midnight has just passed there are two files.
        let files = fs::read_dir(bed.folder.path()).unwrap().count();
        assert!(bed.contents() == "one\ntwo\n" || files == 2, "{rotation:?}");
    }
}

/// Cases: LOG-01, LOG-13
#[test]
fn a_file_is_put_aside_before_it_gets_too_large_and_the_newest_are_kept() {
    let bed = Bed::with(|options| options.rotation(Rotation::Size).max_size(100).keep(3));
    // Each record has ten bytes, so a file has ten of them.
    (0..75).for_each(|number| bed.log(&format!("record {number:02}")));
    let old = bed.old_files();
    assert_eq!(old.len(), 3);
    let files = old.iter().chain([&bed.path]).map(|path| fs::read_to_string(path).unwrap());
    let kept: String = files.inspect(|contents| assert!(contents.len() <= 100)).collect();
    let expected: String = (40..75).map(|number| format!("record {number:02}\n")).collect();
    assert_eq!(kept, expected, "sorted by name they are sorted by age");
}

/// Case: LOG-01
#[test]
fn a_record_larger_than_a_file_may_be_has_one_to_itself() {
    let bed = Bed::with(|options| options.rotation(Rotation::Size).max_size(10));
    let long = "x".repeat(100);
    ["a", &long, "b", "c"].iter().for_each(|text| bed.log(text));
    let old = bed.old_files();
    let contents: Vec<String> = old.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(contents, ["a\n", &format!("{long}\n")]);
    assert_eq!(bed.contents(), "b\nc\n");
}

/// Case: LOG-13
#[test]
fn old_files_together_take_no_more_than_they_may() {
    let bed = Bed::with(|options| {
        options.rotation(Rotation::Size).max_size(100).keep(1_000).keep_size(250)
    });
    (0..100).for_each(|number| bed.log(&format!("record {number:02}")));
    assert_eq!(bed.old_files().len(), 2);
    let bed = Bed::with(|options| options.rotation(Rotation::Size).max_size(100).keep(0));
    (0..100).for_each(|number| bed.log(&format!("record {number:02}")));
    assert_eq!(bed.old_files().len(), 0);
    assert_eq!(bed.contents().len(), 100);
}

#[test]
fn a_successor_has_the_mode_of_its_predecessor() {
    let bed = Bed::with(|options| options.rotation(Rotation::Size).max_size(10));
    fs::set_permissions(&bed.path, fs::Permissions::from_mode(0o660)).unwrap();
    ["one more", "one more"].iter().for_each(|text| bed.log(text));
    assert_eq!(bed.old_files().len(), 1);
    assert_eq!(fs::metadata(&bed.path).unwrap().mode() & 0o777, 0o660);
}

#[test]
fn a_file_that_is_never_rotated_is_not_for_its_size_either() {
    let bed = Bed::with(|options| options.rotation(Rotation::Never).max_size(10));
    (0..100).for_each(|number| bed.log(&format!("record {number:02}")));
    assert_eq!(bed.old_files().len(), 0);
}

#[test]
fn a_truncated_file_has_room_again() {
    let bed = Bed::with(|options| options.rotation(Rotation::Size).max_size(20));
    for _ in 0..10 {
        bed.log("x".repeat(15).as_str());
        OpenOptions::new().write(true).truncate(true).open(&bed.path).unwrap();
    }
    assert_eq!(bed.old_files().len(), 0);
}

/// An operator's link is a name; the file is where it leads, and so are the old ones.
#[test]
fn behind_a_link_the_file_is_rotated_where_it_is() {
    let bed = Bed::new();
    let link_folder = tempfile::tempdir().unwrap();
    let link = link_folder.path().join("link.log");
    symlink(&bed.path, &link).unwrap();
    let linked = Log::open(&link, |options| options.rotation(Rotation::Size).max_size(10));
    ["one more", "two more"].iter().for_each(|text| linked.append(text));
    assert_eq!(bed.contents(), "two more\n");
    assert_eq!(fs::read_to_string(&link).unwrap(), "two more\n");
    assert_eq!(bed.old_files().len(), 1);
}

/// Case: LOG-08
#[test]
fn a_rotation_that_fails_is_told_once_and_the_file_goes_on() {
    let bed = Bed::new();
    // No file can have a name that is longer than names may be.
    let path = bed.inside(&"n".repeat(250));
    let log = Log::open(&path, |options| options.rotation(Rotation::Size).max_size(10));
    (0..3).for_each(|number| log.append(&format!("record {number}")));
    assert_eq!(fs::read_to_string(&path).unwrap(), "record 0\nrecord 1\nrecord 2\n");
    let told = format!(
        "`{}` cannot be rotated and goes on: File name too long (os error 36)",
        path.display()
    );
    assert_eq!(log.complaints(), [told]);
    assert_eq!(log.complaints(), [""; 0]);
}

/// Lines wait in a queue while midnight passes.
///
/// Case: LOG-02
#[test]
fn lines_that_have_waited_belong_to_the_file_of_their_time() {
    let bed = Bed::new();
    let mut log = Options::file(&bed.path).time(log_file::Time::Utc).open().unwrap();
    let now = SystemTime::now();
    log.append_lines_at(b"now\n", now).unwrap();
    log.append_lines_at(b"made yesterday\n", now - Duration::from_hours(24)).unwrap();
    assert!(bed.old_files().is_empty());
    // A time that has not come does not begin a file either: it would be one of today again.
    for _ in 0..3 {
        log.append_lines_at(b"tomorrow\n", now + Duration::from_hours(24)).unwrap();
    }
    assert_eq!(bed.contents(), "now\nmade yesterday\ntomorrow\ntomorrow\ntomorrow\n");
    assert!(bed.old_files().is_empty());
}

/// The failure was told to nobody, and records went into a file of another name for ever.
#[test]
fn a_name_that_cannot_be_opened_any_more_is_told_of_once() {
    let bed = Bed::new();
    let log = Log::open(&bed.path, |options| options);
    log.append("one");
    fs::rename(&bed.path, bed.inside("moved")).unwrap();
    fs::create_dir(&bed.path).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let told = || {
        loop {
            log.append("more");
            let told = log.complaints();
            if !told.is_empty() {
                return told;
            }
            assert!(Instant::now() < until, "nobody is told");
        }
    };
    let first = told();
    assert!(first[0].contains("records go on into the file that had this name"), "{first:?}");
    let moved = fs::metadata(bed.inside("moved")).unwrap().len();
    (0..1000).for_each(|_| log.append("more"));
    assert_eq!(log.complaints(), [""; 0]);
    assert!(moved < fs::metadata(bed.inside("moved")).unwrap().len());
    fs::remove_dir(&bed.path).unwrap();
    while !bed.path.exists() {
        log.append("again");
        assert!(Instant::now() < until, "the name leads to no file again");
    }
    fs::rename(&bed.path, bed.inside("moved too")).unwrap();
    fs::create_dir(&bed.path).unwrap();
    assert_eq!(told().len(), 1);
}
