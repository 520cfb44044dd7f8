//! The search for what has left the group of a run: in a thread, for as long as there is something to search for.
//!
//! Processes that a run has left are known by a variable in their environment. An environment is as large
//! as its owner likes, and to read it the system takes the owner's lock on its memory
//! (proc_pid_environ(5)), which somebody may hold who waits for a disk. So the loop of a guardian or pool
//! does not read it: it [asks a thread](Search::begin), and looks later what came of it.

mod known;

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::tree::{self, Herd, Seen};
pub use known::MARK;
use known::{Known, Mark, roots};

/// Between two looks of the thread: this at first, then twice as long each time.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Where there is no thread, a turn reads so much of environments: the last of them to its end, and no
/// more after it.
const TURN: usize = 8 << 20;

/// Enough to walk through /proc.
const STACK: usize = 256 << 10;

/// A search that goes on until nothing is found any more. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Search(Arc<Wanted>);

#[derive(Debug)]
struct Wanted {
    /// `None`: only the group is looked at.
    mark: Option<String>,
    /// The process group that was killed; 0: it is gone.
    group: AtomicU32,
    /// Some of what was left were children of our own, so these are looked at, too.
    has_siblings: bool,
    /// Nothing is left in the group that is no zombie, nor anything that bears the mark.
    done: AtomicBool,
    /// Nobody waits for it any more.
    given_up: AtomicBool,
}

impl Search {
    /// Has a thread end what bears this mark, if it has become a child of our guardian, or is our own
    /// child by `CLONE_PARENT` (clone(2)), or is below such a child. The thread also looks whether
    /// anything of a killed group is left that is no zombie. `Ok(None)`: there is nothing to search for.
    ///
    /// # Errors
    ///
    /// The system refuses the thread.
    pub(crate) fn begin(
        mark: Option<&str>,
        group: Option<Pid>,
        has_siblings: bool,
    ) -> io::Result<Option<Search>> {
        // If the children cannot be listed now there may be some: search.
        let nobody = || roots(has_siblings).is_ok_and(|roots| roots.is_empty());
        if group.is_none() && (mark.is_none() || nobody()) {
            return Ok(None);
        }
        let group = group.map_or(0, |group| group.as_raw_nonzero().get().unsigned_abs());
        let (done, given_up) = (AtomicBool::new(false), AtomicBool::new(false));
        let wanted = Arc::new(Wanted {
            mark: mark.map(str::to_owned),
            group: AtomicU32::new(group),
            has_siblings,
            done,
            given_up,
        });
        let mut desk = lock();
        if !desk.is_searched {
            // The new thread waits for the desk until we let go of its lock.
            let searcher = helper_thread::spawn("leftovers", STACK, search_on)?;
            desk.thread = Some(searcher.thread().clone());
            desk.is_searched = true;
        } else if let Some(thread) = &desk.thread {
            thread.unpark();
        }
        // The thread does this too, but it may be held up by a process that it looks at.
        desk.forget_who_gave_up();
        desk.searches.push((Arc::clone(&wanted), Herd::default()));
        Ok(Some(Search(wanted)))
    }

    /// The same where no thread can be had, as when a fork bomb has used up what its user may have: does
    /// a portion of the work in the thread that calls. True when nothing is left.
    pub(crate) fn turn(mark: &str, has_siblings: bool, herd: &mut Herd) -> bool {
        let mut known = lock().known(TURN);
        let is_ended = herd.end(|| known.marked(mark, has_siblings, || true));
        let is_over = is_ended && !known.take_doubt() && known.left > 0;
        known.forget_the_gone();
        lock().keep(known);
        is_over
    }

    /// The group is gone, or what is left of it is none of our business.
    pub(crate) fn forget_group(&self) {
        if self.0.group.swap(0, Ordering::AcqRel) != 0
            && let Some(thread) = &lock().thread
        {
            thread.unpark();
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        self.0.done.load(Ordering::Acquire)
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Release);
    }
}

/// What is to be searched for, and what is known of the processes that were looked at.
struct Desk {
    searches: Vec<(Arc<Wanted>, Herd)>,
    /// The thread runs.
    is_searched: bool,
    thread: Option<thread::Thread>,
    judged: BTreeMap<Seen, Mark>,
    unknown: BTreeMap<Seen, Instant>,
}

static DESK: Mutex<Desk> = Mutex::new(Desk {
    searches: Vec::new(),
    is_searched: false,
    thread: None,
    judged: BTreeMap::new(),
    unknown: BTreeMap::new(),
});

impl Desk {
    /// What is known, taken from here; so many bytes may be read.
    fn known(&mut self, left: usize) -> Known {
        Known::new(mem::take(&mut self.judged), mem::take(&mut self.unknown), left)
    }

    fn keep(&mut self, known: Known) {
        (self.judged, self.unknown) = (known.judged, known.unknown);
    }

    fn forget_who_gave_up(&mut self) {
        self.searches.retain(|(wanted, _)| !wanted.given_up.load(Ordering::Acquire));
    }
}

/// A panic elsewhere leaves nothing half done in here.
fn lock() -> MutexGuard<'static, Desk> {
    DESK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread has taken from the desk, and puts back, also when it panics.
struct Taken(Vec<(Arc<Wanted>, Herd)>);

impl Drop for Taken {
    fn drop(&mut self) {
        lock().searches.append(&mut self.0);
    }
}

/// What the thread does. It goes on after a panic (a logger of the application may panic), since slots
/// wait for what it searches for.
fn search_on() {
    while let Err(panic) = catch_unwind(search) {
        // What was thrown may panic when it is dropped.
        mem::forget(panic);
        thread::park_timeout(LAST_LOOK);
    }
}

/// Ends when nothing is left to search for.
fn search() {
    let mut pause = FIRST_LOOK;
    let mut known = lock().known(usize::MAX);
    loop {
        let mut searches = {
            let mut desk = lock();
            desk.forget_who_gave_up();
            if desk.searches.is_empty() {
                desk.keep(known);
                (desk.is_searched, desk.thread) = (false, None);
                return;
            }
            Taken(mem::take(&mut desk.searches))
        };
        // All searches in turn: one that finds a lot does not keep the others waiting until it is done.
        let before = searches.0.len();
        // The groups are looked at before the marks: if all of a group are zombies by now, their orphans
        // have come to the guardian, and the look for marks below finds them.
        let has_group = |wanted: &Wanted| wanted.group.load(Ordering::Acquire) != 0;
        let looks = searches.0.iter().any(|(wanted, _)| has_group(wanted));
        let living = if looks { tree::living_groups().ok().flatten() } else { None };
        let lives = |wanted: &Wanted| match (wanted.group.load(Ordering::Acquire), &living) {
            (0, _) => false,
            (group, Some(living)) => living.contains(&group),
            (_, None) => true,
        };
        searches.0.retain_mut(|(wanted, herd)| {
            // When the slot has given up its search, nothing more is looked at for it.
            let go_on = || !wanted.given_up.load(Ordering::Acquire);
            let marked = || match &wanted.mark {
                Some(mark) => known.marked(mark, wanted.has_siblings, go_on),
                None => Ok(Vec::new()),
            };
            let is_ended = herd.end(marked);
            // Each asks for its own: what it leaves there would be the next one's.
            let is_done = !known.take_doubt() && is_ended && !lives(wanted);
            wanted.done.store(is_done, Ordering::Release);
            !is_done
        });
        known.forget_the_gone();
        let is_over = searches.0.is_empty();
        let is_news = searches.0.len() < before;
        let is_new = !lock().searches.is_empty();
        drop(searches);
        // What was killed is not dead at once. While there is news, look again soon, and otherwise less
        // and less often.
        pause = if is_new || is_news { FIRST_LOOK } else { (pause * 2).min(LAST_LOOK) };
        if !is_over && !is_new {
            thread::park_timeout(pause);
        }
    }
}
