//! Processes as /proc and pidfds show them: found by a variable in their environment, signalled
//! only through a descriptor that cannot come to mean another process.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable that every process of a bed inherits; its value is the name of the bed's folder.
pub const MARKER: &str = "APPKIT_BED";

/// How the markers and folders of all beds of this process begin, and those of no other.
pub fn run_prefix() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let since = since.map_or(0, |since| since.as_nanos());
        format!("bed-{}.{since}-", std::process::id())
    })
}

/// A process that was alive when it was opened. The number cannot come to mean another one in here.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    descriptor: OwnedFd,
}

impl Process {
    /// Opens `pid` if it belongs to the bed with this marker.
    pub fn open(pid: u32, marker: &str) -> io::Result<Self> {
        Process::open_if(pid, &|value| value == marker.as_bytes())
    }

    /// Opens it if it has a marker that satisfies `wanted`. The environment is read after the
    /// descriptor is open: until that process is reaped, the number is its own.
    fn open_if(pid: u32, wanted: &impl Fn(&[u8]) -> bool) -> io::Result<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or_else(|| io::Error::other("no process has this number"))?;
        let descriptor = pidfd_open(number, PidfdFlags::empty())?;
        if !marker_of(pid).is_some_and(|value| wanted(&value)) {
            return Err(io::Error::other("this process is not one of the bed's"));
        }
        Ok(Process { pid, descriptor })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What `ps` shows of it: its title, and its arguments. Empty when it has ended.
    pub fn title(&self) -> String {
        title(self.pid)
    }

    /// Sends a signal; one that has ended gets none.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        match pidfd_send_signal(&self.descriptor, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => (),
            Err(error) => panic!("cannot signal {} {}: {error}", self.pid, self.title()),
        }
    }

    /// The same, for who wants to know.
    pub fn try_signal(&self, signal: Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.descriptor, signal)?)
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        !self.wait(Duration::ZERO)
    }

    /// Waits for its end; `false` when `limit` came first.
    pub fn wait(&self, limit: Duration) -> bool {
        readable(self.as_fd(), limit)
    }

    /// Its parent, session, group, terminal and state.
    #[track_caller]
    pub fn stat(&self) -> Stat {
        stat(self.pid).unwrap_or_else(|| panic!("process {} has gone", self.pid))
    }

    /// A field of its `/proc/<pid>/status`.
    #[track_caller]
    pub fn status(&self, field: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let value = value.unwrap_or_else(|| panic!("{} has no {field}: {text}", self.pid));
        value.trim().to_owned()
    }

    /// The names of its threads that the kernel may give a signal for the process to.
    pub fn threads_that_take(&self, signal: Signal) -> Vec<String> {
        let list = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let mut found: Vec<String> = list
            .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok())
            .filter(|status| {
                let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
                let blocked = blocked.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
                blocked.is_some_and(|blocked| blocked & (1 << (signal.as_raw() - 1)) == 0)
            })
            .filter_map(|status| {
                Some(status.lines().next()?.strip_prefix("Name:")?.trim().to_owned())
            })
            .collect();
        found.sort();
        found
    }

    /// Where `/proc/<pid>/<name>` leads: `cwd`, `fd/1`.
    #[track_caller]
    pub fn link(&self, name: &str) -> PathBuf {
        fs::read_link(format!("/proc/{}/{name}", self.pid))
            .unwrap_or_else(|error| panic!("process {} has no {name}: {error}", self.pid))
    }

    /// Its descriptors that would survive an exec, which is all that it has inherited itself.
    pub fn inherited_descriptors(&self) -> Vec<u32> {
        let list = fs::read_dir(format!("/proc/{}/fd", self.pid)).into_iter().flatten().flatten();
        let mut found: Vec<u32> = list
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|fd| {
                let path = format!("/proc/{}/fdinfo/{fd}", self.pid);
                let info = fs::read_to_string(path).unwrap_or_default();
                let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
                let flags = flags.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok());
                flags.is_some_and(|flags| flags & rustix::fs::OFlags::CLOEXEC.bits() == 0)
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// What its descriptors lead to.
    pub fn descriptors(&self) -> Vec<String> {
        let list = fs::read_dir(format!("/proc/{}/fd", self.pid)).into_iter().flatten().flatten();
        let mut found: Vec<String> = list
            .filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.display().to_string()))
            .collect();
        found.sort();
        found
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Waits until a descriptor is readable; `false` when `limit` came first.
pub fn readable(descriptor: BorrowedFd<'_>, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut waiting = [PollFd::new(&descriptor, PollFlags::IN)];
        match poll(&mut waiting, Timespec::try_from(left).ok().as_ref()) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => (),
            Err(error) => panic!("cannot wait for a descriptor: {error}"),
        }
    }
}

/// Every living process with a marker that satisfies `wanted`, in the order of their numbers.
pub fn find(wanted: impl Fn(&[u8]) -> bool) -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.into_iter().filter_map(|pid| Process::open_if(pid, &wanted).ok()).collect()
}

/// Every living process of the bed with this marker.
pub fn marked(marker: &str) -> Vec<Process> {
    find(|value| value == marker.as_bytes())
}

/// Living children of `parent` in the bed with this marker.
pub fn children(parent: u32, marker: &str) -> Vec<Process> {
    let mut found = marked(marker);
    found.retain(|process| stat(process.pid).is_some_and(|stat| stat.parent == parent));
    found
}

/// Kills every process with such a marker, also those that appear meanwhile, but the one of the number `but`; says
/// how many.
pub fn kill(but: Option<u32>, wanted: impl Fn(&[u8]) -> bool) -> usize {
    let mut killed = 0;
    // One that starts another one and ends while we look hides both: so look twice.
    let mut looks_in_vain = 0;
    while looks_in_vain < 2 {
        let mut found = find(&wanted);
        found.retain(|process| Some(process.pid) != but);
        looks_in_vain = if found.is_empty() { looks_in_vain + 1 } else { 0 };
        for process in &found {
            // It may end by itself before the signal: that is just as well.
            let _ = process.try_signal(Signal::KILL);
        }
        // One that cannot die (uninterruptible sleep) must not hold us for ever.
        if !found.iter().all(|process| process.wait(Duration::from_secs(10))) {
            return killed;
        }
        killed += found.len();
    }
    killed
}

/// The same for one bed.
pub fn kill_marked(marker: &str) -> usize {
    kill(None, |value| value == marker.as_bytes())
}

/// A process in the middle of its exec has a program, but neither arguments nor environment yet.
/// That is over in microseconds, unless the program must come from a slow disk; and a program may
/// have emptied both for good.
const EXEC_LIMIT: Duration = Duration::from_secs(1);

/// The value of [`MARKER`]. A zombie has no environment any more, so it never counts.
fn marker_of(pid: u32) -> Option<Vec<u8>> {
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
    variables.find_map(|variable| {
        let value = variable.strip_prefix(MARKER.as_bytes())?.strip_prefix(b"=")?;
        Some(value.to_owned())
    })
}

/// Empty where there is nothing to read, or nobody any more.
fn read_proc(pid: u32, file: &str) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

fn title(pid: u32) -> String {
    String::from_utf8_lossy(&read_proc(pid, "cmdline")).replace('\0', " ").trim_end().to_owned()
}

/// What `/proc/<pid>/stat` tells, as far as we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// `R`, `S`, `T`, `Z`, …
    pub state: char,
    /// The parent's number.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// 0: no controlling terminal.
    pub terminal: i32,
}

/// Of any process; `None` if there is none of this number.
pub fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name in parentheses may itself hold spaces and parentheses: the last one ends it.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        session: fields.next()?.parse().ok()?,
        terminal: fields.next()?.parse().ok()?,
    })
}

/// How many threads it has. A child that watches its parent has one for that.
pub fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{MARKER, Process, Stat, kill_marked, marked, parse_stat};

    #[test]
    fn a_strange_name_does_not_shift_the_fields() {
        let text = "12 (a) b (c)) S 1 12 34 0 -1 4194304";
        let expected = Stat { state: 'S', parent: 1, group: 12, session: 34, terminal: 0 };
        assert_eq!(parse_stat(text), Some(expected));
    }

    #[test]
    fn marked_processes_are_found_and_killed_and_others_are_not() {
        let marker = format!("testbed-test-{}", std::process::id());
        let mut child = Command::new("sleep").arg("600").env(MARKER, &marker).spawn().unwrap();
        let found = marked(&marker);
        let numbers: Vec<u32> = found.iter().map(Process::pid).collect();
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
