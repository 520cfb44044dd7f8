//! Who has it? Asked without taking anything, so that asking never makes a start fail.

use std::path::Path;

use crate::bytes::Byte;
use crate::deadline::{Deadline, PATIENCE};
use crate::error::Error;
use crate::old_file::{Access, OldFile};
use crate::place::Place;
use crate::sys;

/// What a pid file says at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// There is no file.
    Absent,
    /// There is a file that nobody holds: left by a holder that was killed.
    Stale {
        /// The number in it, if it is one. It means nothing any more.
        number: Option<u32>,
    },
    /// A live process holds it.
    Held {
        /// The process that holds it, as the kernel tells it; where it does not, the number in the file,
        /// if it is one. To act upon it use [`holder`](crate::holder), which verifies it.
        pid: Option<u32>,
    },
    /// Nobody holds it, but a [`Dependent`](crate::Dependent) of the last holder is still alive.
    Orphaned {
        /// The number in it, if it is one. It means nothing any more.
        number: Option<u32>,
        /// Who is left, as far as /proc tells: empty if it does not.
        left: Vec<u32>,
    },
}

/// Says who has a pid file. Takes no lock, writes nothing; read permission is enough.
///
/// # Errors
///
/// [`Error::BadPath`], [`Error::NotAFile`], [`Error::NoFolder`], [`Error::NotAFolder`],
/// [`Error::Insecure`] and [`Error::LocksUnsupported`] say what is wrong with the place,
/// [`Error::Busy`] that it kept changing for ten seconds, [`Error::Io`] what else the system refused.
pub fn probe(path: impl AsRef<Path>) -> Result<Probe, Error> {
    let place = Place::open(path.as_ref())?;
    let patience = Deadline::after(PATIENCE);
    loop {
        let Some(file) = OldFile::open(&place, Access::Read)? else { return Ok(Probe::Absent) };
        let found = look(&file, &place)?;
        if place.leads_to(file.id())? {
            return Ok(found);
        }
        if patience.has_passed() {
            return Err(Error::Busy { path: place.path().to_owned() });
        }
    }
}

/// Refuses a file that was never a pid file, as [`PidFile::acquire`](crate::PidFile::acquire) and
/// [`remove_stale`](crate::remove_stale) do: for a caller who has found one [stale](Probe::Stale) and is
/// about to say so. Nothing at the path is fine.
///
/// # Errors
///
/// [`Error::NotAPidFile`], otherwise as for [`probe`].
pub fn check_content(path: impl AsRef<Path>) -> Result<(), Error> {
    let place = Place::open(path.as_ref())?;
    let Some(file) = OldFile::open(&place, Access::Read)? else { return Ok(()) };
    match file.not_a_pid_file(&place)? {
        // If the file was replaced meanwhile, nothing is known of the new one, and it is not refused.
        Some(error) => file.refuse(&place, error),
        None => Ok(()),
    }
}

fn look(file: &OldFile, place: &Place) -> Result<Probe, Error> {
    let number = file.number(place)?;
    Ok(if file.is_locked(Byte::Holder, place)? {
        // Whatever has been written into it since, the kernel knows who holds it.
        Probe::Held { pid: sys::proven_holder(file.fd()).or(number) }
    } else if file.has_dependent(place)? {
        Probe::Orphaned { number, left: sys::dependents(file.fd(), file.id()) }
    } else {
        Probe::Stale { number }
    })
}
