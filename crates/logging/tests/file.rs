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
        while !burst.is_finished() {
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
        for line in contents[size as usize..].lines() {
            assert!(after.contains(line), "{line} is only in a file that had no name by then");
            late += 1;
        }
        after.extend(contents.lines().map(str::to_owned));
    }
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

#[test]
fn a_link_is_followed_in_a_private_folder_only() {
    let bed = Bed::new();
    let link = bed.inside("link.log");
    symlink(&bed.path, &link).unwrap();
    log(&logger(&link, |config| config), "by the link");
    assert_eq!(bed.contents(), "by the link\n");

    fs::set_permissions(bed.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let config = LoggingConfig::file(&link);
    let error = Logger::new(&config, Process::new("test")).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot open log file `{}`", link.display()));
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "it is a symbolic link in a folder that others can write to"
    );
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
