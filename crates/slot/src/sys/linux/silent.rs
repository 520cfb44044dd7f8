//! What keeps a process from getting on, as /proc and the control groups show it.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The state of its first thread by its letter (proc_pid_stat(5)); `None`: it cannot be seen.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may contain anything, also what is no text.
    let stat = String::from_utf8_lossy(&stat);
    stat.rsplit_once(") ")?.1.chars().next()
}

/// How long its first thread was ready to run in all, and waited for the processor (the kernel's sched-stats.rst);
/// `None`: this kernel does not count that.
pub(crate) fn waited_for_processor(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let waited = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(waited))
}

/// Whether its control group is frozen (cgroups(7), the kernel's cgroup-v2.rst); no, where that cannot be told.
pub(crate) fn is_frozen(pid: u32) -> bool {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let Some(group) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return false;
    };
    let events = Path::new("/sys/fs/cgroup").join(group).join("cgroup.events");
    let events = fs::read_to_string(events).unwrap_or_default();
    events.lines().any(|line| line == "frozen 1")
}

#[cfg(test)]
mod tests {
    use std::process::{self, Command};

    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

    use super::*;

    #[test]
    fn a_process_that_is_stopped_is_seen_as_that() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::STOP).unwrap();
        waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        let state = state(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(state, Some('T'));
        assert_eq!(super::state(child.id()), None);
    }

    #[test]
    fn who_runs_is_not_frozen_and_has_waited_less_than_there_was_time() {
        let us = process::id();
        assert_eq!(state(us).map(|letter| "RSD".contains(letter)), Some(true));
        assert!(!is_frozen(us));
        let a_century = Duration::from_secs(100 * 365 * 86_400);
        assert!(waited_for_processor(us).is_none_or(|waited| waited < a_century));
    }
}
