//! Records that go by a queue, because the thread that logs must not wait.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use rustix::fs::{FileType, Mode, OFlags};

use crate::support::bed::{Bed, Player};
use crate::support::lines::{Found, record};

/// A fifo in the place of the log, with a reader that does not read yet.
fn fifo(bed: &Bed) -> File {
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, bed.log(), FileType::Fifo, mode, 0).unwrap();
    let flags = OFlags::NONBLOCK.bits().try_into().unwrap();
    let reader = OpenOptions::new().read(true).custom_flags(flags).open(bed.log()).unwrap();
    let flags = rustix::fs::fcntl_getfl(&reader).unwrap();
    rustix::fs::fcntl_setfl(&reader, flags - OFlags::NONBLOCK).unwrap();
    reader
}

/// Reads what a flood left: its records up to the one that did not fit, and how many did not.
fn read_flood(reader: &mut impl BufRead, logged: u64) {
    for number in 0..logged - 1 {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), record("flood", number, 100));
    }
}

/// Case: FLT-E1
pub(crate) fn a_log_that_nobody_reads_holds_up_nobody_and_tells_what_it_did_not_take() {
    let bed = Bed::new();
    let reader = fifo(&bed);
    let mut program = Player::start("queued-script", &bed.yaml(""), "x", &[]);
    let logged = program.ask("flood-until-dropped");
    let logged: u64 = logged.strip_prefix("logged ").unwrap().parse().unwrap();
    assert_eq!(program.reply(), "dropped 1");
    assert_eq!(program.ask("log one more"), "dropped 2");
    // Neither does anything else that is asked of it.
    assert_eq!(program.ask("reopen"), "dropped 2");
    assert_eq!(program.ask("flush"), "flushed false");
    assert_eq!(program.reply(), "dropped 2");

    let mut reader = BufReader::new(reader);
    read_flood(&mut reader, logged);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "2 records dropped: writing took too long, the queue was full\n");
    assert_eq!(program.ask("log it goes again"), "dropped 2");
    line.clear();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "it goes again\n");
}

/// Case: FLT-E1
pub(crate) fn nor_does_a_stream() {
    let yaml = "stream: stderr\nformat: '{message}'";
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = Player::command("queued-script", yaml, "x", &[]);
    let mut program = Player::spawn(command.stderr(writer));
    // The command has a copy of the writing end: with it open, our reading would never come to an end.
    drop(command);
    assert_eq!(program.reply(), "ready");
    let logged = program.ask("flood-until-dropped");
    let logged: u64 = logged.strip_prefix("logged ").unwrap().parse().unwrap();
    assert_eq!(program.reply(), "dropped 1");
    let mut reader = BufReader::new(reader);
    read_flood(&mut reader, logged);
    program.tell("log last");
    program.end_input();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "1 record dropped: writing took too long, the queue was full\nlast\n");
}

/// Case: FLT-E1
pub(crate) fn only_the_thread_that_wants_it_hands_its_records_over() {
    let bed = Bed::new();
    let reader = fifo(&bed);
    let mut program = Player::start("script", &bed.yaml(""), "x", &[]);
    assert_eq!(program.ask("queue-this-thread"), "dropped 0");
    let logged = program.ask("flood-until-dropped");
    let logged: u64 = logged.strip_prefix("logged ").unwrap().parse().unwrap();
    assert_eq!(program.reply(), "dropped 1");
    // The other thread waits for its turn at the fifo, and holds up nobody else.
    assert_eq!(program.ask("elsewhere a record of another thread"), "dropped 1");
    assert_eq!(program.ask("log one more"), "dropped 2");
    let mut reader = BufReader::new(reader);
    let mut numbers = 0;
    let mut others = Vec::new();
    while others.len() < 2 {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            line if *line == record("flood", numbers, 100) => numbers += 1,
            line => others.push(line.to_owned()),
        }
    }
    others.sort();
    assert_eq!(numbers, logged - 1);
    assert_eq!(
        others,
        [
            "2 records dropped: writing took too long, the queue was full",
            "a record of another thread"
        ]
    );
}

/// Case: FLT-E1
pub(crate) fn last_words_are_written_before_the_end() {
    for records in [1, 3, 100, 1000] {
        let bed = Bed::new();
        let program =
            Player::start("queued-last-words", &bed.yaml(""), "x", &[&records.to_string()]);
        program.finish();
        let found = Found::in_files([bed.read("app.log").as_str()]);
        assert_eq!(found.records["last"], records);
    }
}

/// The thread that ends the process need not be the one that has logged.
///
/// Case: FLT-E1
pub(crate) fn records_of_another_thread_are_written_before_the_end() {
    let bed = Bed::new();
    Player::start("queued-others-words", &bed.yaml(""), "x", &["4000"]).finish();
    let found = Found::in_files([bed.read("app.log").as_str()]);
    assert_eq!(found.records["last"], 4000);
}

/// As pid files and output, a log is the same file wherever the process goes.
///
/// Case: FLT-A6
pub(crate) fn a_relative_path_means_the_same_file_from_then_on() {
    let bed = Bed::new();
    std::fs::create_dir(bed.inside("other")).unwrap();
    let mut command = Player::command("elsewhere", "file: app.log", "x", &["other"]);
    let mut program = Player::spawn(command.current_dir(bed.inside("")));
    assert_eq!(program.reply(), "ready");
    program.finish();
    assert_eq!(bed.read("app.log").lines().count(), 2);
    assert!(!bed.inside("other/app.log").exists());
}

/// Case: FLT-E1
pub(crate) fn the_end_does_not_wait_for_a_log_that_nobody_reads() {
    let bed = Bed::new();
    let reader = fifo(&bed);
    Player::start("queued-last-words", &bed.yaml(""), "x", &["5000"]).finish();
    drop(reader);
    // Nor does it wait for a stream.
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = Player::command("queued-last-words", "stream: stderr", "x", &["5000"]);
    let mut program = Player::spawn(command.stderr(writer).stdin(Stdio::null()));
    assert_eq!(program.reply(), "ready");
    program.finish();
    drop(reader);
}

/// Case: FLT-E1
pub(crate) fn records_by_queue_are_in_order_across_rotations() {
    let bed = Bed::new();
    let yaml = bed.yaml("rotation: size\nmax_size: 20000\nkeep: 1000\n");
    let mut program = Player::start("queued-script", &yaml, "x", &[]);
    assert_eq!(program.ask("flood 3000"), "dropped 0");
    program.finish();
    let names = bed.names();
    assert!(names.len() > 10, "{names:?}");
    let (today, old) = names.split_first().unwrap();
    let contents: Vec<String> = old.iter().chain([today]).map(|name| bed.read(name)).collect();
    let found = Found::in_files(contents.iter().map(String::as_str));
    assert_eq!(found.records["flood"], 3000);
}
