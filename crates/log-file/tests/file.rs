//! One process and its file, which others rename, remove and truncate.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use log_file::{Error, LogFile, Options, Rotation};

mod support {
    pub(crate) mod log;
}

use support::log::{Bed, Log};

#[test]
fn records_are_appended_to_what_is_there() {
    let bed = Bed::new();
    bed.log("one");
    drop(bed.file);
    let again = Log::open(&bed.path, |options| options);
    again.append("two");
    assert_eq!(fs::read_to_string(&bed.path).unwrap(), "one\ntwo\n");
}

/// Case: LOG-07
#[test]
fn a_record_of_a_mebibyte_is_one_line() {
    let bed = Bed::new();
    let long = "x".repeat(1 << 20);
    bed.log(&long);
    bed.log("short");
    assert_eq!(bed.contents(), format!("{long}\nshort\n"));
}

/// Case: LOG-04
#[test]
fn after_a_rename_by_someone_else_the_next_record_is_in_a_new_file() {
    let bed = Bed::new();
    for round in 0..200 {
        bed.log(&format!("before {round}"));
        fs::rename(&bed.path, bed.inside("moved")).unwrap();
        bed.log(&format!("after {round}"));
        assert_eq!(bed.contents(), format!("after {round}\n"));
        assert!(
            fs::read_to_string(bed.inside("moved"))
                .unwrap()
                .ends_with(&format!("before {round}\n"))
        );
    }
}

/// Case: LOG-04
#[test]
fn after_a_rename_of_the_folder_the_next_record_is_in_the_new_one() {
    let root = tempfile::tempdir().unwrap();
    let (folder, moved) = (root.path().join("logs"), root.path().join("moved"));
    fs::create_dir(&folder).unwrap();
    let path = folder.join("app.log");
    let log = Log::open(&path, |options| options.rotation(Rotation::Size).max_size(10));
    log.append("one");
    fs::rename(&folder, &moved).unwrap();
    fs::create_dir(&folder).unwrap();
    ["two more", "three"].iter().for_each(|text| log.append(text));
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "it is rotated where it is now");
    assert_eq!(fs::read_to_string(moved.join("app.log")).unwrap(), "one\n");
}

/// Case: LOG-04
#[test]
fn a_new_file_that_someone_else_has_made_is_used() {
    let bed = Bed::new();
    bed.log("one");
    fs::rename(&bed.path, bed.inside("moved")).unwrap();
    fs::write(&bed.path, "made by logrotate\n").unwrap();
    bed.file.reopen().unwrap();
    bed.log("two");
    assert_eq!(bed.contents(), "made by logrotate\ntwo\n");
}

/// Case: LOG-04
#[test]
fn reopening_creates_the_file_at_once() {
    let bed = Bed::new();
    fs::rename(&bed.path, bed.inside("moved")).unwrap();
    bed.file.reopen().unwrap();
    assert_eq!(bed.contents(), "", "no record was needed");
}

/// Case: LOG-05
#[test]
fn a_file_that_was_removed_is_made_again_with_the_next_record() {
    let bed = Bed::new();
    for round in 0..200 {
        bed.log("lost with the file");
        fs::remove_file(&bed.path).unwrap();
        bed.log(&format!("after {round}"));
        assert_eq!(bed.contents(), format!("after {round}\n"));
    }
    assert_eq!(bed.file.dropped(), 0);
}

/// Whether the file has two records, so that the first of them is there for good. If a file were removed
/// sooner, that might happen at each attempt to write one record, which is given up after a hundred of
/// them.
fn has_two_numbers(file: io::Result<fs::Metadata>) -> bool {
    file.is_ok_and(|file| file.len() > "99999\n".len() as u64)
}

/// Case: LOG-05
#[test]
fn of_a_burst_whose_file_is_removed_each_record_is_in_a_file_that_had_a_name_then() {
    let bed = Bed::new();
    std::thread::scope(|scope| {
        let burst = scope.spawn(|| (0..100_000).for_each(|number| bed.log(&format!("{number}"))));
        // Each file is given a second name before it is removed, so that all are there to count.
        let mut files = 0;
        while !burst.is_finished() {
            let kept = bed.inside(&format!("kept-{files}"));
            if has_two_numbers(fs::metadata(&bed.path)) && fs::hard_link(&bed.path, &kept).is_ok() {
                fs::remove_file(&bed.path).unwrap();
                files += 1;
            }
        }
        burst.join().unwrap();
        assert!(files > 1, "the burst should outlast a removal");
    });
    let mut numbers: Vec<u32> = fs::read_dir(bed.folder.path())
        .unwrap()
        .flat_map(|entry| {
            let contents = fs::read_to_string(entry.unwrap().path()).unwrap();
            contents.lines().map(|line| line.parse().unwrap()).collect::<Vec<_>>()
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100_000).collect::<Vec<_>>());
}

/// Case: LOG-05
#[test]
fn what_is_written_to_a_file_after_its_removal_is_written_to_the_next_one() {
    let bed = Bed::new();
    let mut removed = Vec::new();
    std::thread::scope(|scope| {
        let burst = scope.spawn(|| (0..100_000).for_each(|number| bed.log(&format!("{number}"))));
        // No more files than may be open at once.
        while !burst.is_finished() && removed.len() < 200 {
            // Kept open, so that we can see what is written to it when it has no name any more.
            let Ok(file) = fs::File::open(&bed.path) else { continue };
            if !has_two_numbers(file.metadata()) {
                continue;
            }
            fs::remove_file(&bed.path).unwrap();
            let size = file.metadata().unwrap().len();
            removed.push((file, size));
        }
        burst.join().unwrap();
    });
    let mut late = 0;
    let mut after: std::collections::HashSet<String> =
        fs::read_to_string(&bed.path).unwrap_or_default().lines().map(str::to_owned).collect();
    for (mut file, size) in removed.into_iter().rev() {
        let mut contents = String::new();
        file.read_to_string(&mut contents).unwrap();
        // A file grows page by page while a record is written: one that had only begun is compared whole.
        let late_from = contents[..size as usize].rfind('\n').map_or(0, |end| end + 1);
        for line in contents[late_from..].lines() {
            assert!(after.contains(line), "{line} is only in a file that had no name by then");
            late += 1;
        }
        after.extend(contents.lines().map(str::to_owned));
    }
    assert_eq!(bed.file.dropped(), 0);
    // If no record was late, nothing was proved; with so many removals some are.
    println!("{late} records were late");
}

/// Case: LOG-04
#[test]
fn after_copytruncate_records_begin_at_the_beginning() {
    let bed = Bed::new();
    bed.log("one");
    fs::copy(&bed.path, bed.inside("copy")).unwrap();
    OpenOptions::new().write(true).truncate(true).open(&bed.path).unwrap();
    bed.log("two");
    bed.log("three");
    assert_eq!(bed.contents(), "two\nthree\n");
}

/// The crash of an earlier run, or a person with `echo -n`, must not take our first record along.
#[test]
fn a_line_that_someone_left_without_its_end_is_ended_first() {
    let bed = Bed::new();
    bed.log("one");
    let mut other = OpenOptions::new().append(true).open(&bed.path).unwrap();
    let mut expected = vec!["one".to_owned()];
    for round in 0..200 {
        other.write_all(b"cut").unwrap();
        bed.log(&format!("{round}"));
        expected.extend(["cut".to_owned(), format!("{round}")]);
    }
    let contents = bed.contents();
    // Where a look came too late there is a blank line, but nothing is glued and nothing twice.
    let lines = contents.lines().filter(|line| !line.trim().is_empty());
    assert!(lines.eq(&expected), "{contents}");

    other.write_all(b"cut").unwrap();
    let again = Log::open(&bed.path, |options| options);
    again.append("again");
    assert!(bed.contents().ends_with("\n199\ncut\nagain\n"));
}

#[test]
fn a_new_file_is_not_writable_for_others_and_an_existing_one_keeps_its_mode() {
    let bed = Bed::new();
    assert_eq!(fs::metadata(&bed.path).unwrap().mode() & 0o133, 0);

    fs::set_permissions(&bed.path, fs::Permissions::from_mode(0o660)).unwrap();
    Log::open(&bed.path, |options| options).append("x");
    assert_eq!(fs::metadata(&bed.path).unwrap().mode() & 0o777, 0o660);
}

#[test]
fn what_is_no_file_is_just_written() {
    let log = Log::open(Path::new("/dev/null"), |options| options);
    log.append("gone");
    assert_eq!(log.dropped(), 0);
}

#[test]
fn what_cannot_be_appended_is_an_error_and_the_next_is_tried_again() {
    let log = Log::open(Path::new("/dev/full"), |options| options);
    (1..=3).for_each(|count| {
        log.append("lost");
        assert_eq!(log.dropped(), count);
    });
    assert_eq!(log.why(), "No space left on device (os error 28)");
}

/// Case: LOG-08
#[test]
fn what_cannot_be_opened_is_told_with_its_path_and_cause() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let through_itself = folder.path().join("loop");
    symlink(&through_itself, &through_itself).unwrap();
    for path in [&through_itself, &fifo] {
        let error = LogFile::open(path).unwrap_err();
        assert!(matches!(&error, Error::Open { path: told, .. } if told == path), "{error:?}");
        assert!(std::error::Error::source(&error).is_some());
    }
    let nowhere = folder.path().join("missing/app.log");
    let error = LogFile::open(&nowhere).unwrap_err();
    assert!(matches!(error, Error::Field { field: "file", .. }), "{error:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is made");
}

#[test]
fn values_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Error>();
    crosses::<LogFile>();
    crosses::<Options>();
}
