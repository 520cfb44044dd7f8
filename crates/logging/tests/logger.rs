//! What a logger writes, where, and what it refuses.
//!
//! Each test makes a logger of its own; none is installed, for that would be the whole process's.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
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

/// What else the other configuration says is not looked at, nor what it has for a logger that there is not.
#[test]
fn levels_are_changed_while_it_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let file = |name: &str| LoggingConfig::file(path(name)).format("{target} {message}");
    let config = file("main").logger("audit", file("audit").propagate(false));
    let logger = Logger::new(&config, Process::new("test")).unwrap();
    let say = |text: &str| {
        for target in ["app", "audit"] {
            let record = &mut Record::builder();
            let record = record.target(target).level(Level::Debug);
            logger.log(&record.args(format_args!("{text}")).build());
        }
    };
    say("first");
    let audit = file("elsewhere").level(LevelFilter::Debug);
    let other = file("other").filter("app", LevelFilter::Trace).logger("audit", audit);
    assert_ne!(other.clone().without_levels(), config.clone().without_levels());
    logger.handle().set_levels(&other.logger("none", file("none")));
    assert_eq!(logger.max_level(), LevelFilter::Trace);
    say("second");
    logger.handle().set_levels(&config.clone().logger("audit", file("audit").propagate(false)));
    say("third");
    let read = |name| fs::read_to_string(path(name)).unwrap();
    assert_eq!((read("main").as_str(), read("audit").as_str()), ("app second\n", "audit second\n"));
    assert!(!path("elsewhere").exists() && !path("other").exists());
    let levels = file("main").level(LevelFilter::Off).filter("x", LevelFilter::Warn);
    let audit = file("audit").propagate(false).level(LevelFilter::Error);
    assert_eq!(levels.logger("audit", audit).without_levels(), config.without_levels());
}

#[test]
fn a_named_logger_has_its_own_file_and_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let file = |name: &str| LoggingConfig::file(path(name)).format("{target} {message}");
    let config = file("main")
        .logger("audit", file("audit").propagate(false).level(LevelFilter::Warn))
        .logger("audit::login", file("login").format("{message}"))
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

/// Case: LOG-08
#[test]
fn a_rotation_that_fails_is_told_in_the_log_and_records_go_on() {
    let bed = Bed::new();
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
fn errors_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Error>();
    crosses::<Logger>();
    crosses::<logging::Handle>();
    assert_eq!(Error::AlreadySet.to_string(), "a logger is already set in this process");
}

/// Case: FLT-A1
#[test]
fn the_owner_of_the_folder_can_be_trusted_with_the_log() {
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can be fooled by the files of others");
        return;
    }
    let bed = Bed::new();
    let (theirs, link) = (bed.inside("theirs.log"), bed.inside("link.log"));
    fs::write(&theirs, "").unwrap();
    symlink(&theirs, &link).unwrap();
    chown(bed.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    chown(&theirs, Some(NOBODY), Some(NOBODY)).unwrap();
    lchown(&link, Some(NOBODY), Some(NOBODY)).unwrap();
    let config = LoggingConfig::file(&link);
    let refused = Logger::new(&config, Process::new("test")).unwrap_err();
    let [problem] = &config.problems()[..] else { panic!("there is one") };
    assert_eq!(problem.to_string(), refused.to_string());
    assert!(refused.to_string().contains("`trust_folder_owner`"), "{refused}");
    let yaml = format!("file: {}\ntrust_folder_owner: true\nformat: '{{message}}'", link.display());
    let config = LoggingConfig::from_yaml_str(&yaml).unwrap();
    assert_eq!(config.problems().len(), 0);
    log(&Logger::new(&config, Process::new("test")).unwrap(), "by his link");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "by his link\n");
}
