//! Why a file cannot be opened, and which of its options cannot work.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no [`LogFile`](crate::LogFile), or why options would not give one.
///
/// Nothing that happens later is one of these: what cannot be appended fails with the `io::Error` of that append, and
/// a rotation that does not work is told by [`LogFile::complaints`](crate::LogFile::complaints).
#[derive(thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or created.
    #[error("cannot open log file `{}`", path.display())]
    Open {
        /// The file as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// An option has a value that cannot work, or the file may have been laid out for us by somebody else.
    #[error("`{field}` of a log file is `{value}`: {reason}")]
    Field {
        /// The option, called as the method of [`Options`](crate::Options).
        field: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
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
        let error = Error::Open { path: "app.log".into(), source: io::Error::from_raw_os_error(2) };
        assert_eq!(
            format!("{error:?}"),
            "cannot open log file `app.log`: No such file or directory (os error 2)"
        );
    }
}
