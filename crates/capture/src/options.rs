//! Where the output of a child is kept, and how: plain data.

use std::path::{Path, PathBuf};

use log_file::{
    DEFAULT_KEEP, DEFAULT_KEEP_SIZE, DEFAULT_MAX_SIZE, Options, Precision, Rotation, Time,
};
use serde::{Deserialize, Serialize};
use stdio_redirect::{Redirect, Target};

use policy::Problems;

use crate::prefix::Pattern;

/// How the output of a child is captured: its parent (the guardian; of a worker, the process that
/// called `start_workers`) reads it from a pipe, and appends it to a file line by line.
///
/// ```
/// use capture::{Capture, WhenFull};
///
/// let capture = Capture::file("/var/log/red.txt")
///     .max_size(10 << 20)
///     .keep(3)
///     .when_full(WhenFull::Drop);
/// ```
///
/// In YAML a mapping with the names of the methods, and `file`:
///
/// ```
/// # use capture::{Capture, WhenFull};
/// # let capture: Capture = serde_yaml::from_str("
/// file: /var/log/red.txt
/// max_size: 10 MiB
/// keep: 3
/// when_full: drop
/// # ").unwrap();
/// # assert_eq!(capture, Capture::file("/var/log/red.txt").max_size(10 << 20).keep(3)
/// #     .when_full(WhenFull::Drop));
/// ```
///
/// What a child has written when it ends, by SIGKILL too, is kept: the pipe is the parent's. Lines are
/// as the child wrote them, whatever bytes they contain; only a last line without its end gets one.
/// What is written after the child's end, by a process that the child has started and that has its
/// streams still, is kept until that process closes them, or until the run after the next one begins;
/// nobody waits for it.
///
/// A child that writes while its parent is dead gets the error `EPIPE`. (As any Rust program it
/// ignores SIGPIPE; `println!` panics then.) If the file cannot be written, on a full disk or because the
/// reader of a fifo has gone, the child does not notice: lines are lost and counted, and the count is
/// told in the file when writing works again, in the log, and in the status file of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping like `{file: out.txt}`")]
pub struct Capture {
    pub(crate) file: PathBuf,
    streams: Captured,
    pub(crate) prefix: String,
    pub(crate) time: Time,
    pub(crate) precision: Precision,
    rotation: Rotation,
    #[serde(with = "log_file::size")]
    pub(crate) max_size: u64,
    keep: usize,
    #[serde(with = "log_file::size")]
    keep_size: u64,
    compress: bool,
    #[serde(with = "log_file::size")]
    pub(crate) buffer: u64,
    pub(crate) when_full: WhenFull,
    pub(crate) last_lines: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trust_folder_owner: bool,
}

/// Which streams are captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Captured {
    /// Standard output and standard error.
    #[default]
    Both,
    /// Only standard output.
    Stdout,
    /// Only standard error.
    Stderr,
}

/// What happens when a child writes faster than its file takes it, and the buffer is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// The child waits when it writes, as it would for a slow disk. Nothing is lost.
    #[default]
    Block,
    /// The child goes on. Lines are lost, and counted.
    Drop,
}

const DEFAULT_PREFIX: &str = "{time} {name} {pid} {stream}: ";
/// A line of a mebibyte stays whole.
const DEFAULT_BUFFER: u64 = 1 << 20;
/// With less, not even what the smallest pipe holds would find room.
const LEAST_BUFFER: u64 = 4 << 10;
/// More is a mistake in the unit.
const MOST_BUFFER: u64 = 1 << 30;
/// A backtrace, and what led to it.
const DEFAULT_LAST_LINES: usize = 20;
const MOST_LAST_LINES: usize = 1000;

impl Default for Capture {
    /// To no file yet.
    fn default() -> Capture {
        Capture::file("")
    }
}

impl Capture {
    /// Captures both streams to a file, which is created (mode 0644 less the umask) if need be, and
    /// appended to. Anything that is no regular file is written without rotation; `/dev/stdout` and
    /// `/dev/stderr` are the parent's own streams.
    ///
    /// Children whose captures are alike may share a file, if lines have a prefix.
    pub fn file(path: impl Into<PathBuf>) -> Capture {
        Capture {
            file: path.into(),
            streams: Captured::default(),
            prefix: DEFAULT_PREFIX.to_owned(),
            time: Time::default(),
            precision: Precision::default(),
            rotation: Rotation::default(),
            max_size: DEFAULT_MAX_SIZE,
            keep: DEFAULT_KEEP,
            keep_size: DEFAULT_KEEP_SIZE,
            compress: false,
            buffer: DEFAULT_BUFFER,
            when_full: WhenFull::default(),
            last_lines: DEFAULT_LAST_LINES,
            trust_folder_owner: false,
        }
    }

    /// Which streams. The other one goes where it would go without a capture. Default: both.
    #[must_use]
    pub fn streams(mut self, streams: Captured) -> Capture {
        self.streams = streams;
        self
    }

    /// What each line begins with: text and the placeholders `{time}` (when the line's end was read),
    /// `{name}`, `{pid}` and `{stream}` (`stdout`, `stderr`, or `capture` where it is told what was
    /// lost); `{{` and `}}` are braces. Names are escaped. Empty: there is no prefix, and bytes are kept
    /// as they come, so that the two streams may mix within a line. Default:
    /// `{time} {name} {pid} {stream}: `.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Capture {
        self.prefix = prefix.into();
        self
    }

    /// Which time is shown, and whose midnight counts. Default: local.
    #[must_use]
    pub fn time(mut self, time: Time) -> Capture {
        self.time = time;
        self
    }

    /// The decimals of a second. Default: three.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Capture {
        self.precision = precision;
        self
    }

    /// When a new file is begun, as with [any log file](Options::rotation). Default: at midnight.
    #[must_use]
    pub fn rotation(mut self, rotation: Rotation) -> Capture {
        self.rotation = rotation;
        self
    }

    /// How large the file may get, in bytes, unless it is never rotated. Default: 256 MiB.
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> Capture {
        self.max_size = bytes;
        self
    }

    /// How many files that were put aside are kept. Default: 7.
    #[must_use]
    pub fn keep(mut self, files: usize) -> Capture {
        self.keep = files;
        self
    }

    /// How much the files that were put aside may take together, in bytes. Default: 1 GiB.
    #[must_use]
    pub fn keep_size(mut self, bytes: u64) -> Capture {
        self.keep_size = bytes;
        self
    }

    /// Whether files that were put aside are compressed. Default: no.
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Capture {
        self.compress = compress;
        self
    }

    /// How much of the child's output may wait to be written, in bytes: from 4 KiB to 1 GiB. What one
    /// read brings may come on top, and for each stream a line whose end is missing; a line that is
    /// longer than this is cut into several. Taken when it is needed, and given back. Default: 1 MiB.
    #[must_use]
    pub fn buffer(mut self, bytes: u64) -> Capture {
        self.buffer = bytes;
        self
    }

    /// What happens when the buffer is full. Default: the child waits.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Capture {
        self.when_full = when_full;
        self
    }

    /// How many of the last lines of each stream are told with the child's end: in the log (those of
    /// standard error, if it failed), in the status file, in `LaunchFailed` and in the report of
    /// `start_workers`. At most 1000, and no more than 16 KiB of each stream. Default: 20.
    #[must_use]
    pub fn last_lines(mut self, lines: usize) -> Capture {
        self.last_lines = lines;
        self
    }

    /// Whether the owner of the file's folder is trusted with links and files of his own there, as with
    /// [any log file](Options::trust_folder_owner). Default: no.
    #[must_use]
    pub fn trust_folder_owner(mut self, trust: bool) -> Capture {
        self.trust_folder_owner = trust;
        self
    }

    /// Whether it keeps lines that are told with the child's end.
    pub fn tells_last_lines(&self) -> bool {
        self.last_lines > 0
    }

    /// The file.
    pub fn file_path(&self) -> &Path {
        &self.file
    }

    /// Whether the file is put aside under other names in time, or when it is too long.
    pub fn is_rotated(&self) -> bool {
        self.rotation != Rotation::Never || self.max_size != u64::MAX
    }

    /// The same at another path, as one that was made absolute.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>) -> Capture {
        self.file = path.into();
        self
    }

    /// Adds what is wrong with it, apart from its path.
    pub fn check(&self, problems: &mut Problems) {
        for problem in self.options().problems() {
            if let log_file::Error::Field { field, value, reason } = problem
                && field != "file"
            {
                problems.add(format!("capture.{field}"), value, reason);
            }
        }
        if let Err(reason) = Pattern::parse(&self.prefix) {
            problems.add("capture.prefix", &self.prefix, reason);
        }
        if !(LEAST_BUFFER..=MOST_BUFFER).contains(&self.buffer) {
            problems.add("capture.buffer", self.buffer, "give from 4 KiB to 1 GiB");
        }
        if self.last_lines > MOST_LAST_LINES {
            problems.add("capture.last_lines", self.last_lines, "give at most 1000");
        }
    }

    /// The redirection without the captured streams, which go to `otherwise`.
    pub fn leave_streams(&self, mut redirect: Redirect, otherwise: &Target) -> Redirect {
        if self.has(STDOUT) {
            redirect = redirect.stdout(otherwise.clone());
        }
        if self.has(STDERR) {
            redirect = redirect.stderr(otherwise.clone());
        }
        redirect
    }

    /// Why two children cannot share a file, if they cannot.
    pub fn problem_with(&self, other: &Capture) -> Option<&'static str> {
        if self.prefix.is_empty() || other.prefix.is_empty() {
            return Some("a file for several needs a prefix; give one, or another file");
        }
        let alike = self.options() == other.options();
        (!alike).then_some("with another rotation; make them alike, or give another file")
    }

    /// Whether this stream is captured.
    pub fn has(&self, stream: stdio_redirect::Stream) -> bool {
        match self.streams {
            Captured::Both => stream != stdio_redirect::Stream::Stdin,
            Captured::Stdout => stream == STDOUT,
            Captured::Stderr => stream == STDERR,
        }
    }

    /// The options of the file to which output is written.
    pub(crate) fn options(&self) -> Options {
        Options::file(&self.file)
            .time(self.time)
            .rotation(self.rotation)
            .max_size(self.max_size)
            .keep(self.keep)
            .keep_size(self.keep_size)
            .compress(self.compress)
            .trust_folder_owner(self.trust_folder_owner)
    }
}

pub(crate) const STDOUT: stdio_redirect::Stream = stdio_redirect::Stream::Stdout;
pub(crate) const STDERR: stdio_redirect::Stream = stdio_redirect::Stream::Stderr;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_file_is_handed_on() {
        let capture = Capture::file("out.txt")
            .time(Time::Utc)
            .rotation(Rotation::Weekly)
            .max_size(1)
            .keep(2)
            .keep_size(3)
            .compress(true)
            .trust_folder_owner(true);
        let options = Options::file("out.txt")
            .time(Time::Utc)
            .rotation(Rotation::Weekly)
            .max_size(1)
            .keep(2)
            .keep_size(3)
            .compress(true)
            .trust_folder_owner(true);
        assert_eq!(capture.options(), options);
        assert_eq!(Capture::file("out.txt").options(), Options::file("out.txt"));
    }
}
