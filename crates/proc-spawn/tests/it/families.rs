//! A child goes with its parent, whatever either is doing.

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use proc_spawn::{Boot, Call, Child, Current, Exit, Role, Spawn, Stdio};

use crate::{LIMIT, fine, spawn, stop, waits};

/// The exit code of a child that has heard of its parent's death before it began.
const BEREFT: i32 = 3;

/// Starts a child, says its number, and waits to be killed.
pub(crate) fn parent(stop_it: bool) -> Result<(), Box<dyn Error>> {
    let mut child = Spawn::new(Call::new(waits, ()))?.spawn()?;
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

/// What children with a role do here: one of the name `panics` panics at whatever it hears.
pub(crate) fn listener(boot: Boot) -> i32 {
    let entry = match boot.bind() {
        Ok(entry) => entry,
        Err(error) => return boot.fail(&error),
    };
    let panics = boot.current().name == "panics";
    let is_bereft = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&is_bereft);
    let watched = boot.watch_lifeline(Duration::from_millis(1), move |heard| {
        hears.store(true, Ordering::Release);
        assert!(!panics, "heard {heard:?}, as expected");
    });
    match watched {
        Err(error) => boot.fail(&error),
        Ok(()) if is_bereft.load(Ordering::Acquire) => BEREFT,
        Ok(()) => boot.run(entry),
    }
}

fn named(name: &str) -> Current {
    Current::new(Role::Executor, name)
}

pub(crate) fn parent_of_a_listener() -> Result<(), Box<dyn Error>> {
    let mut child = Spawn::new(Call::new(waits, ()))?.current(named("panics")).spawn()?;
    child.wait_until_ready(LIMIT)?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", child.id())?;
    out.flush()?;
    waits();
    Ok(())
}

fn said(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
}

/// What this program does in a namespace of processes, where `FAMILY` says so.
pub(crate) fn be_a_parent_if_asked() {
    let spawn = |call| Spawn::new(call).unwrap().stdout(Stdio::Inherit);
    match std::env::var("FAMILY").as_deref() {
        // Here a parent whose child has its standard output.
        Ok("inside") => {
            let mut child = spawn(Call::new(waits, ())).spawn().unwrap();
            child.wait_until_ready(LIMIT).unwrap();
            said("ready");
            waits();
        }
        // Here a parent that is not in the namespace of which its child is the first process.
        Ok("outside") => {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWPID).unwrap();
            let mut child = spawn(Call::new(fine, ())).current(named("first")).spawn().unwrap();
            said(&format!("{:?}", child.wait().unwrap()));
            waits();
        }
        _ => (),
    }
}

/// A process with this value never comes to the end of its exit, as with a library whose exit handler
/// hangs.
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
    let child = Spawn::new(Call::new(lingers, path))?.spawn()?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", child.id())?;
    out.flush()?;
    waits();
    Ok(())
}

/// A [`parent`] whose end of the child's socket is open in another process too, as after a fork.
pub(crate) fn leaking_parent() -> Result<(), Box<dyn Error>> {
    let mut child = Spawn::new(Call::new(waits, ()))?.spawn()?;
    child.wait_until_ready(LIMIT)?;
    rustix::io::fcntl_setfd(child.messages(), rustix::io::FdFlags::empty())?;
    // The copy reads from the test, and so ends with it.
    let from_test = std::io::stdout().as_fd().try_clone_to_owned()?;
    let copy = Command::new("cat").stdin(from_test).spawn()?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", child.id())?;
    out.flush()?;
    waits();
    drop(copy);
    Ok(())
}

/// A parent with a child; the child's number comes over the parent's standard output.
fn parent_and_child(stopped: bool) -> (Child, OwnedFd) {
    let (parent, child, _) = run_parent(Spawn::new(Call::new(parent, stopped)).unwrap());
    (parent, child)
}

fn run_parent(spawn: Spawn) -> (Child, OwnedFd, u32) {
    let (parent, pidfd, pid, _) = run_parent_with(spawn);
    (parent, pidfd, pid)
}

/// As `run_parent`, with our end of the parent's standard output.
fn run_parent_with(spawn: Spawn) -> (Child, OwnedFd, u32, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let spawn = spawn.stdout(Stdio::Descriptor(Arc::new(theirs.into())));
    let parent = spawn.spawn().unwrap();
    drop(spawn);
    let mut line = String::new();
    BufReader::new(&ours).read_line(&mut line).unwrap();
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
    let call = Call::new(parent_of_one_that_lingers, lingering.clone());
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

/// While somebody has a copy of the socket it does not end: the child must see its parent's death all the
/// same.
pub(crate) fn a_copy_of_the_socket_keeps_no_child_alive() {
    let spawn = Spawn::new(Call::new(leaking_parent, ())).unwrap();
    let (mut parent, child, _, output) = run_parent_with(spawn);
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_ends(&child);
    drop(output);
}

/// Story: after such a panic nobody watched the parent any more, and the child outlived it.
pub(crate) fn a_child_that_panics_at_what_it_hears() {
    let (mut parent, child, _) =
        run_parent(Spawn::new(Call::new(parent_of_a_listener, ())).unwrap());
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_ends(&child);
}

/// A command in a namespace of processes that ends with it; `None`: there can be none.
fn unshare() -> Option<Command> {
    let mut options = vec!["--pid", "--fork", "--kill-child"];
    if !rustix::process::geteuid().is_root() {
        options.extend(["--user", "--map-root-user"]);
    }
    let tried =
        Command::new("unshare").args(&options).arg("true").stderr(process::Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        println!("skipped: this user may not have a namespace of processes");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(options);
    Some(command)
}

/// Ends with the test, also when that fails.
struct Ending(process::Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is written, line by line, until all writers have ended. `open` may have to wait for them.
fn lines<R: Read>(open: impl FnOnce() -> R + Send + 'static) -> Receiver<String> {
    let (says, said) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(open()).lines().map_while(Result::ok) {
            let _ = says.send(line);
        }
    });
    said
}

/// Story: in the child's namespace its group has no number, and getpgrp(2) gives 0. In a debug build the
/// lifeline panicked at that, and the child lived on.
pub(crate) fn a_child_whose_group_is_outside_its_namespace() {
    /// Kills the parent when it is told to, and goes when nobody tells it anything any more.
    const SCRIPT: &str = r#""$0" >"$1" & parent=$!; read _; kill -KILL $parent; read _"#;
    let Some(mut unshare) = unshare() else { return };
    // Only parent and child have it open for writing.
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let first = unshare
        .args(["sh", "-c", SCRIPT])
        .arg(std::env::current_exe().unwrap())
        .arg(&fifo)
        .env("FAMILY", "inside")
        .stdin(process::Stdio::piped())
        .spawn();
    let mut first = Ending(first.unwrap());
    let said = lines(move || fs::File::open(&fifo).unwrap());
    assert_eq!(said.recv_timeout(LIMIT).as_deref(), Ok("ready"));
    first.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let ended = said.recv_timeout(LIMIT);
    assert_eq!(ended, Err(RecvTimeoutError::Disconnected), "the child lives on");
}

/// Story: the parent was taken for dead, since its number is not that of anybody's parent in the child's
/// namespace. The child, which no signal of its own kills, spun.
pub(crate) fn a_parent_outside_the_namespace_is_not_dead() {
    // Whoever may make such a namespace may put his own children into another one, too.
    if unshare().is_none() {
        return;
    }
    let mut parent = Command::new(std::env::current_exe().unwrap());
    parent.env("FAMILY", "outside").stdout(process::Stdio::piped());
    let mut parent = Ending(parent.spawn().unwrap());
    let output = parent.0.stdout.take().unwrap();
    let said = lines(move || output).recv_timeout(LIMIT);
    assert_eq!(said, Ok(format!("{:?}", Exit::Code(0))));
}

pub(crate) fn a_dropped_child_goes() {
    let mut child = spawn(Call::new(waits, ()));
    child.wait_until_ready(LIMIT).unwrap();
    let pidfd = child.pidfd().try_clone_to_owned().unwrap();
    drop(child);
    assert_ends(&pidfd);
}

/// The lock of such a descriptor tells whether anybody of a family is left, from the first instant of
/// each process on.
pub(crate) fn what_is_kept_open_is_open_in_all_below() {
    let (reader, writer) = std::io::pipe().unwrap();
    let pipe = fs::read_link(format!("/proc/self/fd/{}", writer.as_raw_fd())).unwrap();
    let spawn = Spawn::new(Call::new(parent, false)).unwrap();
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
