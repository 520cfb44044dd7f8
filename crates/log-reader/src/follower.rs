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

/// How often everything is looked at where the system tells nothing, and at most where something happens that seems to
/// concern nobody: a link on the way may have changed.
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
    /// When everything was looked at last.
    looked: Instant,
    problems: Problems,
}

impl Follower {
    pub(crate) fn new(last: Last) -> Follower {
        let reading = last.into_reading();
        let (looked, problems) = (Instant::now(), Problems::default());
        let mut follower = Follower { reading, folders: None, look_at: None, looked, problems };
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

    /// Has those read anew to whose files something has happened, or may have.
    fn look(&mut self, now: Instant) {
        if let Some(folders) = &self.folders {
            let (trails, mut is_strange) = (&mut self.reading.trails, false);
            let has_moved = folders.take(|name| {
                let concerned = trails.iter_mut().filter(|trail| trail.is_concerned(name));
                is_strange |= concerned.map(|trail| trail.wake()).count() == 0;
            });
            if has_moved {
                self.watch();
            } else if is_strange {
                self.look_at.get_or_insert(self.looked + LOOK_INTERVAL);
            }
        }
        if self.look_at.is_some_and(|at| at <= now) {
            self.looked = now;
            self.look_at = self.folders.is_none().then(|| now + LOOK_INTERVAL);
            self.wake();
        }
    }

    fn wake(&mut self) {
        self.reading.trails.iter_mut().for_each(|trail| trail.wake());
    }

    fn watch(&mut self) {
        let Some(folders) = &self.folders else { return };
        let mut trails = self.reading.trails.iter_mut();
        let watched = trails.try_for_each(|trail| {
            trail.led_to = folders.watch(&trail.source.path)?;
            Ok(())
        });
        if let Err(error) = watched {
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_source_is_looked_at_when_something_happens_to_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink(at("led-to"), at("link")).unwrap();
        let names = ["a.log", "b.log", "link"];
        let sources = names.map(|name| Source::log_file(name, at(name)));
        for name in ["a.log", "b.log", "led-to"] {
            fs::write(at(name), "").unwrap();
        }
        let mut follower = crate::last(sources, 0).follow();
        let began = Instant::now();
        assert_eq!(follower.turn(began), None);
        for (name, expected) in [
            ("a.log", [true, false, false]),
            ("b.log.2026-11-28.gz", [false, true, false]),
            ("led-to", [false, false, true]),
            ("stranger", [false; 3]),
        ] {
            fs::write(at(name), "x\n").unwrap();
            follower.look(began);
            let trails = &mut follower.reading.trails;
            let due = trails.iter().map(|trail| trail.is_due(Mode::Follow, began));
            assert_eq!(due.collect::<Vec<_>>(), expected, "{name}");
            while follower.turn(began).is_some() {}
        }
        assert!(follower.deadline().is_some(), "everything is looked at, but not at once");
        follower.look(began + LOOK_INTERVAL);
        let mut trails = follower.reading.trails.iter();
        assert!(trails.all(|trail| trail.is_due(Mode::Follow, began)));
    }
}
