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

/// The variable that every process of a bed inherits; its value begins with [`run_id`].
pub const MARKER: &str = "APPKIT_BED";

/// What the beds of this test run have in common, and no other run has.
pub fn run_id() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        format!("{}.{}", std::process::id(), since.as_nanos())
    })
}

/// Every process of any bed of this run that is alive.
pub fn left_of_run() -> Vec<Process> {
    find(|value| value.starts_with(run_id().as_bytes()))
}

/// A process that was alive when it was found. The number cannot come to mean another one in here.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    title: String,
    descriptor: OwnedFd,
}

impl Process {
    /// Opens a process of a bed whose marker satisfies `wanted`. The environment is read after the
    /// descriptor is open: until that process is reaped, the number is its own.
    fn open(pid: u32, wanted: impl Fn(&[u8]) -> bool) -> Option<Process> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
        let descriptor = pidfd_open(number, PidfdFlags::empty()).ok()?;
        marker_of(pid).filter(|value| wanted(value))?;
        let title = String::from_utf8_lossy(&read_proc(pid, "cmdline")).replace('\0', " ");
        Some(Process { pid, title: title.trim_end().to_owned(), descriptor })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What `ps` shows of it: its title, and its arguments.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Sends a signal; one that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        match pidfd_send_signal(&self.descriptor, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => (),
            Err(error) => panic!("cannot signal {}: {}", self.title, io::Error::from(error)),
        }
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        !self.wait(Duration::ZERO)
    }

    /// Waits for its end; `false` when `limit` came first.
    pub fn wait(&self, limit: Duration) -> bool {
        readable(self.descriptor.as_fd(), limit)
    }

    /// Its parent, session, group, terminal and state.
    #[track_caller]
    pub fn stat(&self) -> Stat {
        stat(self.pid).unwrap_or_else(|| panic!("{} has gone", self.title))
    }

    /// A field of its `/proc/<pid>/status`.
    #[track_caller]
    pub fn status(&self, field: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("{} has no {field}: {text}", self.title)).trim().to_owned()
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
            .unwrap_or_else(|error| panic!("{} has no {name}: {error}", self.title))
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

fn readable(descriptor: BorrowedFd<'_>, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut waiting = [PollFd::new(&descriptor, PollFlags::IN)];
        match poll(&mut waiting, Timespec::try_from(left).ok().as_ref()) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => (),
            Err(error) => panic!("cannot wait for a process: {error}"),
        }
    }
}

/// Every process with a marker that satisfies `wanted`, in the order of their numbers.
pub(crate) fn find(wanted: impl Fn(&[u8]) -> bool) -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.into_iter().filter_map(|pid| Process::open(pid, &wanted)).collect()
}

/// Kills every such process, also those that appear meanwhile.
pub(crate) fn kill(wanted: impl Fn(&[u8]) -> bool) {
    // One that starts another one and ends while we look hides both: so look twice.
    let mut looks_in_vain = 0;
    while looks_in_vain < 2 {
        let found = find(&wanted);
        looks_in_vain = if found.is_empty() { looks_in_vain + 1 } else { 0 };
        for process in &found {
            process.signal(Signal::KILL);
        }
        // One that cannot die (uninterruptible sleep) must not hold us for ever.
        if !found.iter().all(|process| process.wait(Duration::from_secs(10))) {
            return;
        }
    }
}

/// The value of [`MARKER`]. A zombie has no environment any more, so it never counts.
fn marker_of(pid: u32) -> Option<Vec<u8>> {
    let mut environment = read_proc(pid, "environ");
    // A process in the middle of its exec has a program, but neither arguments nor environment
    // yet. That is over in microseconds, so look again; with a limit, as a program may empty both.
    for _ in 0..1000 {
        let in_exec = environment.is_empty()
            && read_proc(pid, "cmdline").is_empty()
            && fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        if !in_exec {
            break;
        }
        std::thread::yield_now();
        environment = read_proc(pid, "environ");
    }
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

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
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
