//! What a stream wants beside the record: colours on a terminal, priorities in the journal.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};

use log::Level;
use log_file::Stream;

/// What is added to a record for who reads the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoration {
    Nothing,
    /// The level in a colour.
    Colour,
    /// Each line with its priority, as `sd-daemon(3)` describes.
    Priority,
}

impl Decoration {
    /// What suits the stream as it is now.
    pub(crate) fn of(stream: Stream) -> Decoration {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let (terminal, journal) = match stream {
            Stream::Stdout => look(&io::stdout(), &variable("JOURNAL_STREAM")),
            Stream::Stderr => look(&io::stderr(), &variable("JOURNAL_STREAM")),
        };
        // https://no-color.org: any value but the empty one.
        let colour = variable("NO_COLOR").is_empty() && variable("TERM") != "dumb";
        match () {
            () if journal => Decoration::Priority,
            () if terminal && colour => Decoration::Colour,
            () => Decoration::Nothing,
        }
    }
}

/// Whether it is a terminal, and whether it is the stream that systemd connected to the journal. A
/// process whose stream was redirected inherits the variable, too; so its value names a file, and only
/// that one counts.
fn look(stream: &(impl AsFd + IsTerminal), journal_stream: &str) -> (bool, bool) {
    (stream.is_terminal(), identity(stream.as_fd()).is_some_and(|found| found == journal_stream))
}

fn identity(fd: BorrowedFd<'_>) -> Option<String> {
    let stat = rustix::fs::fstat(fd).ok()?;
    Some(format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Before and after the level.
pub(crate) fn colour(level: Level) -> (&'static str, &'static str) {
    let code = match level {
        Level::Error => "\x1b[1;31m",
        Level::Warn => "\x1b[33m",
        Level::Info => "\x1b[32m",
        Level::Debug => "\x1b[34m",
        Level::Trace => "\x1b[36m",
    };
    (code, "\x1b[0m")
}

/// The same lines, each with the priority of the level: the journal makes each line an entry.
pub(crate) fn with_priority(lines: &str, level: Level) -> String {
    let prefix = match level {
        Level::Error => "<3>",
        Level::Warn => "<4>",
        Level::Info => "<6>",
        Level::Debug | Level::Trace => "<7>",
    };
    lines.split_inclusive('\n').flat_map(|line| [prefix, line]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_the_priority() {
        assert_eq!(with_priority("one\n    two\n", Level::Error), "<3>one\n<3>    two\n");
        assert_eq!(with_priority("one\n", Level::Trace), "<7>one\n");
    }

    #[test]
    fn the_variable_must_name_the_stream() {
        let (reader, _writer) = io::pipe().unwrap();
        let right = identity(reader.as_fd()).unwrap();
        assert!(right.contains(':'));
        assert_ne!(identity(io::stdin().as_fd()), Some(right));
    }
}
