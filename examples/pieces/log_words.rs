//! `logging` alone: several of these may write to one file, and rotate it, and lose nothing.
//!
//! ```console
//! $ log-words /tmp/words.log one two & log-words /tmp/words.log three
//! $ cat /tmp/words.log
//! 2026-11-22T13:44:48.123Z 4711 words INFO  log_words: one
//! …
//! ```

use std::error::Error;

use logging::{LoggingConfig, Process};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("usage: log-words FILE WORD…")?;
    let _handle = logging::install(&LoggingConfig::file(file), Process::new("words"))?;
    for word in words {
        log::info!("{word}");
    }
    Ok(())
}
