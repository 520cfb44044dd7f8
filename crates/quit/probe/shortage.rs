//! Roles about descriptors: which there are, that there are none, that another hand is on them.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use quit::{Error, Slept};
use rustix::event::epoll;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::{say, say_asked};

const SIGTERM: i32 = 15;
const O_NONBLOCK: u32 = 0o4000;
const O_CLOEXEC: u32 = 0o2_000_000;

/// What `install` opens, and what the one descriptor can do.
pub(crate) fn descriptors() {
    let before = open_descriptors();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| quit::install().expect("there are descriptors"));
        }
    });
    quit::install().expect("there are descriptors");
    let descriptor = quit::descriptor().expect("install has made it");
    let opened: Vec<i32> = open_descriptors().difference(&before).copied().collect();
    assert_eq!(opened.len(), 4, "two ends and one for each signal: {opened:?}");
    assert!(opened.contains(&descriptor.as_raw_fd()));
    for number in opened {
        let flags = flags_of(number);
        assert_ne!(flags & O_CLOEXEC, 0, "{number} would be inherited");
        assert_ne!(flags & O_NONBLOCK, 0, "{number} could block a handler");
    }

    let level = epoll_on(descriptor, epoll::EventFlags::IN);
    let edge = epoll_on(descriptor, epoll::EventFlags::IN | epoll::EventFlags::ET);
    assert!(!poll_says_readable(descriptor), "it is readable too early");
    assert!(!epoll_says_readable(&level) && !epoll_says_readable(&edge));

    signal_hook::low_level::raise(SIGTERM).expect("we may signal ourselves");

    assert!(epoll_says_readable(&edge), "an edge-triggered reactor is told");
    for _ in 0..3 {
        assert!(poll_says_readable(descriptor) && epoll_says_readable(&level), "it is for ever");
        assert_eq!(quit::sleep(Duration::from_secs(3600)), Slept::Quit);
    }
    let late = epoll_on(descriptor, epoll::EventFlags::IN | epoll::EventFlags::ET);
    assert!(epoll_says_readable(&late), "also who comes late is told");
    say_asked();
}

/// No pipe can be had: errors where one is needed, and a sleep all the same.
pub(crate) fn no_descriptors() {
    // How many are open already does not matter: the test has set a low limit.
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }

    for error in [
        quit::install().expect_err("no descriptor is left"),
        quit::descriptor().expect_err("no descriptor is left"),
        quit::receiver().expect_err("no descriptor is left"),
        quit::QuitToken::new().expect_err("no descriptor is left"),
        quit::QuitToken::process().child().expect_err("no descriptor is left"),
    ] {
        let Error::Pipe { source } = error else { panic!("another error: {error}") };
        assert_eq!(source.raw_os_error(), Some(Errno::MFILE.raw_os_error()));
    }
    assert!(!quit::quit_requested());

    let time = Duration::from_millis(50);
    let start = Instant::now();
    assert_eq!(quit::sleep(time), Slept::Elapsed);
    assert!(time <= start.elapsed(), "it must not turn into a busy loop");

    let sleeper = thread::spawn(|| quit::sleep(Duration::from_secs(3600)));
    quit::request_quit();
    assert_eq!(sleeper.join().expect("it does not panic"), Slept::Quit);

    drop(hoard);
    quit::install().expect("there are descriptors again");
    let descriptor = quit::descriptor().expect("install has made it");
    assert!(poll_says_readable(descriptor), "the quit came before the pipe");
    assert!(quit::receiver().expect("a thread can be started").recv().is_err());
    say("done");
}

/// The pipe rings, but not for us: as after a `fork`, when the other process was asked to quit.
pub(crate) fn false_alarm() {
    quit::install().expect("there are descriptors");
    let receiver = quit::receiver().expect("a thread can be started");
    let descriptor = quit::descriptor().expect("install has made it");
    let mut other = OpenOptions::new()
        .write(true)
        .open(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
        .expect("a pipe can be opened again");
    other.write_all(b"q").expect("the pipe is empty");
    assert!(poll_says_readable(descriptor));

    let time = Duration::from_millis(1200);
    let (start, turns) = (Instant::now(), context_switches());
    assert_eq!(quit::sleep(time), Slept::Elapsed, "nobody asked us");
    assert!(time <= start.elapsed());
    let turns = context_switches() - turns;
    // Two steps of a sleep have passed. A sleep that listened again and again would come back from `poll`
    // without waiting, so that only the processor time tells.
    assert!(processor_time() < Duration::from_millis(100), "it spins");
    assert!(turns < 100, "it woke {turns} times");
    assert!(receiver.try_recv().is_err_and(|error| error.is_empty()), "nobody asked us");

    signal_hook::low_level::raise(SIGTERM).expect("we may signal ourselves");
    assert_eq!(quit::sleep(time), Slept::Quit);
    assert!(receiver.recv().is_err(), "the watcher looks once in a step");
    say_asked();
}

fn open_descriptors() -> BTreeSet<i32> {
    let numbers = fs::read_dir("/proc/self/fd").expect("/proc is mounted").map(|entry| {
        let name = entry.expect("our own entries can be read").file_name();
        name.to_str().and_then(|name| name.parse().ok()).expect("they are numbers")
    });
    // The descriptor that lists them is in the list, and closed by now.
    let numbers: BTreeSet<i32> = numbers.collect();
    numbers.into_iter().filter(|number| fs::exists(proc_fd(*number)).unwrap_or(false)).collect()
}

fn proc_fd(number: i32) -> String {
    format!("/proc/self/fdinfo/{number}")
}

fn flags_of(number: i32) -> u32 {
    let info = fs::read_to_string(proc_fd(number)).expect("it is open");
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("it has flags");
    u32::from_str_radix(flags.trim(), 8).expect("they are octal")
}

fn poll_says_readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut waited_for = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut waited_for, Some(&now)).expect("no handler runs here") == 1
}

fn epoll_on(descriptor: BorrowedFd<'_>, flags: epoll::EventFlags) -> std::os::fd::OwnedFd {
    let reactor = epoll::create(epoll::CreateFlags::CLOEXEC).expect("there are descriptors");
    epoll::add(&reactor, descriptor, epoll::EventData::new_u64(0), flags).expect("it is a pipe");
    reactor
}

fn epoll_says_readable(reactor: &std::os::fd::OwnedFd) -> bool {
    let mut events = Vec::with_capacity(1);
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    epoll::wait(reactor, rustix::buffer::spare_capacity(&mut events), Some(&now))
        .expect("no handler runs here");
    !events.is_empty()
}

fn context_switches() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").expect("/proc is mounted");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).expect("Linux counts them")
}

/// What this thread has used so far: proc_pid_schedstat, nanoseconds on a processor.
fn processor_time() -> Duration {
    let line = fs::read_to_string("/proc/thread-self/schedstat").expect("/proc is mounted");
    let nanoseconds = line.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first field is a number"))
}
