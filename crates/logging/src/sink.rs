//! Where records go, and what becomes of those that cannot go there.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use log_file::LogFile;

use crate::Error;
use crate::layout::Layout;

/// Writes records; those that it cannot write it counts, and says so when it can again.
#[derive(Debug)]
pub(crate) struct Sink {
    file: LogFile,
    layout: Arc<Layout>,
    /// How many were lost since something was written, and why the first of them.
    missed: u64,
    why: String,
    dropped: Arc<AtomicU64>,
}

impl Sink {
    pub(crate) fn new(file: LogFile, layout: Arc<Layout>, dropped: Arc<AtomicU64>) -> Sink {
        Sink { file, layout, missed: 0, why: String::new(), dropped }
    }

    /// Writes a record, or counts it. Never panics and never fails.
    pub(crate) fn write(&mut self, record: &[u8], now: SystemTime) {
        let result = if self.missed == 0 {
            self.file.append_lines_at(record, now)
        } else {
            // The notice is written in one piece with the record: so it is in the log once, and only if
            // writing works again.
            let mut both = self.layout.notice(now, &self.missed_text()).into_bytes();
            both.extend_from_slice(record);
            self.file.append_lines_at(&both, now)
        };
        match result {
            Ok(()) => self.missed = 0,
            Err(error) => self.miss(record, &error),
        }
        let complaints = self.file.complaints();
        self.tell(complaints, now);
    }

    fn tell(&mut self, complaints: Vec<String>, now: SystemTime) {
        for complaint in complaints {
            let notice = self.layout.notice(now, &complaint);
            if self.file.append_lines_at(notice.as_bytes(), now).is_err() {
                self.fall_back(notice.as_bytes());
            }
        }
    }

    /// Opens the file anew, at the request of somebody who has moved it away.
    pub(crate) fn reopen(&mut self) -> Result<(), Error> {
        self.file.reopen().map_err(Error::of_file)
    }

    /// The same, where nobody takes an error: it is told in the log.
    pub(crate) fn reopen_and_tell(&mut self) {
        if let Err(error) = self.reopen() {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            self.tell(vec![format!("{error}{}", cause.unwrap_or_default())], SystemTime::now());
        }
    }

    /// Writes how many records did not fit into the queue; `dropped` counts them already.
    pub(crate) fn tell_lost(&mut self, lost: u64) {
        let records = if lost == 1 { "record" } else { "records" };
        let notice = format!("{lost} {records} dropped: writing took too long, the queue was full");
        let now = SystemTime::now();
        let notice = self.layout.notice(now, &notice);
        if let Err(error) = self.file.append_lines_at(notice.as_bytes(), now) {
            // Then they are told together with those that could not be written.
            if self.missed == 0 {
                self.why = error.to_string();
            }
            self.missed += lost;
        }
    }

    fn miss(&mut self, record: &[u8], error: &io::Error) {
        if self.missed == 0 {
            self.why = error.to_string();
        }
        self.missed += 1;
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.fall_back(record);
    }

    /// Somebody may be reading the error stream. If that fails, too, there is nobody left to tell.
    fn fall_back(&self, bytes: &[u8]) {
        if self.file.stream().is_none() {
            let _ = io::stderr().lock().write_all(bytes);
        }
    }

    fn missed_text(&self) -> String {
        let mut text = match self.missed {
            1 => "1 record could not be written".to_owned(),
            missed => format!("{missed} records could not be written"),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, ": {}", self.why);
        text
    }
}
