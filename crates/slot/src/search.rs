//! The search for what has left the group of a run: in a thread, for as long as there is something to search for.
//!
//! Processes that a run has left are known by a variable in their environment. An environment is as large
//! as its owner likes, and to read it the system takes the owner's lock on its memory
//! (proc_pid_environ(5)), which somebody may hold who waits for a disk. So the loop of a guardian or pool
//! does not read it: it [asks a thread](Search::begin), and looks later what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::mem;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, getppid};

use crate::sys;
use crate::tree::{self, Herd, MOST, Seen};

/// The variable by which processes of a run are known. It need not be secret: others with the same value
/// are safe, since only what is below our own guardian is looked at.
pub const MARK: &str = "APPKIT_RUN";

/// Between two looks of the thread: this at first, then twice as long each time.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// More than the system lets anybody execute a program with (execve(2): 6 MiB at most).
const LONGEST_ENVIRONMENT: usize = 8 << 20;
/// Where there is no thread, a turn reads so much of environments: the last of them to its end, and no
/// more after it.
const TURN: usize = 8 << 20;
/// The variable with its mark is shorter. Of any variable no more than this is kept.
const LONGEST_MARK: usize = 128;
const PORTION: usize = 64 << 10;

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
        let judged = mem::take(&mut lock().judged);
        let mut known = Known { judged, met: Vec::new(), left: TURN };
        let is_over = herd.end(|| known.marked(mark, has_siblings, || true)) && known.left > 0;
        known.forget_the_gone();
        lock().judged = known.judged;
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
}

static DESK: Mutex<Desk> = Mutex::new(Desk {
    searches: Vec::new(),
    is_searched: false,
    thread: None,
    judged: BTreeMap::new(),
});

impl Desk {
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
    let judged = mem::take(&mut lock().judged);
    let mut known = Known { judged, met: Vec::new(), left: usize::MAX };
    loop {
        let mut searches = {
            let mut desk = lock();
            desk.forget_who_gave_up();
            if desk.searches.is_empty() {
                desk.judged = known.judged;
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
            let is_done = herd.end(marked) && !lives(wanted);
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

/// What a process was executed with, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    Some(Box<str>),
    None,
    /// Its environment is empty. In the middle of its exec a process has none, for microseconds: it is
    /// looked at again, each time once.
    Unknown,
}

/// The processes that were looked at: whichever search it is, no environment is read twice. A process may
/// execute a program with other variables later; it remains what its run has left.
struct Known {
    judged: BTreeMap<Seen, Mark>,
    met: Vec<Seen>,
    /// How many bytes may be read yet.
    left: usize,
}

impl Known {
    /// The processes of a run that have come to our guardian, and those below them.
    fn marked(
        &mut self,
        mark: &str,
        has_siblings: bool,
        go_on: impl Fn() -> bool,
    ) -> io::Result<Vec<Seen>> {
        let roots = roots(has_siblings)?;
        tree::below(&roots, MOST, |process| Ok(go_on() && self.bears(process, mark)?))
    }

    fn bears(&mut self, process: Seen, mark: &str) -> io::Result<bool> {
        self.met.push(process);
        let known = self.judged.get(&process);
        let tries = match known {
            Some(Mark::Some(own)) => return Ok(**own == *mark),
            Some(Mark::None) => return Ok(false),
            Some(Mark::Unknown) => 1,
            None => 50,
        };
        if self.left == 0 {
            return Ok(false);
        }
        let (found, taken) = mark_of(process.pid, tries)?;
        self.left = self.left.saturating_sub(taken);
        let bears = matches!(&found, Mark::Some(own) if **own == *mark);
        self.judged.insert(process, found);
        Ok(bears)
    }

    /// Forgets the processes that were not met at the last look, so that the list does not grow for ever.
    fn forget_the_gone(&mut self) {
        let met: BTreeSet<_> = mem::take(&mut self.met).into_iter().collect();
        self.judged.retain(|process, _| met.contains(process));
    }
}

/// Our guardian's children, without ourselves; and our own, if wanted.
fn roots(with_own: bool) -> io::Result<Vec<u32>> {
    let readable = tree::readable_proc()?;
    let Some(guardian) = getppid().filter(|_| readable) else { return Ok(Vec::new()) };
    let mut roots = tree::children_of(guardian.as_raw_nonzero().get().unsigned_abs())?;
    let own = std::process::id();
    roots.retain(|pid| *pid != own);
    if with_own {
        roots.extend(tree::children_of(own)?);
    }
    Ok(roots)
}

/// The mark of a process, and how much was read for that.
///
/// # Errors
///
/// As [`tree::seen`].
fn mark_of(pid: u32, tries: usize) -> io::Result<(Mark, usize)> {
    for _ in 0..tries {
        let opened = sys::environment(pid)?;
        let Some(environment) = opened else { break };
        match read_mark(environment) {
            (Mark::Unknown, _) => thread::yield_now(),
            found => return Ok(found),
        }
    }
    Ok((Mark::Unknown, 0))
}

/// Looks for the mark in a list of variables, each ended by a zero, portion by portion, and no further than it.
fn read_mark(mut environment: impl Read) -> (Mark, usize) {
    let name = format!("{MARK}=");
    let mut buffer = vec![0; PORTION];
    // The beginning of a variable that may go on in the next portion; no more of it than a mark is long.
    let mut begun: Vec<u8> = Vec::new();
    let mut taken = 0;
    while taken < LONGEST_ENVIRONMENT {
        let length = match environment.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => length,
        };
        taken += length;
        let mut parts = buffer[..length].split(|byte| *byte == 0).peekable();
        while let Some(part) = parts.next() {
            let room = LONGEST_MARK.saturating_sub(begun.len());
            begun.extend_from_slice(&part[..part.len().min(room)]);
            if parts.peek().is_none() {
                break;
            }
            if let Some(mark) = begun.strip_prefix(name.as_bytes()) {
                return (Mark::Some(String::from_utf8_lossy(mark).into()), taken);
            }
            begun.clear();
        }
    }
    (if taken == 0 { Mark::Unknown } else { Mark::None }, taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out as little at once as it is told to.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(buffer.len());
            self.0.read(&mut buffer[..most])
        }
    }

    /// Case: FLT-E3
    #[test]
    fn a_mark_is_found_wherever_it_stands() {
        let long = format!("A={}", "x".repeat(3 * PORTION));
        let some = Mark::Some("7.1.2".into());
        let cases = [
            ("APPKIT_RUN=7.1.2\0".to_owned(), some.clone()),
            (format!("{long}\0APPKIT_RUN=7.1.2\0B=c\0"), some.clone()),
            ("A=b\0\0APPKIT_RUN=7.1.2\0".to_owned(), some),
            (format!("{long}\0B=c\0"), Mark::None),
            ("XAPPKIT_RUN=7.1.2\0A=APPKIT_RUN=7.1.2\0".to_owned(), Mark::None),
            (String::new(), Mark::Unknown),
        ];
        for (environment, expected) in cases {
            for portion in [1, 7, PORTION - 1, PORTION] {
                assert_eq!(read_mark(Slow(environment.as_bytes(), portion)).0, expected);
            }
        }
    }

    /// Case: FLT-E3
    #[test]
    fn nobody_reads_an_environment_without_end() {
        assert_eq!(read_mark(io::repeat(b'x')), (Mark::None, LONGEST_ENVIRONMENT));
        assert_eq!(read_mark(io::repeat(0)), (Mark::None, LONGEST_ENVIRONMENT));
    }
}
