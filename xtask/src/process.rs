//! Processes as /proc and pidfds show them: found by a variable in their environment, signalled
//! only through a descriptor that cannot come to mean another process.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable that every process of a scenario inherits.
pub(crate) const MARKER: &str = "APPKIT_SCENARIO";

/// A process that was alive when it was opened. The number cannot come to mean another one in here.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    descriptor: OwnedFd,
}

impl Process {
    /// Opens `pid` if it belongs to the scenario `marker`. The environment is read after the
    /// descriptor is open: until that process is reaped, the number is its own.
    pub(crate) fn open(pid: u32, marker: &str) -> io::Result<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or_else(|| io::Error::other("no process has this number"))?;
        let descriptor = pidfd_open(number, PidfdFlags::empty())?;
        if !has_marker(pid, marker) {
            return Err(io::Error::other("this process is not one of the scenario's"));
        }
        Ok(Process { pid, descriptor })
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.descriptor, signal)?)
    }

    pub(crate) fn alive(&self) -> bool {
        !readable(self.as_fd(), Duration::ZERO)
    }

    /// Waits for its end; `false` when `limit` came first.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        readable(self.as_fd(), limit)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

pub(crate) fn readable(descriptor: BorrowedFd<'_>, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut waiting = [PollFd::new(&descriptor, PollFlags::IN)];
        match poll(&mut waiting, Timespec::try_from(left).ok().as_ref()) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => (),
            Err(_) => return false,
        }
    }
}

/// Every process of the scenario that is alive now, in the order of their numbers.
pub(crate) fn marked(marker: &str) -> Vec<Process> {
    let numbers = numbers().into_iter();
    numbers.filter_map(|pid| Process::open(pid, marker).ok()).collect()
}

/// Kills every process of the scenario, also those that appear meanwhile; says how many there were.
pub(crate) fn kill_marked(marker: &str) -> usize {
    let mut killed = 0;
    loop {
        let found = marked(marker);
        if found.is_empty() {
            return killed;
        }
        for process in &found {
            // It may end by itself before the signal: that is just as well.
            let _ = process.signal(Signal::KILL);
        }
        // One that cannot die (uninterruptible sleep) must not hold us for ever.
        if !found.iter().all(|process| process.wait(Duration::from_secs(10))) {
            return killed;
        }
        killed += found.len();
    }
}

fn numbers() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// A process in the middle of its exec has a program, but neither arguments nor environment yet.
/// That is over in microseconds, unless the program must come from a slow disk; and a program may
/// have emptied both for good.
const EXEC_LIMIT: Duration = Duration::from_secs(1);

/// A zombie has no environment any more, so it never counts.
fn has_marker(pid: u32, marker: &str) -> bool {
    let wanted = format!("{MARKER}={marker}");
    let until = Instant::now() + EXEC_LIMIT;
    let environment = loop {
        // In this order: once there are arguments, the environment that is read next is there too.
        let in_exec = read_proc(pid, "cmdline").is_empty()
            && fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        let environment = read_proc(pid, "environ");
        if !environment.is_empty() || !in_exec || until < Instant::now() {
            break environment;
        }
        std::thread::yield_now();
    };
    let mut variables = environment.split(|&byte| byte == 0);
    variables.any(|variable| variable == wanted.as_bytes())
}

/// Empty where there is nothing to read, or nobody any more.
fn read_proc(pid: u32, file: &str) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

/// What `/proc/<pid>/stat` tells, as far as we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) state: char,
    pub(crate) parent: u32,
    pub(crate) session: u32,
    /// 0: no controlling terminal.
    pub(crate) terminal: i32,
}

pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name in parentheses may itself hold spaces and parentheses: the last one ends it.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        session: fields.nth(1)?.parse().ok()?,
        terminal: fields.next()?.parse().ok()?,
    })
}

/// How many threads it has. A child that watches its parent has one for that.
pub(crate) fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// Living children of `parent` in the scenario `marker`.
pub(crate) fn children(parent: u32, marker: &str) -> Vec<Process> {
    let mut found = marked(marker);
    found.retain(|process| stat(process.pid).is_some_and(|stat| stat.parent == parent));
    found
}

/// How it calls itself, as `ps` shows it.
pub(crate) fn title(pid: u32) -> String {
    let words = read_proc(pid, "cmdline");
    let words: Vec<_> = words
        .split(|&byte| byte == 0)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{MARKER, Process, Stat, kill_marked, marked, parse_stat};

    #[test]
    fn a_strange_name_does_not_shift_the_fields() {
        let text = "12 (a) b (c)) S 1 12 34 0 -1 4194304";
        let expected = Stat { state: 'S', parent: 1, session: 34, terminal: 0 };
        assert_eq!(parse_stat(text), Some(expected));
    }

    #[test]
    fn marked_processes_are_found_and_killed_and_others_are_not() {
        let marker = format!("xtask-test-{}", std::process::id());
        let mut child = Command::new("sleep").arg("600").env(MARKER, &marker).spawn().unwrap();
        let found = marked(&marker);
        let numbers: Vec<u32> = found.iter().map(|process| process.pid).collect();
        // Before anything can fail, or the child would stay.
        let killed = kill_marked(&marker);
        let status = child.wait().unwrap();
        assert_eq!(numbers, [child.id()]);
        assert_eq!(killed, 1);
        assert!(!status.success());
        assert!(found[0].wait(Duration::ZERO));
        assert!(marked(&marker).is_empty());
        assert!(Process::open(std::process::id(), &marker).is_err());
    }
}
