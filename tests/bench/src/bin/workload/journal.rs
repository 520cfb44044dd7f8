//! Lines with the time: who did something first, and when.

use std::fs::File;
use std::io::{self, Write};

use rustix::time::{ClockId, clock_gettime};

/// `who`, our number and CLOCK_MONOTONIC in nanoseconds, in a line that is always as long: so many
/// bytes are so many lines. It goes out as one write, so that lines do not mix.
pub(crate) fn line(who: &str) -> String {
    let now = clock_gettime(ClockId::Monotonic);
    let nanoseconds = now.tv_sec * 1_000_000_000 + now.tv_nsec;
    format!("{who:<12.12} {:>10} {nanoseconds:>20}\n", std::process::id())
}

/// Appends a line to the journal.
pub(crate) fn note(who: &str) -> io::Result<()> {
    let line = line(who);
    let path = std::env::var_os("BENCH_JOURNAL").unwrap_or_else(|| "/dev/null".into());
    File::options().append(true).open(path)?.write_all(line.as_bytes())
}
