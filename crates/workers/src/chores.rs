//! What a pool does to files, in a thread of its own: a disk that stands still, or somebody who holds
//! a lock, must not hold up the loop that keeps the workers.
//!
//! What waits is bounded: one status, of which only the latest counts, and the pid files of the list. A pid file
//! that could not be looked at is tried again some times, and once more at the end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exit::ErrorText;

use crate::spec::PidFileOf;
use crate::status::StatusPlace;

/// How long a disk that stands still may hold up the end of a pool.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Deep enough for a logger.
const STACK: usize = 256 << 10;

/// The thread, which is started when there is something to do for the first time. Dropping it lets
/// the thread do what is left, for which nobody waits; [`finish`](Chores::finish) waits.
#[derive(Default)]
pub(crate) struct Chores {
    shared: Arc<Shared>,
    started: bool,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    /// There is something to do, or nothing will come any more.
    more: Condvar,
    /// Everything is done.
    done: Condvar,
}

#[derive(Default)]
struct Work {
    status: Option<(StatusPlace, Vec<u8>)>,
    /// Sets of which there may once have been more, each with how many there are to be.
    strays: Vec<(PidFileOf, usize)>,
    /// The status that could not be written, as long as no newer one has come.
    failed_status: Option<(StatusPlace, Vec<u8>, Failed)>,
    /// Pid files to be removed if they are stale, each with how often that was tried.
    stale: BTreeMap<PathBuf, u32>,
    failed: BTreeMap<PathBuf, Failed>,
    /// What fails now is not tried again.
    last: bool,
    busy: bool,
    closing: bool,
}

/// What could not be done, and is tried again.
#[derive(Clone, Copy)]
struct Failed {
    tries: u32,
    /// When it is tried again; `None`: not before the end.
    again: Option<Instant>,
}

/// So often something is tried again: a second after the failure, and then each time after twice as long,
/// for a minute in all.
const MOST_TRIES: u32 = 6;

impl Failed {
    fn new(tries: u32, now: Instant) -> Failed {
        let pause = Duration::from_secs(1 << tries.min(MOST_TRIES));
        Failed { tries: tries + 1, again: now.checked_add(pause).filter(|_| tries < MOST_TRIES) }
    }
}

impl Work {
    fn is_done(&self) -> bool {
        self.status.is_none() && self.stale.is_empty() && self.strays.is_empty()
    }

    /// Puts what has failed back to what is to be done, as far as it is time.
    fn retry(&mut self, is_time: impl Fn(Failed) -> bool) {
        if let Some((place, text, _)) =
            self.failed_status.take_if(|(_, _, failed)| self.status.is_none() && is_time(*failed))
        {
            self.status = Some((place, text));
        }
        for (path, failed) in self.failed.extract_if(.., |_, failed| is_time(*failed)) {
            self.stale.insert(path, failed.tries);
        }
    }

    /// When the next one is tried again.
    fn retries_at(&self) -> Option<Instant> {
        let status = self.failed_status.as_ref().map(|(_, _, failed)| failed);
        self.failed.values().chain(status).filter_map(|failed| failed.again).min()
    }
}

enum Chore {
    Status(StatusPlace, Vec<u8>),
    Stale(PathBuf, u32),
    Strays(PidFileOf, usize),
}

impl Chores {
    /// Replaces the status file, unless another text comes before that has begun.
    pub(crate) fn write_status(&mut self, place: StatusPlace, text: Vec<u8>) {
        self.add(|work| {
            work.failed_status = None;
            work.status = Some((place, text));
        });
    }

    /// Removes the pid file of a worker that was killed, if it is stale.
    pub(crate) fn remove_stale(&mut self, path: PathBuf) {
        // A job may have none.
        if path.as_os_str().is_empty() {
            return;
        }
        self.add(|work| {
            work.failed.remove(&path);
            work.stale.insert(path, 0);
        });
    }

    /// Removes stale pid files of numbers that are not wanted: when somebody had wanted more, and all were killed at once,
    /// nobody was left to do it.
    pub(crate) fn remove_strays(&mut self, sets: Vec<(PidFileOf, usize)>) {
        self.add(|work| work.strays = sets);
    }

    fn add(&mut self, add: impl FnOnce(&mut Work)) {
        add(&mut self.shared.lock());
        self.shared.more.notify_one();
        if !self.started {
            self.start();
        }
    }

    fn start(&mut self) {
        let shared = Arc::clone(&self.shared);
        match helper_thread::spawn("pool-files", STACK, move || shared.run()) {
            Ok(_) => self.started = true,
            // What waits is done when the system grants a thread later: `add` and `finish` try again.
            Err(error) => log::warn!("cannot start the thread that writes files: {error}"),
        }
    }

    /// Waits until all is done: for at most two seconds, or what `limit` says if that is less.
    pub(crate) fn finish(mut self, limit: Option<Duration>) {
        // The system may grant the thread now that all else is over.
        if !self.started && !self.shared.lock().is_done() {
            self.start();
        }
        if !self.started {
            let work = self.shared.lock();
            if !work.is_done() {
                log::warn!("the pool's files are not all written: there is no thread for it");
            }
            return;
        }
        let until = Instant::now() + limit.map_or(PATIENCE, |limit| limit.min(PATIENCE));
        let mut work = self.shared.lock();
        work.last = true;
        work.retry(|_| true);
        self.shared.more.notify_one();
        while work.busy || !work.is_done() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                log::warn!("the pool's files are not all written: a disk or a lock holds it up");
                return;
            }
            let waited = self.shared.done.wait_timeout(work, left);
            work = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Chores {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.more.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        // A disk that is full is logged once, not ten times a second.
        let mut failing = 0;
        while let Some(chore) = self.next() {
            match chore {
                Chore::Status(place, text) => match place.replace(&text) {
                    Ok(()) => failing = 0,
                    Err(error) => {
                        if failing == 0 {
                            log::warn!("cannot write `{}`: {error}", place.path().display());
                        }
                        self.keep_status(place, text, failing);
                        failing += 1;
                    }
                },
                Chore::Strays(pid_file_of, wanted) => {
                    for path in strays(&pid_file_of, wanted) {
                        if let Err(error) = pidfile::try_remove_stale(&path) {
                            log::warn!("{}", ErrorText::new(&error).chain());
                        }
                    }
                }
                // That somebody holds the pid file is no error.
                Chore::Stale(path, tries) => {
                    if let Err(error) = pidfile::try_remove_stale(&path) {
                        let again = self.keep(path, tries);
                        if tries == 0 || !again {
                            log::warn!("{}", ErrorText::new(&error).chain());
                        }
                    }
                }
            }
        }
    }

    /// Has a status tried again later, if no other one has come by then: until then the file says what was.
    fn keep_status(&self, place: StatusPlace, text: Vec<u8>, tries: u32) {
        let mut work = self.lock();
        // If a newer status waits already, it is written next, and this one must not come after it.
        if !work.last && work.status.is_none() {
            // Tried without end, at last every 32 seconds, since people look at what the file says.
            let failed = Failed::new(tries.min(MOST_TRIES - 1), Instant::now());
            work.failed_status = Some((place, text, failed));
        }
    }

    /// Has a pid file tried again later, and says whether it will be. If somebody holds it then, it
    /// stays.
    fn keep(&self, path: PathBuf, tries: u32) -> bool {
        let mut work = self.lock();
        let again = !work.last;
        // If its worker was killed again meanwhile, the file is looked at anyway.
        if again && !work.stale.contains_key(&path) {
            work.failed.insert(path, Failed::new(tries, Instant::now()));
        }
        again
    }

    fn next(&self) -> Option<Chore> {
        let mut work = self.lock();
        work.busy = false;
        loop {
            let now = Instant::now();
            work.retry(|failed| failed.again.is_some_and(|at| at <= now));
            // The status first: somebody may look at it.
            let chore = match work.status.take() {
                Some((place, text)) => Some(Chore::Status(place, text)),
                None => {
                    let stale =
                        work.stale.pop_first().map(|(path, tries)| Chore::Stale(path, tries));
                    stale
                        .or_else(|| work.strays.pop().map(|(of, wanted)| Chore::Strays(of, wanted)))
                }
            };
            if chore.is_some() {
                work.busy = true;
                return chore;
            }
            self.done.notify_all();
            if work.closing {
                return None;
            }
            let until_next = work.retries_at().map(|at| at.saturating_duration_since(now));
            work = match until_next {
                Some(pause) => {
                    let waited = self.more.wait_timeout(work, pause);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.more.wait(work).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// The files in the folder of a set's pid files that are those of numbers beyond what is wanted.
fn strays(pid_file_of: &PidFileOf, wanted: usize) -> Vec<PathBuf> {
    let first = pid_file_of(1);
    let Some(folder) = first.parent() else { return Vec::new() };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_stray = |path: &PathBuf| {
        let text = path.to_string_lossy();
        let mut numbers = surroundings::check::numbers_in(&text);
        numbers.any(|number| wanted < number as usize && pid_file_of(number) == *path)
    };
    entries.map(|entry| entry.path()).filter(is_stray).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> StatusPlace {
        StatusPlace::new("/nowhere/status.json".into(), trusted_path::Trust::default(), [])
    }

    /// The older status would have replaced the newer one, for good.
    #[test]
    fn a_status_that_failed_is_not_tried_again_after_a_newer_one() {
        let shared = Shared::default();
        shared.lock().status = Some((place(), b"new".into()));
        shared.keep_status(place(), b"old".into(), 0);
        assert!(shared.lock().failed_status.is_none());
        shared.lock().status = None;
        shared.keep_status(place(), b"old".into(), 0);
        let mut work = shared.lock();
        work.retry(|_| true);
        assert!(matches!(&work.status, Some((_, text)) if text == b"old"));
    }

    #[test]
    fn what_fails_is_tried_again_for_a_minute() {
        let now = Instant::now();
        let pauses = (0..=MOST_TRIES).map(|tries| Failed::new(tries, now).again);
        let pauses: Vec<_> = pauses.map(|at| at.map(|at| (at - now).as_secs())).collect();
        let expected = [Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), None];
        assert_eq!(pauses, expected);
    }
}
