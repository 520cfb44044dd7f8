//! How many system calls the start of a worker takes: a number that hardly depends on the machine,
//! so that what a change adds to it is seen at once.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use testbed::interrupt::pause;
use testbed::{Failure, Outcome};

use super::daemon::Caller;
use super::sessions::{Sessions, step};

/// Two pools: what the second needs more is what its further workers need.
const FEW: usize = 5;
const MORE: usize = 25;

/// Until all is said that a start leads to: what a pool does after its last worker's first line.
const SETTLED: Duration = Duration::from_millis(500);

impl Sessions<'_> {
    /// Two daemons below strace, one with more workers than the other.
    pub(crate) fn calls(&mut self) -> Outcome {
        if std::process::Command::new("strace").arg("-V").output().is_err() {
            println!("  skipped, because strace is not installed");
            return Ok(());
        }
        for round in 0..self.sizes.rounds.min(3) {
            step(&format!("round {}", round + 1));
            let [few, more] = [self.traced(FEW)?, self.traced(MORE)?];
            let all = (more.all as f64 - few.all as f64) / (MORE - FEW) as f64;
            self.samples.add("calls.all", all);
            self.samples.add("calls", more.of_workers as f64 / MORE as f64);
        }
        Ok(())
    }

    fn traced(&self, workers: usize) -> Outcome<Counted> {
        let folder = tempfile::TempDir::with_prefix("appkit-bench-calls-")
            .map_err(Failure::step("make a temporary folder"))?;
        let trace = folder.path().join("trace");
        let mut caller = Caller::traced(&self.programs.workload, &trace)?;
        let daemon = caller.start(workers)?;
        pause(SETTLED)?;
        // Before anybody is told to end.
        let text = fs::read(&trace).map_err(Failure::at("read", &trace))?;
        let calls = calls(&String::from_utf8_lossy(&text));
        let of_workers = daemon.workers().filter_map(|line| calls.get(&line.pid));
        let of_workers = of_workers.map(|thread| thread.since_exec).sum();
        caller.stop()?;
        Ok(Counted { all: calls.values().map(|thread| thread.all).sum(), of_workers })
    }
}

/// In one trace.
struct Counted {
    all: usize,
    /// Of their first threads, from the program's start on: what the C library does before, in the
    /// name of the executor (posix_spawn(3): some 125 calls for signals), is not theirs. Their other
    /// threads are named nowhere.
    of_workers: usize,
}

/// What one thread has called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Thread {
    all: usize,
    since_exec: usize,
}

/// How many calls each thread has begun, by strace's lines: `12 read(0, "", 1) = 0`.
fn calls(trace: &str) -> BTreeMap<u32, Thread> {
    let mut calls: BTreeMap<u32, Thread> = BTreeMap::new();
    for line in trace.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        // The end of a call that stands in another line, a signal, an end.
        let other = ["<...", "---", "+++"].iter().any(|begin| rest.starts_with(begin));
        if let Some(pid) = pid.parse().ok().filter(|_| !other) {
            let thread = calls.entry(pid).or_default();
            if rest.starts_with("execve(") {
                thread.since_exec = 0;
            }
            thread.all += 1;
            thread.since_exec += 1;
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::{Thread, calls};

    #[test]
    fn a_call_counts_once_however_many_lines_it_has_and_signals_do_not() {
        let trace = "7 dup2(1, 2) = 2\n7 execve(\"a\", [], []) = 0\n7 read(3, \"x\", 1) = 1\n7  futex(0x1 <unfinished ...>\n8 getpid() = 8\n\
                     7 <... futex resumed>) = 0\n8 --- SIGTERM {si_signo=SIGTERM} ---\n\
                     8 +++ exited with 0 +++\n";
        let thread = |all, since_exec| Thread { all, since_exec };
        let calls: Vec<_> = calls(trace).into_iter().collect();
        assert_eq!(calls, [(7, thread(4, 3)), (8, thread(1, 1))]);
    }
}
