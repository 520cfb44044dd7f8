//! What is read: a name, and what becomes of its old files.

use std::path::PathBuf;

/// A file that is appended to.
///
/// It need not be there yet, nor need its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is called in problems, and by whoever shows the lines.
    pub name: String,
    /// Where it is. A relative path starts from the current directory, whenever it is looked at.
    pub path: PathBuf,
    /// Who puts its old files aside, which says what they are called.
    pub rotated: Rotated,
    /// Only files of this user are read; `None`: whosever they are. For who reads what somebody else has named.
    pub of: Option<u32>,
}

/// By whom a file is put aside when it is large or old enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rotated {
    /// By nobody: whatever stands beside it has nothing to do with it.
    #[default]
    Never,
    /// By the crate `log-file`: `app.log.2026-11-21`, `app.log.2026-11-21.0001.gz`.
    ByLogFile,
    /// By logrotate(8) with numbers: `app.log.1`, `app.log.2.gz`; the greater, the older.
    ByLogrotate,
}

impl Source {
    /// A file that nobody rotates.
    pub fn plain(name: impl Into<String>, path: impl Into<PathBuf>) -> Source {
        Source { name: name.into(), path: path.into(), rotated: Rotated::Never, of: None }
    }

    /// A file that is rotated by the crate `log-file`.
    pub fn log_file(name: impl Into<String>, path: impl Into<PathBuf>) -> Source {
        Source { rotated: Rotated::ByLogFile, ..Source::plain(name, path) }
    }

    /// Reads it only as far as its files belong to this user; others are told as problems.
    #[must_use]
    pub fn of_user(self, uid: u32) -> Source {
        Source { of: Some(uid), ..self }
    }

    /// A file that is rotated by logrotate(8), or by something that gives the same names.
    pub fn logrotate(name: impl Into<String>, path: impl Into<PathBuf>) -> Source {
        Source { rotated: Rotated::ByLogrotate, ..Source::plain(name, path) }
    }
}
