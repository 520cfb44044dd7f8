//! Where records go, and what becomes of those that cannot go there.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::config::Stream;
use crate::file::LogFile;
use crate::layout::Layout;

/// The system's clock. Outside the calendar (ten thousand years) it stands still.
pub(crate) fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Writes records; those that it cannot write it counts, and says so when it can again.
#[derive(Debug)]
pub(crate) struct Sink {
    target: Target,
    layout: Arc<Layout>,
    /// How many were lost since something was written, and why the first of them.
    missed: u64,
    why: String,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(crate) enum Target {
    File(Box<LogFile>),
    Stream(StreamSink),
}

impl Sink {
    pub(crate) fn new(target: Target, layout: Arc<Layout>, dropped: Arc<AtomicU64>) -> Sink {
        Sink { target, layout, missed: 0, why: String::new(), dropped }
    }

    /// Writes a record, or counts it. Never panics and never fails.
    pub(crate) fn write(&mut self, record: &[u8], now: Timestamp) {
        let result = if self.missed == 0 {
            self.target.write(record, now)
        } else {
            // In one piece with the record, so that it is told once and only if it is true.
            let mut both = self.layout.notice(now, &self.missed_text()).into_bytes();
            both.extend_from_slice(record);
            self.target.write(&both, now)
        };
        match result {
            Ok(()) => self.missed = 0,
            Err(error) => self.miss(record, &error),
        }
        if let Some(complaints) = self.target.complaints() {
            self.tell(complaints, now);
        }
    }

    fn tell(&mut self, complaints: Vec<String>, now: Timestamp) {
        for complaint in complaints {
            let notice = self.layout.notice(now, &complaint);
            if self.target.write(notice.as_bytes(), now).is_err() {
                self.target.fall_back(notice.as_bytes());
            }
        }
    }

    /// Opens the file anew, as someone has asked who moved it away.
    pub(crate) fn reopen(&mut self) -> Result<(), crate::Error> {
        self.target.reopen()
    }

    /// The same where nobody takes an error.
    pub(crate) fn reopen_and_tell(&mut self) {
        if let Err(error) = self.reopen() {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            self.tell(vec![format!("{error}{}", cause.unwrap_or_default())], now());
        }
    }

    /// Says how many records have not come as far as this; they are counted already.
    pub(crate) fn tell_lost(&mut self, lost: u64) {
        let records = if lost == 1 { "record" } else { "records" };
        let notice = format!("{lost} {records} dropped: writing took too long, the queue was full");
        let notice = self.layout.notice(now(), &notice);
        if let Err(error) = self.target.write(notice.as_bytes(), now()) {
            // Told with those that cannot be written, then.
            if self.missed == 0 {
                self.why = error.to_string();
            }
            self.missed += lost;
        }
    }

    fn miss(&mut self, record: &[u8], error: &io::Error) {
        if self.missed == 0 {
            self.why = error.to_string();
        }
        self.missed += 1;
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.target.fall_back(record);
    }

    fn missed_text(&self) -> String {
        let mut text = match self.missed {
            1 => "1 record could not be written".to_owned(),
            missed => format!("{missed} records could not be written"),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, ": {}", self.why);
        text
    }
}

impl Target {
    pub(crate) fn reopen(&mut self) -> Result<(), crate::Error> {
        match self {
            Target::Stream(_) => Ok(()),
            Target::File(file) => file
                .reopen()
                .map_err(|source| crate::Error::Open { path: file.path().to_owned(), source }),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8], now: Timestamp) -> io::Result<()> {
        match self {
            Target::File(file) => file.append(bytes, now),
            Target::Stream(stream) => stream.write(bytes),
        }
    }

    /// As [`write`](Target::write), of what is no record.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8], now: Timestamp) -> io::Result<()> {
        match self {
            Target::File(file) => file.append_bytes(bytes, now),
            Target::Stream(stream) => stream.write(bytes),
        }
    }

    pub(crate) fn complaints(&mut self) -> Option<Vec<String>> {
        match self {
            Target::File(file) => file.complaints(),
            Target::Stream(_) => None,
        }
    }

    /// Somebody may be reading the error stream. If that fails, too, there is nobody left to tell.
    fn fall_back(&self, bytes: &[u8]) {
        if let Target::File(_) = self {
            let _ = io::stderr().lock().write_all(bytes);
        }
    }
}

/// One of the process's own streams, which may be anything: a terminal, a pipe, a file.
#[derive(Debug)]
pub(crate) struct StreamSink {
    stream: Stream,
    /// The last record was cut; the next begins with a line end.
    cut: bool,
}

/// How long a reader may let us wait who made the stream non-blocking and does not read.
const STREAM_PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

impl StreamSink {
    pub(crate) fn new(stream: Stream) -> StreamSink {
        StreamSink { stream, cut: false }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Under the lock of the standard library, so that what is printed elsewhere in the process
        // is not torn by us; past its buffer, which would split records.
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
