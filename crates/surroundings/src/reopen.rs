//! Opening files anew on request, after somebody else has renamed or removed them.
//!
//! A log file and the file of a capture find that out by themselves, with the next line; a stream that was
//! redirected to a file does not, since whoever writes to it knows nothing of the file's name.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use exit::ErrorText;
use logging::{Handle, LoggingConfig};
use stdio_redirect::Applied;
use waiter::Event;

// What this process has open that has a name. One lock for each, since a file that is being opened anew
// may take as long as its disk does.
static STREAMS: Mutex<Option<Applied>> = Mutex::new(None);
static LOG: Mutex<Option<Handle>> = Mutex::new(None);
static LISTENERS: Mutex<Vec<Weak<Event>>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the files of this process anew by their names: its output, if an option has led that to a
/// file, and its logs, if they were configured by an option. Pools of workers in this process do the
/// same for captured output, and ask their workers to do it for theirs; that happens a little later, and
/// what fails there is told in the log.
///
/// With a daemon's `reopen_on` a signal to the guardian does this in all
/// processes of a daemon.
///
/// # Errors
///
/// The first file that cannot be opened, after all have been tried. What is written goes on to the old
/// one, if that still has a name.
pub fn reopen() -> Result<(), ErrorText> {
    let streams = lock(&STREAMS).as_ref().map_or(Ok(()), Applied::reopen);
    let log = lock(&LOG).clone().map_or(Ok(()), |log| log.reopen());
    lock(&LISTENERS).retain(|listener| match listener.upgrade() {
        Some(event) => {
            event.set();
            true
        }
        None => false,
    });
    streams.map_err(|error| ErrorText::new(&error))?;
    log.map_err(|error| ErrorText::new(&error))
}

/// The same in a thread, for a loop, which must not wait for a disk. If such a thread has not come to its
/// end yet, it does it once more.
pub fn reopen_beside() {
    static WANTED: AtomicUsize = AtomicUsize::new(0);
    if WANTED.fetch_add(1, Ordering::AcqRel) > 0 {
        return;
    }
    let reopen_all = || {
        loop {
            let wanted = WANTED.load(Ordering::Acquire);
            let reopened = reopen();
            say(log::Level::Info, "files were opened anew");
            if let Err(error) = reopened {
                say(log::Level::Error, &error.chain());
            }
            // Whatever was asked meanwhile is asked of what may have been opened before.
            if WANTED.compare_exchange(wanted, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    };
    if let Err(error) = helper_thread::spawn("reopen", 256 << 10, reopen_all) {
        WANTED.store(0, Ordering::Release);
        log::error!("cannot start the thread that opens files anew: {error}");
    }
}

/// Logs it; a logger of the application that panics at that ends no thread of ours.
fn say(level: log::Level, text: &str) {
    if let Err(panic) = catch_unwind(|| log::log!(level, "{text}")) {
        // What was thrown may panic when it is dropped.
        std::mem::forget(panic);
    }
}

/// Has [`reopen`] open the files of these streams.
pub fn keep_streams(streams: Applied) {
    *lock(&STREAMS) = Some(streams);
}

/// Has [`reopen`] open the files of this log. A process logs as long as it lives.
pub fn keep_log(handle: Handle) {
    *lock(&LOG) = Some(handle);
}

/// Has the levels and filters of this hold for the log of this process, if that was configured by an option.
pub(crate) fn set_levels(config: &LoggingConfig) {
    let log = lock(&LOG).clone();
    if let Some(log) = log {
        log.set_levels(config);
    }
}

/// From here on the calling thread does not wait for the log, if that was configured by an option: its
/// records go by a bounded queue. For a loop that keeps others.
pub fn queue_log_of_this_thread() {
    let log = lock(&LOG).clone();
    if let Some(Err(error)) = log.map(|log| log.queue_this_thread()) {
        log::warn!("{}", ErrorText::new(&error).chain());
    }
}

/// Tells a loop when files are to be opened anew: its own, or those of its children. Dropping it ends
/// that.
#[derive(Debug)]
pub struct ReopenListener(Arc<Event>);

impl ReopenListener {
    /// From here on.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor.
    pub fn new() -> io::Result<ReopenListener> {
        let event = Arc::new(Event::new()?);
        lock(&LISTENERS).push(Arc::downgrade(&event));
        Ok(ReopenListener(event))
    }

    /// Readable when files are to be opened anew, until that is [heard](ReopenListener::hear).
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Takes note that files are to be opened anew.
    pub fn hear(&self) {
        self.0.clear();
    }
}
