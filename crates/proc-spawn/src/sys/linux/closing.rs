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

/// Closes a socket, and all that waits in it, by the end of a thread that has the last copy. Where the
/// system gives that thread no table or there is none, this one waits for as long as the close takes.
pub(crate) fn close_by_exit(socket: OwnedFd) {
    let (tell, prepared) = channel();
    let (closed, until_closed) = channel();
    let number = socket.as_raw_fd();
    let hold = move || hold(number, &tell, &until_closed);
    let last = helper_thread::spawn("closer-exit", STACK, hold);
    if last.is_ok() {
        let _ = prepared.recv();
    }
    // The last one only where nobody else could have it.
    drop(socket);
    drop(closed);
}

/// Keeps a copy of this descriptor, and of no other, until it is the last; it is closed by the end of
/// the thread.
fn hold(number: i32, tell: &Sender<()>, until_closed: &Receiver<()>) {
    // Without a table there is no copy, and nothing else to do either.
    if own_table().is_ok() {
        // Others see that something is closed when the process closes it.
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
