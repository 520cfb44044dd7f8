//! How busy each process was in the last minute: shares of a processor, of which each is between two pictures.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use control::service::Process;

use crate::id::Id;

/// Seconds that are kept, with one sample each.
pub(crate) const SECONDS: usize = 60;

/// Tenths of a percent of one processor; `None`: not known.
pub(crate) type Share = Option<u32>;

#[derive(Debug)]
pub(crate) struct History {
    began: Instant,
    epoch: String,
    of: HashMap<Id, Trace>,
}

#[derive(Debug)]
struct Trace {
    /// Of which process, and how much it had used.
    pid: u32,
    used_us: u64,
    at: Instant,
    /// The second of the last sample, since the history began.
    second: u64,
    samples: VecDeque<Share>,
}

impl History {
    pub(crate) fn new(now: Instant) -> History {
        History { began: now, epoch: String::new(), of: HashMap::new() }
    }

    /// Takes a picture in. Who is not in it is forgotten, unless it is only a `part`; another guardian has another
    /// history.
    pub(crate) fn note<'a>(
        &mut self,
        epoch: &str,
        processes: impl Iterator<Item = &'a Process>,
        at: Instant,
        part: bool,
    ) {
        if self.epoch != epoch {
            *self = History { epoch: epoch.to_owned(), ..History::new(at) };
        }
        let second = at.saturating_duration_since(self.began).as_secs();
        let mut of = HashMap::new();
        for process in processes {
            let id = Id::of(process);
            let before = self.of.remove(&id);
            of.insert(id, Trace::next(before, process, at, second));
        }
        if part {
            of.extend(self.of.drain());
        }
        self.of = of;
    }

    /// Of the last second that is known; `None`: not known, or it does not run.
    pub(crate) fn share(&self, process: &Process) -> Share {
        process.pid?;
        self.of.get(&Id::of(process))?.samples.back().copied()?
    }

    /// The last minute, oldest first; less where less is known.
    pub(crate) fn samples(&self, process: &Process) -> Vec<Share> {
        let trace = self.of.get(&Id::of(process));
        trace.map(|trace| trace.samples.iter().copied().collect()).unwrap_or_default()
    }
}

impl Trace {
    fn next(before: Option<Trace>, process: &Process, at: Instant, second: u64) -> Trace {
        let (pid, used_us) = (process.pid.unwrap_or(0), process.cpu_us.unwrap_or(0));
        let share = before.as_ref().and_then(|before| before.share(process, at));
        let (mut samples, last) =
            before.map_or((VecDeque::new(), second), |before| (before.samples, before.second));
        if last == second {
            samples.pop_back();
        }
        // Seconds of which there is no picture.
        let missing = second.saturating_sub(last).saturating_sub(1).min(SECONDS as u64);
        samples.extend((0..missing).map(|_| None));
        samples.push_back(share);
        samples.drain(..samples.len().saturating_sub(SECONDS));
        Trace { pid, used_us, at, second, samples }
    }

    fn share(&self, process: &Process, at: Instant) -> Share {
        let (pid, used_us) = (process.pid?, process.cpu_us?);
        let passed = u64::try_from(at.checked_duration_since(self.at)?.as_micros()).ok()?;
        if pid != self.pid || passed == 0 {
            return None;
        }
        let used = used_us.checked_sub(self.used_us)?;
        u32::try_from(used.saturating_mul(1000) / passed).ok()
    }
}

/// What the samples look like in exactly so many columns, the newest at the right. A full column is one processor, or the most
/// that there was if that is more; nothing is where nothing is known.
pub(crate) fn drawn(samples: &[Share], columns: usize, fancy: bool) -> String {
    const FANCY: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];
    let levels = if fancy { FANCY } else { ASCII };
    if columns == 0 {
        return String::new();
    }
    let most = samples.iter().flatten().copied().max().unwrap_or(0).max(1000);
    let letter = |share: u32| {
        let level = u64::from(share) * levels.len() as u64 / (u64::from(most) + 1);
        levels[usize::try_from(level).unwrap_or(0)]
    };
    let each: Vec<char> = samples
        .rchunks(SECONDS.div_ceil(columns))
        .take(columns)
        .map(|chunk| chunk.iter().flatten().copied().max().map_or(' ', letter))
        .collect();
    let known: String = each.into_iter().rev().collect();
    format!("{known:>columns$}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn process(pid: u32, cpu_us: u64) -> Process {
        let (pid, cpu_us) = (Some(pid), Some(cpu_us));
        Process { name: "web".into(), role: "worker".into(), pid, cpu_us, ..Process::default() }
    }

    #[test]
    fn a_share_is_between_two_pictures_of_the_same_process() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut history = History::new(start);
        let mut note = |epoch: &str, pid, cpu_us, ms| {
            let process = process(pid, cpu_us);
            history.note(epoch, [&process].into_iter(), at(ms), false);
            (history.share(&process), history.samples(&process))
        };
        assert_eq!(note("a", 7, 9_000_000, 0), (None, vec![None]));
        assert_eq!(note("a", 7, 9_250_000, 1000).0, Some(250));
        assert_eq!(note("a", 7, 13_250_000, 3000).0, Some(2000), "two processors");
        let (share, samples) = note("a", 8, 100_000, 4000);
        assert_eq!((share, samples), (None, vec![None, Some(250), None, Some(2000), None]));
        assert_eq!(note("a", 8, 90_000, 5000).0, None, "it cannot have less");
        assert_eq!(note("a", 8, 590_000, 500_000).1.len(), SECONDS);
        // Another guardian.
        assert_eq!(note("b", 8, 690_000, 501_000), (None, vec![None]));
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let start = Instant::now();
        let mut history = History::new(start);
        history.note("a", [&process(7, 0)].into_iter(), start, false);
        history.note("a", [].into_iter(), start, true);
        assert_eq!(history.of.len(), 1);
        history.note("a", [].into_iter(), start, false);
        assert!(history.of.is_empty());
    }

    #[test]
    fn a_minute_fits_into_any_number_of_columns() {
        let samples: Vec<Share> =
            (0..60).map(|second| (second != 30).then_some(second * 17)).collect();
        assert_eq!(drawn(&samples, 10, false), ".:-==+*#@@");
        assert_eq!(drawn(&samples[57..], 60, false).trim_start(), "@@@");
        assert!(drawn(&[Some(0), None, Some(4000), Some(1000)], 60, true).ends_with(" ▁ █▂"));
        for columns in 0..100 {
            assert_eq!(drawn(&samples, columns, true).chars().count(), columns);
        }
    }
}
