//! The holder as something that can be signalled and waited for, and never another process.
//!
//! A number in a file proves nothing: it may be left from a crash and be another process's by now, or be
//! from another pid namespace. So all of this must be seen, in this order: the file is locked; a
//! descriptor of the process with that number is opened (`sys::Process`); that very process has the lock;
//! and afterwards it is still alive, and the file at the path is still held.
//!
//! That it has the lock is proved in one of two ways: the kernel names it (`sys::proven_holder`), or
//! it can be seen to have it (`sys::has_locked`). Neither is enough where somebody else owns the file,
//! who can have passed it, locked, to a process of his choice: so it must be root's, or the holder's
//! own.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, geteuid};

use crate::bytes::Byte;
use crate::deadline::{Deadline, ENDING, PATIENCE, readable};
use crate::detail::{Doubt, Op};
use crate::error::Error;
use crate::old_file::{Access, OldFile};
use crate::place::Place;
use crate::sys::{self, Process};
use crate::wait::{Awaited, are_free, until_free};

/// The process that was seen to hold a pid file, or to depend on who does.
///
/// Dropping this closes descriptors (close-on-exec, 3 or higher) and does nothing to the process.
#[derive(Debug)]
pub struct Holder {
    pid: u32,
    process: Process,
    path: PathBuf,
    /// The file that it was seen to hold, whatever stands at the path by now.
    file: Arc<OldFile>,
}

/// Who holds the pid file, verified; `None` if nobody does.
///
/// # Errors
///
/// [`Error::Unverified`] if it is held but it cannot be shown that the number is the holder's: because
/// the holder lives in another pid namespace, because neither the holder nor root owns the file, or
/// because the holder has lost its proof (it has opened and closed the file itself) and /proc does not
/// show its descriptors to this user. Otherwise those of [`probe`](crate::probe).
pub fn holder(path: impl AsRef<Path>) -> Result<Option<Holder>, Error> {
    find(path.as_ref(), Deadline::after(PATIENCE), Deadline::after(ENDING))
}

/// [`holder`] that waits for nobody: for a loop that has other things to do, and looks again. A holder
/// that is just ending may be [`Error::Unverified`].
///
/// # Errors
///
/// Those of [`holder`]; [`Error::Busy`] if the file is being exchanged right now.
pub fn try_holder(path: impl AsRef<Path>) -> Result<Option<Holder>, Error> {
    let now = Deadline::after(Duration::ZERO);
    find(path.as_ref(), now, now)
}

/// A holder that seems to be ending is waited for once, until `soon`.
fn find(path: &Path, patience: Deadline, soon: Deadline) -> Result<Option<Holder>, Error> {
    let place = Place::open(path)?;
    let mut looked_twice = soon.has_passed();
    loop {
        let Some(file) = OldFile::open(&place, Access::Read)? else { return Ok(None) };
        let file = Arc::new(file.above_stdio(&place)?);
        let held = file.is_locked(Byte::Holder, &place)?;
        let found = if held { verify(&file, &place)? } else { Ok(None) };
        let ending = matches!(found, Err(doubt) if !matches!(doubt, Doubt::NoNumber));
        if ending && !looked_twice {
            looked_twice = true;
            until_free(&file, Awaited::Byte(Byte::Holder), soon, None, place.path())?;
            continue;
        }
        // What was found counts only if the path still leads to this file, and the file is as held, or as
        // free, as it was.
        if place.leads_to(file.id())? && file.is_locked(Byte::Holder, &place)? == held {
            return found
                .map_err(|doubt| Error::Unverified { path: place.path().to_owned(), doubt });
        }
        if patience.has_passed() {
            return Err(Error::Busy { path: place.path().to_owned() });
        }
    }
}

/// The processes that have the dependents' lock, each verified in the same way: those for whom a
/// successor waits. None if nobody has it, or /proc does not tell. See
/// [`Dependent`](crate::Dependent).
///
/// # Errors
///
/// Those of [`probe`](crate::probe), and those of a pidfd that cannot be had.
pub fn dependents(path: impl AsRef<Path>) -> Result<Vec<Holder>, Error> {
    let place = Place::open(path.as_ref())?;
    let Some(file) = OldFile::open(&place, Access::Read)? else { return Ok(Vec::new()) };
    let file = Arc::new(file.above_stdio(&place)?);
    let mut found = Vec::new();
    for pid in sys::dependents(file.fd(), file.id()) {
        if let Ok(Some(dependent)) = verify_process(pid, Byte::Dependent, &file, &place)? {
            found.push(dependent);
        }
    }
    Ok(found)
}

fn verify(file: &Arc<OldFile>, place: &Place) -> Result<Result<Option<Holder>, Doubt>, Error> {
    // Whatever has been written into the file since, the kernel knows who holds it.
    let pid = match sys::proven_holder(file.fd()) {
        Some(owner) => Some(owner),
        None => file.number(place)?,
    };
    let Some(pid) = pid else { return Ok(Err(Doubt::NoNumber)) };
    verify_process(pid, Byte::Holder, file, place)
}

fn verify_process(
    pid: u32,
    byte: Byte,
    file: &Arc<OldFile>,
    place: &Place,
) -> Result<Result<Option<Holder>, Doubt>, Error> {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(Err(Doubt::NoNumber));
    };
    let process = match Process::find(number) {
        Ok(Some(process)) => process.above_stdio().map_err(Error::io(Op::Open, place.path()))?,
        Ok(None) => return Ok(Err(Doubt::NotRunning { pid })),
        Err(errno) => return Err(Error::io(Op::Wait, place.path())(errno)),
    };
    let holder = Holder { pid, process, path: place.path().to_owned(), file: Arc::clone(file) };
    let owner = sys::proven_holder(file.fd()).filter(|_| byte == Byte::Holder);
    let has_lock = match (owner, byte) {
        (Some(owner), _) if owner == pid => Some(true),
        // The kernel names another process. If /proc hides what this one has locked, it is not the
        // holder.
        (Some(_), _) => Some(sys::has_locked(pid, file.id(), byte) == Some(true)),
        // This dependent was found by its number. Now that its descriptor is open the number is its own
        // for certain, so it is looked for once more.
        (None, Byte::Dependent) => Some(sys::dependents(file.fd(), file.id()).contains(&pid)),
        (None, _) => sys::has_locked(pid, file.id(), byte),
    };
    let users = sys::users(pid);
    // Asked last: as long as the process has not ended, its number was its own all the time.
    if holder.wait(Some(Duration::ZERO))? {
        return Ok(Err(Doubt::NotRunning { pid }));
    }
    Ok(match has_lock {
        Some(true) => match is_theirs(file.owner(), users) {
            Some(true) => Ok(Some(holder)),
            Some(false) => Err(Doubt::ForeignFile { pid, owner: file.owner() }),
            None => Err(Doubt::Hidden { pid }),
        },
        Some(false) => Err(Doubt::NotTheHolder { pid }),
        None => match users {
            Some([uid, effective]) if ![uid, effective].contains(&geteuid().as_raw()) => {
                Err(Doubt::OtherUser { pid, uid })
            }
            _ => Err(Doubt::Hidden { pid }),
        },
    })
}

/// Whether a file of this owner is root's, or that of a process with these users. Where /proc does not
/// tell the users, a caller without privileges may still believe a file of his own: the system lets him
/// signal only processes of his own anyway. For others that is `None`.
fn is_theirs(owner: u32, users: Option<[u32; 2]>) -> Option<bool> {
    let ourselves = geteuid();
    match users {
        _ if owner == 0 => Some(true),
        Some(users) => Some(users.contains(&owner)),
        None => (!ourselves.is_root() && owner == ourselves.as_raw()).then_some(true),
    }
}

impl Holder {
    /// Its process id: for messages. Signals go through the pidfd.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal by number (15 is SIGTERM). It reaches this process or none.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if the process has ended, [`Error::NotPermitted`] if it is another user's.
    /// [`Error::Io`] if the number is no named signal; the null signal and realtime signals are refused, too.
    pub fn signal(&self, signal: i32) -> Result<(), Error> {
        let refused = |source| Error::Io { op: Op::Signal, path: self.path.clone(), source };
        let signal = Signal::from_named_raw(signal).ok_or_else(|| {
            refused(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{signal} is not the number of a signal"),
            ))
        })?;
        match self.process.signal(signal) {
            Ok(()) => Ok(()),
            Err(Errno::SRCH) => Err(Error::Gone { path: self.path.clone(), pid: self.pid }),
            Err(Errno::PERM) => {
                let uid = sys::users(self.pid).map(|[real, _]| real);
                Err(Error::NotPermitted { path: self.path.clone(), pid: self.pid, uid })
            }
            Err(errno) => Err(refused(errno.into())),
        }
    }

    /// Waits until it has given up the pid file, and every [`Dependent`](crate::Dependent) of it has
    /// gone, for at most `timeout` (`None`: for as long as it takes). True: they have. False: the
    /// time is over.
    ///
    /// Unlike [`wait_free`](crate::wait_free) this is about the file that it was seen to hold, and
    /// not about a successor's, who may be there the moment they are gone.
    ///
    /// # Errors
    ///
    /// If the system cannot wait.
    pub fn wait_free(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        let deadline = Deadline::from_option(timeout);
        are_free(&Awaited::ALL, &self.file, deadline, None, &self.path)
    }

    /// Waits until it has given up the pid file, be it by its end, for at most `timeout` (`None`: for as long as
    /// it takes). True: it has. False: the time is over. Its [`Dependent`](crate::Dependent)s may be there still.
    ///
    /// # Errors
    ///
    /// If the system cannot wait.
    pub fn wait_released(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        let deadline = Deadline::from_option(timeout);
        are_free(&[Awaited::Byte(Byte::Holder)], &self.file, deadline, None, &self.path)
    }

    /// Waits until the process has ended, for at most `timeout` (`None`: for as long as it takes).
    /// True: it has. False: the time is over. Zero only asks.
    ///
    /// Its pid file may be free before that; see [`wait_free`](crate::wait_free).
    ///
    /// # Errors
    ///
    /// If the system cannot wait.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        readable(&[self.process.as_fd()], Deadline::from_option(timeout))
            .map_err(Error::io(Op::Wait, &self.path))
    }
}

impl AsFd for Holder {
    /// Its pidfd: readable when the process has ended. For waiting on several things at once.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }
}
