//! Whether those who supervise do nothing when there is nothing to do, and keep nothing that grows.

use std::fs;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};

/// How long one look takes, and how many of them in a row must show the same.
const LOOK: Duration = Duration::from_millis(40);
const LOOKS: u32 = 5;

/// More of a look than this is no rest. Who spins runs, or waits for a processor, all the time,
/// however busy the machine is.
const BUSY: f64 = 0.5;

/// More often than this in a look means that somebody polls.
const WAKES: u64 = 20;

/// The most memory that a supervisor of a few workers may ever have, in KiB: much more than it
/// needs, much less than what is told to it without end.
const MEMORY: u64 = 64 << 10;

/// What a process has used so far (schedstat of proc(5), as sched-stats.rst has it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    /// Nanoseconds on a processor, and those of waiting for one.
    busy: u64,
    /// How often it was given one.
    wakes: u64,
    /// Whether it runs or waits for one: that time counts when it is over.
    runnable: bool,
}

/// Says what of these processes does not rest, though it should; `None` when `still_idle` says that
/// this was no time to look.
pub(super) fn restless(pids: &[u32], mut still_idle: impl FnMut() -> bool) -> Option<Vec<String>> {
    let mut suspects: Vec<(u32, String)> = pids.iter().map(|pid| (*pid, String::new())).collect();
    for _ in 0..LOOKS {
        let before: Vec<Used> = suspects.iter().map(|(pid, _)| used(*pid)).collect();
        let began = Instant::now();
        rest(LOOK);
        if !still_idle() {
            return None;
        }
        let took = began.elapsed().as_nanos() as f64;
        let mut left = Vec::new();
        for ((pid, _), before) in suspects.into_iter().zip(before) {
            let after = used(pid);
            let busy = after.busy.saturating_sub(before.busy) as f64 / took;
            let wakes = after.wakes.saturating_sub(before.wakes);
            // Where there are many, one that spins may not have had its turn.
            let all_along = before.runnable && after.runnable;
            if all_along || BUSY < busy || WAKES < wakes {
                let text = format!("{pid} is busy for {busy:.2} of the time, woken {wakes} times");
                left.push((pid, text));
            }
        }
        suspects = left;
        if suspects.is_empty() {
            break;
        }
    }
    Some(suspects.into_iter().map(|(_, text)| text).collect())
}

/// Says whose memory has grown beyond what it may have needed at any time.
pub(super) fn swollen(pids: &[u32]) -> Vec<String> {
    let peaks = pids.iter().map(|pid| (pid, peak(*pid)));
    let above = peaks.filter(|(_, peak)| MEMORY < *peak);
    above.map(|(pid, peak)| format!("{pid} has had {} MiB", peak >> 10)).collect()
}

fn used(pid: u32) -> Used {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut sum = Used::default();
    for thread in threads {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let mut numbers = text.split_ascii_whitespace().map(|word| word.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        sum.busy += next() + next();
        sum.wakes += next();
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        sum.runnable |= stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'));
    }
    sum
}

/// In KiB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn rest(time: Duration) {
    let _ = poll(&mut [], Timespec::try_from(time).ok().as_ref());
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{peak, restless, swollen};

    #[test]
    fn who_sleeps_rests_and_who_spins_does_not() {
        let start = |script| Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn();
        let mut sleeper = start("exec sleep 60").unwrap();
        let mut spinner = start("while :; do :; done").unwrap();
        let pids = [sleeper.id(), spinner.id()];
        let found = restless(&pids, || true);
        let disturbed = restless(&pids, || false);
        let swollen = swollen(&pids);
        let peak = peak(sleeper.id());
        // Before anything can fail, or they would stay.
        for child in [&mut sleeper, &mut spinner] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let found = found.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&spinner.id().to_string()), "{found:?}");
        assert_eq!(disturbed, None);
        assert!(swollen.is_empty() && peak > 0);
    }
}
