//! What can become of a file that is followed.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant, SystemTime};

use log_reader::{LONGEST_PIECE, last};

mod support;
use support::*;

#[test]
fn the_last_lines_of_several_are_the_last_of_all() {
    let bed = Bed::new();
    bed.write("a", "2026-11-28T03:00:01Z a1\n  trace\n2026-11-28T03:00:05Z a5\n");
    bed.write("b", "2026-11-28T03:00:02Z b2\n2026-11-28T03:00:04Z b4");
    let all = ["2026-11-28T03:00:01Z a1", "  trace", "2026-11-28T03:00:02Z b2"];
    let all: Vec<_> =
        all.into_iter().chain(["2026-11-28T03:00:04Z b4~", "2026-11-28T03:00:05Z a5"]).collect();
    for lines in 0..7 {
        let found = last_texts([bed.plain("a"), bed.plain("b"), bed.plain("none")], lines as u64);
        assert_eq!(found, all[5 - lines.min(5)..]);
    }
    assert_eq!(last_texts([bed.plain("a"), bed.plain("b")], u64::MAX), all);
}

/// Case: CC-65
#[test]
fn what_is_added_to_the_old_file_after_its_rename_comes() {
    for rename in ["app.log.2026-11-28", "moved"] {
        let bed = Bed::new();
        bed.write("app.log", "before\n");
        let mut follower = follow([bed.log_file("app.log")]);
        bed.append("app.log", "one\n");
        bed.rename("app.log", rename);
        expect(&mut follower, &["one"]);
        bed.append(rename, "two\n");
        expect(&mut follower, &["two"]);
        bed.write("app.log", "three\n");
        bed.append(rename, "late\n");
        let mut found = [text(&next(&mut follower)), text(&next(&mut follower))];
        found.sort();
        assert_eq!(found, ["late", "three"]);
        bed.append(rename, "very late\n");
        expect(&mut follower, &["very late"]);
        bed.append("app.log", "four\n");
        expect(&mut follower, &["four"]);
        expect_nothing(&mut follower);
    }
}

/// Case: CC-66
#[test]
fn a_file_that_is_not_there_yet_is_waited_for_and_so_is_its_folder() {
    let bed = Bed::new();
    let name = "not/there/app.log";
    let mut follower = follow([bed.log_file(name)]);
    expect_nothing(&mut follower);
    assert_eq!(follower.deadline(), None, "nobody wakes up until something happens");
    fs::create_dir_all(bed.path("not/there")).unwrap();
    expect_nothing(&mut follower);
    bed.append(name, "first\n");
    expect(&mut follower, &["first"]);
    // All of it is made anew.
    bed.rename("not", "old");
    fs::create_dir_all(bed.path("not/there")).unwrap();
    bed.append(name, "second\n");
    expect(&mut follower, &["second"]);
    assert_eq!(follower.deadline(), None);
    assert_eq!(follower.problems(), [] as [String; 0]);
}

/// Case: CC-68
#[test]
fn numbers_of_logrotate_are_followed_while_old_files_are_compressed() {
    let bed = Bed::new();
    bed.write("x.log.2", "0\n");
    bed.gzip("x.log.2");
    bed.write("x.log.1", "1\n2\n");
    bed.write("x.log", "3\n");
    assert_eq!(last_texts([bed.logrotate("x.log")], 3), ["1", "2", "3"]);
    let mut found = last([bed.logrotate("x.log")], 9);
    assert_eq!(follow_all(&mut found), ["0", "1", "2", "3"]);
    let mut follower = found.follow();
    // With and without a turn in between, and with a delay of the compression and without.
    let mut number = 4;
    for round in 0..12 {
        let rotations = 1 + round % 3;
        let mut expected = Vec::new();
        for _ in 0..rotations {
            bed.append("x.log", &format!("{number}\n"));
            for old in (1..30).rev() {
                for end in ["", ".gz"] {
                    let from = bed.path(&format!("x.log.{old}{end}"));
                    let _ = fs::rename(from, bed.path(&format!("x.log.{}{end}", old + 1)));
                }
            }
            let delays = round % 2 == 0;
            if delays && bed.path("x.log.2").exists() {
                bed.gzip("x.log.2");
            }
            bed.rename("x.log", "x.log.1");
            if !delays {
                bed.gzip("x.log.1");
            }
            bed.write("x.log", &format!("{}\n", number + 1));
            expected.extend([number.to_string(), (number + 1).to_string()]);
            number += 2;
        }
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        expect(&mut follower, &expected);
        expect_nothing(&mut follower);
    }
    assert_eq!(follower.problems(), [] as [String; 0]);
}

/// It is another file then, and was last written to in the second in which the one that was read was.
///
/// Case: CC-68
#[test]
fn an_old_file_with_a_number_that_is_compressed_is_not_new_when_another_was_removed() {
    let bed = Bed::new();
    for (name, millis) in [("x.log.1", 100), ("x.log", 500)] {
        bed.write(name, &format!("{name}\n"));
        let file = fs::File::options().append(true).open(bed.path(name)).unwrap();
        let at = Duration::from_secs(1_795_351_488) + Duration::from_millis(millis);
        file.set_modified(SystemTime::UNIX_EPOCH + at).unwrap();
    }
    let mut follower = follow([bed.logrotate("x.log")]);
    expect_nothing(&mut follower);
    bed.gzip("x.log.1");
    bed.remove("x.log");
    bed.write("x.log", "new\n");
    expect(&mut follower, &["new"]);
    expect_nothing(&mut follower);
}

/// Case: CC-68
#[test]
fn a_copy_in_the_making_is_no_file() {
    let bed = Bed::new();
    bed.write("app.log.2026-11-27", "1\n");
    bed.write("app.log.2026-11-27.gz.part", "half of it");
    bed.write("app.log.2026-11-28.gz", "damaged");
    bed.write("app.log", "2\n");
    let mut found = last([bed.log_file("app.log")], 9);
    assert_eq!(follow_all(&mut found), ["1", "2"]);
    let problems = found.problems();
    assert!(problems.len() == 1 && problems[0].contains("app.log"), "{problems:?}");
}

/// Case: CC-71
#[test]
fn other_permissions_and_times_are_no_rotation() {
    let bed = Bed::new();
    bed.write("app.log", "before\n");
    let mut follower = follow([bed.log_file("app.log")]);
    fs::set_permissions(bed.path("app.log"), fs::Permissions::from_mode(0o640)).unwrap();
    let file = fs::File::options().append(true).open(bed.path("app.log")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    expect_nothing(&mut follower);
    bed.append("app.log", "after\n");
    expect(&mut follower, &["after"]);
    expect_nothing(&mut follower);
}

#[test]
fn a_truncated_file_begins_anew() {
    let bed = Bed::new();
    bed.write("app.log", "one\ntwo\n");
    let mut follower = follow([bed.plain("app.log")]);
    expect_nothing(&mut follower);
    bed.write("app.log", "3\n");
    expect(&mut follower, &["3"]);
    // It has grown beyond what was read before anybody looked.
    bed.write("app.log", "four\nfive\n");
    expect(&mut follower, &["four", "five"]);
    expect_nothing(&mut follower);
}

/// Case: CC-72
#[test]
fn a_new_source_is_joined_from_its_first_line_and_nothing_is_repeated() {
    let bed = Bed::new();
    bed.write("web-1", "old\n");
    let mut follower = follow([bed.plain("web-1")]);
    // Its worker restarts twice, into the same file.
    for run in ["run 2\n", "run 3\n"] {
        bed.append("web-1", run);
        expect(&mut follower, &[run.trim_end()]);
    }
    bed.write("web-2", "first\nsecond\n");
    assert_eq!(follower.add(bed.plain("web-2"), u64::MAX), 1);
    let line = next(&mut follower);
    assert_eq!((line.source, text(&line)), (1, "first".to_owned()));
    expect(&mut follower, &["second"]);
    // One ends, and the other goes on.
    bed.remove("web-1");
    bed.append("web-2", "third\n");
    expect(&mut follower, &["third"]);
    expect_nothing(&mut follower);
}

/// Its name was that of another long ago.
///
/// Case: CC-72
#[test]
fn a_young_source_is_joined_without_what_was_put_aside_before_it() {
    const DAY: Duration = Duration::from_secs(86_400);
    let bed = Bed::new();
    let since = SystemTime::now() + DAY;
    let touch = |name: &str, time| {
        let file = fs::File::options().append(true).open(bed.path(name)).unwrap();
        file.set_modified(time).unwrap();
    };
    for (name, put_aside) in [("x", "x.2026-11-28"), ("y", "y.2026-11-28")] {
        bed.write(put_aside, "old\n");
        touch(put_aside, if name == "x" { SystemTime::UNIX_EPOCH + DAY } else { since });
        bed.gzip(put_aside);
        bed.write(name, "young\n");
    }
    bed.write("z", "young\n");
    bed.write("z.2", "old\n");
    bed.write("z.1", "old\n");
    touch("z.1", since);
    let mut follower = follow([]);
    for (source, expected) in [
        (bed.log_file("x"), &["young"][..]),
        (bed.log_file("y"), &["old", "young"]),
        (bed.logrotate("z"), &["young"]),
    ] {
        follower.add_since(source, since);
        expect(&mut follower, expected);
        expect_nothing(&mut follower);
    }
    for name in ["x", "y", "z"] {
        bed.append(name, "new\n");
        expect(&mut follower, &["new"]);
    }
}

/// Case: CC-74
#[test]
fn a_last_line_without_its_end_comes_and_what_follows_it_is_told_apart() {
    let bed = Bed::new();
    bed.write("app.log", "");
    let mut follower = follow([bed.plain("app.log")]);
    bed.append("app.log", "whole\nhalf");
    expect(&mut follower, &["whole"]);
    assert_eq!(follower.turn(Instant::now()), None, "its end may come");
    expect(&mut follower, &["half~"]);
    bed.append("app.log", " of it\n");
    expect(&mut follower, &["~ of it"]);
    bed.append("app.log", "killed");
    follower.flush(0);
    expect(&mut follower, &["killed~"]);
    bed.append("app.log", "\nnext\n");
    expect(&mut follower, &["next"]);
    // Also as the last line of a file that is followed by another.
    bed.append("app.log", "cut");
    bed.rename("app.log", "old");
    bed.write("app.log", "new\n");
    expect(&mut follower, &["cut~", "new"]);
    expect_nothing(&mut follower);
}

#[test]
fn following_goes_on_in_the_middle_of_a_line_that_was_shown() {
    let bed = Bed::new();
    bed.write("app.log", "one\nhalf");
    let mut found = last([bed.plain("app.log")], 1);
    assert_eq!(follow_all(&mut found), ["half~"]);
    let mut follower = found.follow();
    bed.append("app.log", " of it\ntwo\n");
    expect(&mut follower, &["~ of it", "two"]);
}

#[test]
fn a_long_line_comes_in_pieces_and_counts_as_one() {
    let bed = Bed::new();
    let long = "x".repeat(LONGEST_PIECE * 2 + 5);
    bed.write("app.log", &format!("one\n{long}\ntwo\n"));
    let found: Vec<_> = last([bed.plain("app.log")], 2)
        .map(|line| (line.bytes.len(), line.continued, line.complete))
        .collect();
    let piece = LONGEST_PIECE;
    let expected = [(piece, false, false), (piece, true, false), (5, true, true), (3, false, true)];
    assert_eq!(found, expected);
    assert_eq!(last_texts([bed.plain("app.log")], 1), ["two"]);
}

/// To open a FIFO would wait for its writer, for ever.
#[test]
fn what_is_no_regular_file_is_refused_and_holds_up_nobody() {
    let bed = Bed::new();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, bed.path("fifo"), rustix::fs::FileType::Fifo, mode, 0)
        .unwrap();
    bed.write("app.log", "one\n");
    let mut found = last([bed.plain("fifo"), bed.plain("app.log")], 5);
    assert_eq!(follow_all(&mut found), ["one"]);
    let problems = found.problems().join("");
    assert!(problems.contains("fifo") && problems.contains("not a regular file"), "{problems}");
    let mut follower = found.follow();
    bed.append("app.log", "two\n");
    expect(&mut follower, &["two"]);
    // Once a file is in its place, it is followed.
    bed.remove("fifo");
    bed.append("fifo", "three\n");
    expect(&mut follower, &["three"]);
}

#[test]
fn links_are_followed_to_another_folder_and_to_another_file() {
    let bed = Bed::new();
    for folder in ["one", "two"] {
        fs::create_dir(bed.path(folder)).unwrap();
    }
    bed.write("one/real.log", "1\n");
    std::os::unix::fs::symlink(bed.path("one/real.log"), bed.path("app.log")).unwrap();
    let mut follower = follow([bed.log_file("app.log")]);
    bed.append("one/real.log", "2\n");
    expect(&mut follower, &["2"]);
    bed.rename("one/real.log", "one/real.log.2026-11-28");
    bed.append("one/real.log", "3\n");
    expect(&mut follower, &["3"]);
    std::os::unix::fs::symlink(bed.path("two/real.log"), bed.path("new")).unwrap();
    bed.append("two/real.log", "4\n");
    bed.rename("new", "app.log");
    expect(&mut follower, &["4"]);
    bed.append("two/real.log", "5\n");
    expect(&mut follower, &["5"]);
    expect_nothing(&mut follower);
}

/// A name that was lost comes back, as when `log-file` finds that it has put aside a file of others.
#[test]
fn a_file_that_gets_its_name_back_is_not_repeated() {
    let bed = Bed::new();
    bed.write("app.log", "one\n");
    let mut follower = follow([bed.log_file("app.log")]);
    bed.rename("app.log", "app.log.2026-11-28");
    bed.write("app.log", "two\n");
    expect(&mut follower, &["two"]);
    bed.rename("app.log", "app.log.2026-11-28.0001");
    bed.rename("app.log.2026-11-28", "app.log");
    bed.append("app.log", "three\n");
    expect(&mut follower, &["three"]);
    expect_nothing(&mut follower);
}

/// Case: CC-73
#[test]
fn lines_of_several_are_merged_while_they_come() {
    let bed = Bed::new();
    let mut follower = follow([bed.plain("a"), bed.plain("b"), bed.plain("silent")]);
    bed.append("a", "2026-11-28T03:00:02Z two\n  trace\n");
    bed.append("b", "2026-11-28T03:00:01Z one\n2026-11-28T03:00:03Z three\n");
    expect(
        &mut follower,
        &[
            "2026-11-28T03:00:01Z one",
            "2026-11-28T03:00:02Z two",
            "  trace",
            "2026-11-28T03:00:03Z three",
        ],
    );
    assert!(follower.deadline().is_none_or(|at| at < Instant::now() + Duration::from_secs(2)));
    expect_nothing(&mut follower);
}

/// What is first read when its writers are gone is held back for nobody.
#[test]
fn the_rest_is_all_there_is_also_what_was_not_read_before() {
    let bed = Bed::new();
    let mut follower = follow([bed.plain("a"), bed.plain("b")]);
    expect_nothing(&mut follower);
    bed.append("a", "2026-11-28T03:00:03Z three\n2026-11-28T03:00:04Z four");
    bed.append("b", "2026-11-28T03:00:02Z two\n");
    let rest: Vec<_> = follower.rest().map(|line| text(&line)).collect();
    let four = "2026-11-28T03:00:04Z four~";
    assert_eq!(rest, ["2026-11-28T03:00:02Z two", "2026-11-28T03:00:03Z three", four]);
    assert_eq!(follower.rest().next(), None);
    bed.append("a", " and more\n");
    expect(&mut follower, &["~ and more"]);
    expect_nothing(&mut follower);
}

/// More has happened than the system keeps for us.
#[test]
fn events_that_were_dropped_cost_no_line() {
    let bed = Bed::new();
    bed.write("app.log", "one\n");
    let mut follower = follow([bed.log_file("app.log")]);
    for _ in 0..10_000 {
        bed.write("other", "");
        bed.remove("other");
    }
    bed.append("app.log", "two\n");
    bed.rename("app.log", "app.log.2026-11-28");
    bed.write("app.log", "three\n");
    expect(&mut follower, &["two", "three"]);
    expect_nothing(&mut follower);
}

/// Who reads what another user has named reads no more than that user could have written.
///
/// Case: CC-93
#[test]
fn only_files_of_the_user_who_has_named_them_are_read() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "a secret\n").unwrap();
    let source = log_reader::Source::plain("d", &path).of_user(12345);
    let mut refused = last([source.clone()], 10);
    assert!(refused.next().is_none());
    let told = refused.problems().join("; ");
    assert!(told.contains("belongs to user 0, and not to 12345"), "{told}");
    std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
    assert_eq!(last_texts([source], 10), ["a secret"]);
}
