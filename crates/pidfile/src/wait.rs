//! Waiting for a lock to end, without polling, yet with a deadline and a way to be woken.
//!
//! The kernel lets a thread block until a lock is free, but not with a limit, and no descriptor becomes
//! readable when a lock ends. A pidfd of the holder would tell of its death, but not of a holder that
//! releases and lives on, nor is there one for a holder that is hidden from us. So the lock itself is
//! waited for, by a thread of our own, and the caller waits for that thread: on a pipe, which can be
//! polled together with other things.
//!
//! Price: a wait that is given up leaves its thread parked until the lock is free. A later wait for the
//! same lock finds that thread and starts no second one, so there is at most one per lock. Where the
//! system refuses a thread, the lock is looked at again and again.

use std::io::{PipeReader, PipeWriter, pipe};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::io::{Errno, fcntl_dupfd_cloexec};

use crate::bytes::Byte;
use crate::deadline::{Deadline, readable};
use crate::detail::Op;
use crate::error::Error;
use crate::id::Id;
use crate::old_file::{Access, OldFile};
use crate::place::Place;
use crate::sys;

/// The thread makes one system call and drops a few values.
const STACK: usize = 64 * 1024;

/// How long to pause between two looks at a lock where no thread can be had.
const PAUSE: Duration = Duration::from_millis(50);

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Free,
    TimedOut,
    Interrupted,
}

/// What is waited for. A dependent shows by a lock on its byte or by a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    Byte(Byte),
    /// The copies of `sys::make_hold`'s descriptor.
    Hold,
}

impl Awaited {
    /// In this order: nobody becomes a dependent once the holder is gone.
    pub(crate) const ALL: [Awaited; 3] =
        [Awaited::Byte(Byte::Holder), Awaited::Byte(Byte::Dependent), Awaited::Hold];
    pub(crate) const DEPENDENTS: [Awaited; 2] = [Awaited::Byte(Byte::Dependent), Awaited::Hold];

    fn is_there(self, file: BorrowedFd<'_>) -> Result<bool, Errno> {
        match self {
            Awaited::Byte(byte) => sys::is_locked(file, byte),
            Awaited::Hold => sys::has_hold(file),
        }
    }

    fn block(self, file: BorrowedFd<'_>) -> Result<(), Errno> {
        match self {
            Awaited::Byte(byte) => sys::wait_unlocked(file, byte),
            Awaited::Hold => sys::wait_until_no_hold(file),
        }
    }
}

/// Waits until nobody holds the file and no dependent is left, for at most `timeout` (`None`: for
/// as long as it takes). True: they are gone. False: the time is over.
///
/// Who is waited for is whoever has the file at the time of the call. A successor, who may start
/// the moment they are gone, is not waited for. A file that does not exist is free; a zero timeout
/// only asks. Works for every file that may be read, whoever holds it, and without /proc.
///
/// Nothing polls: a thread blocks in the kernel until the lock is free. After a timeout or an
/// interruption that thread stays, parked, until it is; later waits use it again. Where no thread can be
/// had, the lock is looked at twenty times in a second.
///
/// # Errors
///
/// [`Error::Interrupted`] when `wake` became readable (a quit descriptor, say; it is not read).
/// Otherwise those of [`probe`](crate::probe).
pub fn wait_free(
    path: impl AsRef<Path>,
    timeout: Option<Duration>,
    wake: Option<BorrowedFd<'_>>,
) -> Result<bool, Error> {
    let deadline = Deadline::from_option(timeout);
    let place = Place::open(path.as_ref())?;
    let Some(file) = OldFile::open(&place, Access::Read)? else { return Ok(true) };
    are_free(&Awaited::ALL, &file, deadline, wake, place.path())
}

/// Like [`wait_free`], but waits only for dependents whose holder is gone. A file that is held is
/// not waited for: that may be a successor, who has no reason to go.
///
/// # Errors
///
/// See [`wait_free`].
pub fn wait_orphans(
    path: impl AsRef<Path>,
    timeout: Option<Duration>,
    wake: Option<BorrowedFd<'_>>,
) -> Result<bool, Error> {
    let deadline = Deadline::from_option(timeout);
    let place = Place::open(path.as_ref())?;
    let Some(file) = OldFile::open(&place, Access::Read)? else { return Ok(true) };
    if file.is_locked(Byte::Holder, &place)? {
        return Ok(true);
    }
    are_free(&Awaited::DEPENDENTS, &file, deadline, wake, place.path())
}

/// Waits for each in turn, in the given order: see [`Awaited::ALL`].
pub(crate) fn are_free(
    what: &[Awaited],
    file: &OldFile,
    deadline: Deadline,
    wake: Option<BorrowedFd<'_>>,
    path: &Path,
) -> Result<bool, Error> {
    for what in what {
        match until_free(file, *what, deadline, wake, path)? {
            Waited::Free => (),
            Waited::TimedOut => return Ok(false),
            Waited::Interrupted => return Err(Error::Interrupted { path: path.to_owned() }),
        }
    }
    Ok(true)
}

/// Waits until this very file has no such lock. Of what happens at once during the wait, free comes
/// before woken, and woken before too late.
pub(crate) fn until_free(
    file: &OldFile,
    what: Awaited,
    deadline: Deadline,
    wake: Option<BorrowedFd<'_>>,
    path: &Path,
) -> Result<Waited, Error> {
    let refused = || Error::io::<std::io::Error>(Op::Wait, path);
    while what.is_there(file.fd()).map_err(Error::lock(path))? {
        if deadline.has_passed() {
            let wake: Vec<_> = wake.into_iter().collect();
            let woken = readable(&wake, deadline).map_err(refused())?;
            return Ok(if woken { Waited::Interrupted } else { Waited::TimedOut });
        }
        let Ok(parked) = Parked::find_or_start(file, what) else {
            // No thread can be had, as where a fork bomb has used up what its user may have: then the
            // lock is looked at now and then.
            let wake: Vec<_> = wake.into_iter().collect();
            let woken = readable(&wake, deadline.or_after(PAUSE)).map_err(refused())?;
            if woken && what.is_there(file.fd()).map_err(Error::lock(path))? {
                return Ok(Waited::Interrupted);
            }
            continue;
        };
        let ended = parked.ended.as_fd();
        let both: Vec<_> = [Some(ended), wake].into_iter().flatten().collect();
        let happened = readable(&both, deadline).map_err(refused())?;
        if readable(&[ended], Deadline::after(Duration::ZERO)).map_err(refused())? {
            if let Some(errno) = parked.failure.get() {
                return Err(Error::lock(path)(*errno));
            }
            // Free, or free for a moment: look again.
            continue;
        }
        return Ok(if happened { Waited::Interrupted } else { Waited::TimedOut });
    }
    Ok(Waited::Free)
}

/// A thread that blocks until a lock is free, seen from outside.
struct Parked {
    what: (u32, Id, Awaited),
    /// A pipe that is at its end, for every reader and for ever, once the thread has done its wait.
    ended: PipeReader,
    failure: OnceLock<Errno>,
}

impl Parked {
    fn find_or_start(file: &OldFile, what: Awaited) -> std::io::Result<Arc<Parked>> {
        // The process id: a forked copy of us has a copy of the list, but not of the threads.
        let what = (std::process::id(), file.id(), what);
        let mut list = parked();
        if let Some(parked) = list.iter().find(|parked| parked.what == what) {
            return Ok(Arc::clone(parked));
        }
        // A descriptor of its own also pins the inode, so that `what` stays unambiguous.
        let mine = fcntl_dupfd_cloexec(file.fd(), 3)?;
        let (ended, end) = pipe()?;
        let parked = Arc::new(Parked { what, ended, failure: OnceLock::new() });
        let seen_by_thread = Arc::clone(&parked);
        helper_thread::spawn("pidfile-wait", STACK, move || park(&seen_by_thread, mine, end))?;
        list.push(Arc::clone(&parked));
        Ok(parked)
    }
}

/// The thread. The order matters: off the list before the end is told, or a new wait would find a
/// thread that is through, and spin.
fn park(parked: &Arc<Parked>, file: OwnedFd, end: PipeWriter) {
    if let Err(errno) = parked.what.2.block(file.as_fd()) {
        let _ = parked.failure.set(errno);
    }
    drop(file);
    list_without(parked);
    drop(end);
}

fn list_without(gone: &Arc<Parked>) {
    parked().retain(|parked| !Arc::ptr_eq(parked, gone));
}

fn parked() -> MutexGuard<'static, Vec<Arc<Parked>>> {
    static PARKED: Mutex<Vec<Arc<Parked>>> = Mutex::new(Vec::new());
    PARKED.lock().unwrap_or_else(PoisonError::into_inner)
}
