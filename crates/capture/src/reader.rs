//! The one thread that reads: all pipes of a pool, in turn, whoever writes.

use std::collections::HashMap;
use std::io;
use std::ops::{ControlFlow, Deref};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use waiter::Waiter;

use crate::last_lines::Tail;
use crate::lines::Lines;
use crate::prefix::Prefix;
use crate::sink::{AccountId, STACK, Sink};

/// What is read at once: what a pipe holds (pipe(7)).
const CHUNK: usize = 64 << 10;

/// Whether a pipe is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Nothing,
}

/// All pipes that are read.
///
/// Whoever writes to a pipe can have everybody else wait for it: the system holds the pipe's lock while it takes what is
/// written from the writer's memory, which may be a file of his own that he never answers for (userfaultfd(2),
/// fuse(4)). Reading, asking how much there is, and closing wait for that lock, and no signal ends it. So
/// nothing but the thread that reads does any of these, and who waits for that thread does not wait long.
#[derive(Debug)]
pub(crate) struct Pipes {
    waiter: Waiter<u64>,
    /// Readable when something stands on the desk.
    asked: OwnedFd,
    desk: Mutex<Desk>,
    sources: Mutex<HashMap<u64, Arc<Source>>>,
    next: AtomicU64,
}

/// What the thread that reads is to do besides.
#[derive(Debug, Default)]
struct Desk {
    drains: Vec<Drain>,
    /// Not read any more, and to be closed.
    retired: Vec<Arc<Source>>,
    /// Nobody is left for whom anything would be read.
    is_over: bool,
    /// Which thread it is: one that stands still is replaced.
    reader: u64,
    /// How many stand still.
    stuck: usize,
    /// The last one stands still, too, and there will be no other: nobody waits for it.
    is_silent: bool,
}

/// A run has ended: what its pipes hold is taken, and then it is told what was written last.
#[derive(Debug)]
struct Drain {
    number: u64,
    sources: Vec<Arc<Source>>,
    count: usize,
    drained: Sender<Vec<Option<Vec<String>>>>,
}

/// In the place of a pipe's number: something stands on the desk.
const ASKED: u64 = 0;

/// How long is waited for the thread that reads. It has the pipes of a pool to read, each no more than it holds.
const ANSWER: Duration = Duration::from_secs(1);

/// So many threads may stand still.
const MOST_STUCK: usize = 16;

/// Keeps the thread that reads, as long as there is anybody for whom it does.
#[derive(Debug)]
pub(crate) struct Reader(Arc<Pipes>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.desk().is_over = true;
        self.0.wake();
    }
}

impl Deref for Reader {
    type Target = Arc<Pipes>;

    fn deref(&self) -> &Arc<Pipes> {
        &self.0
    }
}

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
    /// Another thread stands still in it.
    Stuck,
}

impl Pipes {
    pub(crate) fn new() -> io::Result<Pipes> {
        let waiter = Waiter::new()?;
        let asked = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        waiter.watch(asked.as_fd(), ASKED)?;
        let (desk, sources) = (Mutex::default(), Mutex::default());
        Ok(Pipes { waiter, asked, desk, sources, next: AtomicU64::new(ASKED + 1) })
    }

    /// Starts the thread that reads.
    pub(crate) fn start() -> io::Result<Reader> {
        let pipes = Arc::new(Pipes::new()?);
        pipes.spawn(0)?;
        Ok(Reader(pipes))
    }

    fn spawn(self: &Arc<Pipes>, reader: u64) -> io::Result<()> {
        let pipes = Arc::clone(self);
        helper_thread::spawn("capture", STACK, move || pipes.run(reader)).map(drop)
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

    /// Has it read no more, and closed.
    pub(crate) fn remove(&self, source: Arc<Source>) {
        let known = self.sources().remove(&source.token);
        if known.is_some() {
            self.waiter.forget(source.pipe.as_fd());
            source.sink.detach(source.account, &source);
        }
        let mut desk = self.desk();
        desk.retired.extend(known);
        desk.retired.push(source);
        drop(desk);
        self.wake();
    }

    pub(crate) fn set_interest(&self, source: &Source, interest: Interest) {
        self.waiter.set_interest(source.pipe.as_fd(), source.token, interest == Interest::Read);
    }

    /// Has what these pipes hold now taken, which is all that a child has written when it has ended, and says what
    /// was written last to each. `None`: that cannot be known, because somebody has the thread stand still.
    pub(crate) fn drain(
        self: &Arc<Pipes>,
        sources: &[Arc<Source>],
        count: usize,
    ) -> Vec<Option<Vec<String>>> {
        if sources.is_empty() {
            return Vec::new();
        }
        let (drained, answer) = channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut desk = self.desk();
        let patience = if desk.is_silent { Duration::ZERO } else { ANSWER };
        desk.drains.push(Drain { number, sources: sources.to_vec(), count, drained });
        drop(desk);
        self.wake();
        let nothing = || vec![None; sources.len()];
        match answer.recv_timeout(patience) {
            Ok(lines) => lines,
            // One that it stands still in is lost; others are done by who comes after it.
            Err(_) if self.replace_reader() && self.waits(number) => {
                answer.recv_timeout(ANSWER).unwrap_or_else(|_| nothing())
            }
            Err(_) => nothing(),
        }
    }

    fn waits(&self, number: u64) -> bool {
        self.desk().drains.iter().any(|drain| drain.number == number)
    }

    /// Another thread reads from now on, if there may be one.
    fn replace_reader(self: &Arc<Pipes>) -> bool {
        let mut desk = self.desk();
        if desk.is_silent {
            return false;
        }
        if desk.stuck < MOST_STUCK && self.spawn(desk.reader + 1).is_ok() {
            log::warn!(
                "the thread that reads captured output has not answered for {ANSWER:?}, perhaps because somebody \
                 writes to a pipe and does not finish: another thread reads on"
            );
            desk.reader += 1;
            desk.stuck += 1;
            return true;
        }
        log::error!("captured output is not read any more: too many pipes hold up who reads");
        desk.is_silent = true;
        false
    }

    /// Reads until nobody is left for whom it would, or another thread does.
    fn run(&self, reader: u64) {
        let mut chunk = vec![0; CHUNK];
        while self.clear_desk(reader).is_continue() {
            let Ok(tokens) = self.waiter.wait(None) else {
                waiter::breathe();
                continue;
            };
            for token in tokens {
                // One that has just been removed may still be among the events.
                let source = self.sources().get(&token).cloned();
                let Some(source) = source.filter(|_| token != ASKED) else { continue };
                match source.read_on(&mut chunk) {
                    Read::Stuck => {
                        self.set_interest(&source, Interest::Nothing);
                        // It may have come free before that; who comes free after it is read again.
                        if source.try_state().is_some() {
                            source.sink.resume(source.account, &source);
                        }
                    }
                    Read::End => self.remove(source),
                    Read::Some(_) | Read::Nothing if self.is_replaced(reader) => {
                        source.sink.resume(source.account, &source);
                    }
                    Read::Some(_) | Read::Nothing => (),
                }
                if self.is_replaced(reader) {
                    break;
                }
            }
        }
    }

    fn is_replaced(&self, reader: u64) -> bool {
        self.desk().reader != reader
    }

    /// Does what stands on the desk. `Break`: there is nothing more to do for this thread.
    fn clear_desk(&self, reader: u64) -> ControlFlow<()> {
        let _ = rustix::io::read(&self.asked, &mut [0; 8]);
        loop {
            let mut desk = self.desk();
            if desk.reader != reader {
                desk.stuck -= 1;
                drop(desk);
                // What has come meanwhile is for the other one.
                self.wake();
                return ControlFlow::Break(());
            }
            desk.is_silent = false;
            // The lock is held by nobody who closes or reads.
            if let Some(drain) = (!desk.drains.is_empty()).then(|| desk.drains.remove(0)) {
                drop(desk);
                let lines = drain.sources.iter().map(|source| source.drain(drain.count));
                // Who has asked may have gone on.
                let _ = drain.drained.send(lines.collect());
                if self.is_replaced(reader) {
                    drain.sources.iter().for_each(|it| it.sink.resume(it.account, it));
                }
                continue;
            }
            if let Some(source) = desk.retired.pop() {
                drop(desk);
                drop(source);
                continue;
            }
            if desk.is_over {
                return ControlFlow::Break(());
            }
            return ControlFlow::Continue(());
        }
    }

    fn wake(&self) {
        let _ = rustix::io::write(&self.asked, &1u64.to_ne_bytes());
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Whose output it is. Nobody reads it before that.
    pub(crate) fn set_pid(&self, pid: u32) {
        if let Some(mut state) = self.try_state() {
            state.pid = pid;
        }
    }

    /// Takes what the pipe holds now, and ends the line; gives back the last lines. Others may have the other end
    /// still, and go on writing: not more is taken. `None`: another thread stands still in it.
    fn drain(&self, count: usize) -> Option<Vec<String>> {
        let mut state = self.try_state()?;
        // At least as much as a pipe can hold that nobody has made larger.
        let mut left = rustix::io::ioctl_fionread(&self.pipe).unwrap_or(1 << 20);
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
    fn read_on(&self, chunk: &mut [u8]) -> Read {
        let Some(mut state) = self.try_state() else { return Read::Stuck };
        let read = self.read(&mut state, chunk, false);
        if matches!(read, Read::End) {
            self.end(&mut state, false);
        }
        read
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

    /// `None`: a thread stands in it, perhaps for ever.
    fn try_state(&self) -> Option<MutexGuard<'_, State>> {
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
