//! Orders of lines, told and at random.

use proptest::prelude::*;

use super::*;

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

fn line(source: usize, time: Option<u64>, text: &str) -> Entry {
    let bytes = text.as_bytes().to_vec();
    let line = Line { source, time: time.map(at), bytes, continued: false, complete: true };
    Entry { line, is_counted: false }
}

fn merger(sources: usize) -> Merger {
    let mut merger = Merger::default();
    (0..sources).for_each(|_| merger.add());
    merger
}

/// Pushes `12 text`, which has a time, and `text`, which has none; gives the texts in the order in which they come.
#[track_caller]
fn check(sources: &[&[&str]], expected: &[&str]) {
    let (mut merger, now) = (merger(sources.len()), Instant::now());
    for (source, lines) in sources.iter().enumerate() {
        for text in *lines {
            let time = text.split(' ').next().and_then(|word| word.parse().ok());
            merger.push(line(source, time, text), now);
        }
    }
    let found: Vec<_> = std::iter::from_fn(|| merger.pop_present())
        .map(|entry| String::from_utf8(entry.line.bytes).unwrap())
        .collect();
    assert_eq!(found, expected);
}

/// Case: CC-73
#[test]
fn lines_come_by_time_and_what_has_none_stays_with_its_line() {
    check(
        &[&["1 a", "5 b", "trace", "trace", "9 c"], &["5 d", "6 e"], &["2 f", "7 g", "at h"]],
        &["1 a", "2 f", "5 b", "trace", "trace", "5 d", "6 e", "7 g", "at h", "9 c"],
    );
}

/// Case: CC-73
#[test]
fn a_clock_that_steps_back_changes_no_order_of_its_own_and_holds_up_nobody() {
    check(&[&["8 a", "3 b", "9 c"], &["7 d", "8 e"]], &["7 d", "8 e", "8 a", "3 b", "9 c"]);
}

#[test]
fn lines_before_the_first_with_a_time_come_with_that_one() {
    check(&[&["1 a", "8 b"], &["trace", "5 c"]], &["1 a", "trace", "5 c", "8 b"]);
}

/// A file of prints would come before all others, and be cut off as the oldest.
#[test]
fn a_source_without_times_comes_where_it_was_written() {
    let (mut merger, now) = (merger(2), Instant::now());
    merger.push(line(0, None, "print"), now);
    merger.push(line(0, None, "print"), now);
    merger.push(line(1, Some(1), "early"), now);
    merger.push(line(1, Some(9), "late"), now);
    merger.lead(0, Some(at(5)));
    merger.lead(1, Some(at(7)));
    let order: Vec<_> =
        std::iter::from_fn(|| merger.pop_present()).map(|entry| entry.line.source).collect();
    assert_eq!(order, [1, 0, 0, 1]);
}

/// Case: CC-73
#[test]
fn a_silent_source_holds_up_others_for_a_moment() {
    let (mut merger, now) = (merger(2), Instant::now());
    merger.push(line(0, Some(5), "a"), now);
    assert_eq!(merger.pop(now), None, "an earlier one may come");
    assert_eq!(merger.deadline(), Some(now + HOLD));
    let later = now + HOLD / 2;
    merger.push(line(1, Some(4), "b"), later);
    assert_eq!(merger.pop(later).unwrap().line.bytes, b"b", "all have come");
    assert_eq!(merger.pop(later), None);
    assert_eq!(merger.pop(now + HOLD).unwrap().line.bytes, b"a");
    assert_eq!(merger.deadline(), None);
}

/// Case: CC-73
#[test]
fn a_clock_that_is_ahead_holds_up_its_own_lines_no_longer() {
    let (mut merger, now) = (merger(2), Instant::now());
    merger.push(line(0, Some(99), "ahead"), now);
    merger.push(line(0, Some(3), "back"), now);
    assert_eq!(merger.pop(now), None);
    let due = now + HOLD;
    merger.push(line(1, Some(50), "other"), due);
    let order: Vec<_> =
        std::iter::from_fn(|| merger.pop(due)).map(|entry| entry.line.bytes).collect();
    assert_eq!(order, [&b"other"[..], b"ahead", b"back"]);
}

#[test]
fn what_has_no_time_is_held_back_for_nobody() {
    let (mut merger, now) = (merger(2), Instant::now());
    merger.push(line(0, None, "print"), now);
    assert_eq!(merger.pop(now).unwrap().line.bytes, b"print");
}

#[test]
fn a_source_with_much_is_not_held_back() {
    let (mut merger, now) = (merger(2), Instant::now());
    let text = "x".repeat(1 << 10);
    let mut pushed = 0;
    while 0 < merger.room(0) && pushed <= 256 {
        merger.push(line(0, Some(pushed), &text), now);
        pushed += 1;
    }
    assert!(pushed <= 256, "and what waits is bounded");
    assert!(merger.pop(now).is_some());
    assert!(merger.pop(now).is_none() && 0 < merger.room(0));
}

proptest! {
    /// Case: CC-73
    #[test]
    fn nothing_is_lost_each_order_is_kept_and_what_can_be_sorted_is(
        sources in prop::collection::vec(
            prop::collection::vec(prop::option::of(0_u64..20), 0..12), 1..5),
        sorted in any::<bool>(),
    ) {
        let (mut merger, now) = (merger(sources.len()), Instant::now());
        let mut expected: Vec<Vec<Option<SystemTime>>> = Vec::new();
        for (source, times) in sources.iter().enumerate() {
            let mut times = times.clone();
            if sorted {
                times = times.into_iter().flatten().map(Some).collect();
                times.sort();
            }
            times.iter().for_each(|time| merger.push(line(source, *time, ""), now));
            expected.push(times.iter().map(|time| time.map(at)).collect());
        }
        let all: Vec<_> =
            std::iter::from_fn(|| merger.pop_present()).map(|entry| entry.line).collect();
        for (source, expected) in expected.iter().enumerate() {
            let mine = all.iter().filter(|line| line.source == source);
            prop_assert_eq!(&mine.map(|line| line.time).collect::<Vec<_>>(), expected);
        }
        let mut begun = std::collections::BTreeSet::new();
        for (at, line) in all.iter().enumerate() {
            // What has no time follows its own, but at the beginning of a source.
            if !begun.insert(line.source) && line.time.is_none() {
                prop_assert_eq!(all[at - 1].source, line.source);
            }
        }
        prop_assert!(!sorted || all.is_sorted_by_key(|line| line.time));
    }
}
