//! What files are called after they were put aside: which are ours, which comes next, which go.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// What compressed files end with.
const COMPRESSED: &[u8] = b".gz";

/// What a file that is just being compressed ends with, after that.
pub(crate) const PART: &str = ".part";

/// A file that was put aside: `app.log.2026-11-21`, or with a number, `app.log.2026-11-21.0001`;
/// compressed, `app.log.2026-11-21.gz`.
///
/// Ordered by age: first the stamp, then the number. Four digits sort as text, too; a fifth is
/// taken when they do not suffice, and then only we still know the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) stamp: String,
    pub(crate) number: u32,
    pub(crate) compressed: bool,
}

impl Name {
    /// Reads the name of a file beside `log`. None: it is not one of ours, whatever it is.
    ///
    /// Strict, for such files are deleted: what [`file_name`](Self::file_name) would not write is
    /// not ours.
    pub(crate) fn parse(log: &OsStr, candidate: &OsStr) -> Option<Name> {
        let rest = candidate.as_bytes().strip_prefix(log.as_bytes())?.strip_prefix(b".")?;
        let (rest, compressed) = match rest.strip_suffix(COMPRESSED) {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let rest = std::str::from_utf8(rest).ok()?;
        let (stamp, number) = match rest.split_once('.') {
            None => (rest, 0),
            Some((stamp, number)) => (stamp, number.parse().ok()?),
        };
        let name = Name { stamp: stamp.to_owned(), number, compressed };
        (is_stamp(stamp) && name.file_name(log) == candidate).then_some(name)
    }

    /// Reads the name of a file that is, or was, being compressed.
    pub(crate) fn parse_part(log: &OsStr, candidate: &OsStr) -> Option<Name> {
        let whole = candidate.as_bytes().strip_suffix(PART.as_bytes())?;
        Name::parse(log, OsStr::from_bytes(whole)).filter(|name| name.compressed)
    }

    pub(crate) fn file_name(&self, log: &OsStr) -> OsString {
        let mut name = log.to_owned();
        match self.number {
            0 => name.push(format!(".{}", self.stamp)),
            number => name.push(format!(".{}.{number:04}", self.stamp)),
        }
        if self.compressed {
            name.push(OsStr::from_bytes(COMPRESSED));
        }
        name
    }

    /// The next name for `stamp`: after all that exist, never into a gap that a removal left, or it
    /// would pass for older than it is.
    pub(crate) fn next(stamp: String, existing: &[Name]) -> Name {
        let last = existing.iter().filter(|name| name.stamp == stamp).map(|name| name.number).max();
        let number = last.map_or(0, |number| number.saturating_add(1));
        Name { stamp, number, compressed: false }
    }
}

/// `2026-11-21` or `2026-11-21T13`.
fn is_stamp(text: &str) -> bool {
    let shape: Vec<u8> = text.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b }).collect();
    shape == b"0000-00-00" || shape == b"0000-00-00T00"
}

/// How much is kept of what was put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

/// Those of `existing`, each with its size, that are more than is kept, the oldest first.
pub(crate) fn surplus(mut existing: Vec<(Name, u64)>, keep: Keep) -> Vec<Name> {
    existing.sort();
    let mut bytes = 0_u64;
    let kept = existing
        .iter()
        .rev()
        .take(keep.files)
        .take_while(|(_, size)| {
            bytes = bytes.saturating_add(*size);
            bytes <= keep.bytes
        })
        .count();
    existing.truncate(existing.len() - kept);
    existing.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(candidate: &str) -> Option<Name> {
        Name::parse(OsStr::new("app.log"), OsStr::new(candidate))
    }

    fn name(stamp: &str, number: u32) -> Name {
        Name { stamp: stamp.to_owned(), number, compressed: false }
    }

    /// Case: LOG-13
    #[test]
    fn only_names_of_our_making_are_ours() {
        assert_eq!(parse("app.log.2026-11-21"), Some(name("2026-11-21", 0)));
        assert_eq!(parse("app.log.2026-11-21.0012"), Some(name("2026-11-21", 12)));
        assert_eq!(parse("app.log.2026-11-21.12345"), Some(name("2026-11-21", 12345)));
        assert_eq!(parse("app.log.2026-11-21T13"), Some(name("2026-11-21T13", 0)));
        let compressed = Name { compressed: true, ..name("2026-11-21", 1) };
        assert_eq!(parse("app.log.2026-11-21.0001.gz"), Some(compressed));
        for foreign in [
            "app.log",
            "app.log.",
            "app.log.1",
            "app.log.2026-11-21.",
            "app.log.2026-11-21.12",
            "app.log.2026-11-21.0000",
            "app.log.2026-11-21.+001",
            "app.log.2026-11-21.0001.bak",
            "app.log.2026-11-21.zip",
            "app.log.2026-11-21.gz.part",
            "app.log..gz",
            "app.log.2026-11-21-keep",
            "app.log.20261121",
            "app.log.2026-11-21T1",
            "app.log2026-11-21",
            "other.log.2026-11-21",
            "my-app.log.2026-11-21",
        ] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_next_name_sorts_after_all_there_are() {
        let day = "2026-11-21".to_owned();
        assert_eq!(Name::next(day.clone(), &[]), name(&day, 0));
        assert_eq!(Name::next(day.clone(), &[name("2026-11-20", 7)]), name(&day, 0));
        assert_eq!(Name::next(day.clone(), &[name(&day, 3), name(&day, 2)]), name(&day, 4));
        let names: Vec<_> = (0..9999).map(|n| name(&day, n).file_name(OsStr::new("x"))).collect();
        assert!(names.is_sorted(), "as text, too");
    }

    /// Case: LOG-13
    #[test]
    fn the_oldest_go_first() {
        let existing = vec![
            (name("2026-11-21", 1), 10),
            (name("2026-11-19", 0), 10),
            (name("2026-11-21", 0), 10),
            (name("2026-11-20", 12), 10),
        ];
        let gone = |files, bytes| surplus(existing.clone(), Keep { files, bytes });
        assert_eq!(gone(2, 100), [name("2026-11-19", 0), name("2026-11-20", 12)]);
        assert_eq!(gone(4, 100), []);
        assert_eq!(gone(0, 100).len(), 4);
        assert_eq!(gone(4, 30), [name("2026-11-19", 0)]);
        assert_eq!(gone(4, 29), [name("2026-11-19", 0), name("2026-11-20", 12)]);
        assert_eq!(gone(4, 0).len(), 4);
        assert_eq!(gone(usize::MAX, u64::MAX), []);
    }
}
