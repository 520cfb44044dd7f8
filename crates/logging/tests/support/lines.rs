//! Records that tell whether they are whole, and what a set of log files says about who wrote.

use std::collections::BTreeMap;

/// A record of about `size` bytes: its end says how long it is, so that none that was cut looks whole.
pub(crate) fn record(writer: &str, number: u64, size: usize) -> String {
    let mut text = format!("{writer} {number} ");
    let filling = size.saturating_sub(text.len() + 8);
    text.extend(std::iter::repeat_n('x', filling));
    text.push_str(&format!(" {}", text.len()));
    text.push('.');
    text
}

/// Writer and number, if the record is whole.
fn whole(line: &str) -> Option<(&str, u64)> {
    let (text, length) = line.strip_suffix('.')?.rsplit_once(' ')?;
    if length.parse() != Ok(text.len()) {
        return None;
    }
    let mut words = text.split(' ');
    Some((words.next()?, words.next()?.parse().ok()?))
}

/// What was found in log files.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many whole records of each writer.
    pub(crate) records: BTreeMap<String, u64>,
    /// Lines that are no whole record, without blank ones.
    pub(crate) fragments: Vec<String>,
    /// Lines of nothing but spaces.
    pub(crate) blanks: usize,
}

impl Found {
    /// Reads files in the order of their age. Panics if a writer's records are not 0, 1, 2 … in order,
    /// each once.
    pub(crate) fn in_files<'a>(contents: impl IntoIterator<Item = &'a str>) -> Found {
        let mut found = Found::default();
        for line in contents.into_iter().flat_map(str::lines) {
            if line.trim().is_empty() {
                found.blanks += 1;
            } else if let Some((writer, number)) = whole(line) {
                let expected = found.records.entry(writer.to_owned()).or_default();
                assert_eq!(number, *expected, "the next record of {writer}");
                *expected += 1;
            } else {
                found.fragments.push(line.to_owned());
            }
        }
        found
    }
}
