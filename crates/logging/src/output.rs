//! Everything a logger writes to: which records go where, and whether the thread that logs writes them
//! itself or hands them to the one that does.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};

use log::{LevelFilter, Record};

use crate::decoration::Decoration;
use crate::layout::Layout;
use crate::queue::{Entry, FlushedAtEnd, Queue};
use crate::sink::Sink;
use crate::{Error, LoggingConfig, Process, pattern};

/// The thread that writes needs little: a line is made by the thread that logs.
const WRITER_STACK: usize = 256 << 10;

thread_local! {
    /// Whether records of this thread go by queue.
    static QUEUED: Cell<bool> = const { Cell::new(false) };
    /// The queues that this thread has filled.
    static FILLED: RefCell<Vec<FlushedAtEnd>> = const { RefCell::new(Vec::new()) };
}

/// The outputs of a logger.
#[derive(Debug)]
pub(crate) struct Outputs {
    main: Arc<Output>,
    /// Those with a target, longer targets first.
    named: Vec<Named>,
    pub(crate) dropped: Arc<AtomicU64>,
    /// Records of every thread go by queue.
    all_queued: AtomicBool,
    /// It is the logger of this process.
    pub(crate) is_installed: AtomicBool,
}

#[derive(Debug)]
struct Named {
    target: String,
    propagate: bool,
    output: Arc<Output>,
}

/// One place, and what goes there.
#[derive(Debug)]
pub(crate) struct Output {
    filter: RwLock<env_filter::Filter>,
    layout: Arc<Layout>,
    sink: Mutex<Sink>,
    dropped: Arc<AtomicU64>,
    /// Made when somebody wants it, together with the thread that empties it.
    queue: OnceLock<Arc<Queue>>,
}

impl Outputs {
    /// Opens all of them.
    pub(crate) fn open(config: &LoggingConfig, process: &Process) -> Result<Outputs, Error> {
        let dropped = Arc::new(AtomicU64::new(0));
        let open = |config| Output::open(config, process, &dropped).map(Arc::new);
        let main = open(config)?;
        let mut named = Vec::new();
        for (target, config) in &config.loggers {
            let output = open(config)?;
            named.push(Named { target: target.clone(), propagate: config.propagate, output });
        }
        named.sort_by_key(|named| std::cmp::Reverse(named.target.len()));
        let (all_queued, is_installed) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Outputs { main, named, dropped, all_queued, is_installed })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Output>> {
        self.named.iter().map(|named| &named.output).chain([&self.main])
    }

    /// Has the levels and filters of this hold from here on, for each logger that it has by the same target.
    pub(crate) fn set_levels(&self, config: &LoggingConfig) {
        self.main.set_filter(config);
        for Named { target, output, .. } in &self.named {
            if let Some(config) = config.loggers.get(target) {
                output.set_filter(config);
            }
        }
        if self.is_installed.load(Ordering::Relaxed) {
            log::set_max_level(self.max_level());
        }
    }

    /// The most detailed level that any target may log at.
    pub(crate) fn max_level(&self) -> LevelFilter {
        self.all().map(|output| output.filter().filter()).max().unwrap_or(LevelFilter::Off)
    }

    /// Records of this thread, or of all, go by queue from here on.
    pub(crate) fn queue(&self, all: bool) -> io::Result<()> {
        self.all().try_for_each(Output::start_writer)?;
        if all {
            // The thread that returns from `main` need not have logged: it is to wait for the queues,
            // too.
            self.all().filter_map(|output| output.queue.get()).for_each(flush_at_end);
            self.all_queued.store(true, Ordering::Relaxed);
        } else {
            QUEUED.set(true);
        }
        Ok(())
    }

    /// Whether this thread must not wait for a place to write to.
    pub(crate) fn is_queued(&self) -> bool {
        self.all_queued.load(Ordering::Relaxed) || QUEUED.try_with(Cell::get).unwrap_or(false)
    }

    /// Waits until what was logged is written, for `limit` at most.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let start = std::time::Instant::now();
        // Each queue is given the time that is left, and each is asked: a stuck one does not speak for
        // the others.
        let flush = |queue: &Arc<Queue>| queue.flush(limit.saturating_sub(start.elapsed()));
        self.all().filter_map(|output| output.queue.get()).map(flush).fold(true, |all, it| all & it)
    }

    /// Where records of a target go: to each logger that is for it, until one keeps them to itself.
    pub(crate) fn for_target(&self, target: &str, mut go: impl FnMut(&Output)) {
        for named in self.named.iter().filter(|named| named.is_for(target)) {
            go(&named.output);
            if !named.propagate {
                return;
            }
        }
        go(&self.main);
    }
}

/// The threads that empty the queues write what is there, and end.
impl Drop for Outputs {
    fn drop(&mut self) {
        self.all().filter_map(|output| output.queue.get()).for_each(|queue| queue.close());
    }
}

impl Named {
    /// `audit` is for `audit` and `audit::login`, not for `auditor`.
    fn is_for(&self, target: &str) -> bool {
        target
            .strip_prefix(self.target.as_str())
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    }
}

fn filter(config: &LoggingConfig) -> env_filter::Filter {
    let mut filter = env_filter::Builder::new();
    filter.filter_level(config.level);
    for (target, level) in &config.filters {
        filter.filter_module(target, *level);
    }
    filter.build()
}

impl Output {
    fn open(
        config: &LoggingConfig,
        process: &Process,
        dropped: &Arc<AtomicU64>,
    ) -> Result<Output, Error> {
        let file = config.options().open().map_err(Error::of_file)?;
        let decoration = file.stream().map_or(Decoration::Nothing, Decoration::of);
        let shape = pattern::parse(&config.format)
            .expect("a format without problems parses, and problems were looked for before");
        let stamp = file.stamp(config.precision);
        let layout = Arc::new(Layout::new(shape, decoration, stamp, process));
        let sink = Sink::new(file, Arc::clone(&layout), Arc::clone(dropped));

        let filter = RwLock::new(filter(config));
        let (sink, dropped) = (Mutex::new(sink), Arc::clone(dropped));
        Ok(Output { filter, layout, sink, dropped, queue: OnceLock::new() })
    }

    /// Which records pass.
    pub(crate) fn filter(&self) -> RwLockReadGuard<'_, env_filter::Filter> {
        self.filter.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_filter(&self, config: &LoggingConfig) {
        *self.filter.write().unwrap_or_else(PoisonError::into_inner) = filter(config);
    }

    /// Writes a record, or leaves that to the thread that does it.
    pub(crate) fn write(&self, record: &Record<'_>, now: SystemTime, queued: bool) {
        self.layout.with_line(record, now, |line| match self.queue.get() {
            Some(queue) if queued => {
                if !queue.push(line.as_bytes(), now) {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
                flush_at_end(queue);
            }
            _ => self.sink().write(line.as_bytes(), now),
        });
    }

    /// Opens the file anew; by the queue, what goes wrong is told in the log.
    pub(crate) fn reopen(&self, queued: bool) -> Result<(), Error> {
        match self.queue.get() {
            Some(queue) if queued => {
                queue.push_reopen();
                Ok(())
            }
            _ => self.sink().reopen(),
        }
    }

    fn start_writer(self: &Arc<Output>) -> io::Result<()> {
        if self.queue.get().is_some() {
            return Ok(());
        }
        let queue = Arc::new(Queue::default());
        let (output, entries) = (Arc::clone(self), Arc::clone(&queue));
        let writer = move || {
            while let Some(entry) = entries.next() {
                let mut sink = output.sink();
                match entry {
                    Entry::Record(line, at) => sink.write(&line, at),
                    Entry::Lost(lost) => sink.tell_lost(lost),
                    Entry::Reopen => sink.reopen_and_tell(),
                }
            }
        };
        helper_thread::spawn("write-log", WRITER_STACK, writer)?;
        // If two threads come here at once, the queue of the second is closed, and its writer ends.
        if let Err(queue) = self.queue.set(queue) {
            queue.close();
        }
        Ok(())
    }

    /// The sink cannot be left half-way by a panic, so a poisoned lock means nothing.
    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has this thread wait for the queue when it ends. A thread that logs while it ends has nothing left to
/// remember that in; then nobody waits.
fn flush_at_end(queue: &Arc<Queue>) {
    let _ = FILLED.try_with(|filled| {
        let mut filled = filled.borrow_mut();
        if !filled.iter().any(|known| Arc::ptr_eq(&known.0, queue)) {
            filled.push(FlushedAtEnd(Arc::clone(queue)));
        }
    });
}
