//! The last lines of all sources.

use std::time::{Instant, SystemTime};

use crate::begin::Wanted;
use crate::follower::Follower;
use crate::line::Line;
use crate::merge::Entry;
use crate::reading::Reading;
use crate::source::Source;
use crate::trail::Mode;

/// The last lines that were there, one after another. [`follow`](Last::follow) goes on from where they end.
///
/// Files are open until they were read. Dropping it closes them.
#[derive(Debug)]
pub struct Last {
    reading: Reading,
    /// When the file of a source was last written to, until that was used.
    written: Vec<Option<SystemTime>>,
}

/// The last `lines` lines of all sources together, merged by time; `u64::MAX` for all there are.
///
/// Where the lines begin is found here, from the end, block by block, also in files that were put aside; a compressed
/// one is unpacked for it. Lines are read when they are asked for: memory is bounded however many they are, and however
/// long. With 0 nothing is read.
///
/// What cannot be read is a [problem](Last::problems), and the others are read. A source that is not there has no
/// lines.
pub fn last(sources: impl IntoIterator<Item = Source>, lines: u64) -> Last {
    let (mut reading, mut written, mut all) = (Reading::new(), Vec::new(), 0_u64);
    for source in sources {
        let added = reading.add(source, Wanted { lines, since: None }, Instant::now());
        all = all.saturating_add(added.lines);
        written.push(added.written);
    }
    reading.older.expect(all.saturating_sub(lines));
    Last { reading, written }
}

impl Last {
    /// What could not be read, since the last call: a sentence each, with the name and the path.
    pub fn problems(&mut self) -> Vec<String> {
        self.reading.problems()
    }

    /// Goes on with what is appended from here on. Lines that were not taken yet come first.
    pub fn follow(self) -> Follower {
        Follower::new(self)
    }

    pub(crate) fn into_reading(self) -> Reading {
        self.reading
    }

    fn next_of_all(&mut self) -> Option<Entry> {
        let now = Instant::now();
        self.reading.fill(Mode::Present, now);
        for (source, written) in self.written.drain(..).enumerate() {
            self.reading.merger.lead(source, written);
        }
        self.reading.merger.pop_present()
    }
}

impl Iterator for Last {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            let entry = self.next_of_all()?;
            if self.reading.older.are_over(&entry) {
                return Some(entry.line);
            }
        }
    }
}
