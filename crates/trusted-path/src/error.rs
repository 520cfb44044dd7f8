//! What can go wrong on the way to a file, and with what.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a file could not be, or should not be, used.
#[derive(thiserror::Error)]
pub enum Error {
    /// The path, or what it leads to, is not one that can or should be used.
    #[error("cannot use `{}`: {fault}", path.display())]
    Path {
        /// The path, as it was given.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The system refused a step.
    #[error("cannot {step} `{}`", at.display())]
    System {
        /// What was tried.
        step: Step,
        /// With what: the path that was given, or a folder on the way.
        at: PathBuf,
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
    /// What the system said, if it was the system.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Error::Path { .. } => None,
            Error::System { source, .. } => Some(source.kind()),
        }
    }

    /// As an [`io::Error`]: the system's own, without the path, for a caller who names the path himself;
    /// or one that says what is wrong with the path.
    pub fn into_io(self) -> io::Error {
        match self {
            Error::Path { fault, .. } => io::Error::other(fault),
            Error::System { source, .. } => source,
        }
    }
}

impl From<Error> for io::Error {
    /// As [`into_io`](Error::into_io).
    fn from(error: Error) -> io::Error {
        error.into_io()
    }
}

/// What was tried when the system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// To go one step on the way.
    Find,
    /// To see what stands at the name.
    Look,
    /// To open a file.
    Open,
    /// To create one.
    Create,
    /// To write to it.
    Write,
    /// To give it another name.
    Rename,
    /// To remove its name.
    Remove,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Find => "find",
            Step::Look => "look at",
            Step::Open => "open",
            Step::Create => "create",
            Step::Write => "write",
            Step::Rename => "rename",
            Step::Remove => "remove",
        })
    }
}

/// What is wrong with a path, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no path.
    #[error("the path is empty: name a file")]
    Empty,
    /// No file name can contain a NUL byte.
    #[error("the path contains a NUL byte: leave it out")]
    Nul,
    /// The path leads to a folder.
    #[error("it is a folder: name a file in it")]
    IsFolder,
    /// A socket has a name, but cannot be opened by it (open(2), ENXIO).
    #[error("it is a socket: connect to it and pass the open descriptor")]
    IsSocket,
    /// A symbolic link stands where none is followed.
    #[error("it is a symbolic link: name what it leads to")]
    IsLink,
    /// Opening would wait for a reader, perhaps for ever.
    #[error("it is a FIFO that nobody reads: start its reader first")]
    NoReader,
    /// A symbolic link that somebody else may have laid out for us.
    #[error(
        "the link `{}` belongs to user {owner} and is in a folder that others can write to: name \
         what it leads to",
        link.display()
    )]
    ForeignLink {
        /// The link; it need not be the last part of the path.
        link: PathBuf,
        /// The user id that it belongs to.
        owner: u32,
    },
    /// A symbolic link with a second name, so that somebody else may have given it this one.
    #[error(
        "the link `{}` has a second name (a hard link) and this one is in a folder that others can \
         write to: name what it leads to",
        link.display()
    )]
    SecondLink {
        /// The link; it need not be the last part of the path.
        link: PathBuf,
    },
    /// A file that somebody else may have laid out for us.
    #[error(
        "it belongs to user {owner} and is in a folder that others can write to: remove it, or \
         name a file in another folder"
    )]
    ForeignFile {
        /// The user id that it belongs to.
        owner: u32,
    },
    /// A file that has names elsewhere, so that somebody else may have given it this one.
    #[error(
        "it has {links} names (hard links) and this one is in a folder that others can write to: \
         remove it, or name a file in another folder"
    )]
    SecondName {
        /// How many names it has.
        links: u64,
    },
    /// The file at this name was exchanged each time that we had opened it.
    #[error("the file is replaced again and again: have whoever does it stop")]
    Unsteady,
}

impl Fault {
    /// Whether it is a matter of whom to trust, which [`Trust`](crate::Trust) may settle.
    pub fn is_about_owners(&self) -> bool {
        match self {
            Fault::ForeignLink { .. }
            | Fault::SecondLink { .. }
            | Fault::ForeignFile { .. }
            | Fault::SecondName { .. } => true,
            Fault::Empty
            | Fault::Nul
            | Fault::IsFolder
            | Fault::IsSocket
            | Fault::IsLink
            | Fault::NoReader
            | Fault::Unsteady => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: FLT-H7
    #[test]
    fn debug_is_for_people() {
        let source = io::Error::from_raw_os_error(2);
        let error = Error::System { step: Step::Open, at: "/x".into(), source };
        assert_eq!(
            format!("{error:?}"),
            "cannot open `/x`: No such file or directory (os error 2)"
        );
    }
}
