//! Lines of several sources in the order of their times.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use crate::line::Line;

/// How long a line is held back for an earlier one of another source.
pub(crate) const HOLD: Duration = Duration::from_millis(100);
/// So much memory the lines of a source take that wait; then they are held back no longer. As much is read of it beside
/// them at most.
const FULL: usize = 128 << 10;
/// What a line takes beside its bytes: a list that grows has room for twice as many.
const OF_A_LINE: usize = 2 * size_of::<(Entry, Instant)>();

/// A line, and whether it is one of those that were counted before they were read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) line: Line,
    pub(crate) is_counted: bool,
}

/// How much memory a line takes that waits.
#[allow(clippy::ptr_arg, reason = "what it has room for counts")]
pub(crate) fn cost(bytes: &Vec<u8>) -> usize {
    bytes.capacity() + OF_A_LINE
}

/// Lines that wait, each source in its own order.
#[derive(Debug, Default)]
pub(crate) struct Merger {
    streams: Vec<Stream>,
    /// Whose line was the last.
    last: Option<usize>,
}

#[derive(Debug, Default)]
struct Stream {
    waiting: VecDeque<(Entry, Instant)>,
    bytes: usize,
    /// The first time that is known of it: that of the lines before.
    lead: Option<SystemTime>,
    /// A line was taken.
    is_begun: bool,
}

impl Merger {
    /// One more source.
    pub(crate) fn add(&mut self) {
        self.streams.push(Stream::default());
    }

    /// Lines at the beginning that have no time count as of this one, unless another is known.
    pub(crate) fn lead(&mut self, source: usize, at: Option<SystemTime>) {
        if let Some(stream) = self.streams.get_mut(source) {
            stream.lead = stream.lead.or(at);
        }
    }

    /// How much more lines of this source may take.
    pub(crate) fn room(&self, source: usize) -> usize {
        self.streams.get(source).map_or(0, |stream| FULL.saturating_sub(stream.bytes))
    }

    /// A line of its source, after those before.
    pub(crate) fn push(&mut self, entry: Entry, now: Instant) {
        let Some(stream) = self.streams.get_mut(entry.line.source) else { return };
        stream.bytes += cost(&entry.line.bytes);
        stream.lead = stream.lead.or(entry.line.time);
        stream.waiting.push_back((entry, now));
    }

    /// The next line, if no other can be before it.
    pub(crate) fn pop_present(&mut self) -> Option<Entry> {
        let next = self.next()?;
        self.take(next)
    }

    /// The next line, if it was held back for long enough, or needs not to be.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Entry> {
        let next = self.next()?;
        let is_due = |stream: &Stream| {
            let arrived = stream.waiting.front().map(|(_, arrived)| *arrived);
            arrived.is_some_and(|arrived| arrived + HOLD <= now) || FULL <= stream.bytes
        };
        // Whoever is due has to wait for those that are before it, and for no other.
        let goes = self.key(next).is_none()
            || self.streams.iter().any(is_due)
            || self.streams.iter().all(|stream| !stream.waiting.is_empty());
        if goes { self.take(next) } else { None }
    }

    /// When the next line is due at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let arrived = |stream: &Stream| stream.waiting.front().map(|(_, arrived)| *arrived);
        self.streams.iter().filter_map(arrived).min().map(|arrived| arrived + HOLD)
    }

    /// Whose line is next: the earliest; of those alike, who had the last one, and then the first in the list.
    fn next(&self) -> Option<usize> {
        let waits = |source: &usize| !self.streams[*source].waiting.is_empty();
        (0..self.streams.len())
            .filter(waits)
            .min_by_key(|source| (self.key(*source), self.last != Some(*source), *source))
    }

    /// The time of the next line of a source. None: it follows the line before it at once.
    fn key(&self, source: usize) -> Option<SystemTime> {
        let stream = &self.streams[source];
        let time = stream.waiting.front().and_then(|(entry, _)| entry.line.time);
        if stream.is_begun { time } else { time.or(stream.lead) }
    }

    fn take(&mut self, source: usize) -> Option<Entry> {
        let stream = self.streams.get_mut(source)?;
        let (entry, _) = stream.waiting.pop_front()?;
        stream.bytes -= cost(&entry.line.bytes);
        stream.is_begun = true;
        self.last = Some(source);
        Some(entry)
    }
}

#[cfg(test)]
mod tests;
