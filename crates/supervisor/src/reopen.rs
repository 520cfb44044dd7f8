//! Opening files anew on request, after somebody else has renamed or removed them.
//!
//! A log file and the file of a capture find that out by themselves, with the next line; a stream that was
//! redirected to a file does not, since whoever writes to it knows nothing of the file's name.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use logging::Handle;
use proc_spawn::ErrorText;
use rustix::event::{EventfdFlags, eventfd};
use stdio_redirect::Applied;

/// What this process has open that has a name.
struct Ours {
    streams: Option<Applied>,
    log: Option<Handle>,
    listeners: Vec<Weak<OwnedFd>>,
}

static OURS: Mutex<Ours> = Mutex::new(Ours { streams: None, log: None, listeners: Vec::new() });

fn ours() -> MutexGuard<'static, Ours> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the files of this process anew by their names: its output, if an option has led that to a
/// file, and its logs, if they were configured by an option. Pools of workers in this process do the
/// same for captured output, and ask their workers to do it for theirs; that happens a little later, and
/// what fails there is told in the log.
///
/// With [`reopen_on`](crate::DaemonOptions::reopen_on) a signal to the guardian does this in all
/// processes of a daemon.
///
/// # Errors
///
/// The first file that cannot be opened, after all have been tried. What is written goes on to the old
/// one, if that still has a name.
pub fn reopen() -> Result<(), ErrorText> {
    let mut ours = ours();
    let streams = ours.streams.as_ref().map_or(Ok(()), Applied::reopen);
    let log = ours.log.as_ref().map_or(Ok(()), Handle::reopen);
    ours.listeners.retain(|listener| match listener.upgrade() {
        Some(event) => {
            // It can only be full of requests already.
            let _ = rustix::io::write(&*event, &1u64.to_ne_bytes());
            true
        }
        None => false,
    });
    streams.map_err(|error| ErrorText::new(&error))?;
    log.map_err(|error| ErrorText::new(&error))
}

/// The same where nobody takes an error.
pub(crate) fn reopen_and_tell() {
    log::info!("opening files anew");
    if let Err(error) = reopen() {
        log::error!("{}", error.chain());
    }
}

pub(crate) fn keep_streams(streams: Applied) {
    ours().streams = Some(streams);
}

/// A process logs as long as it lives.
pub(crate) fn keep_log(handle: Handle) {
    ours().log = Some(handle);
}

/// Hears of it when files are to be opened anew: for a loop that has some, or children that have.
/// Dropping it ends that.
#[derive(Debug)]
pub struct ReopenListener(Arc<OwnedFd>);

impl ReopenListener {
    /// From here on.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn new() -> io::Result<ReopenListener> {
        let event = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        ours().listeners.push(Arc::downgrade(&event));
        Ok(ReopenListener(event))
    }

    /// Readable when it has been asked for, until it is [heard](ReopenListener::hear).
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Takes note of it.
    pub fn hear(&self) {
        let _ = rustix::io::read(&*self.0, &mut [0u8; 8]);
    }
}
