//! The processes that a search has looked at, and whose they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::time::{Duration, Instant};
use std::{mem, thread};

use rustix::process::getppid;

use crate::sys;
use crate::tree::{self, MOST, Seen};

/// The variable by which processes of a run are known. It need not be secret: others with the same value
/// are safe, since only what is below our own guardian is looked at.
pub const MARK: &str = "APPKIT_RUN";

/// More than the system lets anybody execute a program with (execve(2): 6 MiB at most).
const LONGEST_ENVIRONMENT: usize = 8 << 20;
/// The variable with its mark is shorter. Of any variable no more than this is kept.
const LONGEST_MARK: usize = 128;
const PORTION: usize = 64 << 10;

/// What a process was executed with, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Some(Box<str>),
    None,
    /// Its environment is empty. In the middle of its exec a process has none, for microseconds, or for as long as a busy
    /// machine lets it wait there: it is looked at again, each time once.
    Unknown,
}

/// The processes that were looked at: whichever search it is, no environment is read twice. A process may
/// execute a program with other variables later; it remains what its run has left.
pub(super) struct Known {
    pub(super) judged: BTreeMap<Seen, Mark>,
    met: Vec<Seen>,
    /// How many bytes may be read yet.
    pub(super) left: usize,
    /// Since when those were looked at of whom nothing is known.
    pub(super) unknown: BTreeMap<Seen, Instant>,
    /// One of them may yet show what it is.
    doubt: bool,
}

/// So long one of whom nothing is known keeps searches from being over. Then it has no environment, as what `env -i`
/// executes.
const DOUBT: Duration = Duration::from_millis(100);

impl Known {
    /// Those that are known from before, and those that were looked at in vain; so many bytes may be read.
    pub(super) fn new(
        judged: BTreeMap<Seen, Mark>,
        unknown: BTreeMap<Seen, Instant>,
        left: usize,
    ) -> Known {
        Known { judged, met: Vec::new(), left, unknown, doubt: false }
    }

    /// Whether there was doubt since this was asked last.
    pub(super) fn take_doubt(&mut self) -> bool {
        mem::take(&mut self.doubt)
    }

    /// The processes of a run that have come to our guardian, and those below them.
    pub(super) fn marked(
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
        self.note_doubt(process, found == Mark::Unknown, Instant::now());
        self.judged.insert(process, found);
        Ok(bears)
    }

    fn note_doubt(&mut self, process: Seen, is_unknown: bool, now: Instant) {
        if !is_unknown {
            self.unknown.remove(&process);
            return;
        }
        let since = *self.unknown.entry(process).or_insert(now);
        self.doubt |= now.saturating_duration_since(since) < DOUBT;
    }

    /// Forgets the processes that were not met at the last look, so that the list does not grow for ever.
    pub(super) fn forget_the_gone(&mut self) {
        let met: BTreeSet<_> = mem::take(&mut self.met).into_iter().collect();
        self.judged.retain(|process, _| met.contains(process));
        self.unknown.retain(|process, _| met.contains(process));
    }
}

/// Our guardian's children, without ourselves; and our own, if wanted.
pub(super) fn roots(with_own: bool) -> io::Result<Vec<u32>> {
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

    /// A process that was in the middle of its exec at each of fifty looks was taken for nobody's, and lived on.
    #[test]
    fn who_shows_nothing_keeps_a_search_from_being_over_for_a_while() {
        let mut known = Known::new(BTreeMap::new(), BTreeMap::new(), 0);
        let process = tree::seen(std::process::id()).unwrap().unwrap();
        let (now, tick) = (Instant::now(), Duration::from_nanos(1));
        // However many searches of a round look at it.
        for at in [now; 1000].into_iter().chain([now + DOUBT - tick]) {
            known.note_doubt(process, true, at);
            assert!(known.take_doubt() && !known.take_doubt());
        }
        known.note_doubt(process, true, now + DOUBT);
        assert!(!known.take_doubt());
        known.note_doubt(process, false, now + DOUBT);
        known.note_doubt(process, true, now + DOUBT);
        assert!(known.take_doubt());
        known.forget_the_gone();
        assert!(known.unknown.is_empty(), "it was not met");
    }

    /// Case: FLT-E3
    #[test]
    fn nobody_reads_an_environment_without_end() {
        assert_eq!(read_mark(io::repeat(b'x')), (Mark::None, LONGEST_ENVIRONMENT));
        assert_eq!(read_mark(io::repeat(0)), (Mark::None, LONGEST_ENVIRONMENT));
    }
}
