//! From configuration to a logger: env_logger says which records pass, the layout how they look, the
//! sink where they go.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use log::{LevelFilter, Log, Metadata, Record};

use crate::config::Stream;
use crate::decoration::Decoration;
use crate::file::{FilePlan, LogFile};
use crate::layout::Layout;
use crate::names::Keep;
use crate::sink::{self, Sink, StreamSink, Target};
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
/// Dropping it and its handles closes its files.
#[derive(Debug)]
pub struct Logger(Arc<Outputs>);

/// Everything a logger writes to.
#[derive(Debug)]
struct Outputs {
    main: Output,
    /// Those with a target, longer targets first.
    named: Vec<Named>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Named {
    target: String,
    propagate: bool,
    output: Output,
}

/// One place, and what goes there.
#[derive(Debug)]
struct Output {
    /// Only its filters. Its way of writing costs a copy and a lock more than ours, for nothing that
    /// a file needs.
    filter: env_logger::Logger,
    layout: Arc<Layout>,
    sink: Mutex<Sink>,
}

impl Logger {
    /// Makes the logger that `config` describes and opens its files.
    ///
    /// # Errors
    ///
    /// As [`install`], except that there may be another logger.
    pub fn new(config: &LoggingConfig, process: Process) -> Result<Logger, Error> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(problem);
        }
        let dropped = Arc::new(AtomicU64::new(0));
        let main = Output::new(config, &process, &dropped)?;
        let mut named = Vec::new();
        for (target, config) in &config.loggers {
            let output = Output::new(config, &process, &dropped)?;
            named.push(Named { target: target.clone(), propagate: config.propagate, output });
        }
        named.sort_by_key(|named| std::cmp::Reverse(named.target.len()));
        Ok(Logger(Arc::new(Outputs { main, named, dropped })))
    }

    /// The most detailed level that any target may log at.
    pub fn max_level(&self) -> LevelFilter {
        self.0.all().map(|output| output.filter.filter()).max().unwrap_or(LevelFilter::Off)
    }

    /// What can be done with the logger while it is in use.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.0))
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let mut enabled = false;
        self.0.for_target(metadata.target(), |output| enabled |= output.filter.enabled(metadata));
        enabled
    }

    fn log(&self, record: &Record<'_>) {
        // One time for all, so that the same record can be found in each.
        let mut time = None;
        self.0.for_target(record.target(), |output| {
            if output.filter.matches(record) {
                output.write(record, *time.get_or_insert_with(sink::now));
            }
        });
    }

    /// Does nothing: what was logged is written.
    fn flush(&self) {}
}

impl Outputs {
    fn all(&self) -> impl Iterator<Item = &Output> {
        self.named.iter().map(|named| &named.output).chain([&self.main])
    }

    /// Where records of a target go: to each logger that is for it, until one keeps them to itself.
    fn for_target(&self, target: &str, mut go: impl FnMut(&Output)) {
        for named in self.named.iter().filter(|named| named.is_for(target)) {
            go(&named.output);
            if !named.propagate {
                return;
            }
        }
        go(&self.main);
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

impl Output {
    fn new(
        config: &LoggingConfig,
        process: &Process,
        dropped: &Arc<AtomicU64>,
    ) -> Result<Output, Error> {
        let zone = config.time.zone();
        let decoration = stream_of(config).map_or(Decoration::Nothing, Decoration::of);
        let target = open(config, zone.clone())?;
        let shape = pattern::parse(&config.format)
            .expect("a format without problems parses, and problems were looked for before");
        let stamper = Stamper::new(zone, config.precision);
        let layout = Arc::new(Layout::new(shape, decoration, stamper, process));
        let sink = Sink::new(target, Arc::clone(&layout), Arc::clone(dropped));

        let mut filter = env_logger::Builder::new();
        filter.filter_level(config.level);
        for (target, level) in &config.filters {
            filter.filter_module(target, *level);
        }
        Ok(Output { filter: filter.build(), layout, sink: Mutex::new(sink) })
    }

    fn write(&self, record: &Record<'_>, now: Timestamp) {
        self.layout.with_line(record, now, |line| self.sink().write(line.as_bytes(), now));
    }

    /// The sink cannot be left half-way by a panic, so a poisoned lock means nothing.
    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens what `config` writes to.
pub(crate) fn open(config: &LoggingConfig, zone: TimeZone) -> Result<Target, Error> {
    if let Some(stream) = stream_of(config) {
        return Ok(Target::Stream(StreamSink::new(stream)));
    }
    let path = config.file.clone().unwrap_or_default();
    let plan = FilePlan {
        path: path.clone(),
        rotation: config.rotation,
        zone,
        max_size: config.max_size,
        compress: config.compress,
        clock: sink::now,
        keep: Keep { files: config.keep, bytes: config.keep_size },
    };
    match LogFile::open(plan) {
        Ok(file) => Ok(Target::File(Box::new(file))),
        Err(source) => Err(Error::Open { path, source }),
    }
}

/// None: it is a file.
fn stream_of(config: &LoggingConfig) -> Option<Stream> {
    match &config.file {
        Some(path) => as_stream(path),
        None => Some(config.stream.unwrap_or(Stream::Stderr)),
    }
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
pub struct Handle(Arc<Outputs>);

impl Handle {
    /// Opens the log files anew, as after a rename by someone else; that is noticed anyway, by the next
    /// record (in a burst of records by the first after a millisecond). Does nothing for streams.
    ///
    /// # Errors
    ///
    /// The first [`Error::Open`]; the other files are opened nevertheless. Logging goes on with a file
    /// as it was, if that still has a name.
    pub fn reopen(&self) -> Result<(), Error> {
        self.0.all().map(|output| output.sink().reopen()).fold(Ok(()), Result::and)
    }

    /// How many records could not be written so far. Each such time is also told in the log, when
    /// writing works again, and the records are written to the standard error stream instead (if it
    /// was a file that failed).
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}
