//! A standard stream of the process, which may be anything: a terminal, a pipe, a file.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// A standard stream of the process as the place to append to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

impl Stream {
    /// The stream that a path is a name of, as `/dev/stderr` or `/proc/self/fd/2`. To open the path would
    /// not do: a socket cannot be opened by it, and a file would be rotated under the feet of whoever
    /// redirected the stream.
    pub(crate) fn named(path: &Path) -> Option<Stream> {
        match trusted_path::descriptor_named(path)? {
            1 => Some(Stream::Stdout),
            2 => Some(Stream::Stderr),
            _ => None,
        }
    }
}

/// Appends to a stream.
#[derive(Debug)]
pub(crate) struct StreamSink {
    pub(crate) stream: Stream,
    /// The last record was cut; the next begins with a line end.
    cut: bool,
}

/// How long we wait for room in a stream that somebody made non-blocking, and whose reader does not read.
const STREAM_PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

impl StreamSink {
    pub(crate) fn new(stream: Stream) -> StreamSink {
        StreamSink { stream, cut: false }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Under the lock of the standard library, so that what is printed elsewhere in the process
        // is not torn by us; past its buffer, which would split lines.
        match self.stream {
            Stream::Stdout => {
                let mut stdout = io::stdout().lock();
                let _ = stdout.flush();
                self.write_to(stdout.as_fd(), bytes)
            }
            Stream::Stderr => self.write_to(io::stderr().lock().as_fd(), bytes),
        }
    }

    fn write_to(&mut self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
        if self.cut {
            write_all(fd, b"\n").map_err(|(_, error)| error)?;
            self.cut = false;
        }
        write_all(fd, bytes).map_err(|(written, error)| {
            self.cut = written > 0;
            error
        })
    }
}

/// Writes everything, waiting a little for a stream that is non-blocking. On failure says how much
/// was written.
fn write_all(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match rustix::io::write(fd, &bytes[written..]) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(Errno::INTR) => (),
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
                match rustix::event::poll(&mut fds, Some(&STREAM_PATIENCE)) {
                    Ok(0) => return Err((written, Errno::AGAIN.into())),
                    Ok(_) | Err(Errno::INTR) => (),
                    Err(error) => return Err((written, error.into())),
                }
            }
            Err(error) => return Err((written, error.into())),
        }
    }
    Ok(())
}
