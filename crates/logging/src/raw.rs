//! A log file for what is no record: the output of other programs, byte by byte.

use std::io;

use crate::config::{Precision, Time};
use crate::logger;
use crate::sink::{self, Target};
use crate::timestamp::Stamper;
use crate::{Error, LoggingConfig};

/// Where the output of another program is kept: a file with the rotation of a log, or a stream.
///
/// For whoever reads that output and wants to keep it. Nothing is changed, added or escaped, and
/// nothing is held back: what was given is in the hands of the system. Dropping it closes the file.
#[derive(Debug)]
pub struct RawLog {
    target: Target,
}

impl RawLog {
    /// Opens what `config` logs to, with its rotation; levels, filters, format and named loggers mean
    /// nothing here.
    ///
    /// # Errors
    ///
    /// The first of the [`problems`](LoggingConfig::problems), or [`Error::Open`].
    pub fn open(config: &LoggingConfig) -> Result<RawLog, Error> {
        if let Some(problem) = config.problems_but_strangers().into_iter().next() {
            return Err(problem);
        }
        Ok(RawLog { target: logger::open(config, config.time.zone())? })
    }

    /// Appends whole lines, the last with its end: in one piece and on lines of their own, whoever else
    /// appends lines to the same file.
    ///
    /// # Errors
    ///
    /// They cannot be written, and nothing of them is there.
    pub fn append_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.target.write(lines, sink::now())
    }

    /// Appends bytes right behind those before them; only a rotation comes between.
    ///
    /// # Errors
    ///
    /// They cannot be written; the first of them may be there.
    pub fn append_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.target.write_bytes(bytes, sink::now())
    }

    /// Opens the file anew: see [`Handle::reopen`](crate::Handle::reopen).
    ///
    /// # Errors
    ///
    /// [`Error::Open`]; the file stays as it was, if it still has a name.
    pub fn reopen(&mut self) -> Result<(), Error> {
        self.target.reopen()
    }

    /// What has come up with rotation since the last call: it did not work, and the file goes on.
    pub fn complaints(&mut self) -> Vec<String> {
        self.target.complaints().unwrap_or_default()
    }
}

/// The time as log records have it.
#[derive(Debug)]
pub struct Stamp(Stamper);

impl Stamp {
    /// In this zone, with this precision.
    pub fn new(time: Time, precision: Precision) -> Stamp {
        Stamp(Stamper::new(time.zone(), precision))
    }

    /// Appends the present time.
    pub fn write(&self, out: &mut String) {
        self.0.write(out, sink::now());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Rotation;

    /// Case: LOG-10
    #[test]
    fn bytes_are_kept_as_they_are_across_rotations_and_renames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let config = LoggingConfig::file(&path).rotation(Rotation::Size).max_size(100);
        let mut log = RawLog::open(&config).unwrap();
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
}
