//! What can go wrong with a pid file, and with which.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::detail::{Danger, Doubt, FileKind, Op, user};

/// Why a pid file could not be taken, looked at or acted upon.
///
/// A variant of its own is what a caller may want to act on or what reads differently; any other
/// refusal of the system is [`Io`](Error::Io) with its step. The cause, where there is one, is
/// reached by [`source`](std::error::Error::source) and not repeated in the text.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another live process holds it (or this one, by another value).
    #[error("pid file `{}` is held by {}", path.display(), one(*pid))]
    Held {
        /// The pid file.
        path: PathBuf,
        /// The process that holds it, as the kernel tells it; where it does not, the number in the file;
        /// `None` if there is none, as in a file that some other program has locked.
        pid: Option<u32>,
    },

    /// It is there, nobody holds it, and [`Existing::Refuse`](crate::Existing::Refuse) was asked for.
    #[error("pid file `{}` exists already", path.display())]
    Exists {
        /// The pid file.
        path: PathBuf,
        /// The number in it, for a message only: nobody vouches for it.
        number: Option<u32>,
    },

    /// The holder is gone, but a [`Dependent`](crate::Dependent) of it is still alive.
    #[error("the holder of pid file `{}` is gone, but {} left", path.display(), several(left))]
    Orphaned {
        /// The pid file.
        path: PathBuf,
        /// Who is left, as far as /proc tells: empty if it does not.
        left: Vec<u32>,
    },

    /// Others kept taking it over, or one of them was stopped in the middle, for ten seconds; calls that
    /// do not wait say so at once.
    #[error("pid file `{}` is being taken over by another process that does not finish", path.display())]
    Busy {
        /// The pid file.
        path: PathBuf,
    },

    /// The wake-up descriptor became readable during a wait.
    #[error("the wait for pid file `{}` was interrupted", path.display())]
    Interrupted {
        /// The pid file.
        path: PathBuf,
    },

    /// A [`Dependent`](crate::Dependent) needs a holder, and there is none.
    #[error("pid file `{}` is held by nobody", path.display())]
    NotHeld {
        /// The pid file.
        path: PathBuf,
    },

    /// A [`Dependent`](crate::Dependent) expected another holder.
    #[error("pid file `{}` is held by {} instead of process {expected}", path.display(), one(*pid))]
    OtherHolder {
        /// The pid file.
        path: PathBuf,
        /// Who should have held it.
        expected: u32,
        /// Who holds it, by the number in it.
        pid: Option<u32>,
    },

    /// There is a [`Dependent`](crate::Dependent) already.
    #[error("pid file `{}` has a dependent process already", path.display())]
    Joined {
        /// The pid file.
        path: PathBuf,
        /// Who it is, as far as /proc tells.
        by: Vec<u32>,
    },

    /// The path is empty, ends in `/`, `.` or `..`, or contains a NUL byte.
    #[error("`{}` cannot be the path of a pid file", path.display().to_string().escape_debug())]
    BadPath {
        /// The path as given.
        path: PathBuf,
    },

    /// Something that is no regular file stands at the path. It was not opened.
    #[error("`{}` is {kind}, not a pid file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },

    /// What stands at the path is a regular file, but was never a pid file: it is neither empty nor one
    /// number with at most one line end. It was left as it is.
    #[error(
        "`{}` is not a pid file and was left as it is: it has {size} bytes and begins with `{start}`; \
         a pid file is empty or one number: give another path, or remove the file",
        path.display()
    )]
    NotAPidFile {
        /// The path.
        path: PathBuf,
        /// How long the file is.
        size: u64,
        /// Its first 32 bytes; what cannot be printed is escaped.
        start: String,
    },

    /// The folder of the pid file, or one above it, does not exist.
    #[error("folder `{}` of pid file `{}` does not exist", folder.display(), path.display())]
    NoFolder {
        /// The pid file.
        path: PathBuf,
        /// The first folder on the way that is missing.
        folder: PathBuf,
    },

    /// What should be a folder on the way to the pid file is something else.
    #[error("`{}` on the way to pid file `{}` is {kind}, not a folder", folder.display(), path.display())]
    NotAFolder {
        /// The pid file.
        path: PathBuf,
        /// The first thing on the way that is no folder.
        folder: PathBuf,
        /// What it is.
        kind: FileKind,
    },

    /// Somebody else could have put it there, or could change it.
    #[error("pid file `{}` cannot be trusted: {danger}", path.display())]
    Insecure {
        /// The pid file.
        path: PathBuf,
        /// Why not.
        danger: Danger,
    },

    /// Its file system has no locks, and without them nobody can tell who is alive.
    #[error("the file system of pid file `{}` has no locks", path.display())]
    LocksUnsupported {
        /// The pid file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// It is held, but it could not be shown that the number in it is the holder's.
    ///
    /// Such a number is never signalled.
    #[error("cannot verify who holds pid file `{}`: {doubt}", path.display())]
    Unverified {
        /// The pid file.
        path: PathBuf,
        /// What is missing.
        doubt: Doubt,
    },

    /// Its holder is another user's.
    #[error(
        "pid file `{}` is held by process {pid}, which belongs to {}: only {} can signal it",
        path.display(), user(*uid), those(*uid)
    )]
    NotPermitted {
        /// The pid file.
        path: PathBuf,
        /// The process.
        pid: u32,
        /// The user to whom it belongs; `None` if /proc does not tell.
        uid: Option<u32>,
    },

    /// A reader's lock keeps a [`Dependent`](crate::Dependent) from joining.
    #[error("pid file `{}` cannot be locked: {} a shared lock on it", path.display(), readers(by))]
    Hindered {
        /// The pid file.
        path: PathBuf,
        /// Who has it, as far as /proc tells.
        by: Vec<u32>,
    },

    /// The process has ended meanwhile.
    #[error("process {pid}, which held pid file `{}`, is gone", path.display())]
    Gone {
        /// The pid file that it held.
        path: PathBuf,
        /// The process.
        pid: u32,
    },

    /// The system refused a step.
    #[error("cannot {op} pid file `{}`", path.display())]
    Io {
        /// The step.
        op: Op,
        /// The pid file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
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

impl Error {
    /// For `map_err`: the step and the file are named once, where they are known.
    pub(crate) fn io<E: Into<io::Error>>(op: Op, path: &Path) -> impl FnOnce(E) -> Error {
        move |source| Error::Io { op, path: path.to_owned(), source: source.into() }
    }

    /// For `map_err` after whatever concerns a lock: a file system without locks reads differently.
    pub(crate) fn lock(path: &Path) -> impl FnOnce(Errno) -> Error {
        move |errno| {
            let path = path.to_owned();
            let source = io::Error::from(errno);
            match errno {
                Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS => {
                    Error::LocksUnsupported { path, source }
                }
                _ => Error::Io { op: Op::Lock, path, source },
            }
        }
    }
}

fn one(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

fn those(uid: Option<u32>) -> String {
    match uid {
        None => "root or that user".to_owned(),
        Some(0) => "root".to_owned(),
        Some(uid) => format!("root or user {uid}"),
    }
}

fn readers(pids: &[u32]) -> String {
    match pids {
        [] => "a process that may read it has".to_owned(),
        [pid] => format!("process {pid} has"),
        many => {
            let numbers: Vec<String> = many.iter().map(u32::to_string).collect();
            format!("processes {} have", numbers.join(", "))
        }
    }
}

fn several(pids: &[u32]) -> String {
    match pids {
        [] => "a process that depended on it is".to_owned(),
        [pid] => format!("process {pid} is"),
        many => {
            let numbers: Vec<String> = many.iter().map(u32::to_string).collect();
            format!("processes {} are", numbers.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
