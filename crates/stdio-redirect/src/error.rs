//! What can go wrong with a stream, and with which.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::stream::Stream;

/// Why a stream could not be, or should not be, pointed somewhere.
///
/// What the system refused carries its [`io::Error`] as `source()`; what is wrong with a path
/// before the system is asked is a [`Fault`], whose text also says what would be right.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused to open a target.
    #[error("cannot open `{}` for {stream}", path.display())]
    Open {
        /// For which stream.
        stream: Stream,
        /// The target, as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A target is not one that can or should be used.
    #[error("cannot use `{}` as {stream}: {fault}", path.display())]
    Path {
        /// For which stream.
        stream: Stream,
        /// The target, as it was given.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The mode for created files has bits that are no read, write or execute permission.
    #[error(
        "cannot create files with mode {mode:#o}: give permission bits only, like 0o640 (without \
         the 0o it would be a decimal number)"
    )]
    Mode {
        /// The mode, as it was given.
        mode: u32,
    },
    /// The system refused to put a descriptor in the place of the stream.
    #[error("cannot replace {stream}")]
    Dup {
        /// Which stream.
        stream: Stream,
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

/// What is wrong with a path, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no path.
    #[error("the path is empty: name a file, or `/dev/null` for none")]
    Empty,
    /// No file name can contain a NUL byte.
    #[error("the path contains a NUL byte: leave it out")]
    Nul,
    /// The path is relative, and whoever opens it may be in another folder by then. Only
    /// [`Redirect::problems`] refuses that.
    ///
    /// [`Redirect::problems`]: crate::Redirect::problems
    #[error("the path is relative: make it absolute, or resolve it against a folder")]
    Relative,
    /// The folder that the file is in, or one above it, is missing.
    #[error("the folder `{}` does not exist: create it first", folder.display())]
    MissingFolder {
        /// The topmost folder that is missing.
        folder: PathBuf,
    },
    /// Something in the path that ought to be a folder is none.
    #[error("`{}` is not a folder: name one that is", path.display())]
    NotAFolder {
        /// What is no folder.
        path: PathBuf,
    },
    /// The path leads to a folder.
    #[error("it is a folder: name a file in it")]
    IsFolder,
    /// There is nothing to read from.
    #[error("there is no such file: name one that exists, or `/dev/null` for no input")]
    Missing,
    /// A socket has a name, but cannot be opened by it (open(2), ENXIO).
    #[error("it is a socket: connect to it and pass the open descriptor")]
    IsSocket,
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
    pub(crate) fn of(fault: trusted_path::Fault) -> Fault {
        use trusted_path::Fault as Found;
        match fault {
            Found::Empty => Fault::Empty,
            Found::Nul => Fault::Nul,
            Found::IsFolder => Fault::IsFolder,
            Found::IsSocket => Fault::IsSocket,
            Found::NoReader => Fault::NoReader,
            Found::ForeignLink { link, owner } => Fault::ForeignLink { link, owner },
            Found::SecondLink { link } => Fault::SecondLink { link },
            Found::ForeignFile { owner } => Fault::ForeignFile { owner },
            Found::SecondName { links } => Fault::SecondName { links },
            // Links are followed to their end, so `IsLink` means that one has come after its place was
            // judged.
            Found::IsLink | Found::Unsteady | _ => Fault::Unsteady,
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
        let error = Error::Open { stream: Stream::Stdout, path: "x".into(), source };
        assert_eq!(
            format!("{error:?}"),
            "cannot open `x` for standard output: No such file or directory (os error 2)"
        );
    }
}
