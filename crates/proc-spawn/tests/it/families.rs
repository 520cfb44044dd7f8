//! A child goes with its parent, whatever either is doing.

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use proc_spawn::{Child, Spawn, Stream, entry};

use crate::{LIMIT, spawn, stop, waits};

/// Starts a child, says its number, and waits to be killed.
pub(crate) fn parent(stop_it: bool) -> Result<(), Box<dyn Error>> {
    let mut child = Spawn::new(entry(waits, ()))?.spawn()?;
    child.wait_until_ready(LIMIT)?;
    if stop_it {
        stop(child.id());
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}", child.id())?;
    out.flush()?;
    waits();
    Ok(())
}

/// Never comes to the end of its exit, as with a library whose exit handler hangs.
struct Lingering(PathBuf);

impl Drop for Lingering {
    fn drop(&mut self) {
        let _ = fs::write(&self.0, "");
        waits();
    }
}

pub(crate) fn lingers(path: PathBuf) {
    std::thread_local! {
        static LINGERING: RefCell<Option<Lingering>> = const { RefCell::new(None) };
    }
    LINGERING.set(Some(Lingering(path)));
}

pub(crate) fn parent_of_one_that_lingers(path: PathBuf) -> Result<(), Box<dyn Error>> {
    let child = Spawn::new(entry(lingers, path))?.spawn()?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", child.id())?;
    out.flush()?;
    waits();
    Ok(())
}

/// A [`parent`] whose end of the child's socket is open in another process too, as after a fork.
pub(crate) fn leaking_parent() -> Result<(), Box<dyn Error>> {
    let mut child = Spawn::new(entry(waits, ()))?.spawn()?;
    child.wait_until_ready(LIMIT)?;
    rustix::io::fcntl_setfd(child.messages(), rustix::io::FdFlags::empty())?;
    // It reads from the test, and so ends with it.
    let from_test = std::io::stdout().as_fd().try_clone_to_owned()?;
    let copy = std::process::Command::new("cat").stdin(from_test).spawn()?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", child.id())?;
    out.flush()?;
    waits();
    drop(copy);
    Ok(())
}

/// A parent with a child; the child's number comes over the parent's standard output.
fn parent_and_child(stopped: bool) -> (Child, OwnedFd) {
    let (parent, child, _) = run_parent(Spawn::new(entry(parent, stopped)).unwrap());
    (parent, child)
}

fn run_parent(spawn: Spawn) -> (Child, OwnedFd, u32) {
    let (parent, pidfd, pid, _) = run_parent_with(spawn);
    (parent, pidfd, pid)
}

/// The same with our end of the parent's standard output.
fn run_parent_with(spawn: Spawn) -> (Child, OwnedFd, u32, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let spawn = spawn.stdout(Stream::Descriptor(Arc::new(theirs.into())));
    let parent = spawn.spawn().unwrap();
    drop(spawn);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(&ours), &mut line).unwrap();
    let pid = rustix::process::Pid::from_raw(line.trim().parse().unwrap()).unwrap();
    let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
    (parent, pidfd, pid.as_raw_nonzero().get().unsigned_abs(), ours)
}

fn assert_ends(pidfd: &OwnedFd) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec::try_from(LIMIT).unwrap();
    let ended = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&limit)).unwrap();
    if ended == 0 {
        // Also after a failure nothing is left.
        let _ = rustix::process::pidfd_send_signal(pidfd, rustix::process::Signal::KILL);
    }
    assert_eq!(ended, 1, "the process still runs");
}

pub(crate) fn a_child_goes_with_its_parent() {
    let (mut parent, child) = parent_and_child(false);
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_ends(&child);
}

/// Case: ORP-06
pub(crate) fn a_stopped_child_goes_with_its_parent() {
    let (mut parent, child) = parent_and_child(true);
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_ends(&child);
}

/// Case: ORP-06
pub(crate) fn a_child_that_lingers_in_its_exit_goes_with_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let lingering = folder.path().join("lingering");
    let call = entry(parent_of_one_that_lingers, lingering.clone());
    let (mut parent, child, _) = run_parent(Spawn::new(call).unwrap());
    let start = Instant::now();
    while !lingering.exists() {
        assert!(start.elapsed() < LIMIT, "it does not exit");
        std::thread::yield_now();
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_ends(&child);
}

/// The socket does not end while somebody has a copy; the parent's death is seen all the same.
pub(crate) fn a_copy_of_the_socket_keeps_no_child_alive() {
    let spawn = Spawn::new(entry(leaking_parent, ())).unwrap();
    let (mut parent, child, _, output) = run_parent_with(spawn);
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_ends(&child);
    drop(output);
}

pub(crate) fn a_dropped_child_goes() {
    let mut child = spawn(entry(waits, ()));
    child.wait_until_ready(LIMIT).unwrap();
    let pidfd = child.pidfd().try_clone_to_owned().unwrap();
    drop(child);
    assert_ends(&pidfd);
}

/// By its lock one sees whether anybody of a family is left, from the first instant of each on.
pub(crate) fn what_is_kept_open_is_open_in_all_below() {
    let (reader, writer) = std::io::pipe().unwrap();
    let pipe = fs::read_link(format!("/proc/self/fd/{}", writer.as_raw_fd())).unwrap();
    let spawn = Spawn::new(entry(parent, false)).unwrap();
    let (mut parent, child, pid) = run_parent(spawn.keep_open(Arc::new(writer.into())));
    for process in [parent.id(), pid] {
        let list = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        let links = list.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        assert!(links.into_iter().any(|link| link == pipe), "not open in process {process}");
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_ends(&child);
    assert_eq!(std::io::read_to_string(reader).unwrap(), "", "nobody has it open any more");
}
