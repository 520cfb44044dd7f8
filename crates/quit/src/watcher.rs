//! The one thread of this crate: it passes a signal on to what a handler cannot reach.
//!
//! A handler may set a flag and write to a pipe, and that is all. Channels and child tokens sit behind
//! locks, so a thread has to wait on the pipe and do the rest. A program that uses neither has no such
//! thread.

use std::sync::{Mutex, PoisonError};

use crate::Error;
use crate::scope::PROCESS;
use crate::sleep::wait_until;

const STACK: usize = 128 << 10;

static STARTED: Mutex<bool> = Mutex::new(false);

/// Starts the thread, unless it was started before.
pub(crate) fn start() -> Result<(), Error> {
    // Without the pipe the thread would look at the flag once in a second: an error is better than that
    // delay.
    PROCESS.bell()?;
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*started {
        let watch = || {
            wait_until(&PROCESS, None);
            PROCESS.wake();
        };
        helper_thread::spawn("quit-watcher", STACK, watch)
            .map_err(|source| Error::Thread { source })?;
        *started = true;
    }
    Ok(())
}
