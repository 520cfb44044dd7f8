//! A thread that starts children with a table of descriptors of its own.
//!
//! A child is begun with a copy of its parent's table, which exec(2) then closes one by one. A parent
//! that holds two descriptors for each of thousands of children pays more for that than for all the rest
//! of a start. The table belongs to the thread that starts: a thread that has made [its own](own_table)
//! and closed what it does not need copies next to nothing.
//!
//! What a child is to have as its standard streams is [sent over a socket](send_with), which
//! puts it into the thread's table; all the rest is the process's, which its threads share.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use rustix::io::{Errno, retry_on_intr};

use crate::mutex::lock;
use crate::sys::socket::{self, is_shortage, receive_with, send_with};
use crate::sys::{close_all_but, own_table};

/// Standard output and error.
const OUTPUTS: usize = 2;

/// A thread that starts children for others: see [`Spawn::spawned_by`](crate::Spawn::spawned_by).
///
/// What it costs to start a child then does not grow with the number of descriptors that this process
/// has open, and a child's life does not hang on the thread that asks. The price of a start is a switch to
/// the thread and back. It holds no descriptor of the process, takes no signal, and does nothing while
/// nothing is to be started.
///
/// Dropping it ends the thread, as soon as no forked copy of this process has its socket. Children that
/// are still there get a SIGCONT then, as from any thread that ends (prctl(2), `PR_SET_PDEATHSIG`), which
/// changes nothing for a child that is not stopped.
#[derive(Debug)]
pub struct Spawner {
    desk: Mutex<Desk>,
}

/// The side of those who ask: whoever has locked it is served.
#[derive(Debug)]
struct Desk {
    socket: OwnedFd,
    tray: Arc<Tray>,
}

/// What the two sides have in common. A packet on the socket says that there is something in it.
#[derive(Debug, Default)]
struct Tray {
    job: Mutex<Option<Job>>,
    started: Mutex<Option<io::Result<Child>>>,
}

/// What is to be started: all but the descriptors, which travel with the packet.
#[derive(Debug)]
struct Job {
    command: Box<Command>,
    /// Whether output and error are sent along, after the input; else they are `/dev/null`.
    sent: [bool; OUTPUTS],
}

impl Job {
    fn descriptors(&self) -> usize {
        1 + self.sent.iter().filter(|sent| **sent).count()
    }
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
    /// some make do (`EPERM`). Without a spawner children are started all the same, by the thread that
    /// wants them.
    pub fn start() -> io::Result<Spawner> {
        let (socket, theirs) = socket::pair()?;
        let number = theirs.as_raw_fd();
        let tray = Arc::new(Tray::default());
        let (theirs_too, (tell, begun)) = (Arc::clone(&tray), channel());
        // The thread takes no signal: a handler that ran there would write to the wrong descriptor, if to
        // any.
        helper_thread::spawn("spawner", 128 << 10, move || {
            let begun = prepare(&theirs);
            let ready = begun.result.is_ok();
            if tell.send(begun).is_ok() && ready {
                serve(&theirs, &theirs_too);
            }
        })?;
        let begun = begun.recv().map_err(io::Error::other)?;
        if begun.own_table {
            // The thread has a copy, and the one in our table is nobody's any more.
            let _ = nix::unistd::close(number);
        }
        begun.result?;
        Ok(Spawner { desk: Mutex::new(Desk { socket, tray }) })
    }

    /// Has the thread start `command` with these standard streams (`None`: `/dev/null`). `None` if the
    /// thread cannot be reached, or the streams cannot be handed over.
    pub(crate) fn execute(
        &self,
        command: Box<Command>,
        input: BorrowedFd<'_>,
        outputs: [Option<BorrowedFd<'_>>; OUTPUTS],
    ) -> Option<io::Result<Child>> {
        let desk = lock(&self.desk);
        let job = Job { command, sent: outputs.map(|output| output.is_some()) };
        *lock(&desk.tray.job) = Some(job);
        let descriptors: Vec<_> = [Some(input)].into_iter().chain(outputs).flatten().collect();
        if send(&desk.socket, &descriptors).is_ok() {
            // Either an answer comes, or the thread has ended: what it has started is in the tray in any
            // case.
            let _ = receive(&desk.socket);
        }
        if lock(&desk.tray.job).take().is_some() {
            return None;
        }
        let started = lock(&desk.tray.started).take();
        Some(started.unwrap_or_else(|| Err(io::Error::other("the spawner has ended"))))
    }
}

fn send(socket: &OwnedFd, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    retry_on_intr(|| send_with(socket, &[0], descriptors))
}

/// In the thread: a table of its own, with nothing in it.
fn prepare(socket: &OwnedFd) -> Begun {
    let own = own_table();
    let has_own = own.is_ok();
    let emptied = |()| {
        // What other threads close must not stay open here.
        let null = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        drop(null);
        close_all_but(socket.as_raw_fd())
    };
    Begun { own_table: has_own, result: own.and_then(emptied) }
}

/// In the thread: starts what it is given, until nobody is there to give.
fn serve(socket: &OwnedFd, tray: &Tray) {
    while let Some(descriptors) = receive(socket) {
        // If the system did not let all descriptors through, the job stays in the tray, and the other
        // side does it itself.
        let job = lock(&tray.job).take_if(|job| descriptors.len() == job.descriptors());
        // Everything that is passed on is closed here before the answer goes out: the end of a socket is
        // to be seen when the child's is closed.
        *lock(&tray.started) = job.map(|job| start(job, descriptors));
        if send(socket, &[]).is_err() {
            return;
        }
    }
}

fn start(job: Job, descriptors: Vec<OwnedFd>) -> io::Result<Child> {
    let Job { mut command, sent } = job;
    let mut descriptors = descriptors.into_iter();
    // This thread's own are `/dev/null`: handed on, they need not be opened, nor put in their place.
    let mut next = || descriptors.next().map_or_else(Stdio::inherit, Stdio::from);
    command.stdin(next());
    let [output, error] = sent;
    command.stdout(if output { next() } else { Stdio::inherit() });
    command.stderr(if error { next() } else { Stdio::inherit() });
    command.spawn()
}

/// Waits for a packet, and what comes with it; `None`: the other side is gone.
fn receive(socket: &OwnedFd) -> Option<Vec<OwnedFd>> {
    loop {
        match retry_on_intr(|| receive_with(socket, &mut [0])) {
            Ok((0, _)) => return None,
            Ok((_, descriptors)) => return Some(descriptors),
            Err(errno) if is_shortage(errno) => waiter::breathe(),
            Err(_) => return None,
        }
    }
}
