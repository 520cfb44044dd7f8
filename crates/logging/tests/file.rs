//! One process and its log file, which others rename, remove and truncate.
//!
//! Each test makes a logger of its own; none is installed, for that would be the whole process's.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use log::{Level, LevelFilter, Log, Record};
use logging::{Error, Logger, LoggingConfig, Process, Rotation};
use tempfile::TempDir;

/// A folder with a log file in it, and a logger that writes to it.
struct Bed {
    folder: TempDir,
    path: PathBuf,
    logger: Logger,
}

impl Bed {
    fn new() -> Bed {
        Bed::with(|config| config)
    }

    fn with(change: impl FnOnce(LoggingConfig) -> LoggingConfig) -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let logger = logger(&path, change);
        Bed { folder, path, logger }
    }

    fn log(&self, text: &str) {
        log(&self.logger, text);
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn contents(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }
}

fn logger(path: &Path, change: impl FnOnce(LoggingConfig) -> LoggingConfig) -> Logger {
    let config = change(LoggingConfig::file(path).format("{message}"));
    Logger::new(&config, Process::new("test")).unwrap()
}

fn log(logger: &Logger, text: &str) {
    logger.log(&Record::builder().level(Level::Info).args(format_args!("{text}")).build());
}

#[test]
fn records_are_appended_to_what_is_there() {
    let bed = Bed::new();
    bed.log("one");
    drop(bed.logger);
    let again = logger(&bed.path, |config| config);
    log(&again, "two");
    assert_eq!(fs::read_to_string(&bed.path).unwrap(), "one\ntwo\n");
}

/// Case: LOG-07
#[test]
fn level_filters_and_format_decide_what_is_written() {
    let bed = Bed::with(|config| {
        config
            .level(LevelFilter::Info)
            .filter("noisy", LevelFilter::Error)
            .filter("noisy::but_this", LevelFilter::Trace)
            .format("{name} {role} {level:5} {target}: {message}")
    });
    assert_eq!(bed.logger.max_level(), LevelFilter::Trace);
    for (target, level) in [
        ("app", Level::Debug),
        ("app", Level::Info),
        ("noisy", Level::Warn),
        ("noisy::inner", Level::Error),
        ("noisy::but_this", Level::Trace),
    ] {
        bed.logger.log(
            &Record::builder().target(target).level(level).args(format_args!("hello")).build(),
        );
    }
    assert_eq!(
        bed.contents(),
        "test - INFO  app: hello\n\
         test - ERROR noisy::inner: hello\n\
         test - TRACE noisy::but_this: hello\n"
    );
}

#[test]
fn a_named_logger_has_its_own_file_and_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let file = |name: &str| LoggingConfig::file(path(name)).format("{target} {message}");
    let config = file("main")
        .logger("audit", file("audit").propagate(false).level(LevelFilter::Warn))
        .logger("audit::login", file("login").format("{level}"))
        .logger("shared", file("shared").level(LevelFilter::Debug));
    let logger = Logger::new(&config, Process::new("test")).unwrap();
    assert_eq!(logger.max_level(), LevelFilter::Debug);
    for (target, level) in [
        ("app", Level::Info),
        ("audit", Level::Warn),
        ("audit", Level::Info),
        ("audit::login", Level::Info),
        ("audit::login::web", Level::Error),
        ("auditor", Level::Info),
        ("shared::x", Level::Debug),
        ("shared::x", Level::Info),
    ] {
        let enabled = logger.enabled(&log::Metadata::builder().target(target).level(level).build());
        assert_eq!(enabled, (target, level) != ("audit", Level::Info), "{target} {level}");
        logger.log(
            &Record::builder().target(target).level(level).args(format_args!("{level}")).build(),
        );
    }
    let read = |name| fs::read_to_string(path(name)).unwrap();
    assert_eq!(read("main"), "app INFO\nauditor INFO\nshared::x INFO\n");
    assert_eq!(read("audit"), "audit WARN\naudit::login::web ERROR\n");
    assert_eq!(read("login"), "INFO\nERROR\n");
    assert_eq!(read("shared"), "shared::x DEBUG\nshared::x INFO\n");

    fs::rename(path("audit"), path("moved")).unwrap();
    logger.handle().reopen().unwrap();
    assert_eq!(read("audit"), "");
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
    let logger = logger(&path, |config| config.rotation(Rotation::Size).max_size(10));
    log(&logger, "one");
    fs::rename(&folder, &moved).unwrap();
    fs::create_dir(&folder).unwrap();
    ["two more", "three"].iter().for_each(|text| log(&logger, text));
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
    bed.logger.handle().reopen().unwrap();
    bed.log("two");
    assert_eq!(bed.contents(), "made by logrotate\ntwo\n");
}

/// Case: LOG-04
#[test]
fn reopening_creates_the_file_at_once() {
    let bed = Bed::new();
    fs::rename(&bed.path, bed.inside("moved")).unwrap();
    bed.logger.handle().reopen().unwrap();
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
    assert_eq!(bed.logger.handle().dropped(), 0);
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
            if fs::hard_link(&bed.path, &kept).is_ok() {
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
        // Not more than may be open at once.
        while !burst.is_finished() && removed.len() < 200 {
            // Kept open, so that we can see what is written to it when it has no name any more.
            let Ok(file) = fs::File::open(&bed.path) else { continue };
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
    assert_eq!(bed.logger.handle().dropped(), 0);
    // Nothing to prove if no record ever was late; with so many removals some are.
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
    let again = logger(&bed.path, |config| config);
    log(&again, "again");
    assert!(bed.contents().ends_with("\n199\ncut\nagain\n"));
}

#[test]
fn threads_share_a_logger_and_loggers_share_a_file() {
    let bed = Bed::new();
    let second = logger(&bed.path, |config| config);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let logger = if thread % 2 == 0 { &bed.logger } else { &second };
            scope.spawn(move || {
                (0..2_000).for_each(|number| log(logger, &format!("{thread} {number}")));
            });
        }
    });
    let contents = bed.contents();
    for thread in 0..8 {
        let prefix = format!("{thread} ");
        let numbers = contents.lines().filter_map(|line| line.strip_prefix(&prefix));
        assert!(numbers.eq((0..2_000).map(|number| number.to_string())), "in order, each once");
    }
    assert_eq!(contents.lines().count(), 16_000, "and nothing else");
}

#[test]
fn a_new_file_is_not_writable_for_others_and_an_existing_one_keeps_its_mode() {
    let bed = Bed::new();
    assert_eq!(fs::metadata(&bed.path).unwrap().mode() & 0o133, 0);

    fs::set_permissions(&bed.path, fs::Permissions::from_mode(0o660)).unwrap();
    log(&logger(&bed.path, |config| config), "x");
    assert_eq!(fs::metadata(&bed.path).unwrap().mode() & 0o777, 0o660);
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
        let error = Logger::new(&LoggingConfig::file(path), Process::new("test")).unwrap_err();
        assert!(matches!(&error, Error::Open { path: told, .. } if told == path), "{error:?}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

/// Case: LOG-08
#[test]
fn a_configuration_with_problems_makes_no_logger() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/app.log");
    let error = Logger::new(&LoggingConfig::file(&missing), Process::new("test")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "logging field `file` is `{}`: the folder `{}` does not exist; create it",
            missing.display(),
            folder.path().join("missing").display()
        )
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_of_today_is_not_rotated_when_it_is_opened() {
    for rotation in [Rotation::Never, Rotation::Midnight, Rotation::Weekly] {
        let bed = Bed::with(|config| config.rotation(rotation));
        bed.log("one");
        log(&logger(&bed.path, |config| config.rotation(rotation)), "two");
        // Unless midnight has just passed, which the name then tells.
        let files = fs::read_dir(bed.folder.path()).unwrap().count();
        assert!(bed.contents() == "one\ntwo\n" || files == 2, "{rotation:?}");
    }
}

/// The names beside the log file that begin like it, sorted.
fn old_files(bed: &Bed) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = fs::read_dir(bed.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| *path != bed.path)
        .collect();
    names.sort();
    names
}

/// Cases: LOG-01, LOG-13
#[test]
fn a_file_is_put_aside_before_it_gets_too_large_and_the_newest_are_kept() {
    let bed = Bed::with(|config| config.rotation(Rotation::Size).max_size(100).keep(3));
    // Ten bytes each, so ten to a file.
    (0..75).for_each(|number| bed.log(&format!("record {number:02}")));
    let old = old_files(&bed);
    assert_eq!(old.len(), 3);
    let files = old.iter().chain([&bed.path]).map(|path| fs::read_to_string(path).unwrap());
    let kept: String = files.inspect(|contents| assert!(contents.len() <= 100)).collect();
    let expected: String = (40..75).map(|number| format!("record {number:02}\n")).collect();
    assert_eq!(kept, expected, "sorted by name they are sorted by age");
}

/// Case: LOG-01
#[test]
fn a_record_larger_than_a_file_may_be_has_one_to_itself() {
    let bed = Bed::with(|config| config.rotation(Rotation::Size).max_size(10));
    let long = "x".repeat(100);
    ["a", &long, "b", "c"].iter().for_each(|text| bed.log(text));
    let old = old_files(&bed);
    let contents: Vec<String> = old.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(contents, ["a\n", &format!("{long}\n")]);
    assert_eq!(bed.contents(), "b\nc\n");
}

/// Case: LOG-13
#[test]
fn old_files_together_take_no_more_than_they_may() {
    let bed = Bed::with(|config| {
        config.rotation(Rotation::Size).max_size(100).keep(1_000).keep_size(250)
    });
    (0..100).for_each(|number| bed.log(&format!("record {number:02}")));
    assert_eq!(old_files(&bed).len(), 2);
    let bed = Bed::with(|config| config.rotation(Rotation::Size).max_size(100).keep(0));
    (0..100).for_each(|number| bed.log(&format!("record {number:02}")));
    assert_eq!(old_files(&bed).len(), 0);
    assert_eq!(bed.contents().len(), 100);
}

#[test]
fn a_successor_has_the_mode_of_its_predecessor() {
    let bed = Bed::with(|config| config.rotation(Rotation::Size).max_size(10));
    fs::set_permissions(&bed.path, fs::Permissions::from_mode(0o660)).unwrap();
    ["one more", "one more"].iter().for_each(|text| bed.log(text));
    assert_eq!(old_files(&bed).len(), 1);
    assert_eq!(fs::metadata(&bed.path).unwrap().mode() & 0o777, 0o660);
}

#[test]
fn a_file_that_is_never_rotated_is_not_for_its_size_either() {
    let bed = Bed::with(|config| config.rotation(Rotation::Never).max_size(10));
    (0..100).for_each(|number| bed.log(&format!("record {number:02}")));
    assert_eq!(old_files(&bed).len(), 0);
}

#[test]
fn a_truncated_file_has_room_again() {
    let bed = Bed::with(|config| config.rotation(Rotation::Size).max_size(20));
    for _ in 0..10 {
        bed.log("x".repeat(15).as_str());
        OpenOptions::new().write(true).truncate(true).open(&bed.path).unwrap();
    }
    assert_eq!(old_files(&bed).len(), 0);
}

/// An operator's link is a name; the file is where it leads, and so are the old ones.
#[test]
fn behind_a_link_the_file_is_rotated_where_it_is() {
    let bed = Bed::new();
    let link_folder = tempfile::tempdir().unwrap();
    let link = link_folder.path().join("link.log");
    symlink(&bed.path, &link).unwrap();
    let linked = logger(&link, |config| config.rotation(Rotation::Size).max_size(10));
    ["one more", "two more"].iter().for_each(|text| log(&linked, text));
    assert_eq!(bed.contents(), "two more\n");
    assert_eq!(fs::read_to_string(&link).unwrap(), "two more\n");
    assert_eq!(old_files(&bed).len(), 1);
}

/// Case: LOG-08
#[test]
fn a_rotation_that_fails_is_told_in_the_log_and_records_go_on() {
    let bed = Bed::with(|config| config.rotation(Rotation::Size).max_size(10));
    // No file can have a name that is longer than names may be.
    let path = bed.inside(&"n".repeat(250));
    let long_named = logger(&path, |config| config.rotation(Rotation::Size).max_size(10));
    (0..3).for_each(|number| log(&long_named, &format!("record {number}")));
    let contents = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = contents.lines().collect();
    assert_eq!([lines[0], lines[1], lines[3]], ["record 0", "record 1", "record 2"]);
    assert_eq!(
        lines[2],
        format!(
            "`{}` cannot be rotated and goes on: File name too long (os error 36)",
            path.display()
        )
    );
    assert_eq!(lines.len(), 4, "told once");
}

#[test]
fn what_is_no_file_is_just_written() {
    let logger = logger(Path::new("/dev/null"), |config| config);
    log(&logger, "gone");
    assert_eq!(logger.handle().dropped(), 0);
}

#[test]
fn errors_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Error>();
    crosses::<Logger>();
    crosses::<logging::Handle>();
    assert_eq!(Error::AlreadySet.to_string(), "a logger is already set in this process");
}
