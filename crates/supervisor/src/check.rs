//! Checks that a daemon's options and a worker's have in common. Each looks, and touches nothing.

use std::path::Path;

use logging::LoggingConfig;
use proc_spawn::{EntryError, Environment, ErrorText};
use stdio_redirect::{Redirect, Stream, Target};

use crate::base::Base;
use crate::problem::Problems;

/// Adds what is wrong with an entry, as `<prefix>entry` or `<prefix>args`.
pub fn check_entry(problems: &mut Problems, prefix: &str, error: &EntryError) {
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
pub fn check_directory(problems: &mut Problems, directory: Option<&Path>) {
    if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
        let reason = "no such folder; give one that exists";
        problems.add("directory", directory.display(), reason);
    }
}

/// Adds what no environment can hold.
pub fn check_environment(problems: &mut Problems, environment: &Environment) {
    for (key, reason) in environment.problems() {
        problems.add("env", key.display(), reason);
    }
}

/// Where the streams go: the named files, otherwise `otherwise`; standard input is empty.
pub fn redirect(
    problems: &mut Problems,
    base: &Base,
    stdout: Option<&Path>,
    stderr: Option<&Path>,
    otherwise: &Target,
    trust_folder_owner: bool,
) -> Redirect {
    let mut target = |field: &str, path: Option<&Path>| {
        let Some(path) = path else { return otherwise.clone() };
        base.absolute(problems, field, path).map_or_else(|| otherwise.clone(), Target::File)
    };
    let stdout = target("stdout_filename", stdout);
    let stderr = target("stderr_filename", stderr);
    let redirect = Redirect::new().stdin(Target::Null).stdout(stdout).stderr(stderr);
    let redirect = redirect.trust_folder_owner(trust_folder_owner);
    for problem in redirect.problems() {
        use stdio_redirect::Error;
        let (stream, path, reason) = if let Error::Path { stream, path, fault } = &problem {
            (*stream, path, fault.to_string())
        } else if let Error::Open { stream, path, source } = &problem {
            (*stream, path, format!("cannot open: {source}"))
        } else {
            problems.add("redirect", "…", ErrorText::new(&problem).chain());
            continue;
        };
        let field = match stream {
            Stream::Stdin => "stdin",
            Stream::Stdout => "stdout_filename",
            Stream::Stderr => "stderr_filename",
        };
        problems.add(field, path.display(), reason);
    }
    redirect
}

/// The logging configuration with absolute paths; adds what is wrong with it.
pub fn checked_logging(
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
