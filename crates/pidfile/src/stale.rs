//! Removing a file that nobody holds: the half of a take-over that is also useful alone.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use crate::bytes::Byte;
use crate::claim::{self, Claim};
use crate::deadline::{Deadline, PATIENCE};
use crate::error::Error;
use crate::old_file::{Access, OldFile};
use crate::place::Place;

/// Removes the pid file of a holder that was killed. True: there was one, and it is gone.
///
/// For a supervisor that saw its child die and cleans up after it. A file that somebody holds, or on
/// which a [`Dependent`](crate::Dependent) is left, stays, and the answer is false, as it is if there is
/// no file. Another process that takes the same file over at the same time is waited for, for at most ten
/// seconds; see [`try_remove_stale`].
///
/// # Errors
///
/// As for [`Options::acquire`](crate::Options::acquire), without those that say that it is held.
/// [`Error::NotAPidFile`]: what stands there is something else, and stays.
pub fn remove_stale(path: impl AsRef<Path>) -> Result<bool, Error> {
    remove_within(path.as_ref(), PATIENCE)
}

/// [`remove_stale`] that waits for nobody: for a loop that has other things to do.
///
/// # Errors
///
/// See [`remove_stale`]; [`Error::Busy`] if another process is taking the file over right now, which
/// then leaves nothing stale.
pub fn try_remove_stale(path: impl AsRef<Path>) -> Result<bool, Error> {
    remove_within(path.as_ref(), Duration::ZERO)
}

fn remove_within(path: &Path, patience: Duration) -> Result<bool, Error> {
    let place = Place::open(path)?;
    let patience = Deadline::after(patience);
    loop {
        let Some(file) = OldFile::open(&place, Access::Lock)? else { return Ok(false) };
        let alive = file.is_locked(Byte::Holder, &place)? || file.has_dependent(&place)?;
        if alive && place.leads_to(file.id())? {
            return Ok(false);
        }
        if !alive && take_away(&file, &place, patience, None)?.is_some() {
            return Ok(true);
        }
        if patience.has_passed() {
            return Err(Error::Busy { path: place.path().to_owned() });
        }
    }
}

/// Claims a file that seemed stale and removes it. `None`: it was not, or not any more, or it is not
/// the file at the path.
pub(crate) fn take_away<'file>(
    file: &'file OldFile,
    place: &Place,
    patience: Deadline,
    wake: Option<BorrowedFd<'_>>,
) -> Result<Option<Claim<'file>>, Error> {
    if let Some(error) = file.not_a_pid_file(place)? {
        return file.refuse(place, error).map(|()| None);
    }
    let Some(claim) = claim::take(file, place, patience, wake)? else { return Ok(None) };
    // Asked once more under the claim. Only now does the answer stay true: nobody but who has the claim
    // changes the path.
    let alive = file.is_locked(Byte::Holder, place)? || file.has_dependent(place)?;
    if alive || !place.leads_to(file.id())? {
        return Ok(None);
    }
    place.remove()?;
    Ok(Some(claim))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_take_over_that_does_not_finish_is_waited_for_and_then_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        fs::write(&path, "123\n").unwrap();
        let place = Place::open(&path).unwrap();
        let open = || OldFile::open(&place, Access::Lock).unwrap().unwrap();
        let stuck = open();
        assert!(stuck.try_lock(Byte::TakeOver, &place).unwrap());

        let start = Instant::now();
        let limit = Duration::from_millis(20);
        let taken =
            take_away(&open(), &place, Deadline::after(limit), None).map(|taken| taken.is_some());
        assert!(matches!(taken, Err(Error::Busy { .. })), "{taken:?}");
        assert!(limit <= start.elapsed());
        assert_eq!(fs::read_to_string(&path).unwrap(), "123\n");

        drop(stuck);
        assert!(remove_stale(&path).unwrap());
    }

    /// Two found the same stale file; one was slower. It must not remove the other's new file.
    #[test]
    fn what_was_replaced_meanwhile_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        fs::write(&path, "123\n").unwrap();
        let place = Place::open(&path).unwrap();
        let seen_by_slower = OldFile::open(&place, Access::Lock).unwrap().unwrap();
        let faster = crate::PidFile::acquire(&path).unwrap();

        let patience = Deadline::after(PATIENCE);
        assert!(take_away(&seen_by_slower, &place, patience, None).unwrap().is_none());
        assert!(faster.is_in_place().unwrap());
    }

    /// No file of ours is locked again once it was free, but another program may lock one that is
    /// there, between our look and our taking.
    #[test]
    fn what_was_locked_meanwhile_is_not_removed() {
        for byte in [Byte::Holder, Byte::Dependent] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("my.pid");
            fs::write(&path, "123\n").unwrap();
            let place = Place::open(&path).unwrap();
            let open = || OldFile::open(&place, Access::Lock).unwrap().unwrap();
            let other = open();
            assert!(other.try_lock(byte, &place).unwrap());

            let patience = Deadline::after(PATIENCE);
            assert!(take_away(&open(), &place, patience, None).unwrap().is_none(), "{byte:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "123\n");
        }
    }
}
