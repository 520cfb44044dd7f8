//! The one thread that reads: all pipes of a pool, in turn, whoever writes.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use waiter::Waiter;

use crate::last_lines::Tail;
use crate::lines::Lines;
use crate::prefix::Prefix;
use crate::sink::{AccountId, Sink};

/// What is read at once: what a pipe holds (pipe(7)).
const CHUNK: usize = 64 << 10;

/// Whether a pipe is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Nothing,
}

/// All pipes that are read.
#[derive(Debug)]
pub(crate) struct Pipes {
    waiter: Waiter<u64>,
    stop: OwnedFd,
    sources: Mutex<HashMap<u64, Arc<Source>>>,
    next: AtomicU64,
}

/// In the place of a pipe's number: there is nothing more to read.
const STOP: u64 = 0;

/// One stream of one run of a child.
#[derive(Debug)]
pub(crate) struct Source {
    token: u64,
    /// Its other end is the child's stream.
    pipe: OwnedFd,
    stream: stdio_redirect::Stream,
    sink: Arc<Sink>,
    account: AccountId,
    prefix: Arc<Prefix>,
    state: Mutex<State>,
}

/// What is known of what has been read. Locked while something is, so that nobody overtakes.
#[derive(Debug)]
struct State {
    pid: u32,
    lines: Lines,
    tail: Tail,
    out: Vec<u8>,
}

/// What came of a read.
enum Read {
    /// There may be more.
    Some(usize),
    /// Not now.
    Nothing,
    /// The pipe has ended.
    End,
}

impl Pipes {
    pub(crate) fn new() -> io::Result<Pipes> {
        let waiter = Waiter::new()?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        waiter.watch(stop.as_fd(), STOP)?;
        Ok(Pipes { waiter, stop, sources: Mutex::default(), next: AtomicU64::new(STOP + 1) })
    }

    /// Takes a pipe in, which is not read before there is [interest](Pipes::set_interest). Until then
    /// somebody has to have its other end.
    pub(crate) fn add(
        &self,
        pipe: OwnedFd,
        stream: stdio_redirect::Stream,
        (sink, account): (&Arc<Sink>, AccountId),
        prefix: &Arc<Prefix>,
        longest: usize,
    ) -> io::Result<Arc<Source>> {
        let token = self.next.fetch_add(1, Ordering::Relaxed);
        let state =
            State { pid: 0, lines: Lines::new(longest), tail: Tail::default(), out: Vec::new() };
        let source = Arc::new(Source {
            token,
            pipe,
            stream,
            sink: Arc::clone(sink),
            account,
            prefix: Arc::clone(prefix),
            state: Mutex::new(state),
        });
        self.waiter.watch_without_interest(source.pipe.as_fd(), token)?;
        self.sources().insert(token, Arc::clone(&source));
        Ok(source)
    }

    pub(crate) fn remove(&self, source: &Source) {
        if self.sources().remove(&source.token).is_some() {
            self.waiter.forget(source.pipe.as_fd());
            source.sink.detach(source.account, source);
        }
    }

    pub(crate) fn set_interest(&self, source: &Source, interest: Interest) {
        self.waiter.set_interest(source.pipe.as_fd(), source.token, interest == Interest::Read);
    }

    /// Ends the thread that reads.
    pub(crate) fn stop(&self) {
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
    }

    /// Reads until it is stopped.
    pub(crate) fn run(&self) {
        let mut chunk = vec![0; CHUNK];
        loop {
            let Ok(tokens) = self.waiter.wait(None) else {
                waiter::breathe();
                continue;
            };
            for token in tokens {
                if token == STOP {
                    return;
                }
                // One that has just been removed may still be among the events.
                let source = self.sources().get(&token).cloned();
                let Some(source) = source else { continue };
                if source.read_on(&mut chunk) {
                    self.remove(&source);
                }
            }
        }
    }

    /// Those that are read.
    pub(crate) fn all(&self) -> Vec<Arc<Source>> {
        self.sources().values().cloned().collect()
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<u64, Arc<Source>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    pub(crate) fn token(&self) -> u64 {
        self.token
    }

    pub(crate) fn stream(&self) -> stdio_redirect::Stream {
        self.stream
    }

    /// Whose output it is.
    pub(crate) fn set_pid(&self, pid: u32) {
        self.state().pid = pid;
    }

    /// Takes what the pipe holds now, which is all that the child has written when it has ended, and
    /// ends the line. Others may have the other end still, and go on writing: not more is taken.
    pub(crate) fn drain(&self) {
        let mut state = self.state();
        // At least as much as a pipe can hold that nobody has made larger.
        let mut left = rustix::io::ioctl_fionread(&self.pipe).unwrap_or(1 << 20);
        let mut chunk = Vec::new();
        while left > 0 {
            let size = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            chunk.resize(size, 0);
            match self.read(&mut state, &mut chunk, true) {
                Read::Some(read) => left = left.saturating_sub(read as u64),
                Read::Nothing | Read::End => break,
            }
        }
        self.end(&mut state, true);
    }

    /// The last lines.
    pub(crate) fn last_lines(&self, count: usize) -> Vec<String> {
        self.state().tail.lines(count)
    }

    /// Reads once. Says whether the pipe has ended.
    fn read_on(&self, chunk: &mut [u8]) -> bool {
        let mut state = self.state();
        let ended = matches!(self.read(&mut state, chunk, false), Read::End);
        if ended {
            self.end(&mut state, false);
        }
        ended
    }

    fn read(&self, state: &mut State, chunk: &mut [u8], last: bool) -> Read {
        loop {
            match rustix::io::read(&self.pipe, &mut *chunk) {
                Ok(0) => return Read::End,
                Ok(read) => {
                    self.take(state, &chunk[..read], last);
                    return Read::Some(read);
                }
                Err(Errno::INTR) => (),
                Err(Errno::AGAIN) => return Read::Nothing,
                // It is there still, so the system lacks something for a moment.
                Err(_) => waiter::breathe(),
            }
        }
    }

    fn take(&self, state: &mut State, bytes: &[u8], last: bool) {
        state.tail.push(bytes);
        if self.prefix.is_empty() {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            return self.sink.push(self.account, bytes, lines, last);
        }
        let prefix = self.prefix.now(state.pid, name_of(self.stream));
        let State { lines, out, .. } = state;
        let count = lines.push(bytes, prefix.as_bytes(), out);
        self.sink.push(self.account, out, count, last);
        shrink(out);
    }

    /// Ends a line that has begun.
    fn end(&self, state: &mut State, last: bool) {
        if self.prefix.is_empty() {
            return;
        }
        let prefix = self.prefix.now(state.pid, name_of(self.stream));
        let State { lines, out, .. } = state;
        let count = lines.end(prefix.as_bytes(), out);
        self.sink.push(self.account, out, count, last);
        shrink(out);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
