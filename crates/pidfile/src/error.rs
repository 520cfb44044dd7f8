//! What can go wrong with a pid file, and with which.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::detail::{Danger, Doubt, FileKind, Op};

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
        /// The number in it; `None` if some other program locks a file without a number.
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

    /// Others kept taking it over, or one of them was stopped in the middle, for ten seconds.
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
        /// Who does.
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

    /// It is held, but that the number in it is the holder's could not be shown.
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

pub(crate) fn user(uid: Option<u32>) -> String {
    match uid {
        None => "another user".to_owned(),
        Some(0) => "root".to_owned(),
        Some(uid) => format!("user {uid}"),
    }
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
mod tests {
    use std::error::Error as _;

    use super::*;

    #[track_caller]
    fn check(error: &Error, expected: &str) {
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn texts_are_those_people_search_for() {
        let path = PathBuf::from("/run/x.pid");
        check(
            &Error::Held { path: path.clone(), pid: Some(7) },
            "pid file `/run/x.pid` is held by process 7",
        );
        check(
            &Error::Held { path: path.clone(), pid: None },
            "pid file `/run/x.pid` is held by another process",
        );
        check(
            &Error::Exists { path: path.clone(), number: Some(7) },
            "pid file `/run/x.pid` exists already",
        );
        check(
            &Error::Orphaned { path: path.clone(), left: vec![] },
            "the holder of pid file `/run/x.pid` is gone, but a process that depended on it is left",
        );
        check(
            &Error::Orphaned { path: path.clone(), left: vec![8] },
            "the holder of pid file `/run/x.pid` is gone, but process 8 is left",
        );
        check(
            &Error::Orphaned { path: path.clone(), left: vec![8, 9] },
            "the holder of pid file `/run/x.pid` is gone, but processes 8, 9 are left",
        );
        check(
            &Error::Busy { path: path.clone() },
            "pid file `/run/x.pid` is being taken over by another process that does not finish",
        );
        check(
            &Error::Interrupted { path: path.clone() },
            "the wait for pid file `/run/x.pid` was interrupted",
        );
        check(&Error::NotHeld { path: path.clone() }, "pid file `/run/x.pid` is held by nobody");
        check(
            &Error::OtherHolder { path: path.clone(), expected: 7, pid: Some(8) },
            "pid file `/run/x.pid` is held by process 8 instead of process 7",
        );
        check(
            &Error::Joined { path: path.clone(), by: vec![8] },
            "pid file `/run/x.pid` has a dependent process already",
        );
        check(&Error::BadPath { path: "a\0b".into() }, r"`a\0b` cannot be the path of a pid file");
        check(
            &Error::NotAFile { path: path.clone(), kind: FileKind::Fifo },
            "`/run/x.pid` is a named pipe, not a pid file",
        );
        check(
            &Error::NoFolder { path: path.clone(), folder: "/run".into() },
            "folder `/run` of pid file `/run/x.pid` does not exist",
        );
        check(
            &Error::NotAFolder { path: path.clone(), folder: "/run".into(), kind: FileKind::File },
            "`/run` on the way to pid file `/run/x.pid` is a file, not a folder",
        );
        check(
            &Error::Insecure { path: path.clone(), danger: Danger::WorldWritable },
            "pid file `/run/x.pid` cannot be trusted: everybody may write it",
        );
        check(
            &Error::Insecure { path: path.clone(), danger: Danger::ForeignOwner { uid: 5 } },
            "pid file `/run/x.pid` cannot be trusted: it belongs to user 5 and others may write in its folder",
        );
        check(
            &Error::Unverified { path: path.clone(), doubt: Doubt::NotTheHolder { pid: 7 } },
            "cannot verify who holds pid file `/run/x.pid`: process 7 does not have the lock",
        );
        check(
            &Error::NotAPidFile { path: "/etc/x.yaml".into(), size: 99, start: r"a\n".into() },
            r"`/etc/x.yaml` is not a pid file and was left as it is: it has 99 bytes and begins with `a\n`; a pid file is empty or one number: give another path, or remove the file",
        );
        check(
            &Error::NotPermitted { path: path.clone(), pid: 7, uid: Some(0) },
            "pid file `/run/x.pid` is held by process 7, which belongs to root: only root can signal it",
        );
        check(
            &Error::NotPermitted { path: path.clone(), pid: 7, uid: Some(5) },
            "pid file `/run/x.pid` is held by process 7, which belongs to user 5: only root or user 5 can signal it",
        );
        check(
            &Error::Unverified { path: path.clone(), doubt: Doubt::OtherUser { pid: 7, uid: 0 } },
            "cannot verify who holds pid file `/run/x.pid`: process 7 belongs to root, and what it has locked is shown to root only",
        );
        check(
            &Error::Unverified {
                path: path.clone(),
                doubt: Doubt::ForeignFile { pid: 7, owner: 5 },
            },
            "cannot verify who holds pid file `/run/x.pid`: the file belongs to user 5, and process 7 does not",
        );
        check(
            &Error::Hindered { path: path.clone(), by: vec![8] },
            "pid file `/run/x.pid` cannot be locked: process 8 has a shared lock on it",
        );
        check(
            &Error::Gone { path: path.clone(), pid: 7 },
            "process 7, which held pid file `/run/x.pid`, is gone",
        );
        check(
            &Error::io(Op::TakeOver, &path)(Errno::ACCESS),
            "cannot take over the stale pid file `/run/x.pid`",
        );
    }

    #[test]
    fn the_cause_is_reached_and_not_repeated() {
        let error = Error::io(Op::Open, Path::new("/run/x.pid"))(Errno::ACCESS);
        let cause = error.source().expect("an Io error has a cause").to_string();
        assert!(cause.to_lowercase().contains("permission denied"), "{cause}");
        assert_eq!(error.to_string(), "cannot open pid file `/run/x.pid`");
        assert_eq!(format!("{error:?}"), format!("{error}: {cause}"));
    }

    /// Case: PID-27
    #[test]
    fn a_file_system_without_locks_has_its_own_error() {
        for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
            let error = Error::lock(Path::new("/mnt/x.pid"))(errno);
            assert!(matches!(error, Error::LocksUnsupported { .. }), "{errno:?} gave {error:?}");
            check(&error, "the file system of pid file `/mnt/x.pid` has no locks");
            assert!(error.source().is_some());
        }
        assert!(matches!(Error::lock(Path::new("/x"))(Errno::IO), Error::Io { op: Op::Lock, .. }));
    }

    #[test]
    fn an_error_can_be_sent_and_boxed() {
        fn sendable<T: Send + Sync + 'static>() {}
        sendable::<Error>();
    }
}
