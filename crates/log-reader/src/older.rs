//! Lines that come before those that were asked for.

use std::collections::BTreeSet;

use crate::merge::Entry;

/// Of the lines that were counted, the first, which nobody has asked for: of each source as many are read as are wanted
/// of all together.
///
/// A line that was not counted is none of them, and one that was counted and is gone is expected no more: else another
/// would be left out for it.
#[derive(Debug, Default)]
pub(crate) struct Older {
    left: u64,
    /// Whose line was one of them: what continues it is, too.
    of: BTreeSet<usize>,
}

impl Older {
    /// So many come.
    pub(crate) fn expect(&mut self, lines: u64) {
        self.left = lines;
    }

    /// So many of the counted lines do not come: as many more of the others were asked for.
    pub(crate) fn miss(&mut self, lines: u64) {
        self.left = self.left.saturating_sub(lines);
    }

    /// Whether this line is none of them.
    pub(crate) fn are_over(&mut self, entry: &Entry) -> bool {
        let source = entry.line.source;
        if entry.line.continued {
            return !self.of.contains(&source);
        }
        let is_one = entry.is_counted && 0 < self.left;
        self.left -= u64::from(is_one);
        if is_one {
            self.of.insert(source);
        } else {
            self.of.remove(&source);
        }
        !is_one
    }
}
