//! Days, hours and weeks of one file, with a clock of the test's own.

use super::*;
use std::cell::Cell;
use std::fs;
use tempfile::TempDir;

thread_local! {
    static CLOCK: Cell<Timestamp> = const { Cell::new(Timestamp::UNIX_EPOCH) };
}

/// Sets the clock of this test. It stays in the past: files say that they were begun when they
/// really were, and the earlier of both times counts.
fn at(moment: &str) -> Timestamp {
    let now = moment.parse().unwrap();
    CLOCK.set(now);
    now
}

fn plan(folder: &TempDir, rotation: Rotation, keep: usize) -> FilePlan {
    FilePlan {
        path: folder.path().join("app.log"),
        trust: Trust::default(),
        rotation,
        zone: TimeZone::UTC,
        max_size: 1 << 20,
        keep: Keep { files: keep, bytes: 1 << 30 },
        compress: false,
        clock: || CLOCK.get(),
    }
}

fn open(folder: &TempDir, rotation: Rotation, keep: usize) -> NamedFile {
    NamedFile::open(plan(folder, rotation, keep)).unwrap()
}

/// Name and contents of each file, sorted.
fn files(folder: &TempDir) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[track_caller]
fn check(folder: &TempDir, expected: &[(&str, &str)]) {
    let found = files(folder);
    let found: Vec<(&str, &str)> =
        found.iter().map(|(name, contents)| (&**name, &**contents)).collect();
    assert_eq!(found, expected);
}

/// Cases: LOG-02, LOG-13
#[test]
fn each_day_has_its_file_and_the_last_days_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    at("2020-02-27T12:00:00Z");
    let mut log = open(&folder, Rotation::Midnight, 2);
    for day in ["2020-02-27", "2020-02-28", "2020-02-29", "2020-03-02"] {
        let now = at(&format!("{day}T12:00:00Z"));
        log.append(format!("{day} noon\n").as_bytes(), now).unwrap();
        let now = at(&format!("{day}T23:59:59.999Z"));
        log.append(format!("{day} night\n").as_bytes(), now).unwrap();
    }
    check(
        &folder,
        &[
            ("app.log", "2020-03-02 noon\n2020-03-02 night\n"),
            ("app.log.2020-02-28", "2020-02-28 noon\n2020-02-28 night\n"),
            ("app.log.2020-02-29", "2020-02-29 noon\n2020-02-29 night\n"),
        ],
    );
}

/// The system can make a thread wait between the time of its record and the writing of it, until another
/// has begun the new day's file. That file was then taken for one begun the day before.
///
/// Case: LOG-02
#[test]
fn a_record_from_before_midnight_does_not_rotate_the_file_from_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let before = at("2020-01-01T23:59:59.999Z");
    let mut fast = open(&folder, Rotation::Midnight, 7);
    let mut slow = open(&folder, Rotation::Midnight, 7);
    fast.append(b"old day\n", before).unwrap();
    let after = at("2020-01-02T00:00:00.001Z");
    fast.append(b"new day\n", after).unwrap();
    slow.append(b"held up\n", before).unwrap();
    slow.append(b"new day, too\n", after).unwrap();
    check(
        &folder,
        &[("app.log", "new day\nheld up\nnew day, too\n"), ("app.log.2020-01-01", "old day\n")],
    );
}

/// Case: LOG-02
#[test]
fn a_clock_set_back_over_midnight_goes_on_with_the_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut now = at("2020-01-01T12:00:00Z");
    let mut log = open(&folder, Rotation::Midnight, 7);
    log.append(b"one\n", now).unwrap();
    for moment in ["2020-01-02T00:00:01Z", "2020-01-01T23:59:00Z", "2020-01-02T00:00:02Z"] {
        now = at(moment);
        log.append(b"two\n", now).unwrap();
    }
    check(&folder, &[("app.log", "two\ntwo\ntwo\n"), ("app.log.2020-01-01", "one\n")]);
    // The clock comes back from a year that it never was.
    now = at("2021-01-01T00:00:00Z");
    log.append(b"three\n", now).unwrap();
    now = at("2020-01-02T12:00:00Z");
    log.append(b"four\n", now).unwrap();
    now = at("2020-01-03T12:00:00Z");
    log.append(b"five\n", now).unwrap();
    assert_eq!(files(&folder)[0], ("app.log".to_owned(), "five\n".to_owned()));
    assert_eq!(files(&folder).last().unwrap().1, "three\nfour\n");
}

/// Case: LOG-02
#[test]
fn hours_and_weeks_have_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let now = at("2020-01-05T22:30:00Z"); // a Sunday
    let mut log = open(&folder, Rotation::Hourly, 7);
    log.append(b"22\n", now).unwrap();
    log.append(b"23\n", at("2020-01-05T23:00:00Z")).unwrap();
    check(&folder, &[("app.log", "23\n"), ("app.log.2020-01-05T22", "22\n")]);

    // In a folder of its own: a week begins before the hours in it, and the file of a week that was put
    // aside after those of hours is younger.
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder, Rotation::Weekly, 7);
    log.append(b"sunday\n", at("2020-01-05T23:59:00Z")).unwrap();
    log.append(b"monday\n", at("2020-01-06T00:00:00Z")).unwrap();
    check(&folder, &[("app.log", "monday\n"), ("app.log.2019-12-30", "sunday\n")]);
}

/// Case: FLT-J1
#[test]
fn after_another_rotation_was_chosen_what_is_put_aside_is_still_the_youngest() {
    let folder = tempfile::tempdir().unwrap();
    at("2020-01-05T22:30:00Z");
    let mut log = open(&folder, Rotation::Hourly, 7);
    log.append(b"22\n", at("2020-01-05T22:30:00Z")).unwrap();
    log.append(b"23\n", at("2020-01-05T23:00:00Z")).unwrap();
    let mut log = open(&folder, Rotation::Weekly, 1);
    log.append(b"monday\n", at("2020-01-06T00:00:00Z")).unwrap();
    check(&folder, &[("app.log", "monday\n"), ("app.log.2020-01-05T22.0001", "23\n")]);
}

/// A machine without a clock of its own begins in 1970, and learns the time when the network is there.
///
/// Case: FLT-J1
#[test]
fn what_was_begun_before_the_clock_was_set_is_not_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    at("2020-01-01T12:00:00Z");
    let mut log = open(&folder, Rotation::Midnight, 2);
    for day in ["2020-01-01", "2020-01-02", "2020-01-03"] {
        log.append(format!("{day}\n").as_bytes(), at(&format!("{day}T12:00:00Z"))).unwrap();
    }
    // Each of three boots.
    for (boot, day) in ["2020-01-04", "2020-01-05", "2020-01-06"].iter().enumerate() {
        let early = at("1970-01-01T00:00:10Z");
        let mut log = open(&folder, Rotation::Midnight, 2);
        log.append(format!("boot {boot}\n").as_bytes(), early).unwrap();
        log.append(format!("{day}\n").as_bytes(), at(&format!("{day}T12:00:00Z"))).unwrap();
    }
    check(
        &folder,
        &[
            ("app.log", "2020-01-06\n"),
            ("app.log.2020-01-02.0002", "2020-01-04\nboot 1\n"),
            ("app.log.2020-01-02.0003", "2020-01-05\nboot 2\n"),
        ],
    );
}

#[test]
fn an_empty_file_is_not_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    at("2020-01-01T12:00:00Z");
    let mut log = open(&folder, Rotation::Midnight, 7);
    log.append(b"late\n", at("2020-01-05T12:00:00Z")).unwrap();
    check(&folder, &[("app.log", "late\n")]);
}

/// Lines that have waited over midnight do not begin a new day's file; those of the new day do.
///
/// Case: LOG-02
#[test]
fn a_day_ends_for_records_by_their_own_time() {
    let folder = tempfile::tempdir().unwrap();
    let evening = at("2020-02-27T23:59:59Z");
    let mut log = open(&folder, Rotation::Midnight, 7);
    log.append(b"evening\n", evening).unwrap();
    let morning = at("2020-02-28T00:00:01Z");
    log.append(b"made in the evening\n", evening).unwrap();
    check(&folder, &[("app.log", "evening\nmade in the evening\n")]);
    log.append(b"morning\n", morning).unwrap();
    check(
        &folder,
        &[("app.log", "morning\n"), ("app.log.2020-02-27", "evening\nmade in the evening\n")],
    );
    // The clock is set back while a record of the new day waits: the record goes into the new day's file,
    // and begins none.
    at("2020-02-27T23:59:59Z");
    log.append(b"waited\n", morning).unwrap();
    log.append(b"again\n", morning).unwrap();
    assert_eq!(files(&folder).len(), 2);
    // Nor does that keep it from being rotated for its size.
    log.plan.max_size = 20;
    log.append(b"too much\n", morning).unwrap();
    assert_eq!(files(&folder).len(), 3);
}

#[test]
fn complaints_that_nobody_asks_for_are_bounded() {
    let mut complaints = Complaints::default();
    for number in 0..2 * MOST_COMPLAINTS {
        assert_eq!(complaints.push(number.to_string()), number < MOST_COMPLAINTS);
    }
    assert_eq!(complaints.0.len(), MOST_COMPLAINTS);
    assert_eq!(complaints.0[0], "0");
}

/// Records come with times in any order. When the pause was counted by these, each record tried the
/// rotation again, and told of it.
#[test]
fn what_cannot_be_rotated_is_tried_again_by_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let (noon, later) = (at("2020-01-01T12:00:00Z"), "2020-01-01T13:00:00Z".parse().unwrap());
    let mut plan = plan(&folder, Rotation::Size, 7);
    // With a date after it, the name is longer than a name may be.
    (plan.path, plan.max_size) = (folder.path().join("x".repeat(250)), 10);
    let mut log = NamedFile::open(plan).unwrap();
    log.append(b"0123456789\n", noon).unwrap();
    let rounds = |log: &mut NamedFile| {
        for _ in 0..20 {
            log.append(b"later\n", later).unwrap();
            log.append(b"now\n", noon).unwrap();
        }
        log.complaints().iter().filter(|text| text.contains("cannot be rotated")).count()
    };
    assert_eq!(rounds(&mut log), 1);
    at("2020-01-01T12:01:01Z");
    assert_eq!(rounds(&mut log), 1, "a minute later it is tried again");
}

/// The loss of the name was told once, and then never again.
#[test]
fn a_name_that_is_lost_again_is_told_of_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut now = at("2020-01-01T12:00:00Z");
    let mut log = open(&folder, Rotation::Midnight, 7);
    let (path, moved) = (folder.path().join("app.log"), folder.path().join("moved"));
    for _ in 0..3 {
        fs::rename(&path, &moved).unwrap();
        fs::create_dir(&path).unwrap();
        for _ in 0..2 {
            now += SignedDuration::from_secs(3600);
            CLOCK.set(now);
            log.append(b"record\n", now).unwrap();
        }
        assert_eq!(log.complaints().len(), 1);
        fs::remove_dir(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
        now += SignedDuration::from_secs(3600);
        CLOCK.set(now);
        log.append(b"record\n", now).unwrap();
        assert_eq!(log.complaints(), [""; 0]);
    }
}
