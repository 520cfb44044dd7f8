//! A process whose life keeps a successor of the holder waiting.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::bytes::Byte;
use crate::deadline::{Deadline, PATIENCE};
use crate::descriptor::above_stdio;
use crate::detail::Op;
use crate::error::Error;
use crate::old_file::{Access, OldFile};
use crate::place::Place;
use crate::sys;

/// A process that works for the holder of a pid file, and says so for life: the executor of a
/// guardian. If the holder is killed, a successor can see that somebody is left, and wait.
///
/// Dropping this gives up the lock and removes nothing. There is one dependent at a time. The
/// descriptor is close-on-exec and 3 or higher.
#[must_use = "a successor stops waiting as soon as this value is dropped"]
#[derive(Debug)]
pub struct Dependent {
    /// `None` once it was given away.
    file: Option<OwnedFd>,
    path: PathBuf,
    /// Who joined. A forked child has a copy of this value, but is not the dependent.
    owner: u32,
}

impl Dependent {
    /// Becomes the dependent of the holder of this pid file; of this very `holder`, if its process
    /// id is given.
    ///
    /// The file must be writable for us: a process that lowers its rights does so afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::NotHeld`] if nobody holds the file; [`Error::OtherHolder`] if somebody else than
    /// expected; [`Error::Joined`] if there is a dependent; [`Error::Hindered`] if somebody who may read
    /// the file keeps a shared lock on it, which a [hold](crate::PidFile::take_hold) is safe from.
    /// Otherwise those of [`probe`](crate::probe).
    pub fn join(path: impl AsRef<Path>, holder: Option<u32>) -> Result<Dependent, Error> {
        let place = Place::open(path.as_ref())?;
        let patience = Deadline::after(PATIENCE);
        loop {
            if let Some(dependent) = attempt(&place, holder)? {
                return Ok(dependent);
            }
            if patience.has_passed() {
                return Err(Error::Busy { path: place.path().to_owned() });
            }
        }
    }

    /// Gives away the descriptor, for several processes that depend on the holder together: the lock
    /// lasts until its last copy is closed, in whatever process, and no one process can give it up. The
    /// number in the file can be written through it; for processes that lower their rights there is
    /// [`PidFile::take_hold`](crate::PidFile::take_hold).
    pub fn into_shared(mut self) -> OwnedFd {
        let file = self.file.take();
        file.expect("only this function takes it, and nobody has this value afterwards")
    }

    /// The pid file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Dependent {
    fn drop(&mut self) {
        if let Some(file) = self.file.as_ref().filter(|_| self.owner == std::process::id()) {
            // By hand: a child that is just being started has a copy of the descriptor until its
            // exec, and closing ours alone would not end the lock before.
            let _ = sys::unlock(file.as_fd(), Byte::Dependent);
        }
    }
}

/// `None`: the file was replaced meanwhile.
fn attempt(place: &Place, holder: Option<u32>) -> Result<Option<Dependent>, Error> {
    let path = || place.path().to_owned();
    let Some(file) = OldFile::open(place, Access::Lock)? else {
        return Err(Error::NotHeld { path: path() });
    };
    if !file.is_locked(Byte::Holder, place)? {
        file.refuse(place, Error::NotHeld { path: path() })?;
        return Ok(None);
    }
    let pid = file.number(place)?;
    if let Some(expected) = holder.filter(|expected| pid != Some(*expected)) {
        file.refuse(place, Error::OtherHolder { path: path(), expected, pid })?;
        return Ok(None);
    }
    if !file.try_lock(Byte::Dependent, place)? {
        let error = if file.is_locked(Byte::Dependent, place)? {
            Error::Joined { path: path(), by: sys::dependents(file.fd(), file.id()) }
        } else {
            Error::Hindered { path: path(), by: sys::readers(file.id(), Byte::Dependent) }
        };
        file.refuse(place, error)?;
        return Ok(None);
    }
    // A taker looks at byte 1 first and at byte 2 after it. If byte 1 is still locked now, it
    // will find ours; if not, it may have looked already, and we must not stay.
    if !file.is_locked(Byte::Holder, place)? {
        file.refuse(place, Error::NotHeld { path: path() })?;
        return Ok(None);
    }
    if !place.leads_to(file.id())? {
        return Ok(None);
    }
    let file = above_stdio(file.into_fd()).map_err(Error::io(Op::Open, place.path()))?;
    Ok(Some(Dependent { file: Some(file), path: path(), owner: std::process::id() }))
}
