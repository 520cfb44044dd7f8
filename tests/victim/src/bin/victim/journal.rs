//! What a process does, one line each, in the order in which it happened.

use std::fs::File;
use std::io::{self, Write};
use std::sync::OnceLock;

use crate::records;

/// Appends a line. The attack is on the library: what the journal is refused, it asks for again.
pub(crate) fn write(text: &str) {
    static JOURNAL: OnceLock<Option<File>> = OnceLock::new();
    let journal = JOURNAL.get_or_init(|| {
        stubbornly(|| File::options().append(true).create(true).open(records().join("journal")))
    });
    if let Some(mut journal) = journal.as_ref() {
        // One write per line: those of several processes do not mix.
        let line = format!("{text}\n");
        stubbornly(|| journal.write_all(line.as_bytes()));
    }
}

/// Tries a few times; a fault that was put into one call does not hit the next.
pub(crate) fn stubbornly<T>(mut attempt: impl FnMut() -> io::Result<T>) -> Option<T> {
    (0..5).find_map(|_| attempt().ok())
}
