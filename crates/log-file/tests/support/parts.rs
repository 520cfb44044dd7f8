//! What a child does. Each part opens the file that its options say.

use std::io::{BufRead, Read, Write, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use log_file::{LogFile, Options, Rotation, Time, size};

use super::lines;

/// The first argument of a child.
pub(crate) const MARK: &str = "play-the-part-of";

pub(crate) fn play(args: &[String]) {
    let [part, text, name, rest @ ..] = args else { panic!("part, options and name") };
    let mut file = options(text).open().unwrap();
    say("ready");
    match part.as_str() {
        "script" => script(&mut file),
        "writer" => writer(&mut file, name, rest[0].parse().unwrap()),
        "count" => count(&mut file, name, rest[0].parse().unwrap(), rest[1].parse().unwrap()),
        "until" => until(&mut file, name, rest[0].parse().unwrap()),
        other => panic!("there is no part {other}"),
    }
}

/// Options as lines: the name of a method, and its value.
fn options(text: &str) -> Options {
    let mut options = Options::file("");
    for (name, value) in text.lines().map(|line| line.split_once(": ").unwrap()) {
        options = match (name, value) {
            ("file", path) => Options::file(path),
            ("rotation", "never") => options.rotation(Rotation::Never),
            ("rotation", "size") => options.rotation(Rotation::Size),
            ("rotation", "midnight") => options.rotation(Rotation::Midnight),
            ("time", "utc") => options.time(Time::Utc),
            ("compress", "true") => options.compress(true),
            ("max_size", bytes) => options.max_size(bytes.parse().unwrap()),
            ("keep", files) => options.keep(files.parse().unwrap()),
            ("keep_size", "unlimited") => options.keep_size(size::UNLIMITED),
            (other, value) => panic!("nobody knows how to have {other} as {value}"),
        };
    }
    options
}

fn say(text: &str) {
    let mut out = stdout();
    writeln!(out, "{text}").unwrap();
    out.flush().unwrap();
}

/// Does what it is told, line by line.
fn script(file: &mut LogFile) {
    let mut dropped = 0;
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let Some(text) = line.strip_prefix("log ") else { panic!("nobody knows how to {line}") };
        dropped += u32::from(writeln!(file, "{text}").is_err());
        say(&format!("dropped {dropped}"));
    }
}

/// Appends numbered records of about `size` bytes, as fast as it can, until its input ends. Says so when
/// it has appended some.
fn writer(file: &mut LogFile, name: &str, size: usize) {
    static OVER: AtomicBool = AtomicBool::new(false);
    thread::spawn(|| {
        let _ = stdin().read_to_end(&mut Vec::new());
        OVER.store(true, Ordering::Relaxed);
    });
    let mut number = 0;
    while !OVER.load(Ordering::Relaxed) {
        append(file, &lines::record(name, number, size));
        number += 1;
        if number == 20 {
            say("going");
        }
    }
    say(&format!("wrote {number}"));
}

/// Appends so many numbered records of about `size` bytes.
fn count(file: &mut LogFile, name: &str, records: u64, size: usize) {
    for number in 0..records {
        append(file, &lines::record(name, number, size));
    }
    say(&format!("wrote {records}"));
}

/// Appends numbered records until the time has come.
fn until(file: &mut LogFile, name: &str, millis: u64) {
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    let mut number = 0;
    while SystemTime::now() < end {
        append(file, &lines::record(name, number, 40));
        number += 1;
    }
    say(&format!("wrote {number}"));
}

fn append(file: &mut LogFile, record: &str) {
    writeln!(file, "{record}").unwrap();
}
