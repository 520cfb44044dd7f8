//! A log file by its name: the file behind it changes by rotation, ours or another's.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use trusted_path::{Place, Trust};

use crate::append::{Appended, Appender};
use crate::compress::Compressor;
use crate::names::{Horizon, Keep};
use crate::open;
use crate::period::{self, Period, Rotation, Turn};
use crate::rotate::{self, Aside, Rotated};

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

/// How long a rotation waits for the lock of whoever else may be at it. Monotonic.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// How long it is remembered that somebody holds the lock who does not rotate.
const LOCK_MEMORY: Duration = Duration::from_secs(60);

/// So many complaints wait for somebody who asks for them; the others are dropped.
const MOST_COMPLAINTS: usize = 64;

/// A record that finds a removed file or a cut line is written again; so often that only somebody
/// who does nothing else can prevent it.
const ATTEMPTS: usize = 100;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct FilePlan {
    pub(crate) path: PathBuf,
    pub(crate) trust: Trust,
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
    place: Place,
    begun: Timestamp,
    period: Option<Period>,
}

/// What should be told. It is bounded, since nobody may ever ask for it.
#[derive(Debug, Default)]
struct Complaints(Vec<String>);

impl Complaints {
    /// Whether there was room for it.
    fn push(&mut self, text: String) -> bool {
        let has_room = self.0.len() < MOST_COMPLAINTS;
        if has_room {
            self.0.push(text);
        }
        has_room
    }
}

/// Appends records to whatever the name leads to.
#[derive(Debug)]
pub(crate) struct NamedFile {
    plan: FilePlan,
    current: Option<Current>,
    looked_at: Timestamp,
    /// When the last record was written.
    written_at: Timestamp,
    rotate_not_before: Timestamp,
    /// Since when somebody else has had the lock whenever we wanted to rotate.
    busy_since: Option<Instant>,
    compressor: Compressor,
    /// What should be told in a log: that rotation does not work.
    complaints: Complaints,
    /// Why the name could not be opened the last time, while records went on into the file that it had led to.
    unopened: Option<String>,
}

impl NamedFile {
    /// Opens the file. Later failures are those of single records.
    pub(crate) fn open(plan: FilePlan) -> Result<NamedFile, trusted_path::Error> {
        let mut file = NamedFile {
            plan,
            current: None,
            looked_at: Timestamp::MIN,
            written_at: Timestamp::MIN,
            rotate_not_before: Timestamp::MIN,
            busy_since: None,
            compressor: Compressor::default(),
            complaints: Complaints::default(),
            unopened: None,
        };
        file.look_again()?;
        if let Some(current) = file.current.as_ref().filter(|current| current.appender.regular)
            && file.plan.compress
            && let Err(error) = file.compressor.take_up(&current.place)
        {
            file.complain_of_compression(&error);
        }
        Ok(file)
    }

    /// The name, as it was given.
    pub(crate) fn path(&self) -> &Path {
        &self.plan.path
    }

    /// What has come up since the last call.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        if let Some(problem) = self.compressor.problem() {
            self.complain_of_compression(&problem);
        }
        std::mem::take(&mut self.complaints).0
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
        Ok(self.look_again().map(drop)?)
    }

    /// Opens whatever the name leads to now, and gives back what was open before.
    fn look_again(&mut self) -> Result<Option<Current>, trusted_path::Error> {
        self.looked_at = (self.plan.clock)();
        match open::open(&self.plan.path, self.plan.trust) {
            Ok(opened) => {
                // The clock is read after opening. The file of a new day was made by a process that had
                // seen the new day; with a time from before, we would take that file for yesterday's.
                let now = (self.plan.clock)();
                let place = opened.place.clone();
                let appender = Appender::new(opened);
                let mut current = Current { appender, place, begun: now, period: None };
                if current.appender.regular {
                    let is_new = current.appender.was_empty();
                    let begun = if is_new { now } else { open::begun(current.file(), now) };
                    current.begin(&self.plan, begun);
                }
                self.unopened = None;
                Ok(self.current.replace(current))
            }
            Err(error) => {
                self.current.take_if(|current| !current.appender.has_a_name());
                Err(error)
            }
        }
    }

    /// Compares name and file, if that was not done just now.
    fn look(&mut self, now: Timestamp) -> io::Result<()> {
        // The last write may be a little later than `now`: a record of another thread was written after
        // this one's time was taken. If it is much later, the clock was set back: look.
        let since = |then| now.duration_since(then);
        let in_burst = (-LOOK_INTERVAL..BURST_GAP).contains(&since(self.written_at))
            && (-LOOK_INTERVAL..LOOK_INTERVAL).contains(&since(self.looked_at));
        match &mut self.current {
            Some(_) if in_burst => Ok(()),
            Some(current)
                if open::leads_to(&self.plan.path, current.appender.opened().identity()) =>
            {
                self.looked_at = now;
                // The name may have been lost, and is back.
                self.unopened = None;
                current.appender.look_at_the_end();
                Ok(())
            }
            Some(_) | None => match self.reopen() {
                Err(error) if self.current.is_none() => Err(error),
                Err(error) => {
                    self.complain_of_name(&error);
                    Ok(())
                }
                Ok(()) => Ok(()),
            },
        }
    }

    fn rotate_if_due(&mut self, bytes: usize, now: Timestamp) {
        let Some(current) = &mut self.current else { return };
        let period = current.period;
        let turn = |now| period.map_or(Turn::Keep, |period| period.turn(now));
        // The record's time may be ahead of the clock, which was set back since, or be any that the
        // caller has given. A file that were put aside for it would be followed by one of today again.
        let now = if turn(now) == Turn::PutAside { now.min((self.plan.clock)()) } else { now };
        match turn(now) {
            Turn::Keep if current.is_full(&self.plan, bytes) => self.rotate(),
            Turn::Keep => (),
            Turn::Anew => current.begin(&self.plan, (self.plan.clock)()),
            Turn::PutAside => self.rotate(),
        }
    }

    fn rotate(&mut self) {
        let Some(current) = &mut self.current else { return };
        // The wait is measured by the clock, since records come with times of their own, in any order.
        // And only a short wait counts: after a step back of the clock it could be of any length.
        let now = (self.plan.clock)();
        let wait = self.rotate_not_before.duration_since(now);
        if wait.is_positive() && wait <= RETRY_INTERVAL {
            self.look_next_time();
            return;
        }
        if current.file().metadata().is_ok_and(|metadata| metadata.len() == 0) {
            current.begin(&self.plan, (self.plan.clock)());
            return;
        }
        let path = self.plan.path.display();
        let complaints = &mut self.complaints;
        let busy_for = self.busy_since.map_or(Duration::ZERO, |since| since.elapsed());
        let without_lock = LOCK_PATIENCE <= busy_for;
        let how = Aside {
            stamp: period::stamp(self.plan.rotation, &self.plan.zone, current.begun),
            horizon: &Horizon::new(period::tomorrow(&self.plan.zone, (self.plan.clock)())),
            keep: self.plan.keep,
            without_lock,
        };
        let identity = current.appender.opened().identity();
        let result = rotate::put_aside(&current.place, identity, how, &mut |error| {
            complaints.push(format!("an old file of `{path}` cannot be removed: {error}"));
        });
        if !matches!(result, Ok(Rotated::Busy)) && (!without_lock || LOCK_MEMORY < busy_for) {
            self.busy_since = None;
        }
        match result {
            Ok(Rotated::Busy) => {
                self.busy_since.get_or_insert_with(Instant::now);
                self.rotate_not_before = later(now, LOOK_INTERVAL);
                self.look_next_time();
            }
            Ok(Rotated::NotOurs) => self.begin_successor(now),
            Ok(Rotated::PutAside) => {
                self.begin_successor(now);
                // Only now, since we have let go of the old file ourselves.
                if self.plan.compress
                    && let Some(current) = &self.current
                    && let Err(error) = self.compressor.start(&current.place)
                {
                    self.complain_of_compression(&error);
                }
            }
            Err(error) => {
                self.rotate_not_before = later(now, RETRY_INTERVAL);
                self.complaints.push(format!("`{path}` cannot be rotated and goes on: {error}"));
            }
        }
    }

    fn complain_of_compression(&mut self, error: &io::Error) {
        let path = self.plan.path.display();
        self.complaints.push(format!("an old file of `{path}` stays uncompressed: {error}"));
    }

    /// Complains that the name cannot be opened: once, and again when it is for another reason.
    fn complain_of_name(&mut self, error: &io::Error) {
        let text = format!(
            "`{}` cannot be opened, and records go on into the file that had this name: {error}",
            self.plan.path.display()
        );
        if self.unopened.as_ref() != Some(&text) && self.complaints.push(text.clone()) {
            self.unopened = Some(text);
        }
    }

    /// Has the next record look at the name, even in a burst: someone is about to replace the file.
    fn look_next_time(&mut self) {
        self.looked_at = Timestamp::MIN;
    }

    /// Goes on with the file that follows the one put aside. If it cannot be opened, records go on into
    /// the old one, which has a name.
    fn begin_successor(&mut self, now: Timestamp) {
        match self.look_again() {
            // Others who could write to the old file must be able to write to the new one.
            Ok(Some(predecessor)) => {
                if let Some(current) = &self.current {
                    let (new, old) = (current.appender.opened(), predecessor.appender.opened());
                    new.inherit(old);
                    if new.identity() == old.identity() {
                        // The old file has its name again, or still.
                        self.rotate_not_before = later(now, RETRY_INTERVAL);
                    }
                }
            }
            Ok(None) => (),
            Err(error) => {
                self.rotate_not_before = later(now, LOOK_INTERVAL);
                if self.current.is_some() {
                    self.complain_of_name(&error.into());
                }
            }
        }
    }
}

impl Current {
    fn file(&self) -> &File {
        self.appender.opened().file()
    }

    fn is_full(&mut self, plan: &FilePlan, bytes: usize) -> bool {
        if plan.rotation == Rotation::Never || self.appender.has_room(bytes, plan.max_size) {
            return false;
        }
        // Look once more: someone may have truncated the file since our last record.
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
mod tests;
