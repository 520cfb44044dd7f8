//! The pipe that wakes whoever waits: rung once, readable for ever, because nobody reads it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, retry_on_intr, write};

/// Systems without `ppoll` take at most this many milliseconds. Waking once in 24 days costs less
/// than asking which system this is.
const LONGEST_WAIT: Duration = Duration::from_millis(i32::MAX as u64);

/// Dropping it closes both ends.
#[derive(Debug)]
pub(crate) struct Bell {
    reader: OwnedFd,
    writer: OwnedFd,
}

/// Why a wait at the bell is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The descriptor is readable, or is no longer what it was.
    Ring,
    /// The time passed, or a handler ran in this thread.
    Nothing,
    /// The system would not wait.
    Failed,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Bell> {
        let (reader, writer) = pipe()?;
        Ok(Bell { reader, writer })
    }

    /// Makes the descriptor readable. A full pipe is readable already, so that failure is success.
    pub(crate) fn ring(&self) {
        let _ = retry_on_intr(|| write(&self.writer, b"q"));
    }

    /// Empties the pipe, so that a bell that was rung can ring again: for a watch, as a deadline may come
    /// forward more than once.
    pub(crate) fn silence(&self) {
        let mut buffer = [0; 64];
        while retry_on_intr(|| read(&self.reader, &mut buffer)).is_ok_and(|read| read > 0) {}
    }

    /// Another descriptor of the write end, for a signal handler to own.
    pub(crate) fn ringer(&self) -> io::Result<OwnedFd> {
        self.writer.try_clone()
    }

    /// Waits for a ring at most `limit` (`None`: for ever). May come back early with `Nothing`.
    pub(crate) fn listen(&self, limit: Option<Duration>) -> Waited {
        let limit = limit.map(|limit| timespec(limit.min(LONGEST_WAIT)));
        match poll(&mut [PollFd::new(&self.reader, PollFlags::IN)], limit.as_ref()) {
            Ok(0) | Err(Errno::INTR) => Waited::Nothing,
            Ok(_) => Waited::Ring,
            Err(_) => Waited::Failed,
        }
    }
}

/// Close-on-exec. Neither end makes anybody wait: the writer, since a handler that blocks in a full pipe
/// would hang the process; the reader, so that a reactor may take it as it is.
#[cfg(not(target_vendor = "apple"))]
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::{PipeFlags, pipe_with};
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// The same where a pipe is made without flags.
#[cfg(target_vendor = "apple")]
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    rustix::io::ioctl_fionbio(&writer, true)?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    Ok((reader.into(), writer.into()))
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

/// Capped where the seconds would not fit the system's type.
pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i32::MAX.into()),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a signal handler a write that waits would hang the process.
    #[test]
    fn a_full_pipe_holds_up_nobody_who_rings() {
        /// More than a pipe holds (pipe(7)).
        const RINGS: usize = 100_000;
        let (done, rung) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let bell = Bell::new().unwrap();
            (0..RINGS).for_each(|_| bell.ring());
            done.send(bell.listen(None)).unwrap();
        });
        assert_eq!(rung.recv_timeout(Duration::from_secs(30)), Ok(Waited::Ring));
    }
}
