//! A file for captured output, the queue of what waits for it, and the thread that writes.
//!
//! The queue's lock is never held across a write, so whoever adds to the queue waits for no disk.
//! Whether a child may go on is decided under the same lock, by turning the interest in its pipes on
//! and off: so a pause cannot cross its own end.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use exit::ErrorText;
use logging::RawLog;

use super::reader::{Interest, Pipes, Source};
use super::recorder::{Changes, Lost};
use super::{Capture, WhenFull};
use crate::capture::prefix::Prefix;

/// What is handed to the file at once, at most: as much as a pipe holds.
const PIECE: usize = 64 << 10;

/// What of ended runs may wait beside the buffer: more than the pipes of several hold (pipe(7)).
const LAST_WORDS: usize = 1 << 20;

/// Deep enough for a logger, which is called when something is lost.
pub(super) const STACK: usize = 256 << 10;

/// A file, and what waits for it.
#[derive(Debug)]
pub(super) struct Sink {
    path: PathBuf,
    queue: Mutex<Queue>,
    /// There is something to write, or to do.
    work: Condvar,
    /// Everything is written.
    done: Condvar,
    pipes: Arc<Pipes>,
    changes: Arc<Changes>,
}

#[derive(Debug, Default)]
struct Queue {
    segments: VecDeque<Segment>,
    accounts: Vec<Account>,
    writing: bool,
    reopen: bool,
    closing: bool,
}

/// Output of one child, in one piece.
#[derive(Debug)]
struct Segment {
    account: usize,
    bytes: Vec<u8>,
    lines: u64,
    /// What was lost right before it.
    skipped: Lost,
}

/// What one child has in the queue.
#[derive(Debug)]
struct Account {
    prefix: Arc<Prefix>,
    pid: u32,
    name: String,
    buffer: usize,
    when_full: WhenFull,
    queued: usize,
    paused: bool,
    sources: Vec<Arc<Source>>,
    /// Lost because the buffer was full, and not told yet.
    skipped: Lost,
    /// Lost because it could not be written, and not told yet.
    failed: Lost,
    lost: Lost,
}

/// The name by which a child's account is known to its sink.
pub(super) type AccountId = usize;

impl Sink {
    /// Opens the file, and starts the thread that writes to it.
    pub(super) fn open(
        capture: &Capture,
        pipes: Arc<Pipes>,
        changes: Arc<Changes>,
    ) -> Result<Arc<Sink>, ErrorText> {
        let log = RawLog::open(&capture.logging()).map_err(|error| ErrorText::new(&error))?;
        let sink = Arc::new(Sink {
            path: capture.file.clone(),
            queue: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            pipes,
            changes,
        });
        let (writer, most) = (Arc::clone(&sink), usize::try_from(capture.max_size));
        let piece = most.unwrap_or(PIECE).clamp(1, PIECE);
        thread::Builder::new()
            .name("capture-file".into())
            .stack_size(STACK)
            .spawn(move || Writer { sink: writer, log, piece }.run())
            .map_err(|error| ErrorText::new(&error))?;
        Ok(sink)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes an account for a child.
    pub(super) fn account(&self, capture: &Capture, name: &str, prefix: Arc<Prefix>) -> AccountId {
        let mut queue = self.queue();
        queue.accounts.push(Account {
            prefix,
            pid: 0,
            name: name.to_owned(),
            // Checked to be small enough.
            buffer: usize::try_from(capture.buffer).unwrap_or(usize::MAX),
            when_full: capture.when_full,
            queued: 0,
            paused: false,
            sources: Vec::new(),
            skipped: Lost::default(),
            failed: Lost::default(),
            lost: Lost::default(),
        });
        queue.accounts.len() - 1
    }

    /// The pipes of a child's new run are to be read, as soon as there is room.
    pub(super) fn attach(&self, account: AccountId, pid: u32, sources: &[Arc<Source>]) {
        let account = &mut self.queue().accounts[account];
        account.pid = pid;
        account.sources.extend(sources.iter().cloned());
        if !account.paused {
            account.set_interest(&self.pipes, Interest::Read);
        }
    }

    /// A pipe has ended, or is read no more.
    pub(super) fn detach(&self, account: AccountId, source: &Source) {
        self.queue().accounts[account].sources.retain(|other| other.token() != source.token());
    }

    /// Adds output to the queue, or counts it as lost; has the child wait if there is no room for more.
    /// With `last`, nobody is there to wait: it finds room beside the buffer, but not without end, for
    /// one that crashes in a loop leaves as much each time.
    pub(super) fn push(&self, id: AccountId, bytes: &[u8], lines: u64, last: bool) {
        if bytes.is_empty() {
            return;
        }
        let mut queue = self.queue();
        let Queue { segments, accounts, .. } = &mut *queue;
        let account = &mut accounts[id];
        let most = match account.when_full {
            WhenFull::Drop => account.buffer,
            WhenFull::Block => account.buffer.saturating_add(LAST_WORDS),
        };
        if account.queued > 0 && account.queued + bytes.len() > most {
            account.skipped.add(lines, bytes.len());
            account.lost.add(lines, bytes.len());
            drop(queue);
            self.changes.tell();
            return;
        }
        account.queued += bytes.len();
        if account.when_full == WhenFull::Block
            && account.queued >= account.buffer
            && !account.paused
            && !last
        {
            account.paused = true;
            account.set_interest(&self.pipes, Interest::Nothing);
        }
        match segments.back_mut() {
            Some(segment)
                if segment.account == id
                    && segment.bytes.len() + bytes.len() <= PIECE
                    && account.skipped.is_nothing() =>
            {
                segment.bytes.extend_from_slice(bytes);
                segment.lines += lines;
            }
            _ => {
                let skipped = std::mem::take(&mut account.skipped);
                segments.push_back(Segment { account: id, bytes: bytes.to_vec(), lines, skipped });
            }
        }
        drop(queue);
        self.work.notify_one();
    }

    /// What a child has lost, ever.
    pub(super) fn lost(&self, account: AccountId) -> Lost {
        self.queue().accounts[account].lost
    }

    /// Opens the file anew, after what waits for it already.
    pub(super) fn reopen(&self) {
        self.queue().reopen = true;
        self.work.notify_one();
    }

    /// Nothing more will come: the thread ends when all is written.
    pub(super) fn close(&self) {
        self.queue().closing = true;
        self.work.notify_one();
    }

    /// Waits until everything is written; says whether it was in time.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let mut queue = self.queue();
        while queue.writing || !queue.segments.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue = self.done.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// How many bytes are not written yet.
    pub(super) fn waiting(&self) -> usize {
        self.queue().accounts.iter().map(|account| account.queued).sum()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn set_interest(&self, pipes: &Pipes, interest: Interest) {
        for source in &self.sources {
            pipes.set_interest(source, interest);
        }
    }
}

/// The thread of a sink.
struct Writer {
    sink: Arc<Sink>,
    log: RawLog,
    /// What is written at once, at most.
    piece: usize,
}

/// What came of writing a segment.
struct Written {
    /// What had to be told ahead of it is there.
    told: bool,
    /// What of it is not, and why.
    failed: Option<(Lost, io::Error)>,
}

impl Writer {
    fn run(mut self) {
        while let Some(segment) = self.next() {
            let written = self.write(&segment);
            self.settle(segment, written);
            for complaint in self.log.complaints() {
                log::warn!("{complaint}");
            }
        }
    }

    /// Waits for something to write. `None`: there will be nothing more.
    fn next(&mut self) -> Option<Segment> {
        let mut queue = self.sink.queue();
        loop {
            if std::mem::take(&mut queue.reopen) {
                drop(queue);
                if let Err(error) = self.log.reopen() {
                    log::warn!("{}", ErrorText::new(&error).chain());
                }
                queue = self.sink.queue();
                continue;
            }
            if let Some(segment) = queue.segments.pop_front() {
                queue.writing = true;
                return Some(segment);
            }
            if queue.closing {
                return None;
            }
            queue = self.sink.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes a segment, behind what has to be told first.
    fn write(&mut self, segment: &Segment) -> Written {
        let (notice, lines) = self.notice(segment);
        // In one piece with what follows, so that it is told once and only if it is true.
        let mut first = notice.into_bytes();
        let mut rest = segment.bytes.as_slice();
        let mut told = false;
        while !rest.is_empty() {
            let (piece, after) = split(rest, self.piece, lines);
            let result = if first.is_empty() {
                self.append(piece, lines)
            } else {
                first.extend_from_slice(piece);
                self.append(&std::mem::take(&mut first), lines)
            };
            if let Err(error) = result {
                let count = match told {
                    false => segment.lines,
                    true => rest.iter().filter(|byte| **byte == b'\n').count() as u64,
                };
                let lost = Lost { lines: count, bytes: rest.len() as u64 };
                return Written { told, failed: Some((lost, error)) };
            }
            (told, rest) = (true, after);
        }
        Written { told, failed: None }
    }

    fn append(&mut self, piece: &[u8], lines: bool) -> io::Result<()> {
        if lines { self.log.append_lines(piece) } else { self.log.append_bytes(piece) }
    }

    /// What has to be told ahead of a segment, as lines for the file, and whether that has lines.
    fn notice(&self, segment: &Segment) -> (String, bool) {
        let queue = self.sink.queue();
        let account = &queue.accounts[segment.account];
        if account.prefix.is_empty() {
            return (String::new(), false);
        }
        let losses = [(account.failed, CANNOT), (segment.skipped, FULL)];
        let losses = losses.iter().filter(|(lost, _)| !lost.is_nothing());
        let prefix = || account.prefix.now(account.pid, "capture");
        (losses.map(|(lost, why)| format!("{}{lost} {why}\n", prefix())).collect(), true)
    }

    /// Settles the account of a segment, and lets its child go on.
    fn settle(&mut self, segment: Segment, written: Written) {
        let mut complaints = Vec::new();
        let mut queue = self.sink.queue();
        let account = &mut queue.accounts[segment.account];
        account.queued -= segment.bytes.len();
        let mut complain = |lost: Lost, why: &str| {
            if !lost.is_nothing() {
                complaints.push(format!("{lost} of the output of {} {why}", account.name));
            }
        };
        if written.told {
            complain(std::mem::take(&mut account.failed), CANNOT);
            complain(segment.skipped, FULL);
        } else {
            account.skipped.merge(segment.skipped);
        }
        let failed = written.failed.is_some();
        if let Some((lost, error)) = written.failed {
            if account.failed.is_nothing() {
                let (name, path) = (&account.name, self.sink.path.display());
                complaints.push(format!("cannot write the output of {name} to `{path}`: {error}"));
            }
            account.failed.merge(lost);
            account.lost.merge(lost);
        }
        if account.paused && account.queued <= account.buffer / 2 {
            account.paused = false;
            account.set_interest(&self.sink.pipes, Interest::Read);
        }
        // Otherwise it is told with what comes next.
        if !failed && account.queued == 0 && !account.skipped.is_nothing() {
            let skipped = std::mem::take(&mut account.skipped);
            complaints.push(format!("{skipped} of the output of {} {FULL}", account.name));
            let (bytes, lines) = (Vec::new(), 0);
            let last = Segment { account: segment.account, bytes, lines, skipped };
            drop(queue);
            let (notice, lines) = self.notice(&last);
            if lines {
                // It stands in the log, too, and in the status.
                let _ = self.append(notice.as_bytes(), lines);
            }
            queue = self.sink.queue();
        }
        queue.writing = false;
        if queue.segments.is_empty() {
            self.sink.done.notify_all();
        }
        drop(queue);
        if failed {
            self.sink.changes.tell();
        }
        for complaint in complaints {
            log::warn!("{complaint}");
        }
    }
}

const CANNOT: &str = "could not be written";
const FULL: &str = "could not be kept, since the buffer was full";

/// The first piece of `bytes`: whole lines if it can be, and more than `most` only if a line is.
fn split(bytes: &[u8], most: usize, lines: bool) -> (&[u8], &[u8]) {
    if bytes.len() <= most {
        return (bytes, &[]);
    }
    let end = |byte: &u8| *byte == b'\n';
    let at = match bytes[..most].iter().rposition(end) {
        Some(at) => at + 1,
        None if lines => most + bytes[most..].iter().position(end).map_or(0, |at| at + 1),
        None => most,
    };
    bytes.split_at(at)
}

/// How long a stuck disk may hold up the end of a pool or of a daemon.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
