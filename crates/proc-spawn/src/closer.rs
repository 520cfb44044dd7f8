//! Closes, in a thread, descriptors whose close may take long, so that the caller does not wait.
//!
//! Whoever closes the last descriptor of a file waits as long as the file wants, which may be years. So
//! that is left to the system where it does it [in the background](close_by_exit); where it does not, the
//! threads wait.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Mutex;

use crate::mutex::lock;
use crate::sys::close_by_exit;

/// How many threads close at a time. Should all of them wait, the other descriptors stay open in the
/// list.
const MOST_THREADS: usize = 8;
const STACK: usize = 128 << 10;

/// When so many descriptors wait in the list, no child is started that could send more.
const MOST_WAITING: usize = 256;

static DESK: Mutex<Desk> = Mutex::new(Desk { waiting: Vec::new(), threads: 0 });

struct Desk {
    waiting: Vec<OwnedFd>,
    threads: usize,
}

impl Desk {
    fn may_start(&self) -> io::Result<()> {
        if self.waiting.len() < MOST_WAITING {
            return Ok(());
        }
        let text = format!(
            "{MOST_WAITING} sockets into which children have sent descriptors are still being closed"
        );
        Err(io::Error::other(text))
    }
}

/// Whether another child may be started: not while too many descriptors wait to be closed. That happens
/// only where the system gives a thread no table of descriptors of its own.
///
/// # Errors
///
/// Too many are waiting.
pub(crate) fn may_start() -> io::Result<()> {
    lock(&DESK).may_start()
}

/// Has this closed, and all that only it keeps open. Does not wait.
pub(crate) fn close(file: OwnedFd) {
    let mut desk = lock(&DESK);
    desk.waiting.push(file);
    // If no thread can be had, that of the next call closes it.
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_waits_is_bounded() {
        let file = File::open("/dev/null").unwrap();
        let waiting = (0..MOST_WAITING).map(|_| OwnedFd::from(file.try_clone().unwrap())).collect();
        let mut desk = Desk { waiting, threads: MOST_THREADS };
        assert!(desk.may_start().is_err());
        desk.waiting.pop();
        desk.may_start().unwrap();
    }
}
