//! What files are called after they were put aside: which are ours, which comes next, which go.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use jiff::tz::TimeZone;

use crate::{period, time};

/// What compressed files end with.
const COMPRESSED: &[u8] = b".gz";

/// What a file that is just being compressed ends with, after that.
pub(crate) const PART: &str = ".part";

/// A file that was put aside: `app.log.2026-11-21`, or with a number, `app.log.2026-11-21.0001`;
/// compressed, `app.log.2026-11-21.gz`.
///
/// Ordered by age (each is put aside under a name that makes it the youngest): first the stamp, then the number. Numbers of four digits
/// sort as text, too; with a fifth, which is taken when they do not suffice, only the order here is
/// right. Whoever reads old files counts those [from a future](Name::is_from_a_future) as older than all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub(crate) stamp: String,
    pub(crate) number: u32,
    pub(crate) compressed: bool,
}

impl Name {
    /// Reads the name of a file beside `log`. None: it is not one of ours, whatever it is.
    ///
    /// Strict, for such files are deleted: what [`file_name`](Self::file_name) would not write is
    /// not ours.
    pub fn parse(log: &OsStr, candidate: &OsStr) -> Option<Name> {
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

    /// What it is called when it is compressed. For a moment there are both: the compressed file appears whole, and
    /// then the original is removed.
    pub fn compressed(&self) -> Name {
        Name { compressed: true, ..self.clone() }
    }

    /// What it was called before that.
    pub fn original(&self) -> Name {
        Name { compressed: false, ..self.clone() }
    }

    /// Whether it is that of a compressed file.
    pub fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Whether it is later than tomorrow: the file was named under a clock that was wrong, or by somebody else.
    pub fn is_from_a_future(&self, now: SystemTime) -> bool {
        Horizon::new(period::tomorrow(&TimeZone::UTC, time::timestamp(now))).is_before(self)
    }

    /// The whole name, beside the log of this name.
    pub fn file_name(&self, log: &OsStr) -> OsString {
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

    /// The next name for a file begun at `stamp`: one that makes it the youngest of all that are there.
    /// So far that is `youngest`.
    ///
    /// So names are in the order in which files were put aside, whatever the clock said when they were
    /// begun: one begun under a clock that was years behind gets the stamp of the last one before it, and
    /// a number. A gap that a removal left is not used, or the file would pass for older than it is.
    pub(crate) fn next(stamp: String, youngest: Option<&Name>) -> Name {
        match youngest {
            Some(youngest) if youngest.stamp >= stamp => youngest.successor(),
            _ => Name { stamp, number: 0, compressed: false },
        }
    }

    /// The name right after this one. When there is no greater number, a greater stamp.
    pub(crate) fn successor(&self) -> Name {
        self.later(1)
    }

    /// The name that is `by` after this one.
    pub(crate) fn later(&self, by: u32) -> Name {
        let (stamp, number) = match self.number.checked_add(by) {
            Some(number) => (self.stamp.clone(), number),
            None => (greater_stamp(&self.stamp), 0),
        };
        Name { stamp, number, compressed: false }
    }
}

/// The next of all texts with the shape of a stamp: somebody has given a file the greatest number that
/// there is, and we go on nevertheless. That no day has an hour of 77 does not matter for the order.
fn greater_stamp(stamp: &str) -> String {
    let Some((day, hour)) = stamp.split_once('T') else { return format!("{stamp}T00") };
    if let Some(hour) = hour.parse::<u8>().ok().filter(|hour| *hour < 99) {
        return format!("{day}T{:02}", hour + 1);
    }
    let digits: String = day.chars().filter(char::is_ascii_digit).collect();
    let number = digits.parse::<u32>().map_or(0, |day| (day + 1) % 100_000_000);
    let digits = format!("{number:08}");
    format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..])
}

/// The last day that files can be from, as stamps have it: tomorrow, since elsewhere it may be that.
///
/// A file from later was named under a clock that was wrong, or by somebody else. It counts as older than
/// all others: if it were the youngest, so would have to be whatever is put aside for years to come.
#[derive(Clone, Debug)]
pub(crate) struct Horizon(String);

impl Horizon {
    pub(crate) fn new(tomorrow: String) -> Horizon {
        Horizon(tomorrow)
    }

    pub(crate) fn is_before(&self, name: &Name) -> bool {
        *self.0 < name.stamp[..name.stamp.len().min(self.0.len())]
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

/// Those of `existing`, each with its size, that are more than is kept, the oldest first. Ordered by
/// age, but for `youngest`: what has just been put aside is the last to go, whatever it is called.
pub(crate) fn surplus(
    mut existing: Vec<(Name, u64)>,
    youngest: Option<&Name>,
    keep: Keep,
    horizon: &Horizon,
) -> Vec<Name> {
    existing.sort_by_cached_key(|(name, _)| {
        (youngest == Some(name), !horizon.is_before(name), name.clone())
    });
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
    fn a_name_from_later_than_tomorrow_is_from_a_future() {
        let now = "2026-11-21T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
        let is_from_a_future = |stamp| name(stamp, 0).is_from_a_future(now);
        assert!(!is_from_a_future("2026-11-21") && !is_from_a_future("2026-11-22T23"));
        assert!(is_from_a_future("2026-11-23") && is_from_a_future("2099-01-01T00"));
    }

    fn horizon() -> Horizon {
        Horizon::new("2026-11-22".to_owned())
    }

    fn youngest<'a>(existing: &'a [Name], horizon: &Horizon) -> Option<&'a Name> {
        existing.iter().filter(|name| !horizon.is_before(name)).max()
    }

    fn next(stamp: &str, existing: &[Name]) -> Name {
        Name::next(stamp.to_owned(), youngest(existing, &horizon()))
    }

    #[test]
    fn the_next_name_sorts_after_all_there_are() {
        let day = "2026-11-21";
        assert_eq!(next(day, &[]), name(day, 0));
        assert_eq!(next(day, &[name("2026-11-20", 7)]), name(day, 0));
        assert_eq!(next(day, &[name(day, 3), name(day, 2)]), name(day, 4));
        let names: Vec<_> = (0..9999).map(|n| name(day, n).file_name(OsStr::new("x"))).collect();
        assert!(names.is_sorted(), "as text, too");
    }

    /// Case: FLT-J1
    #[test]
    fn what_was_begun_under_a_clock_that_was_behind_is_the_youngest_nevertheless() {
        let last = name("2026-11-21", 0);
        let mut existing = vec![(name("2026-11-20", 0), 1), (last.clone(), 1)];
        let names = [name("2026-11-20", 0), last];
        let next = next("1970-01-01", &names);
        assert_eq!(next, name("2026-11-21", 1));
        existing.push((next.clone(), 1));
        let keep = Keep { files: 2, bytes: 100 };
        assert_eq!(surplus(existing, Some(&next), keep, &horizon()), [name("2026-11-20", 0)]);
    }

    /// While the clock is behind, what is there is from a future; it was there before nevertheless.
    ///
    /// Case: FLT-J1
    #[test]
    fn what_is_put_aside_while_the_clock_is_behind_is_the_last_to_go() {
        let behind = Horizon::new("1970-01-02".to_owned());
        let mut existing = vec![name("2026-11-20", 0), name("2026-11-21", 0)];
        let keep = Keep { files: 2, bytes: 100 };
        for expected in ["2026-11-20", "2026-11-21", "1970-01-01"] {
            let next = Name::next("1970-01-01".to_owned(), youngest(&existing, &behind));
            existing.push(next.clone());
            let sized = existing.iter().map(|name| (name.clone(), 1)).collect();
            let gone = surplus(sized, Some(&next), keep, &behind);
            assert_eq!(gone, [name(expected, 0)]);
            existing.retain(|name| !gone.contains(name));
        }
        assert_eq!(existing, [name("1970-01-01", 1), name("1970-01-01", 2)]);
    }

    /// Case: FLT-J1
    #[test]
    fn a_file_from_a_future_that_never_came_is_old_and_no_example() {
        let never = name("2099-01-01", 3);
        assert_eq!(next("2026-11-21", std::slice::from_ref(&never)), name("2026-11-21", 0));
        let sized = vec![(name("2026-11-21", 0), 1), (never.clone(), 1)];
        let keep = Keep { files: 1, bytes: 100 };
        assert_eq!(surplus(sized, None, keep, &horizon()), [never]);
        // Tomorrow is today where the day begins earlier.
        let elsewhere = name("2026-11-22", 0);
        assert_eq!(next("2026-11-21", std::slice::from_ref(&elsewhere)), name("2026-11-22", 1));
    }

    /// Case: FLT-D4
    #[test]
    fn after_the_greatest_number_it_goes_on_with_a_greater_stamp() {
        let mut last = name("2026-11-21", u32::MAX);
        for expected in ["2026-11-21T00", "2026-11-21T01"] {
            let next = next("2026-11-21", &[name("2026-11-21", 2), last.clone()]);
            assert_eq!(next, name(expected, 0));
            assert!(last < next, "it is younger");
            assert_eq!(parse(next.file_name(OsStr::new("app.log")).to_str().unwrap()), Some(next));
            last = name(expected, u32::MAX);
        }
        for (stamp, greater) in [
            ("2026-11-21T99", "2026-11-22"),
            ("2026-11-99T99", "2026-12-00"),
            ("9999-99-99T99", "0000-00-00"),
        ] {
            assert_eq!(greater_stamp(stamp), greater);
        }
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
        let gone =
            |files, bytes| surplus(existing.clone(), None, Keep { files, bytes }, &horizon());
        assert_eq!(gone(2, 100), [name("2026-11-19", 0), name("2026-11-20", 12)]);
        assert_eq!(gone(4, 100), []);
        assert_eq!(gone(0, 100).len(), 4);
        assert_eq!(gone(4, 30), [name("2026-11-19", 0)]);
        assert_eq!(gone(4, 29), [name("2026-11-19", 0), name("2026-11-20", 12)]);
        assert_eq!(gone(4, 0).len(), 4);
        assert_eq!(gone(usize::MAX, u64::MAX), []);
    }
}
