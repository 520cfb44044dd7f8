//! A process in which everybody sleeps.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::say;

/// Longer than two default steps: a sleep that ticked would be seen.
const IDLE: Duration = Duration::from_millis(2500);

/// Several threads sleep in every way that has no step; the main thread counts how often they woke.
pub(crate) fn idle() {
    quit::install().expect("there are descriptors");
    let token = quit::QuitToken::process().child().expect("a thread can be started");
    let receiver = quit::receiver().expect("the thread was started");
    thread::spawn(|| quit::sleep(Duration::from_secs(3600)));
    thread::spawn(|| quit::sleep(Duration::MAX));
    thread::spawn(move || token.sleep(Duration::from_secs(3600)));
    thread::spawn(move || receiver.recv());

    let before = asleep();
    assert_eq!(before.len(), 5, "four sleepers and the watcher: {before:?}");
    quit::sleep(IDLE);
    assert_eq!(wake_ups(), before, "somebody woke for nothing");
    say("nobody woke");
}

/// Waits until all other threads are blocked and stay so, and says how often each blocked so far.
fn asleep() -> BTreeMap<String, u64> {
    let limit = Instant::now() + Duration::from_secs(30);
    let mut last = wake_ups();
    loop {
        quit::sleep(Duration::from_millis(20));
        let now = wake_ups();
        if now == last && !now.is_empty() && blocked() {
            return now;
        }
        assert!(Instant::now() < limit, "they do not fall asleep: {now:?}");
        last = now;
    }
}

/// Voluntary context switches by thread, the main one left out.
fn wake_ups() -> BTreeMap<String, u64> {
    others()
        .map(|(thread, status)| {
            let count = field(&status, "voluntary_ctxt_switches:").parse();
            (thread, count.expect("Linux counts them"))
        })
        .collect()
}

fn blocked() -> bool {
    others().all(|(_, status)| field(&status, "State:").starts_with('S'))
}

fn others() -> impl Iterator<Item = (String, String)> {
    let me = std::process::id().to_string();
    fs::read_dir("/proc/self/task")
        .expect("/proc is mounted")
        .map(|entry| entry.expect("our own threads can be read"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(move |(thread, _)| *thread != me)
        .map(|(thread, path)| {
            (thread, fs::read_to_string(path.join("status")).expect("no thread ends here"))
        })
}

fn field<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux has it").trim()
}
