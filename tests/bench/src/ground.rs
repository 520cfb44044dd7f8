//! A folder of its own for one measurement, with its journal, and every process that began in it.
//! All of it goes with the value.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use testbed::interrupt::pause;
use testbed::{Bed, Failure, Outcome, Process};

/// Longer than anything that is measured.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// How long every line of the journal is.
const LINE: u64 = 45;

/// Between two looks at the journal's length. Times are in the lines, not in when they are seen.
const LOOK: Duration = Duration::from_millis(5);

/// A bed with a journal.
pub(crate) struct Ground(Bed);

/// What the journal tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) who: String,
    pub(crate) pid: u32,
    /// Nanoseconds of CLOCK_MONOTONIC.
    pub(crate) at: u64,
}

impl Ground {
    pub(crate) fn new() -> Outcome<Ground> {
        let ground = Ground(Bed::new()?);
        let journal = ground.journal();
        File::create(&journal).map_err(Failure::at("create", &journal))?;
        Ok(ground)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.folder()
    }

    fn journal(&self) -> PathBuf {
        self.0.folder().join("journal")
    }

    /// A command in this folder, with what marks it as ours.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.0.command(program);
        command
            .env("BENCH_JOURNAL", self.journal())
            .env_remove("CARGO_MANIFEST_DIR")
            .stdin(Stdio::null());
        command
    }

    /// How many lines there are.
    pub(crate) fn count(&self) -> usize {
        let length = fs::metadata(self.journal()).map_or(0, |metadata| metadata.len());
        usize::try_from(length / LINE).unwrap_or(usize::MAX)
    }

    /// All lines, in the order in which they were written, once there are so many.
    pub(crate) fn lines(&self, count: usize) -> Outcome<Vec<Line>> {
        self.lines_while(count, || true)
    }

    /// The same of somebody who may be gone before.
    pub(crate) fn lines_while(
        &self,
        count: usize,
        mut alive: impl FnMut() -> bool,
    ) -> Outcome<Vec<Line>> {
        let until = Instant::now() + LIMIT;
        while self.count() < count {
            if until < Instant::now() || !alive() {
                let there = self.count();
                let text = format!("of {count} lines only {there} came\n{}", self.describe());
                return Err(Failure::new(text));
            }
            pause(LOOK)?;
        }
        let path = self.journal();
        let text = fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
        let line = |line| parse(line).ok_or_else(|| Failure::new(format!("journal: `{line}`")));
        text.lines().map(line).collect()
    }

    /// Every living process that began here.
    pub(crate) fn processes(&self) -> Vec<Process> {
        self.0.processes()
    }

    /// The process of this number, if it is one of ours.
    pub(crate) fn process(&self, pid: u32) -> Outcome<Process> {
        self.0.open(pid)
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        for name in ["err.txt", "d.log", "w.log"] {
            let content = fs::read_to_string(self.0.folder().join(name)).unwrap_or_default();
            let lines: Vec<&str> = content.lines().collect();
            for line in &lines[lines.len().saturating_sub(20)..] {
                text += &format!("  {name}: {line}\n");
            }
        }
        text
    }
}

fn parse(line: &str) -> Option<Line> {
    let mut words = line.split_ascii_whitespace();
    let (who, pid, at) = (words.next()?, words.next()?, words.next()?);
    Some(Line { who: who.to_owned(), pid: pid.parse().ok()?, at: at.parse().ok()? })
}

/// Nanoseconds of the clock that the journal has.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{LINE, Line, parse};

    #[test]
    fn a_line_has_name_number_and_time() {
        // As the victim writes it.
        let text = format!("{:<12} {:>10} {:>20}\n", "w12", 4711, 1_234_567_890_123_u64);
        assert_eq!(text.len() as u64, LINE);
        let expected = Line { who: "w12".into(), pid: 4711, at: 1_234_567_890_123 };
        assert_eq!(parse(&text), Some(expected));
        assert_eq!(parse("w12 x 1"), None);
    }
}
