//! What a user says about logging: plain data, checked by nobody yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use log::LevelFilter;
use log_file::{
    DEFAULT_KEEP, DEFAULT_KEEP_SIZE, DEFAULT_MAX_SIZE, Options, Precision, Rotation, Stream, Time,
    size,
};
use serde::{Deserialize, Serialize};

/// The format of a record unless told otherwise.
pub(crate) const DEFAULT_FORMAT: &str =
    "{time} {pid} {process} {level:5} {target}: {message}{key_values}";

/// How a process logs: levels, format, and where to.
///
/// A value says everything; nothing is read from the environment. Start with [`file`](Self::file),
/// [`stderr`](Self::stderr) or [`stdout`](Self::stdout) and change what should differ:
///
/// ```
/// use log::LevelFilter;
/// use logging::{LoggingConfig, Rotation};
///
/// let config = LoggingConfig::file("app.log")
///     .level(LevelFilter::Debug)
///     .filter("hyper", LevelFilter::Warn)
///     .rotation(Rotation::Midnight)
///     .keep(30);
/// ```
///
/// The same in YAML, where every field may be left out:
///
/// ```
/// # use log::LevelFilter;
/// # use logging::{LoggingConfig, Rotation};
/// let config = LoggingConfig::from_yaml_str(
///     "
/// file: app.log
/// level: debug
/// filters:
///   hyper: warn
/// rotation: midnight
/// keep: 30
/// ",
/// )?;
/// # assert_eq!(config, LoggingConfig::file("app.log").level(LevelFilter::Debug)
/// #     .filter("hyper", LevelFilter::Warn).rotation(Rotation::Midnight).keep(30));
/// # Ok::<(), logging::Error>(())
/// ```
///
/// A part of the program can have a logger with a sink of its own: see [`logger`](Self::logger).
///
/// Nothing is checked until [`problems`](Self::problems) or [`install`](crate::install); no method
/// fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a mapping like `{file: app.log, level: info}`")]
pub struct LoggingConfig {
    #[serde(with = "crate::level::one")]
    pub(crate) level: LevelFilter,
    #[serde(with = "crate::level::by_target", skip_serializing_if = "is_default")]
    pub(crate) filters: BTreeMap<String, LevelFilter>,
    #[serde(skip_serializing_if = "is_usual")]
    pub(crate) format: String,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) time: Time,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) precision: Precision,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) file: Option<PathBuf>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) stream: Option<Stream>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) trust_folder_owner: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) rotation: Rotation,
    #[serde(with = "log_file::size")]
    pub(crate) max_size: u64,
    pub(crate) keep: usize,
    #[serde(with = "log_file::size")]
    pub(crate) keep_size: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) compress: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) loggers: BTreeMap<String, LoggingConfig>,
    pub(crate) propagate: bool,
}

/// What is left out where it is written down: a parent of thousands keeps it for each of them.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_usual(format: &str) -> bool {
    format == DEFAULT_FORMAT
}

impl Default for LoggingConfig {
    /// Level `info` to the standard error stream.
    fn default() -> LoggingConfig {
        LoggingConfig {
            level: LevelFilter::Info,
            filters: BTreeMap::new(),
            format: DEFAULT_FORMAT.to_owned(),
            time: Time::default(),
            precision: Precision::default(),
            file: None,
            stream: None,
            trust_folder_owner: false,
            rotation: Rotation::default(),
            max_size: DEFAULT_MAX_SIZE,
            keep: DEFAULT_KEEP,
            keep_size: DEFAULT_KEEP_SIZE,
            compress: false,
            loggers: BTreeMap::new(),
            propagate: true,
        }
    }
}

impl LoggingConfig {
    /// Logs to a file, which is created (mode 0644 less the umask) if need be, never truncated, and
    /// may be shared with any number of processes that use this crate.
    ///
    /// `/dev/stdout` and `/dev/stderr` mean the streams. Anything else that is no regular file is
    /// written without rotation.
    pub fn file(path: impl Into<PathBuf>) -> LoggingConfig {
        LoggingConfig { file: Some(path.into()), ..LoggingConfig::default() }
    }

    /// Logs to the standard error stream. On a terminal levels have colours, unless `NO_COLOR` is set;
    /// in systemd's journal records have their priority.
    pub fn stderr() -> LoggingConfig {
        LoggingConfig { stream: Some(Stream::Stderr), ..LoggingConfig::default() }
    }

    /// Logs to the standard output stream; else as [`stderr`](Self::stderr).
    pub fn stdout() -> LoggingConfig {
        LoggingConfig { stream: Some(Stream::Stdout), ..LoggingConfig::default() }
    }

    /// The same with the usual levels and without filters, in its [loggers](Self::logger), too: configurations that
    /// are the same by this differ only in what [`Handle::set_levels`](crate::Handle::set_levels) changes.
    #[must_use]
    pub fn without_levels(mut self) -> LoggingConfig {
        (self.level, self.filters) = (LevelFilter::Info, BTreeMap::new());
        let loggers = std::mem::take(&mut self.loggers).into_iter();
        let loggers = loggers.map(|(target, config)| (target, config.without_levels()));
        LoggingConfig { loggers: loggers.collect(), ..self }
    }

    /// The level up to which records of targets without a [`filter`](Self::filter) are written.
    /// Default: `info`.
    pub fn level(mut self, level: LevelFilter) -> LoggingConfig {
        self.level = level;
        self
    }

    /// The level for one target and what is below it: every target that begins with `target`. The
    /// longest match decides. Default: none.
    pub fn filter(mut self, target: impl Into<String>, level: LevelFilter) -> LoggingConfig {
        self.filters.insert(target.into(), level);
        self
    }

    /// How a record is written. Placeholders stand in braces, with a least width after a colon:
    ///
    /// | placeholder | shows |
    /// |---|---|
    /// | `{time}` | date and time with offset, as RFC 3339 has it: `2026-11-22T13:44:48.123+01:00` |
    /// | `{pid}` | the process id |
    /// | `{name}`, `{role}` | of [`Process`](crate::Process) |
    /// | `{process}` | both, `jobd/guardian`, or the name alone if there is no role |
    /// | `{thread}` | the thread's name, or `-` |
    /// | `{level}` | `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE` |
    /// | `{target}` | the record's target, by default the module path |
    /// | `{file}`, `{line}` | where in the source, or `-` |
    /// | `{message}` | the message |
    /// | `{key_values}` | each key with its value, ` key=value`; nothing if there are none |
    ///
    /// `{{` and `}}` are braces. Default:
    /// `{time} {pid} {process} {level:5} {target}: {message}{key_values}`.
    ///
    /// The format `json` is one JSON object per line with the members `time`, `pid`, `name`, `role`,
    /// `level`, `target`, `message` and, if there are any, `key_values`.
    ///
    /// Whatever a record contains, it cannot look like another one: in the message, lines after the
    /// first are indented by four spaces and other control characters are shown as `\x1b`; elsewhere
    /// line ends are shown as `\n` too. This holds for formats whose lines do not begin with spaces.
    pub fn format(mut self, format: impl Into<String>) -> LoggingConfig {
        self.format = format.into();
        self
    }

    /// Which time is shown, and whose midnight counts. Default: local.
    pub fn time(mut self, time: Time) -> LoggingConfig {
        self.time = time;
        self
    }

    /// The decimals of a second. Default: three.
    pub fn precision(mut self, precision: Precision) -> LoggingConfig {
        self.precision = precision;
        self
    }

    /// Whether the owner of the file's folder may decide which file it is, by links and files of his own:
    /// for a privileged process whose log belongs in a folder of a user who is trusted with that. Else a
    /// link, or a file, that somebody else may have laid out for us is refused; the rule is that of
    /// [`log_file`]. Default: no.
    pub fn trust_folder_owner(mut self, trust: bool) -> LoggingConfig {
        self.trust_folder_owner = trust;
        self
    }

    /// When a new file is begun; only for regular files. Default: at midnight.
    pub fn rotation(mut self, rotation: Rotation) -> LoggingConfig {
        self.rotation = rotation;
        self
    }

    /// How large a file may get, in bytes, unless it is never rotated. The record that would make it
    /// larger begins a new one; several processes at once may exceed it by a few records, and a single
    /// record may be larger. Default: 256 MiB.
    pub fn max_size(mut self, bytes: u64) -> LoggingConfig {
        self.max_size = bytes;
        self
    }

    /// How much the files that were put aside may take together, in bytes, as counted after a
    /// rotation; the oldest go first. Default: 1 GiB.
    pub fn keep_size(mut self, bytes: u64) -> LoggingConfig {
        self.keep_size = bytes;
        self
    }

    /// How many files that were put aside are kept; older ones are removed after a rotation. Only
    /// files with names of our making count and are ever removed. Zero keeps none. Default: 7.
    pub fn keep(mut self, keep: usize) -> LoggingConfig {
        self.keep = keep;
        self
    }

    /// Whether files that were put aside are compressed (`app.log.2026-11-21.gz`), in a thread of its
    /// own. One to which an idle process could still write waits for a later rotation. What others
    /// write to such a file without this crate, a redirected stream perhaps, is lost then. Default: no.
    pub fn compress(mut self, compress: bool) -> LoggingConfig {
        self.compress = compress;
        self
    }

    /// A logger of its own for one target and what is below it (`audit`, `audit::login`), as in Python's
    /// `dictConfig`: with a level, filters, a format and a sink. Where several are for a target, the
    /// longest comes first. A record goes on to the next, and last to the main one, unless a logger on
    /// the way does not [propagate](Self::propagate); each writes what passes *its* filters. Default:
    /// none.
    ///
    /// ```
    /// # use logging::LoggingConfig;
    /// let config = LoggingConfig::file("app.log")
    ///     .logger("audit", LoggingConfig::file("audit.log").format("json").propagate(false));
    /// # assert_eq!(config, LoggingConfig::from_yaml_str("
    /// # file: app.log
    /// # loggers:
    /// #   audit:
    /// #     file: audit.log
    /// #     format: json
    /// #     propagate: false
    /// # ").unwrap());
    /// ```
    pub fn logger(mut self, target: impl Into<String>, logger: LoggingConfig) -> LoggingConfig {
        self.loggers.insert(target.into(), logger);
        self
    }

    /// Whether records of a named [`logger`](Self::logger) go on to the next. Means nothing for the
    /// main one. Default: they do.
    pub fn propagate(mut self, propagate: bool) -> LoggingConfig {
        self.propagate = propagate;
        self
    }

    /// The file this logs to, if it is a file.
    pub fn file_path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// All files that are logged to: its own, and those of its named loggers.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let named = self.loggers.values().filter_map(LoggingConfig::file_path);
        self.file_path().into_iter().chain(named)
    }

    /// Those of the [files](LoggingConfig::files) that are put aside in time, or for their size.
    pub fn rotated_files(&self) -> impl Iterator<Item = &Path> {
        let all = [self].into_iter().chain(self.loggers.values());
        let never = |config: &LoggingConfig| {
            config.rotation == Rotation::Never
                || config.rotation == Rotation::Size && config.max_size == size::UNLIMITED
        };
        all.filter(move |config| !never(config)).filter_map(LoggingConfig::file_path)
    }

    /// Where records go, as the options of a log file.
    pub(crate) fn options(&self) -> Options {
        let file = match (&self.file, self.stream) {
            (Some(file), _) => file.as_path(),
            (None, Some(Stream::Stdout)) => Path::new("/dev/stdout"),
            (None, Some(Stream::Stderr) | None) => Path::new("/dev/stderr"),
        };
        Options::file(file)
            .time(self.time)
            .rotation(self.rotation)
            .max_size(self.max_size)
            .keep(self.keep)
            .keep_size(self.keep_size)
            .compress(self.compress)
            .trust_folder_owner(self.trust_folder_owner)
    }

    /// Gives each file that is logged to the path that `new` makes of its own.
    pub fn rename_files(&mut self, new: &mut dyn FnMut(&Path) -> PathBuf) {
        if let Some(file) = &mut self.file {
            *file = new(file);
        }
        self.loggers.values_mut().for_each(|logger| logger.rename_files(new));
    }

    /// Makes relative paths absolute: they are meant from `base`.
    ///
    /// Whoever hands a configuration to a process with another working directory calls this first.
    pub fn resolve(&mut self, base: &Path) {
        if let Some(file) = &mut self.file
            && !file.as_os_str().is_empty()
        {
            *file = base.join(&*file);
        }
        self.loggers.values_mut().for_each(|logger| logger.resolve(base));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_file_is_handed_on_and_without_one_there_is_a_stream() {
        let config = LoggingConfig::file("app.log")
            .time(Time::Utc)
            .rotation(Rotation::Weekly)
            .max_size(1)
            .keep(2)
            .keep_size(3)
            .compress(true)
            .trust_folder_owner(true);
        let options = Options::file("app.log")
            .time(Time::Utc)
            .rotation(Rotation::Weekly)
            .max_size(1)
            .keep(2)
            .keep_size(3)
            .compress(true)
            .trust_folder_owner(true);
        assert_eq!(config.options(), options);
        assert_eq!(LoggingConfig::file("app.log").options(), Options::file("app.log"));
        for (config, stream) in [
            (LoggingConfig::stdout(), Stream::Stdout),
            (LoggingConfig::stderr(), Stream::Stderr),
            (LoggingConfig::default(), Stream::Stderr),
        ] {
            assert_eq!(config.options().stream(), Some(stream));
        }
    }
}
