//! Closes what may take its time, in a thread, for who must not wait.
//!
//! Whoever closes a file last waits as long as the file has it: a TCP socket that has something unsent
//! for as long as was asked of it (socket(7), `SO_LINGER`), which may be years. One that is closed by an
//! exit "always lingers in the background"; so it is left to a thread that ends with a table of
//! descriptors of its own (unshare(2), `CLONE_FILES`). Where the system gives none, the threads wait.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use nix::sched::CloneFlags;
use nix::sys::socket::{MsgFlags, recvmsg};

use crate::mutex::lock;
use crate::surroundings::open_descriptors;

/// So many close at a time, should they have to wait; the rest waits for them, as descriptors.
const MOST_THREADS: usize = 8;
const STACK: usize = 128 << 10;

/// When so many wait, whose closing waits for others, nobody who could send more is started.
const MOST_WAITING: usize = 256;

static DESK: Mutex<Desk> = Mutex::new(Desk { waiting: Vec::new(), threads: 0 });

struct Desk {
    waiting: Vec<OwnedFd>,
    threads: usize,
}

impl Desk {
    fn is_full(&self) -> bool {
        MOST_WAITING <= self.waiting.len()
    }
}

/// Whether another child may be started: not while there are more to be closed than can be, which is where the
/// system gives a thread no table of descriptors of its own.
///
/// # Errors
///
/// It may not.
pub(crate) fn may_start() -> io::Result<()> {
    if lock(&DESK).is_full() {
        let text = format!(
            "{MOST_WAITING} sockets into which children have sent descriptors are still being closed"
        );
        return Err(io::Error::other(text));
    }
    Ok(())
}

/// Has this closed, and all that only it keeps open. Does not wait.
pub(crate) fn close(file: OwnedFd) {
    let mut desk = lock(&DESK);
    desk.waiting.push(file);
    // Where no thread can be had, the next one sees to it.
    if desk.threads < MOST_THREADS && helper_thread::spawn("closer", STACK, work).is_ok() {
        desk.threads += 1;
    }
}

fn work() {
    loop {
        let mut desk = lock(&DESK);
        let Some(file) = desk.waiting.pop() else {
            desk.threads -= 1;
            return;
        };
        drop(desk);
        close_by_exit(file);
    }
}

fn close_by_exit(file: OwnedFd) {
    let (tell, prepared) = channel();
    let (closed, until_closed) = channel();
    let number = file.as_raw_fd();
    let hold = move || hold(number, &tell, &until_closed);
    let last = helper_thread::spawn("closer-exit", STACK, hold);
    if last.is_ok() {
        let _ = prepared.recv();
    }
    // The last one only where nobody else could have it.
    drop(file);
    drop(closed);
}

/// Keeps a copy of this descriptor, and of no other, until it is the last; it is closed by the end of
/// the thread.
fn hold(number: i32, tell: &Sender<()>, until_closed: &Receiver<()>) {
    // Without a table there is no copy, and nothing else to do either.
    if nix::sched::unshare(CloneFlags::CLONE_FILES).is_ok() {
        // Others see that something is closed when the process closes it.
        let others = open_descriptors("/proc/thread-self/fd").unwrap_or_default();
        for fd in others.into_iter().filter(|fd| *fd != number) {
            let _ = nix::unistd::close(fd);
        }
        empty(number);
    }
    let _ = tell.send(());
    let _ = until_closed.recv();
}

/// More packets than a socket holds (unix(7)).
const MOST_PACKETS: usize = 4096;

/// Takes what waits in a socket into this thread's own table, to be closed with it. Otherwise a child that
/// is just being started may have the last copy of the socket, and wait at its exec.
fn empty(number: i32) {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    // As many as a packet may bring (`SCM_MAX_FD`). They are numbers, which nobody closes before the end.
    let mut space = nix::cmsg_space!([RawFd; 253]);
    let mut byte = [0; 1];
    for _ in 0..MOST_PACKETS {
        let into = &mut [IoSliceMut::new(&mut byte)];
        match recvmsg::<()>(number, into, Some(&mut space), flags) {
            Ok(received) if received.bytes > 0 => (),
            Ok(_) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_waits_is_bounded() {
        let file = File::open("/dev/null").unwrap();
        let waiting = (0..MOST_WAITING).map(|_| OwnedFd::from(file.try_clone().unwrap())).collect();
        let mut desk = Desk { waiting, threads: MOST_THREADS };
        assert!(desk.is_full());
        desk.waiting.pop();
        assert!(!desk.is_full());
        may_start().unwrap();
    }
}
