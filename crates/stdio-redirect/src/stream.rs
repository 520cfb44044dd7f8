//! The three streams by name.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// One of the three standard streams. Displays as "standard input", and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Descriptor 0.
    Stdin,
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

impl Stream {
    /// All three, in the order of their numbers.
    pub const ALL: [Stream; 3] = [Stream::Stdin, Stream::Stdout, Stream::Stderr];

    /// Its place in an array of three, which is also its number as a descriptor.
    pub(crate) fn index(self) -> usize {
        match self {
            Stream::Stdin => 0,
            Stream::Stdout => 1,
            Stream::Stderr => 2,
        }
    }

    pub(crate) fn descriptor(self) -> BorrowedFd<'static> {
        match self {
            Stream::Stdin => rustix::stdio::stdin(),
            Stream::Stdout => rustix::stdio::stdout(),
            Stream::Stderr => rustix::stdio::stderr(),
        }
    }

    /// Makes the stream a duplicate of `from`. If the stream is open, it is replaced in one step
    /// (dup2(2)).
    pub(crate) fn dup2(self, from: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            Stream::Stdin => rustix::stdio::dup2_stdin(from)?,
            Stream::Stdout => rustix::stdio::dup2_stdout(from)?,
            Stream::Stderr => rustix::stdio::dup2_stderr(from)?,
        }
        Ok(())
    }

    /// The stream that `path` names, whatever it is at present.
    ///
    /// None for every other path, also for one that leads to such a name. Whoever has the stream should
    /// use its descriptor instead of opening the name, see [`trusted_path::descriptor_named`].
    pub fn named(path: &Path) -> Option<Stream> {
        match trusted_path::descriptor_named(path)? {
            0 => Some(Stream::Stdin),
            1 => Some(Stream::Stdout),
            2 => Some(Stream::Stderr),
            _ => None,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stream::Stdin => "standard input",
            Stream::Stdout => "standard output",
            Stream::Stderr => "standard error",
        })
    }
}
