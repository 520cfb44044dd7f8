//! The one thread that reads: all pipes of a pool, in turn, whoever writes.

use std::collections::HashMap;
use std::io;
use std::ops::{ControlFlow, Deref};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use waiter::{Event, Interest, Waiter};

use crate::pipe::Pipe;
use crate::prefix::Prefix;
use crate::sink::{AccountId, STACK, Sink};
use crate::source::{CHUNK, Read, Source};

/// All pipes that are read.
///
/// Whoever writes to a pipe can have everybody else wait for it: the system holds the pipe's lock while it takes what is
/// written from the writer's memory, which may be a file of his own that he never answers for (userfaultfd(2),
/// fuse(4)). Reading, asking how much there is, and closing wait for that lock, and no signal ends it. So
/// nothing but the thread that reads does any of these, and who waits for that thread does not wait long.
#[derive(Debug)]
pub(crate) struct Pipes {
    waiter: Arc<Waiter<u64>>,
    /// Set when something stands on the desk.
    asked: Event,
    desk: Mutex<Desk>,
    sources: Mutex<HashMap<u64, Arc<Source>>>,
    next: AtomicU64,
}

/// What the thread that reads is to do beside reading.
#[derive(Debug, Default)]
struct Desk {
    drains: Vec<Drain>,
    /// Not read any more, and to be closed.
    retired: Vec<Arc<Source>>,
    /// No recorder and no recording is left, so nothing is to be read any more.
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

/// When so many pipes wait to be closed by a thread that stands still, no child is started whose output
/// would be read. A pool of thousands has fewer when all its workers end at once.
const MOST_RETIRED: usize = 1 << 16;

/// So many threads may stand still.
const MOST_STUCK: usize = 16;

/// Keeps the thread that reads, as long as there is a recorder or a recording.
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

impl Pipes {
    pub(crate) fn new() -> io::Result<Pipes> {
        let waiter = Arc::new(Waiter::new()?);
        let asked = Event::new()?;
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

    /// Takes a pipe in, which is not read before there is [interest](Pipe::set_interest). Until then
    /// somebody has to have its other end.
    pub(crate) fn add(
        &self,
        end: OwnedFd,
        stream: stdio_redirect::Stream,
        to: (&Arc<Sink>, AccountId),
        prefix: &Arc<Prefix>,
        longest: usize,
    ) -> io::Result<Arc<Source>> {
        if MOST_RETIRED < self.desk().retired.len() {
            let text = "the output of others is not read any more, and nobody closes their pipes";
            return Err(io::Error::other(text));
        }
        let token = self.next.fetch_add(1, Ordering::Relaxed);
        let pipe = Pipe::new(token, end, &self.waiter)?;
        let source = Arc::new(Source::new(pipe, stream, to, prefix, longest));
        self.sources().insert(token, Arc::clone(&source));
        Ok(source)
    }

    /// Has a pipe read no more, and closed by the thread that reads.
    pub(crate) fn remove(&self, source: Arc<Source>) {
        let known = self.sources().remove(&source.pipe().token());
        if known.is_some() {
            source.pipe().forget();
            source.detach();
        }
        let mut desk = self.desk();
        desk.retired.extend(known);
        desk.retired.push(source);
        drop(desk);
        self.wake();
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
        let nothing = || vec![None; sources.len()];
        let (drained, answer) = channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut desk = self.desk();
        if desk.is_silent {
            drop(desk);
            // If the thread can go on after all, it clears `is_silent` when it is woken.
            self.wake();
            return nothing();
        }
        desk.drains.push(Drain { number, sources: sources.to_vec(), count, drained });
        drop(desk);
        self.wake();
        match answer.recv_timeout(ANSWER) {
            Ok(lines) => lines,
            // If the thread stands still in this drain, the drain is lost. If the drain is on the desk
            // still, the thread that replaces the first one does it.
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
        let replaced = desk.stuck < MOST_STUCK && self.spawn(desk.reader + 1).is_ok();
        desk.is_silent = !replaced;
        desk.reader += u64::from(replaced);
        desk.stuck += usize::from(replaced);
        drop(desk);
        if replaced {
            log::warn!(
                "the thread that reads captured output has not answered for {ANSWER:?}, perhaps because somebody \
                 writes to a pipe and does not finish: another thread reads on"
            );
        } else {
            log::error!("captured output is not read any more: too many pipes hold up who reads");
        }
        replaced
    }

    /// Reads until no recorder and no recording is left, or another thread reads instead.
    fn run(&self, reader: u64) {
        let mut chunk = vec![0; CHUNK];
        while self.clear_desk(reader).is_continue() {
            let Ok(tokens) = self.waiter.wait(None) else {
                waiter::breathe();
                continue;
            };
            for token in tokens {
                // A pipe that has just been removed may still be among the events.
                let source = self.sources().get(&token).cloned();
                let Some(source) = source.filter(|_| token != ASKED) else { continue };
                match source.read_on(&mut chunk) {
                    Read::Stuck => {
                        source.pipe().set_interest(Interest::End);
                        // The other thread may have come free of the pipe before the interest was taken
                        // away: then the pipe is read on here. If it comes free later, it resumes the
                        // pipe itself.
                        if source.is_free() {
                            source.resume();
                        }
                    }
                    Read::End => self.remove(source),
                    Read::Some(_) | Read::Nothing if self.is_replaced(reader) => {
                        source.resume();
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
        self.asked.clear();
        loop {
            let mut desk = self.desk();
            if desk.reader != reader {
                desk.stuck -= 1;
                drop(desk);
                // This thread may have taken a wake-up that is for the one which has replaced it.
                self.wake();
                return ControlFlow::Break(());
            }
            desk.is_silent = false;
            // The lock is let go before a pipe is read or closed, since this thread may stand still
            // there.
            if let Some(drain) = (!desk.drains.is_empty()).then(|| desk.drains.remove(0)) {
                drop(desk);
                let lines = drain.sources.iter().map(|source| source.drain(drain.count));
                // Whoever has asked may not be waiting any more.
                let _ = drain.drained.send(lines.collect());
                if self.is_replaced(reader) {
                    drain.sources.iter().for_each(|source| source.resume());
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
        self.asked.set();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sources that are read.
    pub(crate) fn all(&self) -> Vec<Arc<Source>> {
        self.sources().values().cloned().collect()
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<u64, Arc<Source>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
