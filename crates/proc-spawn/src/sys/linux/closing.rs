//! A close that waits for nobody: by the end of a thread that has a table of its own.
//!
//! A TCP socket that has something unsent is closed for as long as was asked of it (socket(7),
//! `SO_LINGER`). One that is closed by an exit "always lingers in the background".

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::mpsc::{Receiver, Sender, channel};

use nix::sys::socket::{MsgFlags, recvmsg};

use super::table::{close_all_but, own_table};

const STACK: usize = 128 << 10;

/// Closes a socket, and all that waits in it, by the end of a thread that has the last copy. Where no
/// thread can be had, or the system gives it no table, the calling thread waits for as long as the close
/// takes.
pub(crate) fn close_by_exit(socket: OwnedFd) {
    let (tell, prepared) = channel();
    let (closed, until_closed) = channel();
    let number = socket.as_raw_fd();
    let hold = move || hold(number, &tell, &until_closed);
    let last = helper_thread::spawn("closer-exit", STACK, hold);
    if last.is_ok() {
        let _ = prepared.recv();
    }
    // This closes the last copy only where the thread could not keep one.
    drop(socket);
    drop(closed);
}

/// Keeps a copy of this descriptor, and of no other, until it is the last; it is closed by the end of
/// the thread.
fn hold(number: i32, tell: &Sender<()>, until_closed: &Receiver<()>) {
    // Without a table of its own the thread has no copy, and nothing else to do.
    if own_table().is_ok() {
        // What the process closes must be seen to be closed: so no other descriptor is kept here.
        let _ = close_all_but(number);
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
