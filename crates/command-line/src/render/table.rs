//! Rows and columns that fit: columns go, in a fixed order, before a cell is cut.

use super::Look;
use super::text::{cut, padded, width};

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Above it; empty for all columns: there is no such row.
    pub(crate) title: &'static str,
    /// When it goes where there is too little room: the highest first; 0 never goes.
    pub(crate) goes: u8,
    /// With so much room it is cut and does not go yet; `usize::MAX`: never. For the last column.
    pub(crate) least: usize,
}

impl Column {
    /// One that goes in its turn.
    pub(crate) const fn new(title: &'static str, goes: u8) -> Column {
        Column { title, goes, least: usize::MAX }
    }
}

/// Between two columns.
const GAP: &str = "  ";

/// The rows as lines, none wider than the look allows. Each row has a cell for each column.
pub(crate) fn lines(columns: &[Column], rows: &[Vec<String>], look: Look) -> Vec<String> {
    let title = columns.iter().map(|column| column.title.to_owned()).collect::<Vec<_>>();
    let titled = columns.iter().any(|column| !column.title.is_empty());
    let rows: Vec<&Vec<String>> = titled.then_some(&title).into_iter().chain(rows).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|index| rows.iter().map(|row| width(&row[index])).max().unwrap_or(0))
        .collect();
    // A column that nobody has anything to say in is none.
    let mut kept: Vec<usize> = (0..columns.len()).filter(|index| 0 < widths[*index]).collect();
    while let Some(room) = look.columns {
        let gaps = GAP.len() * kept.len().saturating_sub(1);
        let least = |index: &usize| widths[*index].min(columns[*index].least);
        if kept.iter().map(least).sum::<usize>() + gaps <= room {
            break;
        }
        let goes = kept.iter().copied().filter(|index| 0 < columns[*index].goes);
        let Some(first) = goes.max_by_key(|index| columns[*index].goes) else { break };
        kept.retain(|index| *index != first);
    }
    let line = |row: &&Vec<String>| {
        let cells: Vec<String> =
            kept.iter().map(|index| padded(&row[*index], widths[*index])).collect();
        look.fitted(cells.join(GAP).trim_end())
    };
    rows.iter().map(line).collect()
}

impl Look {
    /// The line, cut where it would wrap.
    pub(crate) fn fitted(self, line: &str) -> String {
        match self.columns {
            Some(columns) => cut(line, columns, if self.fancy { '…' } else { '~' }),
            None => line.to_owned(),
        }
    }
}
