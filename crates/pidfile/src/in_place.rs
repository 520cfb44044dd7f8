//! A new pid file on a file system where it can only be made under its own name: there are no files
//! without a name and no rename that replaces nothing, and hard links are other files (many FUSE file
//! systems).
//!
//! Then there is a moment in which an empty file that nobody has locked is at the path, as a power cut
//! may have left it, and another process may take it over. So it is claimed like a stale one while it
//! is filled: either we have the claim, or whoever has it removes the file and we look again. A kill in
//! between leaves a stale file.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, unlinkat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use crate::bytes::Byte;
use crate::claim;
use crate::deadline::Deadline;
use crate::descriptor::above_stdio;
use crate::detail::Op;
use crate::error::Error;
use crate::fill::{AGAIN, New, fill};
use crate::old_file::{Access, OldFile};
use crate::place::Place;
use crate::stale::take_away;
use crate::sys;

/// Whether a file that was just given its name by a link is seen there to be locked. If not, what is
/// there is another file, which nobody holds, and it is removed.
pub(crate) fn is_seen_to_be_held(place: &Place) -> Result<bool, Error> {
    let Some(seen) = OldFile::open(place, Access::Lock)? else { return Ok(true) };
    if seen.is_locked(Byte::Holder, place)? {
        return Ok(true);
    }
    match take_away(&seen, place, Deadline::after(Duration::ZERO), None) {
        // Also if somebody else is about to remove it.
        Ok(_) | Err(Error::Busy { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the file at its place. `None`: somebody else was there first; look again.
pub(crate) fn create_in_place(place: &Place, hold: bool) -> Result<Option<New>, Error> {
    place.forget();
    let io = || Error::io::<Errno>(Op::Create, place.path());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | AGAIN;
    // Until it is complete nobody else has business with it.
    let file = match openat(place.folder(), place.name(), flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => above_stdio(file).map_err(io())?,
        Err(Errno::EXIST) => return Ok(None),
        Err(Errno::NOENT) => return Err(place.no_folder()),
        Err(errno) => return Err(io()(errno)),
    };
    let stat = fstat(&file).map_err(io())?;
    // Both descriptors are of the same open file description, so what is locked through one is locked by
    // both.
    let claimed = OldFile::of(fcntl_dupfd_cloexec(&file, 3).map_err(io())?, &stat);
    let made = claim_and_fill(file, &claimed, place, hold);
    drop(claimed);
    if let Ok(Some(new)) = &made {
        // Two descriptors of the file were closed since the proof was taken, which has dropped it.
        sys::take_proof(new.file.as_fd());
    }
    made
}

fn claim_and_fill(
    file: OwnedFd,
    claimed: &OldFile,
    place: &Place,
    hold: bool,
) -> Result<Option<New>, Error> {
    let _claim = match claim::take(claimed, place, Deadline::after(Duration::ZERO), None) {
        Ok(Some(claim)) => claim,
        Ok(None) | Err(Error::Busy { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let made = fill_claimed(file, claimed, place, hold);
    if made.is_err() && place.leads_to(claimed.id())? {
        // Removed while we have the claim: afterwards another may have made his own file there.
        let _ = unlinkat(place.folder(), place.name(), AtFlags::empty());
    }
    made
}

fn fill_claimed(
    file: OwnedFd,
    claimed: &OldFile,
    place: &Place,
    hold: bool,
) -> Result<Option<New>, Error> {
    let reopen = |_: BorrowedFd<'_>, access| {
        openat(place.folder(), place.name(), access | AGAIN, Mode::empty())
    };
    let Some(new) = fill(file, place, hold.then_some(&reopen))? else { return Ok(None) };
    match OldFile::open(place, Access::Read)? {
        Some(seen) if seen.id() == claimed.id() => {
            if seen.is_locked(Byte::Holder, place)? {
                Ok(Some(new))
            } else {
                // What nobody else can see locked guards nothing.
                Err(Error::lock(place.path())(Errno::OPNOTSUPP))
            }
        }
        // Whoever had the claim before us has removed it.
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;
    use crate::id::Id;
    use crate::probe::{Probe, probe};

    #[test]
    fn where_a_name_cannot_be_given_later_the_result_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(&folder.path().join("my.pid")).unwrap();
        let new = create_in_place(&place, true).unwrap().expect("nobody else is there");
        let pid = std::process::id();
        assert_eq!(fs::read_to_string(place.path()).unwrap(), format!("{pid}\n"));
        assert_eq!(probe(place.path()).unwrap(), Probe::Held { pid: Some(pid) });
        assert!(create_in_place(&place, true).unwrap().is_none(), "it exists");
        drop(new.file);
        assert!(matches!(probe(place.path()).unwrap(), Probe::Orphaned { .. }));
        drop(new.hold);
        assert!(matches!(probe(place.path()).unwrap(), Probe::Stale { .. }));
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 1);
    }

    /// Some make it, some take away what they find empty, without pause: never two have it.
    #[test]
    fn a_file_that_is_being_made_is_not_taken_from_who_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        let holders = std::sync::atomic::AtomicUsize::new(0);
        let round = || {
            let place = Place::open(&path).unwrap();
            if let Some(new) = create_in_place(&place, false).unwrap() {
                assert_eq!(holders.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                thread::yield_now();
                let id = Id::of(&fstat(&new.file).unwrap());
                assert!(place.leads_to(id).unwrap());
                holders.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            }
            // What was held is stale now, as after a kill.
            let removed = crate::stale::try_remove_stale(&path);
            assert!(matches!(removed, Ok(_) | Err(Error::Busy { .. })), "{removed:?}");
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..300).for_each(|_| round()));
            }
        });
    }
}
