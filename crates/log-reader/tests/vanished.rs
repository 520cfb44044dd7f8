//! What becomes of a file after its last lines were counted, and before they are read.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::ops::Range;
use std::time::{Duration, Instant};

use log_reader::{Follower, Last, last};

mod support;
use support::*;

/// Of each of the two files.
const OLD: usize = 30;

fn lines(what: &str, numbers: Range<usize>) -> String {
    numbers.map(|number| format!("{what} {number}\n")).collect()
}

/// Two logs, `a` and `b`, of as many lines.
fn bed() -> Bed {
    let bed = Bed::new();
    bed.write("a", &lines("old a", 0..OLD));
    bed.write("b", &lines("old b", 0..OLD));
    bed
}

fn count(bed: &Bed, wanted: usize) -> Last {
    last([bed.log_file("a"), bed.logrotate("b")], wanted as u64)
}

/// Whatever comes until nothing is left, by source.
fn all(follower: &mut Follower) -> [String; 2] {
    let mut found = [String::new(), String::new()];
    let mut now = Instant::now();
    let limit = now + PATIENCE;
    // What is refused is tried again, and what waits for others is over.
    for _ in 0..5 {
        while let Some(line) = follower.turn(now) {
            found[line.source].push_str(&text(&line));
            found[line.source].push('\n');
            assert!(Instant::now() < limit, "there is no end of lines: {line:?}");
        }
        now += Duration::from_secs(1);
    }
    assert_eq!(follower.problems(), [] as [String; 0]);
    found
}

#[test]
fn lines_that_are_gone_again_swallow_no_new_ones() {
    for wanted in [0, 1, 20, 40, 100] {
        let bed = bed();
        let found = count(&bed, wanted);
        bed.write("a", "");
        bed.write("b", "");
        let mut follower = found.follow();
        assert_eq!(all(&mut follower), ["", ""], "{wanted}");
        bed.append("a", &lines("new", 0..25));
        assert_eq!(all(&mut follower), [lines("new", 0..25), String::new()], "{wanted}");
    }
}

/// By its first bytes it is known not to be the one that was counted, however long it is.
#[test]
fn a_file_that_was_truncated_and_has_grown_again_is_new_from_its_first_line() {
    for wanted in [1, 20, 40, 100] {
        for new in [1, 10, OLD, 100] {
            for is_asked in [false, true] {
                let bed = bed();
                let mut found = count(&bed, wanted);
                for name in ["a", "b"] {
                    bed.write(name, &lines("new", 0..new));
                }
                if is_asked {
                    assert_eq!(
                        follow_all(&mut found),
                        [""; 0],
                        "nothing is left of what there was"
                    );
                }
                let expected = [lines("new", 0..new), lines("new", 0..new)];
                assert_eq!(all(&mut found.follow()), expected, "{wanted} {new} {is_asked}");
            }
        }
    }
}

/// What the others have is what is left of the last lines.
#[test]
fn for_lines_that_are_gone_as_many_of_the_others_come() {
    for (wanted, left) in [(1, 29..30), (20, 10..30), (40, 0..30), (100, 0..30)] {
        for follows in [false, true] {
            let bed = bed();
            let mut found = count(&bed, wanted);
            bed.write("a", "");
            let shown = if follows { Vec::new() } else { follow_all(&mut found) };
            let [a, b] = all(&mut found.follow());
            let shown: String = shown.iter().map(|line| format!("{line}\n")).collect();
            assert_eq!((a, shown + &b), (String::new(), lines("old b", left.clone())), "{wanted}");
        }
    }
}

/// Some have come, and others wait in memory, which are shown: they were there.
#[test]
fn what_vanishes_while_it_is_read_ends_there() {
    let bed = Bed::new();
    // More than waits in memory.
    let long = |what: &str| -> String {
        (0..600).map(|n| format!("{what} {n:04} {}\n", "x".repeat(1000))).collect()
    };
    bed.write("a", &long("old a"));
    bed.write("b", &long("old b"));
    let mut found = count(&bed, 900);
    // 300 were left out before.
    assert!(text(&found.next().unwrap()).starts_with("old a 0300"));
    bed.write("a", "");
    bed.write("b", "");
    let mut follower = found.follow();
    let shown = all(&mut follower);
    assert!(shown.iter().all(|shown| shown.lines().count() < 500));
    bed.append("a", &lines("new", 0..25));
    bed.append("b", &lines("new", 0..25));
    assert_eq!(all(&mut follower), [lines("new", 0..25), lines("new", 0..25)]);
}

/// Who has the file open has its lines, wherever its name has gone.
#[test]
fn files_that_are_removed_replaced_and_put_aside_lose_no_line() {
    type Change = fn(&Bed);
    let changes: [(&str, Change); 5] = [
        ("removed", |bed| ["a", "b"].iter().for_each(|name| bed.remove(name))),
        ("removed and made anew", |bed| {
            for name in ["a", "b"] {
                bed.remove(name);
                bed.write(name, "");
            }
        }),
        ("replaced", |bed| {
            for name in ["a", "b"] {
                bed.write("other", "");
                bed.rename("other", name);
            }
        }),
        ("put aside", |bed| {
            bed.rename("a", "a.2026-11-28");
            bed.rename("b", "b.1");
        }),
        ("put aside and compressed", |bed| {
            for (name, aside) in [("a", "a.2026-11-28"), ("b", "b.1")] {
                bed.rename(name, aside);
                bed.gzip(aside);
                bed.write(name, "");
            }
        }),
    ];
    for (what, change) in changes {
        for wanted in [1, 20, 40, 100] {
            for is_asked in [false, true] {
                let bed = bed();
                let mut found = count(&bed, wanted);
                change(&bed);
                let shown = if is_asked { follow_all(&mut found) } else { Vec::new() };
                let mut follower = found.follow();
                let rest = all(&mut follower);
                let shown: Vec<_> = shown
                    .iter()
                    .map(String::as_str)
                    .chain(rest.iter().flat_map(|s| s.lines()))
                    .collect();
                let expected = lines("old a", 0..OLD) + &lines("old b", 0..OLD);
                let expected: Vec<_> = expected.lines().collect();
                let from = expected.len().saturating_sub(wanted);
                assert_eq!(shown, expected[from..], "{what} {wanted} {is_asked}");
                bed.append("a", &lines("new", 0..25));
                bed.append("b", &lines("new", 0..25));
                let new = [lines("new", 0..25), lines("new", 0..25)];
                assert_eq!(all(&mut follower), new, "{what} {wanted} {is_asked}");
            }
        }
    }
}

/// It was counted whole, and is cut off since.
#[test]
fn a_compressed_file_that_ends_early_swallows_no_line_of_another() {
    const EACH: usize = 1000;
    let bed = Bed::new();
    let mut seed = 1_u64;
    let random = (0..EACH).map(|_| {
        // What does not compress well is more than is read ahead.
        let words = (0..6).map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{seed:016x}")
        });
        words.collect::<String>() + "\n"
    });
    bed.write("a.2026-11-27", &random.collect::<String>());
    bed.gzip("a.2026-11-27");
    bed.write("a", "");
    bed.write("b", &lines("old b", 0..EACH));
    let mut found = count(&bed, EACH);
    let packed = fs::File::options().write(true).open(bed.path("a.2026-11-27.gz")).unwrap();
    packed.set_len(packed.metadata().unwrap().len() / 2).unwrap();
    let shown: String = follow_all(&mut found).iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(shown, lines("old b", 0..EACH));
    assert_eq!(found.problems().len(), 1);
    let mut follower = found.follow();
    bed.append("a", &lines("new", 0..EACH));
    assert_eq!(all(&mut follower), [lines("new", 0..EACH), String::new()]);
}

/// A source that is joined while those of before are still being shown.
#[test]
fn what_is_asked_for_of_a_new_source_comes_whatever_is_left_out_of_others() {
    let bed = Bed::new();
    bed.write("a", &lines("2026-11-28T03:00:02Z old a", 0..OLD));
    bed.write("b", &lines("2026-11-28T03:00:03Z old b", 0..OLD));
    let mut follower = count(&bed, 40).follow();
    bed.write("c", &lines("2026-11-28T03:00:01Z c", 0..8));
    assert_eq!(follower.add(bed.plain("c"), 6), 2);
    let expected = lines("2026-11-28T03:00:01Z c", 2..8)
        + &lines("2026-11-28T03:00:02Z old a", 20..OLD)
        + &lines("2026-11-28T03:00:03Z old b", 0..OLD);
    expect(&mut follower, &expected.lines().collect::<Vec<_>>());
    expect_nothing(&mut follower);
}

/// More is added to a file before its counted lines are read: that is new, and none of those to leave out.
#[test]
fn what_is_added_before_counted_lines_are_read_is_not_left_out() {
    let bed = Bed::new();
    for (name, second) in [("a", 1), ("b", 3), ("c", 4)] {
        bed.write(name, &lines(&format!("2026-11-28T03:00:0{second}Z old {name}"), 0..OLD));
    }
    let mut follower = last(["a", "b", "c"].map(|name| bed.plain(name)), 20).follow();
    // All that was counted of this one is left out, and some of the others is.
    bed.append("a", &lines("2026-11-28T03:00:02Z new", 0..25));
    let expected =
        lines("2026-11-28T03:00:02Z new", 0..25) + &lines("2026-11-28T03:00:04Z old c", 10..OLD);
    expect(&mut follower, &expected.lines().collect::<Vec<_>>());
    expect_nothing(&mut follower);
}

/// A program that says the same at each start.
#[test]
fn a_file_that_begins_anew_as_it_began_before_is_known_by_its_size() {
    for wanted in [40, 100] {
        for is_asked in [false, true] {
            let bed = Bed::new();
            let first = format!("{} starts\n", "=".repeat(80));
            let (old, new) = (lines("old", 0..OLD), lines("new", 0..10));
            for name in ["a", "b"] {
                bed.write(name, &(first.clone() + &old));
            }
            let mut found = count(&bed, wanted);
            for name in ["a", "b"] {
                bed.write(name, &(first.clone() + &new));
            }
            if is_asked {
                assert_eq!(follow_all(&mut found), [""; 0]);
            }
            let expected = first.clone() + &new;
            assert_eq!(all(&mut found.follow()), [expected.clone(), expected], "{wanted}");
        }
    }
}

#[test]
fn what_is_added_late_to_a_file_of_which_lines_were_counted_comes() {
    let bed = Bed::new();
    bed.write("a.2026-11-27", "one\n");
    bed.write("a", "two\n");
    for is_asked in [false, true] {
        let mut found = last([bed.log_file("a")], 2);
        if is_asked {
            assert_eq!(follow_all(&mut found), ["one", "two"]);
        }
        let mut follower = found.follow();
        if !is_asked {
            expect(&mut follower, &["one", "two"]);
        }
        expect_nothing(&mut follower);
        bed.append("a.2026-11-27", "late\n");
        expect(&mut follower, &["late"]);
        bed.write("a.2026-11-27", "one\n");
    }
}

/// Those that are not open meanwhile.
#[test]
fn old_files_that_are_renamed_compressed_and_removed_before_their_turn_are_found_or_said() {
    const FILES: usize = 20;
    let bed = Bed::new();
    for file in 1..=FILES {
        let text = lines(&format!("{file:02}"), 0..2);
        bed.write(&format!("a.2026-11-28.{file:04}"), &text);
        bed.write(&format!("b.{}", FILES + 1 - file), &text);
    }
    let all: String = (1..=FILES).map(|file| lines(&format!("{file:02}"), 0..2)).collect();
    let all: Vec<_> = all.lines().collect();

    let mut stamped = last([bed.log_file("a")], 39);
    bed.gzip("a.2026-11-28.0001");
    bed.gzip("a.2026-11-28.0002");
    assert_eq!(follow_all(&mut stamped), all[1..]);
    let mut packed = last([bed.log_file("a")], 39);
    assert_eq!(follow_all(&mut packed), all[1..]);
    assert_eq!((stamped.problems(), packed.problems()), (Vec::new(), Vec::new()));

    let mut numbered = last([bed.logrotate("b")], 39);
    for number in (1..=FILES).rev() {
        bed.rename(&format!("b.{number}"), &format!("b.{}", number + 1));
    }
    assert_eq!(follow_all(&mut numbered), all[1..]);
    assert_eq!(numbered.problems(), [""; 0]);

    let mut found = last([bed.logrotate("b")], 39);
    bed.remove("b.21");
    assert_eq!(follow_all(&mut found), all[2..]);
    assert_eq!(found.problems().len(), 1);
}
