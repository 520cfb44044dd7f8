//! One stream of one run of a child: what is read from its pipe, line by line, on its way to a file.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use rustix::io::Errno;

use crate::last_lines::Tail;
use crate::lines::Lines;
use crate::pipe::Pipe;
use crate::prefix::Prefix;
use crate::sink::{AccountId, Sink};

/// What is read at once: what a pipe holds (pipe(7)).
pub(crate) const CHUNK: usize = 64 << 10;

/// One stream of one run of a child.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its other end is the child's stream.
    pipe: Arc<Pipe>,
    stream: stdio_redirect::Stream,
    sink: Arc<Sink>,
    account: AccountId,
    prefix: Arc<Prefix>,
    state: Mutex<Progress>,
}

/// What is known of what has been read. Locked while a thread reads, so that no other overtakes it.
#[derive(Debug)]
struct Progress {
    pid: u32,
    lines: Lines,
    tail: Tail,
    out: Vec<u8>,
}

/// What came of a read.
pub(crate) enum Read {
    /// There may be more.
    Some(usize),
    /// Not now.
    Nothing,
    /// The pipe has ended.
    End,
    /// Another thread stands still in it.
    Stuck,
}

impl Source {
    /// A source whose lines are cut if they are longer than `longest` bytes.
    pub(crate) fn new(
        pipe: Pipe,
        stream: stdio_redirect::Stream,
        (sink, account): (&Arc<Sink>, AccountId),
        prefix: &Arc<Prefix>,
        longest: usize,
    ) -> Source {
        let state =
            Progress { pid: 0, lines: Lines::new(longest), tail: Tail::default(), out: Vec::new() };
        Source {
            pipe: Arc::new(pipe),
            stream,
            sink: Arc::clone(sink),
            account,
            prefix: Arc::clone(prefix),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn pipe(&self) -> &Arc<Pipe> {
        &self.pipe
    }

    /// Has the sink forget the pipe, which has ended or is read no more.
    pub(crate) fn detach(&self) {
        self.sink.detach(self.account, &self.pipe);
    }

    /// Has the pipe read again, if its child need not wait.
    pub(crate) fn resume(&self) {
        self.sink.resume(self.account, &self.pipe);
    }

    /// Whether no thread is reading it.
    pub(crate) fn is_free(&self) -> bool {
        self.try_state().is_some()
    }

    pub(crate) fn stream(&self) -> stdio_redirect::Stream {
        self.stream
    }

    /// Says whose output it is. Nobody reads it before that.
    pub(crate) fn set_pid(&self, pid: u32) {
        if let Some(mut state) = self.try_state() {
            state.pid = pid;
        }
    }

    /// Takes what the pipe holds now, and ends the line; gives back the last lines. Other processes may
    /// have the other end still, and go on writing: that is not taken here. `None`: another thread stands
    /// still in it.
    pub(crate) fn drain(&self, count: usize) -> Option<Vec<String>> {
        let mut state = self.try_state()?;
        // If the system does not say how much: at least as much as a pipe holds that nobody has made
        // larger.
        let mut left = rustix::io::ioctl_fionread(&*self.pipe).unwrap_or(1 << 20);
        let mut chunk = Vec::new();
        while left > 0 {
            let size = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            chunk.resize(size, 0);
            match self.read(&mut state, &mut chunk, true) {
                Read::Some(read) => left = left.saturating_sub(read as u64),
                Read::Nothing | Read::End | Read::Stuck => break,
            }
        }
        self.end(&mut state, true);
        Some(state.tail.lines(count))
    }

    /// Reads once.
    pub(crate) fn read_on(&self, chunk: &mut [u8]) -> Read {
        let Some(mut state) = self.try_state() else { return Read::Stuck };
        let read = self.read(&mut state, chunk, false);
        if matches!(read, Read::End) {
            self.end(&mut state, false);
        }
        read
    }

    fn read(&self, state: &mut Progress, chunk: &mut [u8], last: bool) -> Read {
        loop {
            match rustix::io::read(&*self.pipe, &mut *chunk) {
                Ok(0) => return Read::End,
                Ok(read) => {
                    self.take(state, &chunk[..read], last);
                    return Read::Some(read);
                }
                Err(Errno::INTR) => (),
                Err(Errno::AGAIN) => return Read::Nothing,
                // The pipe is there still, so the system lacks something for a moment.
                Err(_) => waiter::breathe(),
            }
        }
    }

    fn take(&self, state: &mut Progress, bytes: &[u8], last: bool) {
        state.tail.push(bytes);
        if self.prefix.is_empty() {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            return self.sink.push(self.account, bytes, lines, last);
        }
        let prefix = self.prefix.now(state.pid, name_of(self.stream));
        let Progress { lines, out, .. } = state;
        let count = lines.push(bytes, prefix.as_bytes(), out);
        self.sink.push(self.account, out, count, last);
        shrink(out);
    }

    /// Ends a line that has begun.
    fn end(&self, state: &mut Progress, last: bool) {
        if self.prefix.is_empty() {
            return;
        }
        let prefix = self.prefix.now(state.pid, name_of(self.stream));
        let Progress { lines, out, .. } = state;
        let count = lines.end(prefix.as_bytes(), out);
        self.sink.push(self.account, out, count, last);
        shrink(out);
    }

    /// `None`: another thread is reading, perhaps for ever.
    fn try_state(&self) -> Option<MutexGuard<'_, Progress>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

fn name_of(stream: stdio_redirect::Stream) -> &'static str {
    match stream {
        stdio_redirect::Stream::Stdin => "stdin",
        stdio_redirect::Stream::Stdout => "stdout",
        stdio_redirect::Stream::Stderr => "stderr",
    }
}

/// Empties it; room for an unusual lot is given back.
fn shrink(out: &mut Vec<u8>) {
    out.clear();
    out.shrink_to(4 << 10);
}
