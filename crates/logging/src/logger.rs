//! From configuration to a logger: env_logger says which records pass, the layout how they look, the
//! sink where they go.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};

use crate::config::Stream;
use crate::file::{FilePlan, LogFile};
use crate::layout::Layout;
use crate::names::Keep;
use crate::sink::{Sink, StreamSink, Target, now};
use crate::timestamp::Stamper;
use crate::{Error, LoggingConfig, pattern};

/// Who logs, for the placeholders `{name}` and `{role}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub(crate) name: String,
    pub(crate) role: String,
}

impl Process {
    /// A process with this name and the role `-`.
    pub fn new(name: impl Into<String>) -> Process {
        Process { name: name.into(), role: "-".to_owned() }
    }

    /// What the process is for, where several share a name.
    pub fn role(mut self, role: impl Into<String>) -> Process {
        self.role = role.into();
        self
    }
}

/// Makes a logger and sets it as the one of this process: from here on the macros of `log` go there.
///
/// A logger stays for the rest of the process. Records are written when `log` is called, not later;
/// nothing is lost when the process is killed, and nothing needs flushing.
///
/// # Errors
///
/// The first of the [`problems`](LoggingConfig::problems); [`Error::Open`] if the file cannot be
/// opened; [`Error::AlreadySet`] if there is a logger already. After an error logging is as it was; a
/// file may have been created, empty.
pub fn install(config: &LoggingConfig, process: Process) -> Result<Handle, Error> {
    let logger = Logger::new(config, process)?;
    let handle = logger.handle();
    let max_level = logger.max_level();
    log::set_boxed_logger(Box::new(logger)).map_err(|_| Error::AlreadySet)?;
    log::set_max_level(max_level);
    Ok(handle)
}

/// A logger that is not installed: for programs that combine several, and for tests.
///
/// Dropping it and its handles closes its file.
#[derive(Debug)]
pub struct Logger {
    /// Only its filters. Its way of writing costs a copy and a lock more than ours, for nothing that
    /// a file needs, and hides the level of a record from the sink.
    filter: env_logger::Logger,
    layout: Arc<Layout>,
    handle: Handle,
}

impl Logger {
    /// Makes the logger that `config` describes and opens its file.
    ///
    /// # Errors
    ///
    /// As [`install`], except that there may be another logger.
    pub fn new(config: &LoggingConfig, process: Process) -> Result<Logger, Error> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(problem);
        }
        let parts = pattern::parse(&config.format)
            .expect("a format without problems parses, and problems were looked for above");
        let zone = config.time.zone();
        let stamper = Stamper::new(zone.clone(), config.precision);
        let layout = Arc::new(Layout::new(parts, stamper, &process));

        let target = match (&config.file, config.stream) {
            (Some(path), _) => match as_stream(path) {
                Some(stream) => Target::Stream(StreamSink::new(stream)),
                None => {
                    let plan = FilePlan {
                        path: path.clone(),
                        rotation: config.rotation,
                        zone,
                        max_size: config.max_size,
                        keep: Keep { files: config.keep, bytes: config.keep_size },
                    };
                    let file = LogFile::open(plan, now())
                        .map_err(|source| Error::Open { path: path.clone(), source })?;
                    Target::File(Box::new(file))
                }
            },
            (None, stream) => Target::Stream(StreamSink::new(stream.unwrap_or(Stream::Stderr))),
        };
        let dropped = Arc::new(AtomicU64::new(0));
        let sink = Sink::new(target, Arc::clone(&layout), Arc::clone(&dropped));
        let handle = Handle { sink: Arc::new(Mutex::new(sink)), dropped };

        let mut builder = env_logger::Builder::new();
        builder.filter_level(config.level);
        for (target, level) in &config.filters {
            builder.filter_module(target, *level);
        }
        Ok(Logger { filter: builder.build(), layout, handle })
    }

    /// The most detailed level that any target may log at.
    pub fn max_level(&self) -> LevelFilter {
        self.filter.filter()
    }

    /// What can be done with the logger while it is in use.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.filter.matches(record) {
            let now = now();
            self.layout.with_line(record, now, |line| {
                self.handle.sink().write(line.as_bytes(), now);
            });
        }
    }

    /// Does nothing: what was logged is written.
    fn flush(&self) {}
}

/// A name for a stream that opening would miss: a socket cannot be opened by it, and a file would be
/// rotated under the feet of whoever redirected the stream.
fn as_stream(path: &Path) -> Option<Stream> {
    match path.to_str()? {
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(Stream::Stdout),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(Stream::Stderr),
        _ => None,
    }
}

/// What can be done with a logger while it is in use. Clones are the same; dropping it does nothing.
#[derive(Clone, Debug)]
pub struct Handle {
    sink: Arc<Mutex<Sink>>,
    dropped: Arc<AtomicU64>,
}

impl Handle {
    /// Opens the log file anew, as after a rename by someone else; that is noticed anyway, with the
    /// first record later than a millisecond after it. Does nothing for streams.
    ///
    /// # Errors
    ///
    /// [`Error::Open`]. Logging goes on with the file as it was, if that still has a name.
    pub fn reopen(&self) -> Result<(), Error> {
        self.sink().reopen()
    }

    /// How many records could not be written so far. Each such time is also told in the log, when
    /// writing works again, and the records are written to the standard error stream instead (if it
    /// was a file that failed).
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The sink cannot be left half-way by a panic, so a poisoned lock means nothing.
    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
