//! Checks that a daemon's options and a worker's have in common. Each looks, and touches nothing.

use std::path::Path;

use capture::Capture;
use exit::ErrorText;
use logging::LoggingConfig;
use proc_spawn::{EntryError, Environment};

use crate::base::Base;
use crate::files::Files;
pub use crate::files::numbers_in;
use policy::Problems;

/// Adds what is wrong with an entry, as `<prefix>entry` or `<prefix>args`.
pub fn entry(problems: &mut Problems, prefix: &str, error: &EntryError) {
    match error {
        EntryError::Unknown { name, .. } | EntryError::Ambiguous { name } => {
            problems.add(format!("{prefix}entry"), name, error);
        }
        EntryError::Arguments { entry, source } => {
            let reason = format!("they do not fit entry `{entry}`: {source}");
            problems.add(format!("{prefix}args"), "…", reason);
        }
        other => problems.add(format!("{prefix}entry"), "…", other),
    }
}

/// Adds a working directory that is not there.
pub(crate) fn directory(problems: &mut Problems, directory: Option<&Path>) {
    let Some(directory) = directory else { return };
    let is_there = match std::fs::metadata(directory) {
        Ok(found) => found.is_dir(),
        // Some errors say nothing of the folder: the child that enters it will find out whether it can.
        Err(error) => trusted_path::may_pass(&error),
    };
    if !is_there {
        let reason = "no such folder; give one that exists";
        problems.add("directory", directory.display(), reason);
    }
}

/// Adds a file mode creation mask that has more than permissions.
pub(crate) fn umask(problems: &mut Problems, umask: Option<u32>) {
    if let Some(umask) = umask.filter(|umask| *umask > 0o777) {
        let reason = "has bits beyond 0o777; give permission bits only";
        problems.add("umask", format_args!("{umask:#o}"), reason);
    }
}

/// Adds what no environment can hold.
pub(crate) fn environment(problems: &mut Problems, environment: &Environment) {
    for (key, reason) in environment.problems() {
        problems.add("env", key.display(), reason);
    }
}

/// The logging configuration with absolute paths; adds what is wrong with it.
pub(crate) fn logging(
    problems: &mut Problems,
    base: &Base,
    mut config: LoggingConfig,
) -> LoggingConfig {
    base.resolve(problems, "logging_config", &mut config);
    for problem in config.problems() {
        let value = config.file_path().map(|path| path.display().to_string()).unwrap_or_default();
        problems.add("logging_config", value, ErrorText::new(&problem).chain());
    }
    config
}

/// The capture with an absolute path; adds what is wrong with it alone.
pub(crate) fn capture(
    problems: &mut Problems,
    files: &mut Files,
    base: &Base,
    capture: Capture,
) -> Capture {
    let file = base.file(problems, files, "capture.file", capture.file_path().to_owned());
    capture.check(problems);
    capture.with_file(file)
}
