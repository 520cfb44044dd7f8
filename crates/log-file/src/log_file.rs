//! The door: whole lines, or bytes as they are, appended to a file or to a stream of the process.

use std::fmt;
use std::io::{self, Write};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::file::NamedFile;
use crate::stream::{Stream, StreamSink};
use crate::{Error, Precision, Stamp, time};

/// A file that several processes append to, and that is rotated; or a [stream](crate::Options::file) of the process.
///
/// Nothing is changed, added or escaped, and nothing is held back: what was appended is in the hands of the
/// system. Dropping it closes the file; there is nothing to flush. A thread that compresses goes on until it
/// has done what it began, or the process ends; then the next process that opens the file takes it up.
///
/// One value is for one thread at a time; threads share it behind a `Mutex`, or have one each.
///
/// As a [`Write`] it appends what each `write` is given as [whole lines](Self::append_lines), and never a part
/// of it. `write!` and `writeln!` are one append, whatever they format. Whoever calls `write` for pieces of a line
/// puts a `std::io::LineWriter` in between.
///
/// ```no_run
/// use std::io::Write;
///
/// let mut log = log_file::LogFile::open("app.log")?;
/// writeln!(log, "{} of {}", 1, 2)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LogFile {
    to: Destination,
    zone: TimeZone,
}

#[derive(Debug)]
pub(crate) enum Destination {
    File(Box<NamedFile>),
    Stream(StreamSink),
}

impl LogFile {
    pub(crate) fn new(to: Destination, zone: TimeZone) -> LogFile {
        LogFile { to, zone }
    }

    /// Appends whole lines, the last with its end: in one piece and on lines of their own, whoever else
    /// appends lines to the same file.
    ///
    /// # Errors
    ///
    /// They cannot be written, and nothing of them is there. (Of a stream, or of a file that is no regular one,
    /// the first of them may be.)
    pub fn append_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.append_timestamped(lines, time::now())
    }

    /// The same for lines that were made at an earlier time, and have waited: that time tells whether a rotation is
    /// due, so that what was made before midnight does not begin a new day's file.
    ///
    /// # Errors
    ///
    /// As [`append_lines`](Self::append_lines).
    pub fn append_lines_at(&mut self, lines: &[u8], made: SystemTime) -> io::Result<()> {
        self.append_timestamped(lines, time::timestamp(made))
    }

    fn append_timestamped(&mut self, lines: &[u8], now: Timestamp) -> io::Result<()> {
        match &mut self.to {
            Destination::File(file) => file.append(lines, now),
            Destination::Stream(stream) => stream.write(lines),
        }
    }

    /// Appends bytes right behind those before them; only a rotation comes between.
    ///
    /// # Errors
    ///
    /// They cannot be written; the first of them may be there.
    pub fn append_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.to {
            Destination::File(file) => file.append_bytes(bytes, time::now()),
            Destination::Stream(stream) => stream.write(bytes),
        }
    }

    /// Opens the file anew, as after a rename by someone else; that is noticed anyway, by the next append (in a
    /// burst of them by the first after a millisecond). Creates the file at once. Does nothing for streams.
    ///
    /// # Errors
    ///
    /// [`Error::Open`]; the file stays as it was, if it still has a name.
    pub fn reopen(&mut self) -> Result<(), Error> {
        match &mut self.to {
            Destination::File(file) => {
                file.reopen().map_err(|source| Error::Open { path: file.path().to_owned(), source })
            }
            Destination::Stream(_) => Ok(()),
        }
    }

    /// What has come up with rotation, retention and compression since the last call, to be told in a log: it did not
    /// work, and the file goes on. Mostly empty, and free of cost then. Of what nobody asks for the first 64 are kept.
    pub fn complaints(&mut self) -> Vec<String> {
        match &mut self.to {
            Destination::File(file) => file.complaints(),
            Destination::Stream(_) => Vec::new(),
        }
    }

    /// The stream of the process that this appends to; `None`: it is a file.
    pub fn stream(&self) -> Option<Stream> {
        match &self.to {
            Destination::File(_) => None,
            Destination::Stream(sink) => Some(sink.stream),
        }
    }

    /// The time as text in the zone whose midnight rotates the file.
    pub fn stamp(&self, precision: Precision) -> Stamp {
        Stamp::in_zone(self.zone.clone(), precision)
    }
}

/// One `write` is one append of whole lines: all of it, or nothing and an error.
impl Write for LogFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if !lines.is_empty() {
            self.append_lines(lines)?;
        }
        Ok(lines.len())
    }

    /// Does nothing: what was appended is in the hands of the system. It need not be on the disk.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Formats first, so that the whole is one append.
    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        if let Some(text) = text.as_str() {
            return self.write_all(text.as_bytes());
        }
        let mut line = String::new();
        fmt::write(&mut line, text).map_err(|_| io::Error::other("a value cannot be formatted"))?;
        self.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Options, Rotation};

    /// Case: LOG-10
    #[test]
    fn bytes_are_kept_as_they_are_across_rotations_and_renames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut log = Options::file(&path).rotation(Rotation::Size).max_size(100).open().unwrap();
        let pieces: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte; 10]).collect();
        for piece in &pieces {
            log.append_bytes(piece).unwrap();
        }
        fs::rename(&path, folder.path().join("out.z")).unwrap();
        log.reopen().unwrap();
        log.append_bytes(b"and \x1b[0m").unwrap();
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        assert_eq!(names.len(), 9, "seven are kept: {names:?}");
        let last = fs::read(names.pop().unwrap()).unwrap();
        assert!(pieces.concat().ends_with(&last) && last.len() > 50, "{last:?}");
        assert_eq!(fs::read(&path).unwrap(), b"and \x1b[0m");
    }

    #[test]
    fn what_is_formatted_is_one_append() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let options = Options::file(&path).rotation(Rotation::Size).max_size(20);
        let mut log = options.open().unwrap();
        // Each is as long as a file may be: in pieces it would stand in two.
        for round in 0..3 {
            writeln!(log, "round {round:>4} of three").unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "round    2 of three\n");
        writeln!(log, "constant").unwrap();
        log.write_all(b"").unwrap();
        log.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "constant\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
        assert_eq!(log.complaints(), [""; 0]);
    }

    #[test]
    fn pieces_of_a_line_are_one_append_behind_a_line_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let mut other = LogFile::open(&path).unwrap();
        let mut lines = io::LineWriter::new(LogFile::open(&path).unwrap());
        lines.write_all(b"one ").unwrap();
        writeln!(other, "another's").unwrap();
        lines.write_all(b"line\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "another's\none line\n");
    }
}
