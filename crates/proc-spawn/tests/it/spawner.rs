//! Children that a thread with its own descriptors starts.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use proc_spawn::{Call, Exit, Spawn, Spawner, Stdio};

use crate::{LIMIT, is_stopped, report_of, stop, waits, writes};

/// One spawner for all tests, complete before anybody looks at it.
static SPAWNER: LazyLock<Arc<Spawner>> = LazyLock::new(|| Arc::new(Spawner::start().unwrap()));

/// Case: HYG-01
pub(crate) fn a_spawner_starts_children_like_any_other() {
    let by = |spawn: Spawn| spawn.spawned_by(Arc::clone(&SPAWNER));
    let stray = File::open("/dev/null").unwrap();
    let stray: OwnedFd = nix::unistd::dup(stray.as_fd()).unwrap();
    let report = report_of(by);
    assert_eq!(report.descriptors, BTreeSet::from([0, 1, 2]));
    assert_eq!(report.stdin, b"", "standard input is empty");
    let blocked = report.status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    assert_eq!(blocked.trim(), "0000000000000000");
    drop(stray);

    let (reader, writer) = std::io::pipe().unwrap();
    let to_pipe = Stdio::Descriptor(Arc::new(writer.into()));
    let call = || Call::new(writes, "to stdout".into());
    let spawn = by(Spawn::new(call()).unwrap()).stdout(to_pipe.clone()).stderr(to_pipe);
    assert_eq!(spawn.spawn().unwrap().wait().unwrap(), Exit::Code(0));
    drop(spawn);
    let said = std::io::read_to_string(reader).unwrap();
    // Standard output is buffered, so it comes last. That the reading ends says that nobody has the pipe
    // any more.
    assert_eq!(said, "to stderrto stdout");
    let output = by(Spawn::new(call()).unwrap()).stderr(Stdio::Inherit);
    assert_eq!(output.spawn().unwrap().wait().unwrap(), Exit::Code(0));

    let missing = proc_spawn::Program::Path("/no/such".into());
    let error = by(Spawn::new(call()).unwrap()).program(missing).spawn().unwrap_err();
    assert_eq!(error.to_string(), "cannot execute `/no/such`");
    assert_eq!(error.source().unwrap().to_string(), "No such file or directory (os error 2)");
}

/// What an application closes is closed, and its handlers run where its descriptors are.
pub(crate) fn a_spawner_holds_nothing_of_the_process() {
    let _running = &*SPAWNER;
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let named = |thread: &PathBuf| {
        fs::read_to_string(thread.join("comm")).is_ok_and(|comm| comm == "spawner\n")
    };
    let [thread] = &*threads.filter(named).collect::<Vec<_>>() else { panic!("not one spawner") };
    let list = fs::read_dir(thread.join("fd")).unwrap();
    let links = list.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    // At times the thread has what it passes on.
    let foreign = links.filter(|link| {
        let link = link.to_string_lossy();
        !(link == "/dev/null" || link.starts_with("socket:") || link.starts_with("pipe:"))
    });
    assert_eq!(foreign.collect::<Vec<_>>(), Vec::<PathBuf>::new());
    let status = fs::read_to_string(thread.join("status")).unwrap();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    let sigterm = 1 << (nix::sys::signal::SIGTERM as i32 - 1);
    assert_ne!(u64::from_str_radix(blocked.trim(), 16).unwrap() & sigterm, 0);
}

/// A child is told of the end of the thread that has started it, not of the one that has asked for it.
pub(crate) fn a_spawned_child_does_not_hang_on_who_asked_for_it() {
    let asking = std::thread::spawn(|| {
        let spawn = Spawn::new(Call::new(waits, ())).unwrap().spawned_by(Arc::clone(&SPAWNER));
        let mut child = spawn.spawn().unwrap();
        child.wait_until_ready(LIMIT).unwrap();
        stop(child.id());
        (child, rustix::thread::gettid().as_raw_nonzero())
    });
    let (mut child, thread) = asking.join().unwrap();
    // Only when the thread is gone has the system told everybody whom it tells.
    while Path::new(&format!("/proc/self/task/{thread}")).exists() {
        std::thread::yield_now();
    }
    assert!(is_stopped(child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
}
