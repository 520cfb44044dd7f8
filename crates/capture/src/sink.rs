//! A file for captured output, the queue of what waits for it, and the thread that writes.
//!
//! The queue's lock is never held across a write, so whoever adds to the queue waits for no disk. Whether
//! a child may go on is decided under the same lock, by turning the interest in its pipes on and off.
//! Otherwise a pause could begin after the queue was emptied that was to end it, and the child would wait
//! for ever.

mod writer;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exit::ErrorText;
use waiter::Interest;

use crate::lost::{Changes, Lost};
use crate::options::{Capture, WhenFull};
use crate::pipe::Pipe;
use crate::prefix::Prefix;
use writer::{Complaints, Writer};

/// What is handed to the file at once, at most: as much as a pipe holds.
const PIECE: usize = 64 << 10;

/// How much output of ended runs may wait beside the buffer: more than the pipes of several runs hold
/// (pipe(7)).
const LAST_WORDS: usize = 1 << 20;

/// Deep enough for a logger, which is called when something is lost.
pub(crate) const STACK: usize = 256 << 10;

/// A file, and what waits for it.
#[derive(Debug)]
pub(crate) struct Sink {
    path: PathBuf,
    queue: Mutex<Queue>,
    /// There is something to write, or to do.
    work: Condvar,
    /// The thread has ended.
    done: Condvar,
    changes: Arc<Changes>,
}

#[derive(Debug, Default)]
struct Queue {
    segments: VecDeque<Segment>,
    accounts: Vec<Account>,
    writing: bool,
    reopen: bool,
    closing: bool,
    has_ended: bool,
}

/// About what a segment takes beside its bytes.
const SEGMENT: usize = 128;

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
    pipes: Vec<Arc<Pipe>>,
    /// Lost because the buffer was full, and not told yet.
    skipped: Lost,
    /// Lost because it could not be written, and not told yet.
    failed: Lost,
    lost: Lost,
}

/// The name by which a child's account is known to its sink.
pub(crate) type AccountId = usize;

impl Sink {
    /// Opens the file, and starts the thread that writes to it.
    pub(crate) fn open(capture: &Capture, changes: Arc<Changes>) -> Result<Arc<Sink>, ErrorText> {
        let file = capture.options().open().map_err(|error| ErrorText::new(&error))?;
        let sink = Arc::new(Sink {
            path: capture.file.clone(),
            queue: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
            changes,
        });
        let (writer, most) = (Arc::clone(&sink), usize::try_from(capture.max_size));
        let piece = most.unwrap_or(PIECE).clamp(1, PIECE);
        let complaints = Complaints::default();
        let write = move || Writer { sink: writer, file, piece, complaints, failed_at: None }.run();
        helper_thread::spawn("capture-file", STACK, write)
            .map_err(|error| ErrorText::new(&error))?;
        Ok(sink)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes an account for a child.
    pub(crate) fn account(&self, capture: &Capture, name: &str, prefix: Arc<Prefix>) -> AccountId {
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
            pipes: Vec::new(),
            skipped: Lost::default(),
            failed: Lost::default(),
            lost: Lost::default(),
        });
        queue.accounts.len() - 1
    }

    /// Has the pipes of a child's new run read, as soon as there is room.
    pub(crate) fn attach(
        &self,
        account: AccountId,
        pid: u32,
        pipes: impl IntoIterator<Item = Arc<Pipe>>,
    ) {
        let account = &mut self.queue().accounts[account];
        account.pid = pid;
        account.pipes.extend(pipes);
        if !account.paused {
            account.set_interest(Interest::Readable);
        }
    }

    /// Has a pipe read again, if its child need not wait.
    pub(crate) fn resume(&self, account: AccountId, pipe: &Pipe) {
        let account = &self.queue().accounts[account];
        if !account.paused {
            pipe.set_interest(Interest::Readable);
        }
    }

    /// Forgets a pipe that has ended, or is read no more.
    pub(crate) fn detach(&self, account: AccountId, pipe: &Pipe) {
        self.queue().accounts[account].pipes.retain(|other| other.token() != pipe.token());
    }

    /// Adds output to the queue, or counts it as lost; has the child wait if there is no room for more.
    /// With `last` the child has ended and cannot wait: its output finds room beside the buffer, but not
    /// without end, since a child that crashes in a loop leaves as much each time.
    pub(crate) fn push(&self, id: AccountId, bytes: &[u8], lines: u64, last: bool) {
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
        let joins = segments.back().is_some_and(|segment| {
            segment.account == id
                && segment.bytes.len() + bytes.len() <= PIECE
                && account.skipped.is_nothing()
        });
        account.queued += bytes.len() + if joins { 0 } else { SEGMENT };
        if account.when_full == WhenFull::Block
            && account.queued >= account.buffer
            && !account.paused
            && !last
        {
            account.paused = true;
            account.set_interest(Interest::End);
        }
        match segments.back_mut() {
            Some(segment) if joins => {
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
    pub(crate) fn lost(&self, account: AccountId) -> Lost {
        self.queue().accounts[account].lost
    }

    /// Opens the file anew, after what waits for it already.
    pub(crate) fn reopen(&self) {
        self.queue().reopen = true;
        self.work.notify_one();
    }

    /// Nothing more will come: the thread ends when all is written.
    pub(crate) fn close(&self) {
        self.queue().closing = true;
        self.work.notify_one();
    }

    /// After [`close`](Sink::close): waits until the thread has written everything and told what was lost,
    /// but no longer than until then.
    pub(crate) fn wait(&self, until: Instant) {
        let mut queue = self.queue();
        while !queue.has_ended {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue = self.done.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many bytes are not written yet.
    pub(crate) fn waiting(&self) -> usize {
        let queue = self.queue();
        let cost: usize = queue.accounts.iter().map(|account| account.queued).sum();
        cost - SEGMENT * (queue.segments.len() + usize::from(queue.writing))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Segment {
    /// What it takes of a buffer: more than its bytes, since a segment of a single byte takes memory,
    /// too.
    fn cost(&self) -> usize {
        self.bytes.len() + SEGMENT
    }
}

impl Account {
    fn set_interest(&self, interest: Interest) {
        for pipe in &self.pipes {
            pipe.set_interest(interest);
        }
    }
}

/// How long a stuck disk may hold up the end of a pool or of a daemon.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
