//! A thread that starts children with a table of descriptors of its own.
//!
//! A child is begun with a copy of its parent's table, which exec(2) then closes one by one. Who holds
//! two descriptors for each of thousands of children pays more for that than for all the rest of a
//! start. The table belongs to the thread that starts: one that has made its own (unshare(2),
//! `CLONE_FILES`) and closed what it does not need copies next to nothing.
//!
//! What a child is to have as its standard streams is sent over a socket (unix(7), `SCM_RIGHTS`), which
//! puts it into the thread's table; everything else are things of the process, which all threads share.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::sched::CloneFlags;
use nix::sys::signal::SigSet;
use rustix::io::{Errno, IoSlice, IoSliceMut};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use crate::link::{breathe, is_shortage};
use crate::surroundings::open_descriptors;

/// Standard output and error.
const OUTPUTS: usize = 2;
const STREAMS: usize = OUTPUTS + 1;

/// A thread that starts children for others: see [`Spawn::spawned_by`](crate::Spawn::spawned_by).
///
/// What it costs to start a child then does not grow with the number of descriptors that this process
/// has open, and a child's life does not hang on the thread that asks. A start takes some 20 µs longer
/// for being handed over. The thread holds no descriptor of the process but `/dev/null`, takes no
/// signal, and does nothing while nothing is to be started.
///
/// Dropping it ends the thread. Children that are still there get a SIGCONT then, as from any thread that
/// ends (prctl(2), `PR_SET_PDEATHSIG`), which is nothing to who is not stopped.
#[derive(Debug)]
pub struct Spawner {
    desk: Mutex<Desk>,
}

/// Our side: whoever holds it is served.
#[derive(Debug)]
struct Desk {
    socket: OwnedFd,
    jobs: Sender<Job>,
    started: Receiver<io::Result<Child>>,
}

/// What is to be started: all but the descriptors, which travel apart.
#[derive(Debug)]
struct Job {
    command: Command,
    /// Whether output and error are sent along, after the input; else they are `/dev/null`.
    sent: [bool; OUTPUTS],
}

/// What became of the thread's preparations.
struct Begun {
    own_table: bool,
    result: io::Result<()>,
}

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system refuses a thread or a socket, has no `/proc`, or forbids unshare(2), as containers of
    /// some make do (`EPERM`). Who has no spawner starts children all the same.
    pub fn start() -> io::Result<Spawner> {
        let (socket, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let number = theirs.as_raw_fd();
        let (jobs, requests) = channel();
        let (results, started) = channel();
        let (tell, begun) = channel();
        let thread = thread::Builder::new().name("spawner".into()).stack_size(128 * 1024);
        thread.spawn(move || {
            let begun = prepare(&theirs);
            let ready = begun.result.is_ok();
            if tell.send(begun).is_ok() && ready {
                serve(&theirs, &requests, &results);
            }
        })?;
        let begun = begun.recv().map_err(io::Error::other)?;
        if begun.own_table {
            // The thread has a copy, and the one in our table is nobody's any more.
            let _ = nix::unistd::close(number);
        }
        begun.result?;
        Ok(Spawner { desk: Mutex::new(Desk { socket, jobs, started }) })
    }

    /// Sends the thread the standard streams of the next child (`None`: `/dev/null`). `None` if it
    /// cannot be reached.
    pub(crate) fn reach(
        &self,
        input: BorrowedFd<'_>,
        outputs: [Option<BorrowedFd<'_>>; OUTPUTS],
    ) -> Option<Turn<'_>> {
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let descriptors: Vec<_> = [Some(input)].into_iter().chain(outputs).flatten().collect();
        send(&desk.socket, &descriptors).ok()?;
        Some(Turn { desk, sent: outputs.map(|output| output.is_some()) })
    }
}

/// The thread waits for us to say what it is to start.
pub(crate) struct Turn<'a> {
    desk: MutexGuard<'a, Desk>,
    sent: [bool; OUTPUTS],
}

impl Turn<'_> {
    pub(crate) fn start(self, command: Command) -> io::Result<Child> {
        self.desk.jobs.send(Job { command, sent: self.sent }).map_err(io::Error::other)?;
        self.desk.started.recv().map_err(io::Error::other)?
    }
}

fn send(socket: &OwnedFd, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(STREAMS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(descriptors));
        let byte = [IoSlice::new(&[0])];
        match rustix::net::sendmsg(socket, &byte, &mut control, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// In the thread: a table of its own, with nothing in it.
fn prepare(socket: &OwnedFd) -> Begun {
    // A handler that ran here would write to the wrong descriptor, if to any.
    let blocked = SigSet::all().thread_block().map_err(io::Error::from);
    let own = blocked.and_then(|()| Ok(nix::sched::unshare(CloneFlags::CLONE_FILES)?));
    let own_table = own.is_ok();
    let emptied = |()| {
        // What others close is to be closed.
        let null = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        drop(null);
        let keep = socket.as_raw_fd();
        for fd in open_descriptors("/proc/thread-self/fd")?.into_iter().filter(|fd| *fd != keep) {
            let _ = nix::unistd::close(fd);
        }
        Ok(())
    };
    Begun { own_table, result: own.and_then(emptied) }
}

/// In the thread: starts what it is given, until nobody is there to give.
fn serve(socket: &OwnedFd, requests: &Receiver<Job>, results: &Sender<io::Result<Child>>) {
    while let Some(descriptors) = receive(socket) {
        let Ok(job) = requests.recv() else { return };
        // Everything that is passed on is closed here before the answer goes out: the end of a socket is
        // to be seen when the child's is closed.
        let started = start(job, descriptors);
        if results.send(started).is_err() {
            return;
        }
    }
}

fn start(job: Job, descriptors: Vec<OwnedFd>) -> io::Result<Child> {
    let Job { mut command, sent } = job;
    let mut descriptors = descriptors.into_iter();
    // What did not fit into our table has been left out by the system.
    let mut next = || descriptors.next().map(Stdio::from).ok_or(io::Error::from(Errno::MFILE));
    command.stdin(next()?);
    let [output, error] = sent;
    command.stdout(if output { next()? } else { Stdio::null() });
    command.stderr(if error { next()? } else { Stdio::null() });
    command.spawn()
}

/// The descriptors of the next child; `None`: there is none to come.
fn receive(socket: &OwnedFd) -> Option<Vec<OwnedFd>> {
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(STREAMS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let into = &mut [IoSliceMut::new(&mut byte)];
        match rustix::net::recvmsg(socket, into, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) if received.bytes == 0 => return None,
            Ok(_) => {
                let mut descriptors = Vec::with_capacity(STREAMS);
                for message in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(fds) = message {
                        descriptors.extend(fds);
                    }
                }
                return Some(descriptors);
            }
            Err(Errno::INTR) => (),
            Err(errno) if is_shortage(errno) => breathe(),
            Err(_) => return None,
        }
    }
}
