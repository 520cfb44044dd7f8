//! The three streams replaced in place: all that are wanted, or none.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::fcntl_dupfd_cloexec;

use crate::error::Error;
use crate::stream::Stream;

/// What each stream is to become a duplicate of; `None` leaves it alone.
pub(crate) type Wanted<'a> = [Option<BorrowedFd<'a>>; 3];

/// The numbers among 0, 1 and 2 that were closed, kept busy.
///
/// Whatever is opened next would get them: a file opened for standard error might sit on 1, and
/// be overwritten by the file for standard output before its turn has come.
///
/// Dropping this closes them again.
pub(crate) struct Closed(Vec<OwnedFd>);

impl Closed {
    pub(crate) fn hold() -> io::Result<Closed> {
        let mut held = Vec::new();
        loop {
            // The root folder: it is always there, and as useless to readers and writers as a
            // closed descriptor.
            let next = root()?;
            if next.as_raw_fd() > 2 {
                return Ok(Closed(held));
            }
            held.push(next);
        }
    }

    pub(crate) fn contains(&self, stream: Stream) -> bool {
        self.0.iter().any(|fd| fd.as_fd().as_raw_fd() == stream.descriptor().as_raw_fd())
    }

    /// Lets go of the numbers that now belong to a stream, and closes the others.
    fn hand_over(self, wanted: &Wanted<'_>) {
        for fd in self.0 {
            let index = Stream::ALL.iter().find(|s| s.descriptor().as_raw_fd() == fd.as_raw_fd());
            if index.is_some_and(|stream| wanted[stream.index()].is_some()) {
                let _: i32 = fd.into_raw_fd();
            }
        }
    }
}

/// Linux and FreeBSD can name a folder without the right to list it.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const NAMED: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const NAMED: OFlags = OFlags::RDONLY;

fn root() -> io::Result<OwnedFd> {
    let flags = NAMED | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open("/", flags, Mode::empty())?)
}

/// Replaces the streams by open descriptors.
pub(crate) fn replace(wanted: Wanted<'_>) -> Result<(), Error> {
    let Some(first) = Stream::ALL.into_iter().find(|stream| wanted[stream.index()].is_some())
    else {
        return Ok(());
    };
    let closed = Closed::hold().map_err(|source| Error::Dup { stream: first, source })?;
    replace_holding(wanted, closed)
}

/// As [`replace`], for descriptors that were opened while `closed` was being held.
pub(crate) fn replace_holding(wanted: Wanted<'_>, closed: Closed) -> Result<(), Error> {
    // Rust's standard output stays locked until the end, so that no other thread writes a line between
    // what still goes to the old target and the replacement.
    let mut output = wanted[Stream::Stdout.index()].map(|_| io::stdout().lock());
    if let Some(output) = &mut output {
        // What the old target refuses (its reader is gone, its disk is full) is kept by Rust and
        // goes to the new one. It is no reason to be stuck with the old one.
        let _ = output.flush();
    }
    all_or_none(&wanted, Stream::dup2)?;
    closed.hand_over(&wanted);
    Ok(())
}

/// `dup2` is a parameter for the test: the kernel cannot be made to refuse the second of three.
fn all_or_none(
    wanted: &Wanted<'_>,
    mut dup2: impl FnMut(Stream, BorrowedFd<'_>) -> io::Result<()>,
) -> Result<(), Error> {
    let steps = || Stream::ALL.into_iter().filter_map(|s| Some((s, wanted[s.index()]?)));
    // A copy of every old stream is made before any is replaced: later there may be no descriptor left
    // for it.
    let mut before = Vec::new();
    for (stream, _) in steps() {
        match fcntl_dupfd_cloexec(stream.descriptor(), 3) {
            Ok(old) => before.push((stream, old)),
            Err(errno) => return Err(Error::Dup { stream, source: errno.into() }),
        }
    }
    for (done, (stream, new)) in steps().enumerate() {
        if let Err(source) = dup2(stream, new) {
            for (stream, old) in &before[..done] {
                // Replacing this stream succeeded a moment ago, so putting it back should, too. If it
                // fails, the first error says more.
                let _ = dup2(*stream, old.as_fd());
            }
            return Err(Error::Dup { stream, source });
        }
    }
    Ok(())
}

impl Stream {
    /// Points this stream of this process at a descriptor that is already open: a pipe, a socket.
    ///
    /// For what a [`Target`](crate::Target) cannot name. The stream gets a duplicate, so `descriptor`
    /// can be closed afterwards. As in [`Redirect::apply`](crate::Redirect::apply), Rust's buffer of
    /// standard output is written out first, and the stream is at no instant closed.
    ///
    /// # Errors
    ///
    /// [`Error::Dup`]; the stream is then what it was.
    pub fn point_at(self, descriptor: impl AsFd) -> Result<(), Error> {
        let mut wanted: Wanted<'_> = [None; 3];
        wanted[self.index()] = Some(descriptor.as_fd());
        replace(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_before_a_failure_is_put_back() {
        let new = root().unwrap();
        let mut done = Vec::new();
        let error = all_or_none(&[Some(new.as_fd()); 3], |stream, from| {
            let is_new = from.as_raw_fd() == new.as_raw_fd();
            done.push((stream, if is_new { "new" } else { "old" }));
            match stream {
                Stream::Stderr => Err(io::Error::other("no")),
                Stream::Stdin | Stream::Stdout => Ok(()),
            }
        })
        .unwrap_err();

        assert_eq!(error.to_string(), "cannot replace standard error");
        let expected = [
            (Stream::Stdin, "new"),
            (Stream::Stdout, "new"),
            (Stream::Stderr, "new"),
            (Stream::Stdin, "old"),
            (Stream::Stdout, "old"),
        ];
        assert_eq!(done, expected);
    }
}
