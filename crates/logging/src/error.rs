//! What can go wrong before the first record, and with which file or field.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no logger, or why a configuration would not give one.
///
/// Nothing that happens *after* a logger was made is reported here: a record that cannot be written
/// is counted (see [`Handle::dropped`](crate::Handle::dropped)), because whoever logs can do nothing
/// about it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This process has a logger. The `log` crate takes one, once.
    #[error("a logger is already set in this process")]
    AlreadySet,

    /// The log file cannot be opened or created.
    #[error("cannot open log file `{}`", path.display())]
    Open {
        /// The file as configured.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The thread that writes queued records cannot be started.
    #[error("cannot start the thread that writes the log")]
    Writer {
        /// What the system said.
        source: io::Error,
    },

    /// The configuration file cannot be read.
    #[error("cannot read logging configuration `{}`", path.display())]
    Read {
        /// The configuration file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The configuration is not YAML, or not a logging configuration.
    #[error("{origin}, line {line}, column {column}: {reason}")]
    Yaml {
        /// The file in backticks, or "logging configuration" when it was a text.
        origin: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong; names the keys that are known when one is not.
        reason: String,
    },

    /// A field has a value that cannot work.
    #[error("logging field `{field}` is `{value}`: {reason}")]
    Field {
        /// The field as it is called in YAML.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
}

impl Error {
    /// The error of a log file, whose options are fields here.
    pub(crate) fn of_file(error: log_file::Error) -> Error {
        match error {
            log_file::Error::Open { path, source } => Error::Open { path, source },
            log_file::Error::Field { field, value, reason } => {
                Error::Field { field, value, reason }
            }
        }
    }
}

impl fmt::Debug for Error {
    /// With the whole chain of causes in words: what a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: FLT-H7
    #[test]
    fn debug_is_for_people() {
        let source = io::Error::from_raw_os_error(2);
        let error = Error::Read { path: "logging.yaml".into(), source };
        assert_eq!(
            format!("{error:?}"),
            "cannot read logging configuration `logging.yaml`: No such file or directory (os error 2)"
        );
    }
}
