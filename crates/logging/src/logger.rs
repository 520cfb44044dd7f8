//! From configuration to a logger: env_filter says which records pass, the layout how they look, the
//! sink where they go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use log::{LevelFilter, Log, Metadata, Record};

use crate::output::Outputs;
use crate::{Error, LoggingConfig, Process, queue};

/// Makes a logger and sets it as the one of this process: from here on the macros of `log` go there.
///
/// A logger stays for the rest of the process. Records are written when `log` is called, not later;
/// nothing is lost when the process is killed, and nothing needs flushing. Whoever must not wait until
/// they are written uses [`install_queued`].
///
/// `SIGXFSZ` gets a handler that does nothing, so that a limit for the size of files (`ulimit -f`) makes
/// records fail and is not the end of the process.
///
/// # Errors
///
/// The first of the [`problems`](LoggingConfig::problems); [`Error::Open`] if the file cannot be
/// opened; [`Error::AlreadySet`] if there is a logger already. After an error logging is as it was; a
/// file may have been created, empty.
pub fn install(config: &LoggingConfig, process: Process) -> Result<Handle, Error> {
    set(Logger::new(config, process)?)
}

fn set(logger: Logger) -> Result<Handle, Error> {
    let handle = logger.handle();
    log::set_boxed_logger(Box::new(logger)).map_err(|_| Error::AlreadySet)?;
    handle.0.is_installed.store(true, Ordering::Relaxed);
    log::set_max_level(handle.0.max_level());
    Ok(handle)
}

/// The same for a process that must never wait for its log, because it supervises others: records wait in
/// a queue for a thread that writes them.
///
/// The reader of a fifo or of a pipe may stop reading, and a disk may stop answering; whoever then calls
/// `log` stands in `write(2)` for as long. Here nobody does. What the queue has no room for (4,096
/// records, 4 MiB) is counted by [`Handle::dropped`], and the count is told in the log where the records
/// would have stood: `3 records dropped: …`.
///
/// The price: a process that is killed may lose what it had logged in its last moments. When the thread that
/// called this, or one that has logged, ends, or ends the process by returning from `main` or by `exit`, it
/// waits until what is in the queue is written, a second at most; [`Log::flush`] and [`Handle::flush`] wait
/// at any time. If another thread ends the process, nobody waits. Where only one thread of a process must
/// not wait, [`Handle::queue_this_thread`] pays less.
///
/// # Errors
///
/// As [`install`]; [`Error::Writer`] if the thread cannot be started.
pub fn install_queued(config: &LoggingConfig, process: Process) -> Result<Handle, Error> {
    let logger = Logger::new(config, process)?;
    logger.0.queue(true).map_err(|source| Error::Writer { source })?;
    set(logger)
}

/// A logger that is not installed: for programs that combine several, and for tests.
///
/// Dropping it and its handles closes its files.
#[derive(Debug)]
pub struct Logger(Arc<Outputs>);

impl Logger {
    /// Makes the logger that `config` describes and opens its files.
    ///
    /// # Errors
    ///
    /// As [`install`], except that there may be another logger.
    pub fn new(config: &LoggingConfig, process: Process) -> Result<Logger, Error> {
        if let Some(problem) = config.problems_but_strangers().into_iter().next() {
            return Err(problem);
        }
        Ok(Logger(Arc::new(Outputs::open(config, &process)?)))
    }

    /// The most detailed level that any target may log at.
    pub fn max_level(&self) -> LevelFilter {
        self.0.max_level()
    }

    /// What can be done with the logger while it is in use.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.0))
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let mut enabled = false;
        self.0.for_target(metadata.target(), |output| enabled |= output.filter().enabled(metadata));
        enabled
    }

    fn log(&self, record: &Record<'_>) {
        // One time for all outputs, so that the same record can be found in each.
        let mut time = None;
        let mut queued = None;
        self.0.for_target(record.target(), |output| {
            // A place may take its time, and whoever changes levels does not wait for it.
            let passes = output.filter().matches(record);
            if passes {
                let queued = *queued.get_or_insert_with(|| self.0.is_queued());
                output.write(record, *time.get_or_insert_with(SystemTime::now), queued);
            }
        });
    }

    /// Waits until the records that wait for a thread are written, a second at most. What was logged
    /// without a queue is written already.
    fn flush(&self) {
        self.0.flush(queue::PATIENCE);
    }
}

/// What can be done with a logger while it is in use. Clones are the same; dropping it does nothing.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Outputs>);

impl Handle {
    /// Opens the log files anew, as after a rename by someone else; that is noticed anyway, by the next
    /// record (in a burst of records by the first after a millisecond). Does nothing for streams.
    ///
    /// # Errors
    ///
    /// The first [`Error::Open`]; the other files are opened nevertheless. Logging goes on with a file
    /// as it was, if that still has a name. Where this thread's records go by queue, so does this: it
    /// comes after them, and what goes wrong is told in the log.
    pub fn reopen(&self) -> Result<(), Error> {
        let queued = self.0.is_queued();
        self.0.all().map(|output| output.reopen(queued)).fold(Ok(()), Result::and)
    }

    /// Has the levels and filters of a configuration hold from here on, also those of its
    /// [loggers](LoggingConfig::logger) that this one has, too. Everything else of it is not looked at.
    pub fn set_levels(&self, config: &LoggingConfig) {
        self.0.set_levels(config);
    }

    /// From here on, records of the calling thread go by a queue, as all records do after
    /// [`install_queued`]; those of other threads are still written at once. For a loop that must not
    /// wait, in a process whose other threads want to know their records written.
    ///
    /// This is the thread's property, for the rest of its life: it holds for each logger that has a queue.
    ///
    /// # Errors
    ///
    /// [`Error::Writer`]; records are written at once as before.
    pub fn queue_this_thread(&self) -> Result<(), Error> {
        self.0.queue(false).map_err(|source| Error::Writer { source })
    }

    /// Waits until the records that wait in a queue are written, for `limit` at most; whether they are.
    /// Returns sooner if the log takes nothing: if one write has stood for a second already.
    pub fn flush(&self, limit: Duration) -> bool {
        self.0.flush(limit)
    }

    /// How many records could not be written so far, or did not fit into a queue. Each such time is also told in the log, when
    /// writing works again, and the records are written to the standard error stream instead (if it
    /// was a file that failed).
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}
