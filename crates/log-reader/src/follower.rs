//! Lines as they are appended.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant, SystemTime};

use crate::begin::Wanted;
use crate::last::Last;
use crate::line::Line;
use crate::merge::Entry;
use crate::problems::Problems;
use crate::reading::Reading;
use crate::rest::Rest;
use crate::source::Source;
use crate::sys::Folders;
use crate::trail::Mode;

/// How often it is looked where the system tells nothing.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Gives the lines that are appended to its sources, each once, merged by time.
///
/// In a loop of one's own: wait until [`descriptor`](Follower::descriptor) is readable or
/// [`deadline`](Follower::deadline) has come, then take lines by [`turn`](Follower::turn) until there is none. Else
/// [`next`](Follower::next) does all of that.
///
/// Dropping it closes all files.
#[derive(Debug)]
pub struct Follower {
    pub(crate) reading: Reading,
    /// None: the system has none left for us, and everything is looked at now and then.
    folders: Option<Folders>,
    look_at: Option<Instant>,
    problems: Problems,
}

impl Follower {
    pub(crate) fn new(last: Last) -> Follower {
        let reading = last.into_reading();
        let (folders, look_at, problems) = (None, None, Problems::default());
        let mut follower = Follower { reading, folders, look_at, problems };
        // What was read as far as it went then is read on.
        follower.wake();
        match Folders::new() {
            Ok(folders) => follower.folders = Some(folders),
            Err(error) => follower.look_only(&error),
        }
        // What happens from here on is told; what has happened before is seen by the first look, which comes after.
        follower.watch();
        follower
    }

    /// Follows one more source, from its last `lines` lines on (`u64::MAX`: from the first there is). Gives its
    /// position, which its lines bear.
    pub fn add(&mut self, source: Source, lines: u64) -> usize {
        self.join(source, Wanted { lines, since: None })
    }

    /// The same from its first line on, which is that of a file that is there now or was made since then: what was put
    /// aside before is older than the source. For a compressed file, and where the system does not tell when a file was
    /// made, it counts when that was last written to.
    pub fn add_since(&mut self, source: Source, since: SystemTime) -> usize {
        self.join(source, Wanted { lines: u64::MAX, since: Some(since) })
    }

    fn join(&mut self, source: Source, wanted: Wanted) -> usize {
        let source = self.reading.add(source, wanted, Instant::now()).source;
        if let Some(trail) = self.reading.trails.get_mut(source) {
            // All of these were asked for.
            trail.end_counted();
        }
        self.watch();
        source
    }

    /// Readable when something has happened. None: only time tells ([`deadline`](Follower::deadline)).
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.folders.as_ref().map(Folders::descriptor)
    }

    /// When a turn is due though nothing happens: a line is held back, or a look is due.
    pub fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        if self.reading.wants_more(Mode::Follow, now) {
            return Some(now);
        }
        let trails = self.reading.trails.iter().filter_map(|trail| trail.deadline());
        trails.chain(self.reading.merger.deadline()).chain(self.look_at).min()
    }

    /// The next line that is due by now, if there is one. It does not wait, but for the disk.
    pub fn turn(&mut self, now: Instant) -> Option<Line> {
        loop {
            let entry = self.next_of_all(now)?;
            if self.reading.older.are_over(&entry) {
                return Some(entry.line);
            }
        }
    }

    fn next_of_all(&mut self, now: Instant) -> Option<Entry> {
        if !self.reading.wants_more(Mode::Follow, now)
            && let Some(entry) = self.reading.merger.pop(now)
        {
            return Some(entry);
        }
        self.look(now);
        self.reading.fill(Mode::Follow, now);
        if self.reading.trails.iter_mut().any(|trail| std::mem::take(&mut trail.has_moved)) {
            // By a link the name may lead to another folder now.
            self.watch();
            self.reading.fill(Mode::Follow, now);
        }
        self.reading.merger.pop(now)
    }

    /// Waits for the next line until the deadline; for ever if there is none.
    pub fn next(&mut self, until: Option<Instant>) -> Option<Line> {
        loop {
            let now = Instant::now();
            if let Some(line) = self.turn(now) {
                return Some(line);
            }
            if until.is_some_and(|until| until <= now) {
                return None;
            }
            let deadline = self.deadline().into_iter().chain(until).min();
            let descriptor = self.descriptor();
            // Whatever it says, everything is looked at.
            if waiter::readable(descriptor.as_slice(), deadline).is_err() {
                waiter::breathe();
            }
        }
    }

    /// Gives what there is of an unfinished last line of a source now: its process is gone. Without that it comes
    /// after half a second in which nothing was added to it.
    pub fn flush(&mut self, source: usize) {
        let now = Instant::now();
        if let Some(trail) = self.reading.trails.get_mut(source) {
            trail.wake();
        }
        self.reading.fill(Mode::Follow, now);
        self.reading.flush(source, now);
    }

    /// What there is now, also what waits, to its last line, whether that has an end or not: those who write are gone.
    /// It waits for nothing but the disk.
    pub fn rest(&mut self) -> Rest<'_> {
        Rest::new(self)
    }

    /// What could not be read or watched since the last call: a sentence each. The others are followed.
    pub fn problems(&mut self) -> Vec<String> {
        let mut problems = self.problems.take();
        problems.extend(self.reading.problems());
        problems
    }

    /// Has everything read anew if something has happened in a folder, or may have.
    fn look(&mut self, now: Instant) {
        let is_due = self.look_at.is_some_and(|at| at <= now);
        if is_due {
            self.look_at = Some(now + LOOK_INTERVAL);
        }
        let Some(folders) = &self.folders else {
            if is_due {
                self.wake();
            }
            return;
        };
        let happened = folders.take();
        if happened.has_moved {
            self.watch();
        }
        if happened.is_any {
            self.wake();
        }
    }

    fn wake(&mut self) {
        self.reading.trails.iter_mut().for_each(|trail| trail.wake());
    }

    fn watch(&mut self) {
        let Some(folders) = &self.folders else { return };
        let mut trails = self.reading.trails.iter();
        if let Err(error) = trails.try_for_each(|trail| folders.watch(&trail.source.path)) {
            self.look_only(&error);
        }
        self.wake();
    }

    fn look_only(&mut self, error: &std::io::Error) {
        self.folders = None;
        self.look_at = Some(Instant::now() + LOOK_INTERVAL);
        self.problems.say(format!(
            "the system tells no more changes (inotify: {error}); files are looked at each second"
        ));
    }
}
