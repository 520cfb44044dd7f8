//! A log file by its name: the file behind it changes by rotation, ours or another's.

use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::append::{Appended, Appender};
use crate::compress::Compressor;
use crate::config::Rotation;
use crate::names::Keep;
use crate::open;
use crate::period::{self, Period, Verdict};
use crate::rotate::{self, Rotated};

/// Records that follow each other faster than a file can be renamed need no look at the name in
/// between: the first of them had one. In a burst that would be half the cost of a record. (A rename takes
/// at least 2.8 µs where this was measured, in memory; a short system call of the program's, 0.15.)
const BURST_GAP: SignedDuration = SignedDuration::from_nanos(500);

/// However long a burst, a look at the name is good for this long. So late a rename by *another*
/// process can be noticed; the records are in the renamed file then. (A removal is noticed with every
/// record.)
const LOOK_INTERVAL: SignedDuration = SignedDuration::from_millis(1);

/// How long after a failed rotation the next is tried: long enough not to try for every record, short
/// enough to have it done in the same hour.
const RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// A record that finds a removed file or a cut line is written again; so often that only somebody
/// who does nothing else can prevent it.
const ATTEMPTS: usize = 100;

/// What a file sink was told to do.
#[derive(Debug)]
pub(crate) struct FilePlan {
    pub(crate) path: PathBuf,
    pub(crate) rotation: Rotation,
    pub(crate) zone: TimeZone,
    pub(crate) max_size: u64,
    pub(crate) keep: Keep,
    pub(crate) compress: bool,
    pub(crate) clock: fn() -> Timestamp,
}

/// The file that the name leads to, as far as we know.
#[derive(Debug)]
struct Current {
    appender: Appender,
    begun: Timestamp,
    period: Option<Period>,
}

/// Appends records to whatever the name leads to.
#[derive(Debug)]
pub(crate) struct LogFile {
    plan: FilePlan,
    current: Option<Current>,
    looked_at: Timestamp,
    /// When the last record was written.
    written_at: Timestamp,
    rotate_not_before: Timestamp,
    compressor: Compressor,
    /// What should be told in the log: that rotation does not work.
    complaints: Vec<String>,
}

impl LogFile {
    /// Opens the file. Later failures are those of single records.
    pub(crate) fn open(plan: FilePlan) -> io::Result<LogFile> {
        let mut file = LogFile {
            plan,
            current: None,
            looked_at: Timestamp::MIN,
            written_at: Timestamp::MIN,
            rotate_not_before: Timestamp::MIN,
            compressor: Compressor::default(),
            complaints: Vec::new(),
        };
        file.reopen()?;
        if file.current.as_ref().is_some_and(|current| current.appender.regular) {
            file.plan.path = open::real_path(&file.plan.path);
        }
        Ok(file)
    }

    /// The name, after links.
    pub(crate) fn path(&self) -> &Path {
        &self.plan.path
    }

    /// What has come up since the last call, if anything has.
    pub(crate) fn complaints(&mut self) -> Option<Vec<String>> {
        (!self.complaints.is_empty()).then(|| std::mem::take(&mut self.complaints))
    }

    /// Appends a record, on lines of its own, to the file of its time.
    ///
    /// `now` is the time of the record, which is earlier than the present one: by little, or by as long
    /// as the system made this thread wait.
    pub(crate) fn append(&mut self, record: &[u8], now: Timestamp) -> io::Result<()> {
        self.append_with(record, now, Appender::append)
    }

    /// Appends bytes that are no record to the file of their time, as they are.
    pub(crate) fn append_bytes(&mut self, bytes: &[u8], now: Timestamp) -> io::Result<()> {
        self.append_with(bytes, now, Appender::append_bytes)
    }

    fn append_with(
        &mut self,
        bytes: &[u8],
        now: Timestamp,
        append: fn(&mut Appender, &[u8]) -> io::Result<Appended>,
    ) -> io::Result<()> {
        for _ in 0..ATTEMPTS {
            self.look(now)?;
            self.rotate_if_due(bytes.len(), now);
            let Some(current) = &mut self.current else {
                return Err(io::ErrorKind::NotFound.into());
            };
            match append(&mut current.appender, bytes)? {
                Appended::Done => {
                    self.written_at = (self.plan.clock)();
                    return Ok(());
                }
                Appended::Removed => self.reopen()?,
                Appended::Glued => (),
            }
        }
        Err(io::Error::other("the file is removed again and again"))
    }

    /// Opens whatever the name leads to now. On failure goes on with the file that is open, if what
    /// is written there can be found.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        self.looked_at = (self.plan.clock)();
        match open::open(&self.plan.path) {
            Ok(opened) => {
                // Read after opening: the file of a new day was made by someone who saw that day, and
                // must not be taken for yesterday's by who has seen only yesterday so far.
                let now = (self.plan.clock)();
                let appender = Appender::new(opened);
                let mut current = Current { appender, begun: now, period: None };
                if current.appender.regular {
                    current.begin(&self.plan, open::begun(current.appender.file(), now));
                }
                self.current = Some(current);
                Ok(())
            }
            Err(error) => {
                self.current.take_if(|current| !current.appender.has_a_name());
                Err(error)
            }
        }
    }

    /// Compares name and file, if that was not done just now.
    fn look(&mut self, now: Timestamp) -> io::Result<()> {
        // A record of another thread may have been written after this one's time was taken; a clock
        // that was set back by more than that is a reason to look.
        let since = |then| now.duration_since(then);
        let in_burst = (-LOOK_INTERVAL..BURST_GAP).contains(&since(self.written_at))
            && (-LOOK_INTERVAL..LOOK_INTERVAL).contains(&since(self.looked_at));
        match &mut self.current {
            Some(_) if in_burst => Ok(()),
            Some(current) if open::leads_to(&self.plan.path, current.appender.identity) => {
                self.looked_at = now;
                current.appender.look_at_the_end();
                Ok(())
            }
            Some(_) | None => match self.reopen() {
                Err(error) if self.current.is_none() => Err(error),
                _ => Ok(()),
            },
        }
    }

    fn rotate_if_due(&mut self, bytes: usize, now: Timestamp) {
        let Some(current) = &mut self.current else { return };
        match current.period.map_or(Verdict::Keep, |period| period.verdict(now)) {
            Verdict::Keep if current.is_full(&self.plan, bytes) => self.rotate(now),
            Verdict::Keep => (),
            Verdict::Anew => current.begin(&self.plan, (self.plan.clock)()),
            Verdict::PutAside => self.rotate(now),
        }
    }

    fn rotate(&mut self, now: Timestamp) {
        let Some(current) = &mut self.current else { return };
        // Only if it is near: after a step back of the clock it would be an arbitrary time away.
        let wait = self.rotate_not_before.duration_since(now);
        if wait.is_positive() && wait <= RETRY_INTERVAL {
            self.look_next_time();
            return;
        }
        if current.appender.file().metadata().is_ok_and(|metadata| metadata.len() == 0) {
            current.begin(&self.plan, (self.plan.clock)());
            return;
        }
        let stamp = period::stamp(self.plan.rotation, &self.plan.zone, current.begun);
        let (path, keep) = (&self.plan.path, self.plan.keep);
        let complaints = &mut self.complaints;
        let result =
            rotate::put_aside(path, current.appender.identity, &stamp, keep, &mut |error| {
                complaints.push(format!(
                    "an old file of `{}` cannot be removed: {error}",
                    path.display()
                ));
            });
        match result {
            Ok(Rotated::Busy) => {
                self.rotate_not_before = later(now, LOOK_INTERVAL);
                self.look_next_time();
            }
            Ok(Rotated::NotOurs) => self.begin_successor(now),
            Ok(Rotated::PutAside) => {
                self.begin_successor(now);
                // After we have let go of the file ourselves.
                if self.plan.compress
                    && let Err(error) = self.compressor.start(&self.plan.path)
                {
                    let path = self.plan.path.display();
                    self.complaints
                        .push(format!("an old file of `{path}` stays uncompressed: {error}"));
                }
            }
            Err(error) => {
                self.rotate_not_before = later(now, RETRY_INTERVAL);
                let path = path.display();
                self.complaints.push(format!("`{path}` cannot be rotated and goes on: {error}"));
            }
        }
    }

    /// Even in a burst: someone is about to replace the file.
    fn look_next_time(&mut self) {
        self.looked_at = Timestamp::MIN;
    }

    /// If the new file cannot be opened, records go on into the old one, which has a name.
    fn begin_successor(&mut self, now: Timestamp) {
        let predecessor = self.current.as_ref().and_then(|c| c.appender.file().try_clone().ok());
        match (self.reopen(), predecessor, &self.current) {
            (Ok(()), Some(predecessor), Some(current)) => {
                rotate::inherit(&predecessor, current.appender.file());
            }
            (Ok(()), _, _) => (),
            (Err(_), _, _) => self.rotate_not_before = later(now, LOOK_INTERVAL),
        }
    }
}

impl Current {
    fn is_full(&mut self, plan: &FilePlan, bytes: usize) -> bool {
        if plan.rotation == Rotation::Never || self.appender.has_room(bytes, plan.max_size) {
            return false;
        }
        // Unless someone has truncated it since our last record.
        self.appender.look_at_the_end();
        self.appender.regular && !self.appender.has_room(bytes, plan.max_size)
    }

    fn begin(&mut self, plan: &FilePlan, at: Timestamp) {
        self.begun = at;
        self.period = Period::of(plan.rotation, &plan.zone, at);
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
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

    fn open(folder: &TempDir, rotation: Rotation, keep: usize) -> LogFile {
        let plan = FilePlan {
            path: folder.path().join("app.log"),
            rotation,
            zone: TimeZone::UTC,
            max_size: 1 << 20,
            keep: Keep { files: keep, bytes: 1 << 30 },
            compress: false,
            clock: || CLOCK.get(),
        };
        LogFile::open(plan).unwrap()
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

    /// The system can make a thread wait between the time of its record and the writing of it, until
    /// another has begun the new day's file. That was then taken for one begun the day before.
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
        // And back from a year that it never was.
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

        let mut log = open(&folder, Rotation::Weekly, 7);
        log.append(b"sunday\n", at("2020-01-05T23:59:00Z")).unwrap();
        log.append(b"monday\n", at("2020-01-06T00:00:00Z")).unwrap();
        check(
            &folder,
            &[
                ("app.log", "monday\n"),
                ("app.log.2019-12-30", "23\nsunday\n"),
                ("app.log.2020-01-05T22", "22\n"),
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
}
