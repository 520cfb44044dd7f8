//! The end of the process that is looked after. It takes no lock: a beat may come from any thread, at any time.

use std::cell::Cell;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sys;
use crate::timer::{first, wind_up};

static BEAT: Beat = Beat::new();

/// What is expected of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Within which time it is to beat again.
    pub limit: Duration,
    /// The most that it gets at once when it asks for more. Default: an hour.
    pub busy_at_most: Duration,
}

impl Limits {
    /// Within this time.
    pub fn new(limit: Duration) -> Limits {
        Limits { limit, busy_at_most: Duration::from_secs(3600) }
    }
}

/// From now on this process beats, by winding up this timer. That is the first beat, and its thread owes the next one. `lost` is called
/// if the timer cannot be wound up any more, since somebody has closed its descriptor; then no beat does anything. A second
/// call changes nothing.
pub fn begin(timer: OwnedFd, limits: Limits, lost: fn()) {
    BEAT.begin(timer, limits, lost);
}

/// Says that this process gets on: the thread that calls it has done something, and will again.
///
/// To be called between pieces of work, as often as you like, from any thread. It looks at a clock, and makes a system call
/// (timerfd_settime(2)) once in an eighth of the limit at most. It waits for nothing and touches no disk. Where nobody
/// looks after this process it is a load.
#[inline]
pub fn alive() {
    let due = BEAT.due.load(Ordering::Relaxed);
    if due != NEVER {
        BEAT.alive(due);
    }
}

/// Says that the next beat may take as long as this: for one long piece of work. The next [`alive`] ends it.
///
/// It is never less than the limit, and never more than [`Limits::busy_at_most`].
pub fn busy_for(time: Duration) {
    BEAT.busy_for(time);
}

/// Nothing is expected of this thread until the answer is dropped, which is a beat: for a wait that may take any time, as
/// for the next job. Where another thread has beaten since this one has, it still owes the next beat, and this does nothing.
pub fn rest() -> Resting {
    BEAT.rest()
}

/// The same for a wait that ends by then; one that is short enough is a beat, and nothing more. `None`: it may take any time.
pub fn rest_up_to(most: Option<Duration>) -> Option<Resting> {
    let due = BEAT.due.load(Ordering::Relaxed);
    if due == NEVER {
        return None;
    }
    match most {
        Some(most) if most <= BEAT.step() => {
            BEAT.alive(due);
            None
        }
        Some(_) | None => Some(BEAT.rest()),
    }
}

/// This thread waits, and owes no beat meanwhile: see [`rest`].
#[derive(Debug)]
#[must_use = "nothing is expected only as long as it lives"]
pub struct Resting {
    /// It is about the thread that has made it.
    _not_send: PhantomData<*const ()>,
}

impl Drop for Resting {
    fn drop(&mut self) {
        BEAT.rested();
    }
}

/// Nobody looks after this process.
const NEVER: u64 = u64::MAX;

struct Beat {
    /// When the timer is to be wound up again, in [`sys::ticks`].
    due: AtomicU64,
    /// The thread that owes the next beat.
    owes: AtomicU64,
    /// After how many nanoseconds the timer is to run out; 0: not at all.
    wanted: AtomicU64,
    watched: OnceLock<Watched>,
}

struct Watched {
    timer: OwnedFd,
    limits: Limits,
    lost: fn(),
}

thread_local! {
    /// Its number, once it has one; and how many rests it is in.
    static THREAD: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// The number of the calling thread.
fn this_thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let (number, rests) = THREAD.get();
    if number != 0 {
        return number;
    }
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    THREAD.set((number, rests));
    number
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Beat {
    const fn new() -> Beat {
        Beat {
            due: AtomicU64::new(NEVER),
            owes: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            watched: OnceLock::new(),
        }
    }

    fn begin(&self, timer: OwnedFd, limits: Limits, lost: fn()) {
        if self.watched.set(Watched { timer, limits, lost }).is_ok() {
            self.due.store(0, Ordering::SeqCst);
            self.beat(sys::ticks());
        }
    }

    /// The watch, as long as beats do anything.
    fn watched(&self) -> Option<&Watched> {
        self.watched.get().filter(|_| self.due.load(Ordering::Relaxed) != NEVER)
    }

    /// How long it takes until the timer is wound up again.
    fn step(&self) -> Duration {
        self.watched.get().map_or(Duration::ZERO, |watched| watched.limits.limit / 8)
    }

    #[inline]
    fn alive(&self, due: u64) {
        let now = sys::ticks();
        if due <= now {
            self.beat(now);
        }
    }

    #[cold]
    fn beat(&self, now: u64) {
        if let Some(watched) = self.watched() {
            self.due_after(now);
            self.want(watched, first(watched.limits.limit));
        }
    }

    fn due_after(&self, now: u64) {
        self.due_at(now.saturating_add(nanos(self.step())).min(NEVER - 1));
    }

    fn due_at(&self, next: u64) {
        // One that was lost stays so.
        let _ = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            (due != NEVER).then_some(next)
        });
    }

    fn busy_for(&self, time: Duration) {
        let Some(watched) = self.watched() else { return };
        let Limits { limit, busy_at_most } = watched.limits;
        let time = time.min(busy_at_most).max(limit);
        // The next beat ends it, however soon it comes.
        self.due_at(0);
        self.want(watched, time - (limit - first(limit)));
    }

    fn rest(&self) -> Resting {
        let (number, rests) = THREAD.get();
        THREAD.set((number, rests.saturating_add(1)));
        if rests == 0
            && let Some(watched) = self.watched()
            && self.owes.load(Ordering::SeqCst) == this_thread()
        {
            // Whoever beats next is the one that owes, however soon that is.
            self.due_at(0);
            self.wanted.store(0, Ordering::SeqCst);
            // If another thread has beaten meanwhile, it owes the next beat from now on.
            if self.owes.load(Ordering::SeqCst) != this_thread() {
                self.wanted.store(nanos(first(watched.limits.limit)), Ordering::SeqCst);
            }
            self.settle(watched);
        }
        Resting { _not_send: PhantomData }
    }

    fn rested(&self) {
        let (number, rests) = THREAD.get();
        THREAD.set((number, rests.saturating_sub(1)));
        if rests == 1 && self.owes.load(Ordering::SeqCst) == number {
            self.beat(sys::ticks());
        }
    }

    /// This thread owes the next beat, within this time until silence is told first.
    fn want(&self, watched: &Watched, first: Duration) {
        self.owes.store(this_thread(), Ordering::SeqCst);
        self.wanted.store(nanos(first), Ordering::SeqCst);
        self.settle(watched);
    }

    /// Has the timer be as it is wanted. Several threads may do that at once: whoever is the last has seen the last wish.
    fn settle(&self, watched: &Watched) {
        loop {
            let wanted = self.wanted.load(Ordering::SeqCst);
            let first = Duration::from_nanos(wanted);
            if wind_up(watched.timer.as_fd(), first, watched.limits.limit).is_err() {
                if self.due.swap(NEVER, Ordering::Relaxed) != NEVER {
                    (watched.lost)();
                }
                return;
            }
            if self.wanted.load(Ordering::SeqCst) == wanted {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
