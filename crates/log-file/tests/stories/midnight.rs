//! A new day, in a time zone where it begins when we need it.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::bed::{Bed, Player};
use crate::support::lines::{Found, record};

const WRITERS: usize = 4;

/// The value of `TZ` for which it is midnight at this second.
fn zone_with_midnight_at(second: u64) -> String {
    let ahead = (86_400 - second % 86_400) % 86_400;
    format!("TST-{}:{:02}:{:02}", ahead / 3_600, ahead / 60 % 60, ahead % 60)
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Cases: LOG-02, LOG-13
pub(crate) fn processes_share_a_file_across_midnight() {
    // A machine that is too slow to start the writers before midnight gets more time.
    let passed = [2, 8, 30].into_iter().any(try_with_midnight_in);
    assert!(passed, "the writers did not start in half a minute");
}

fn try_with_midnight_in(seconds: u64) -> bool {
    let bed = Bed::new();
    let foreign = ["app.log.1", "app.log.2020-01-01.bak", "app.log.old", "other.log.2020-01-01"];
    for name in foreign {
        fs::write(bed.inside(name), "not ours\n").unwrap();
    }
    for day in 1..=9 {
        fs::write(bed.inside(&format!("app.log.2020-01-0{day}")), "old\n").unwrap();
    }
    let midnight = seconds_now() + seconds;
    let end = (midnight * 1_000 + 300).to_string();
    let options = bed.options("rotation: midnight\nkeep: 3\n");
    let mut writers: Vec<Player> = (0..WRITERS)
        .map(|number| {
            let mut command = Player::command("until", &options, &format!("w{number}"), &[&end]);
            Player::spawn(command.env("TZ", zone_with_midnight_at(midnight)))
        })
        .collect();
    for writer in &mut writers {
        assert_eq!(writer.reply(), "ready");
    }
    if SystemTime::UNIX_EPOCH + Duration::from_secs(midnight) < SystemTime::now() {
        return false;
    }
    let wrote: Vec<String> = writers.into_iter().map(Player::finish).collect();

    let names = bed.names();
    let ours: Vec<&String> =
        names.iter().filter(|name| !foreign.contains(&name.as_str())).collect();
    assert_eq!(names.len(), ours.len() + foreign.len(), "foreign files stay: {names:?}");
    let [today, oldest, old, yesterday] = ours[..] else { panic!("three are kept: {names:?}") };
    assert_eq!(
        [today, oldest, old].map(String::as_str),
        ["app.log", "app.log.2020-01-08", "app.log.2020-01-09"]
    );
    let found = Found::in_files([bed.read(yesterday).as_str(), bed.read(today).as_str()]);
    for (number, wrote) in wrote.iter().enumerate() {
        let expected: u64 = wrote.trim().strip_prefix("wrote ").unwrap().parse().unwrap();
        assert_eq!(found.records[&format!("w{number}")], expected, "of writer {number}");
    }
    assert_eq!(found.fragments, [""; 0]);
    assert_eq!(found.blanks, 0);
    // Both days were written to, so that the above says something.
    assert!(!bed.read(yesterday).is_empty() && !bed.read(today).is_empty());
    true
}

/// Case: LOG-02
pub(crate) fn whoever_opens_yesterdays_file_puts_it_aside() {
    let bed = Bed::new();
    fs::write(bed.log(), record("old", 0, 40) + "\n").unwrap();
    // A day begins after the file was written, by more than what file times are allowed to lag.
    let written = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let midnight = (written + Duration::from_millis(100)).as_secs() + 1;
    let mut writers: Vec<Player> = Vec::new();
    let day = SystemTime::UNIX_EPOCH + Duration::from_secs(midnight);
    while let Ok(left) = day.duration_since(SystemTime::now()) {
        std::thread::park_timeout(left);
    }
    for number in 0..8 {
        let options = bed.options("rotation: midnight\n");
        let mut command = Player::command("script", &options, &format!("w{number}"), &[]);
        writers.push(Player::spawn(command.env("TZ", zone_with_midnight_at(midnight))));
    }
    for (number, writer) in writers.iter_mut().enumerate() {
        assert_eq!(writer.reply(), "ready");
        writer.tell(&format!("log {}", record(&format!("w{number}"), 0, 40)));
    }
    writers.iter_mut().for_each(|writer| assert_eq!(writer.reply(), "dropped 0"));
    let names = bed.names();
    assert_eq!(names.len(), 2, "one rotation, whoever did it: {names:?}");
    assert_eq!(bed.read(&names[1]).lines().next(), Some(record("old", 0, 40).as_str()));
    let found = Found::in_files([bed.read(&names[1]).as_str(), bed.read(&names[0]).as_str()]);
    assert_eq!(found.records.len(), 9);
    assert!(bed.read("app.log").lines().count() > 0, "the new day has its file");
}

/// A machine without a clock of its own: it is 1970 until the network is there. The clock is one that
/// only the child sees.
///
/// Case: FLT-J1
pub(crate) fn what_was_put_aside_after_the_clock_was_set_is_not_the_oldest() {
    let places =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let library = places.iter().map(|place| format!("{place}/faketime/libfaketime.so.1"));
    let Some(library) = library.into_iter().find(|library| fs::exists(library).unwrap()) else {
        println!("skipped: libfaketime is not here, and no clock is set for a test");
        return;
    };
    let bed = Bed::new();
    let clock = bed.folder.path().with_extension("clock");
    let _removed = Removed(&clock);
    for day in ["2020-01-01", "2020-01-02"] {
        fs::write(bed.inside(&format!("app.log.{day}")), "old\n").unwrap();
    }
    fs::write(&clock, "@1970-01-01 00:00:10").unwrap();
    let options = bed.options("rotation: midnight\nkeep: 2\ntime: utc\n");
    let mut command = Player::command("script", &options, "x", &[]);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock);
    command.envs([("FAKETIME_NO_CACHE", "1"), ("NO_FAKE_STAT", "1"), ("TZ", "UTC")]);
    let mut program = Player::spawn(&mut command);
    assert_eq!(program.reply(), "ready");
    assert_eq!(program.ask("log in 1970"), "dropped 0");
    fs::write(&clock, "@2020-01-03 12:00:00").unwrap();
    assert_eq!(program.ask("log in 2020"), "dropped 0");
    assert_eq!(bed.names(), ["app.log", "app.log.2020-01-02", "app.log.2020-01-02.0001"]);
    assert_eq!(bed.read("app.log.2020-01-02.0001"), "in 1970\n");
    assert_eq!(bed.read("app.log"), "in 2020\n");
}

struct Removed<'a>(&'a std::path::Path);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}
