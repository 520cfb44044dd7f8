//! Records on their way to a thread that writes them, for threads that must not wait for the place where
//! they go: a loop that supervises would keep no deadline while a `write` to a full pipe stands.
//!
//! The queue is bounded by number and by bytes. What does not fit is counted, and the count stands in the
//! queue where the records would have stood: it is told when the writer gets there.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// So many records wait at most.
pub(crate) const MAX_RECORDS: usize = 4096;

/// So much memory they take together at most.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// What a record takes beside its text.
const OVERHEAD: usize = size_of::<Entry>();

/// How long the end of a process, or of a thread that logged by a queue, may be held up by it. Also
/// how long one write may take until nobody waits for it any more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// What the writer finds next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A line, and when its record was made.
    Record(Box<[u8]>, SystemTime),
    /// So many records did not fit in here.
    Lost(u64),
    /// Somebody wants the file opened anew.
    Reopen,
}

/// From any number of threads to one.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<Backlog>,
    /// Tells the writer that there is something.
    filled: Condvar,
    /// Tells who flushes that something is written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct Backlog {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// How many records did not fit since the last one that did.
    lost: u64,
    /// Since when the writer has been at one entry; `None`: it waits for one.
    writing_since: Option<Instant>,
    /// The writer waits, and wants to be told.
    asleep: bool,
    /// So many threads wait until something is written. If there are none, nobody is told, which would
    /// cost a system call.
    flushing: usize,
    closed: bool,
}

impl Queue {
    /// Whether it fits. What does not is counted.
    pub(crate) fn push(&self, line: &[u8], at: SystemTime) -> bool {
        let mut state = self.state();
        let fits = state.entries.len() < MAX_RECORDS
            && state.bytes.saturating_add(line.len() + OVERHEAD) <= MAX_BYTES;
        if fits {
            if state.lost > 0 {
                let lost = std::mem::take(&mut state.lost);
                state.entries.push_back(Entry::Lost(lost));
            }
            state.bytes += line.len() + OVERHEAD;
            state.entries.push_back(Entry::Record(line.into(), at));
        } else {
            state.lost += 1;
        }
        self.wake(state);
        fits
    }

    /// Has the file opened anew after what waits now. Asked again before that is done, it is done once.
    pub(crate) fn push_reopen(&self) {
        let mut state = self.state();
        if state.entries.back() != Some(&Entry::Reopen) && state.entries.len() < 2 * MAX_RECORDS {
            state.entries.push_back(Entry::Reopen);
        }
        self.wake(state);
    }

    /// For the writer: the next entry, when there is one. The one before counts as written. None: there
    /// will be no more.
    pub(crate) fn next(&self) -> Option<Entry> {
        let mut state = self.state();
        state.writing_since = None;
        if state.flushing > 0 {
            self.written.notify_all();
        }
        loop {
            let next = match state.entries.pop_front() {
                None if state.lost > 0 => Some(Entry::Lost(std::mem::take(&mut state.lost))),
                next => next,
            };
            match next {
                Some(entry) => {
                    if let Entry::Record(line, _) = &entry {
                        state.bytes -= line.len() + OVERHEAD;
                    }
                    state.writing_since = Some(Instant::now());
                    return Some(entry);
                }
                None if state.closed => return None,
                None => {
                    state.asleep = true;
                    state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Waits until all is written that is in the queue, for `limit` at most. Does not wait for a writer
    /// that has stood at one entry for longer than [`PATIENCE`]: what it writes to takes nothing.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            if state.entries.is_empty() && state.writing_since.is_none() && state.lost == 0 {
                return true;
            }
            let now = Instant::now();
            let left = limit.saturating_sub(now.duration_since(start));
            let stood = state.writing_since.map_or(Duration::ZERO, |since| now - since);
            let wait = left.min(PATIENCE.saturating_sub(stood));
            if wait.is_zero() {
                return false;
            }
            state.flushing += 1;
            let waited = self.written.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.flushing -= 1;
        }
    }

    /// The writer ends when it has written what is there.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, Backlog>) {
        let asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.filled.notify_one();
        }
    }

    /// Nothing in here panics half-way, so a poisoned lock means nothing.
    fn state(&self) -> MutexGuard<'_, Backlog> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a queue when the thread that filled it ends; the C library also drops it when that thread
/// ends the process by `exit`. So the last words of a process are not lost to its end.
#[derive(Debug)]
pub(crate) struct FlushedAtEnd(pub(crate) Arc<Queue>);

impl Drop for FlushedAtEnd {
    fn drop(&mut self) {
        self.0.flush(PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &Queue, line: &str) -> bool {
        queue.push(line.as_bytes(), SystemTime::UNIX_EPOCH)
    }

    fn record(line: &str) -> Option<Entry> {
        Some(Entry::Record(line.as_bytes().into(), SystemTime::UNIX_EPOCH))
    }

    /// Case: FLT-E1
    #[test]
    fn what_does_not_fit_is_counted_where_it_would_stand() {
        let queue = Queue::default();
        assert!((0..MAX_RECORDS).all(|_| push(&queue, "x")));
        assert!(!push(&queue, "too many") && !push(&queue, "too many"));
        assert_eq!(queue.next(), record("x"));
        assert!(push(&queue, "fits again"));
        (1..MAX_RECORDS).for_each(|_| assert_eq!(queue.next(), record("x")));
        assert_eq!(queue.next(), Some(Entry::Lost(2)));
        assert_eq!(queue.next(), record("fits again"));
    }

    /// Case: FLT-E1
    #[test]
    fn it_is_bounded_by_bytes_and_a_count_needs_no_later_record() {
        let queue = Queue::default();
        let half = "x".repeat(MAX_BYTES / 2);
        assert!(push(&queue, &half));
        assert!(!push(&queue, &half), "what a record takes beside its text counts");
        assert!(push(&queue, "a short one fits"));
        assert!(!push(&queue, &half));
        assert_eq!(queue.next(), record(&half));
        assert_eq!(queue.next(), Some(Entry::Lost(1)));
        assert_eq!(queue.next(), record("a short one fits"));
        assert_eq!(queue.next(), Some(Entry::Lost(1)));
        queue.close();
        assert_eq!(queue.next(), None);
        assert!(!push(&queue, &"x".repeat(MAX_BYTES)), "larger than all together may be");
    }

    #[test]
    fn a_file_is_opened_anew_once_for_many_requests() {
        let queue = Queue::default();
        push(&queue, "x");
        (0..3 * MAX_RECORDS).for_each(|_| queue.push_reopen());
        queue.close();
        assert_eq!(queue.next(), record("x"));
        assert_eq!(queue.next(), Some(Entry::Reopen));
        assert_eq!(queue.next(), None);
    }

    /// Case: FLT-E1
    #[test]
    fn a_flush_waits_for_what_is_taken_and_not_for_a_writer_that_stands() {
        let queue = Queue::default();
        assert!(queue.flush(Duration::ZERO), "nothing is there");
        push(&queue, "x");
        assert!(!queue.flush(Duration::ZERO), "nobody writes");
        assert_eq!(queue.next(), record("x"));
        // However long the limit, not longer than one write may take.
        assert!(!queue.flush(Duration::MAX), "it stands at the record");
        assert!(!queue.flush(Duration::MAX), "and nobody waits again");
        queue.close();
        assert_eq!(queue.next(), None);
        assert!(queue.flush(Duration::ZERO), "it is written");
    }
}
