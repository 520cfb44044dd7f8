//! That something goes on, for a person who waits: on a terminal only, and gone when it is over.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::output::columns;
use crate::render::text::{cut, padded, safe, width};

/// The line that shows it.
pub(crate) struct Progress {
    name: String,
    terminal: bool,
    /// Columns that are written on now.
    shown: usize,
}

impl Progress {
    /// Nothing is shown yet.
    pub(crate) fn new(name: &str) -> Progress {
        let name = cut(&safe(name), 40, '~');
        Progress { name, terminal: io::stderr().is_terminal(), shown: 0 }
    }

    /// For whom or what, and for how long it has been waited. `what` is asked only if somebody looks.
    pub(crate) fn show(&mut self, what: impl FnOnce() -> Option<String>, waited: Duration) {
        if self.terminal {
            let what = what().unwrap_or_else(|| "starting".to_owned());
            let text = format!("{}: {what} ({} s)", self.name, waited.as_secs());
            // The last column stays free: a terminal may begin a new line there.
            let text = cut(&text, columns(&io::stderr()).saturating_sub(1), '~');
            self.shown = self.shown.max(width(&text));
            write(&format!("\r{}", padded(&text, self.shown)));
        }
    }

    /// Takes the line away. Blanks do it on every terminal, and need no escape.
    pub(crate) fn clear(&mut self) {
        if 0 < self.shown {
            write(&format!("\r{}\r", " ".repeat(self.shown)));
            self.shown = 0;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A terminal that is gone is none to care for.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
