//! A writer that rotates at full speed, and who follows it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use log_file::LogFile;
use log_reader::{Follower, last};

mod support;
use support::*;

const ROTATIONS: usize = 200;
/// So many lines fit into a file.
const LINES: usize = 50;

fn number(number: usize) -> String {
    format!("2026-11-28T03:00:00.000Z line {number:08}")
}

/// Writes lines with these numbers; each file has about fifty of them.
fn write(log: &mut LogFile, numbers: std::ops::Range<usize>) {
    for each in numbers {
        writeln!(log, "{}", number(each)).unwrap();
    }
}

fn writer(bed: &Bed, compress: bool) -> LogFile {
    bed.writer("app.log", (LINES * (number(0).len() + 1)) as u64, compress)
}

/// Every line from here on comes, once and in order.
#[track_caller]
fn expect_numbers(follower: &mut Follower, numbers: std::ops::Range<usize>) {
    for each in numbers {
        let line = text(&next(follower));
        assert_eq!(line, number(each), "{:?}", follower.problems());
    }
}

fn follow_a_writer_at_full_speed(compress: bool) {
    let bed = Bed::new();
    let mut log = writer(&bed, compress);
    write(&mut log, 0..10);
    let mut follower = follow([bed.log_file("app.log")]);
    let lines = LINES * ROTATIONS;
    let writing = thread::spawn(move || {
        write(&mut log, 10..lines);
        log
    });
    expect_numbers(&mut follower, 10..lines);
    let mut log = writing.join().unwrap();
    assert_eq!(log.complaints(), [] as [String; 0]);
    assert!(ROTATIONS - 5 < bed.put_aside("app.log").len());
    expect_nothing(&mut follower);
    assert_eq!(follower.problems(), [] as [String; 0]);
}

/// Case: CC-64
#[test]
fn every_line_comes_once_while_the_file_is_rotated_at_full_speed() {
    follow_a_writer_at_full_speed(false);
}

/// Cases: CC-64, CC-68
#[test]
fn every_line_comes_once_while_files_are_compressed_too() {
    follow_a_writer_at_full_speed(true);
}

/// Who follows does nothing while the file is rotated, again and again.
///
/// Cases: CC-64, CC-68
#[test]
fn who_was_stopped_for_many_rotations_finds_all_of_them() {
    for compress in [false, true] {
        let bed = Bed::new();
        let mut log = writer(&bed, compress);
        write(&mut log, 0..10);
        let mut follower = follow([bed.log_file("app.log")]);
        let mut written = 10;
        for rotations in [1, 3, 40, ROTATIONS] {
            let goal = written + rotations * LINES + 7;
            write(&mut log, written..goal);
            expect_numbers(&mut follower, written..goal);
            written = goal;
            expect_nothing(&mut follower);
        }
        assert_eq!(follower.problems(), [] as [String; 0]);
    }
}

/// It is stopped in the middle of a file, time and again, while another thread writes on.
///
/// Cases: CC-64, CC-68
#[test]
fn who_is_stopped_time_and_again_loses_no_line() {
    let bed = Bed::new();
    let mut log = writer(&bed, true);
    let mut follower = follow([bed.log_file("app.log")]);
    let (ask, asked) = mpsc::channel::<usize>();
    let (tell, told) = mpsc::channel();
    let writing = thread::spawn(move || {
        let mut written = 0;
        for more in asked {
            write(&mut log, written..written + more);
            written += more;
            tell.send(()).unwrap();
        }
    });
    let mut taken = 0;
    let mut written = 0;
    for round in 0..60 {
        let more = [3, 500, 49, 1, 120][round % 5];
        ask.send(more).unwrap();
        written += more;
        if round % 3 == 0 {
            // Stopped until all of that has happened.
            told.recv().unwrap();
        }
        // And again in the middle of what there is.
        let half = taken + (written - taken) / 2;
        expect_numbers(&mut follower, taken..half);
        taken = half;
    }
    drop(ask);
    expect_numbers(&mut follower, taken..written);
    writing.join().unwrap();
    expect_nothing(&mut follower);
}

/// Case: CC-67
#[test]
fn following_begins_exactly_where_the_last_lines_end() {
    for compress in [false, true] {
        let bed = Bed::new();
        let mut log = writer(&bed, compress);
        let lines = LINES * ROTATIONS;
        let writing = thread::spawn(move || write(&mut log, 0..lines));
        let mut next_number = None;
        let mut begun = 0;
        let limit = Instant::now() + 2 * PATIENCE;
        while next_number != Some(lines) {
            assert!(
                Instant::now() < limit,
                "after {begun} beginnings at {next_number:?} of {lines}"
            );
            // Each time anew, somewhere in the middle of it.
            let mut found = last([bed.log_file("app.log")], 3);
            let shown: Vec<_> = found.by_ref().map(|line| text(&line)).collect();
            let mut follower = found.follow();
            if shown.is_empty() {
                continue;
            }
            assert_eq!(shown.len(), 3.min(shown.len()));
            begun += 1;
            let first: usize = shown[0].rsplit(' ').next().unwrap().parse().unwrap();
            let expected: Vec<_> = (first..first + shown.len()).map(number).collect();
            assert_eq!(shown, expected);
            let from = first + shown.len();
            let to = lines.min(from + 3 * LINES);
            expect_numbers(&mut follower, from..to);
            next_number = Some(to);
        }
        writing.join().unwrap();
        assert!(1 < begun);
    }
}

/// Case: CC-68
#[test]
fn the_last_lines_are_exact_across_files_that_are_being_compressed() {
    let bed = Bed::new();
    let mut log = writer(&bed, true);
    let lines = LINES * 20 + 13;
    write(&mut log, 0..lines);
    let all: Vec<_> = (0..lines).map(number).collect();
    for wanted in [0, 1, 12, 13, 14, LINES, LINES * 2 + 14, LINES * 19, lines - 1, lines, lines + 1]
    {
        let found = last_texts([bed.log_file("app.log")], wanted as u64);
        assert!(found.iter().eq(&all[lines - wanted.min(lines)..]), "{wanted}: {}", found.len());
    }
    assert!(last_texts([bed.log_file("app.log")], u64::MAX) == all);
}

/// Some of their lines go to a file that was put aside, and to the new one before that is seen.
///
/// Cases: CC-64, CC-65
#[test]
fn lines_of_several_writers_come_once_each_in_its_order() {
    const WRITERS: usize = 3;
    const EACH: usize = 6000;
    for compress in [false, true] {
        let bed = Bed::new();
        drop(writer(&bed, compress));
        let mut follower = follow([bed.log_file("app.log")]);
        let writing: Vec<_> = (0..WRITERS)
            .map(|_| writer(&bed, compress))
            .enumerate()
            .map(|(who, mut log)| {
                thread::spawn(move || {
                    (0..EACH).for_each(|each| writeln!(log, "{who} {each}").unwrap());
                })
            })
            .collect();
        let mut expected = [0; WRITERS];
        for _ in 0..WRITERS * EACH {
            let line = text(&next(&mut follower));
            let (who, each) = line.split_once(' ').unwrap();
            let who: usize = who.parse().unwrap();
            assert_eq!(each, expected[who].to_string(), "{line}; {:?}", follower.problems());
            expected[who] += 1;
        }
        writing.into_iter().for_each(|writing| writing.join().unwrap());
        expect_nothing(&mut follower);
    }
}

/// Case: CC-71
#[test]
fn after_hundreds_of_rotations_as_many_descriptors_are_open() {
    for compress in [false, true] {
        let bed = Bed::new();
        let mut log = writer(&bed, compress);
        let mut follower = follow([bed.log_file("app.log")]);
        let mut counts = Vec::new();
        for round in 0..2 {
            let from = round * LINES * ROTATIONS;
            write(&mut log, from..from + LINES * ROTATIONS);
            expect_numbers(&mut follower, from..from + LINES * ROTATIONS);
            // The grace is over.
            assert_eq!(follower.turn(Instant::now() + Duration::from_secs(11)), None);
            assert_eq!(follower.turn(Instant::now() + Duration::from_secs(22)), None);
            counts.push(descriptors(&bed));
        }
        drop(log);
        // The compressor may have one file open, too.
        assert!(counts[1] <= counts[0] + 2 && counts[1] < 10, "{counts:?}");
    }
}

/// Others write faster than it reads, into the same file and the next ones, and to one that was put aside.
#[test]
fn the_rest_ends_where_the_files_ended_then_and_what_comes_after_it_is_not_lost() {
    for (compress, slack) in [(false, 1), (false, 70), (true, 3)] {
        let bed = Bed::new();
        let mut log = writer(&bed, compress);
        write(&mut log, 0..10);
        let mut follower = follow([bed.log_file("app.log")]);
        let there = 10 + slack * LINES;
        write(&mut log, 10..there);
        let mut written = there;
        let mut rest = follower.rest();
        for each in 10..there {
            assert_eq!(text(&rest.next().unwrap()), number(each));
            // More comes than is taken.
            write(&mut log, written..written + 2);
            written += 2;
        }
        // The last file may have become full before it was opened.
        let more: Vec<_> = rest.map(|line| text(&line)).collect();
        assert!(more.len() <= LINES, "{} more", more.len());
        assert!(more.iter().cloned().eq((there..).map(number).take(more.len())));
        expect_numbers(&mut follower, there + more.len()..written);
        expect_nothing(&mut follower);
        assert_eq!(follower.problems(), [] as [String; 0]);
    }
}
