//! Several sources, each read as far as room is, and merged.

use std::time::Instant;

use crate::begin::{self, Beginning, Wanted};
use crate::line::Line;
use crate::merge::{Entry, Merger};
use crate::older::Older;
use crate::pieces::Piece;
use crate::source::Source;
use crate::tail::CHUNK;
use crate::time;
use crate::trail::{Mode, Trail};

/// All sources, and what was read of them.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) trails: Vec<Trail>,
    pub(crate) merger: Merger,
    pub(crate) older: Older,
    buffer: Vec<u8>,
}

impl Reading {
    pub(crate) fn new() -> Reading {
        let (merger, older) = (Merger::default(), Older::default());
        Reading { trails: Vec::new(), merger, older, buffer: vec![0; CHUNK] }
    }

    /// Adds a source with its last lines; gives its position, and what was found.
    pub(crate) fn add(&mut self, source: Source, wanted: Wanted, now: Instant) -> Added {
        let Beginning { trail, lead, written } = begin::begin(source, wanted, now);
        let lines = trail.counted();
        let source = self.trails.len();
        self.trails.push(trail);
        self.merger.add();
        self.merger.lead(source, lead);
        Added { source, lines, written }
    }

    /// Reads of every source for which there is room and that may have more. Afterwards none has unread lines while
    /// none of its lines waits.
    pub(crate) fn fill(&mut self, mode: Mode, now: Instant) {
        let mut pieces = Vec::new();
        for (source, trail) in self.trails.iter_mut().enumerate() {
            while trail.is_due(mode, now) {
                let room = self.merger.room(source);
                if room == 0 {
                    break;
                }
                trail.turn((mode, now), room, &mut self.buffer, &mut pieces);
                pieces.drain(..).for_each(|piece| self.merger.push(entry(source, piece), now));
            }
            self.older.miss(trail.take_missing());
        }
    }

    /// Whether [`fill`](Reading::fill) would read.
    pub(crate) fn wants_more(&self, mode: Mode, now: Instant) -> bool {
        let wants = |(source, trail): (usize, &Trail)| {
            trail.is_due(mode, now) && 0 < self.merger.room(source)
        };
        self.trails.iter().enumerate().any(wants)
    }

    pub(crate) fn flush(&mut self, source: usize, now: Instant) {
        let mut pieces = Vec::new();
        if let Some(trail) = self.trails.get_mut(source) {
            trail.flush(&mut pieces);
        }
        pieces.into_iter().for_each(|piece| self.merger.push(entry(source, piece), now));
    }

    pub(crate) fn problems(&mut self) -> Vec<String> {
        self.trails.iter_mut().flat_map(|trail| trail.problems.take()).collect()
    }
}

/// What is known of a source that was added.
#[derive(Debug)]
pub(crate) struct Added {
    pub(crate) source: usize,
    pub(crate) lines: u64,
    pub(crate) written: Option<std::time::SystemTime>,
}

fn entry(source: usize, piece: Piece) -> Entry {
    let Piece { bytes, continued, complete, is_counted } = piece;
    let time = if continued { None } else { time::of_line(&bytes) };
    Entry { line: Line { source, time, bytes, continued, complete }, is_counted }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A line without a letter takes as much memory as any, and a chunk has 65,536 of them.
    #[test]
    fn what_waits_of_short_lines_is_bounded_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        fs::write(&path, "\n".repeat(200_000)).unwrap();
        let mut reading = Reading::new();
        let wanted = Wanted { lines: u64::MAX, since: None };
        reading.add(Source::plain("app.log", &path), wanted, Instant::now());
        let mut count = 0;
        loop {
            reading.fill(Mode::Present, Instant::now());
            let now = std::iter::from_fn(|| reading.merger.pop_present()).count();
            if now == 0 {
                break;
            }
            assert!(now * size_of::<Entry>() <= 128 << 10, "{now} lines wait");
            count += now;
        }
        assert_eq!(count, 200_000);
    }
}
