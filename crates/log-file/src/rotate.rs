//! Putting a file aside, without anybody waiting.
//!
//! Who rotates holds a lock on the *folder* for a few system calls. Whoever does not get it at once
//! goes on writing to the file as it is: a record that arrives after the rename is in the file that
//! was put aside, which is as good a place. So a process that is stopped or killed in the middle of a
//! rotation holds up nobody's records.
//!
//! The lock only spares work: anybody who can read the folder can hold it, for ever. A process that has
//! been refused for long enough does without. Then two may rotate at once, and the later one may find,
//! after the rename, that it has put aside the new file of the other: that file gets its name back, or
//! stays aside as a short one. Nothing is lost, replaced or removed by that.

use std::hash::{BuildHasher, RandomState};
use std::io;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use trusted_path::{Identity, Place};

use crate::folder;
use crate::names::{self, Horizon, Keep, Name};

/// What became of an attempt.
#[derive(Debug)]
pub(crate) enum Rotated {
    /// The file has a new name. The old name leads nowhere, or to a file that is new already.
    PutAside,
    /// Someone else is at it right now.
    Busy,
    /// Someone else was faster: the name leads to another file already.
    NotOurs,
}

/// How a file is put aside.
#[derive(Debug)]
pub(crate) struct Aside<'a> {
    /// What it is called after.
    pub(crate) stamp: String,
    pub(crate) horizon: &'a Horizon,
    pub(crate) keep: Keep,
    /// Whoever has the lock has had it for so long that we do without.
    pub(crate) without_lock: bool,
}

/// So many names are tried, should others have taken them since the folder was listed, or beside those
/// listed.
const ATTEMPTS: usize = 100;
/// So many of them are tried one after another, and then by random leaps: somebody who takes the names
/// ahead of us cannot guess these.
const STEPS: usize = 10;

/// Renames the file, if the name still leads to it, and removes what is too old.
///
/// `too_many` is told about old files that could not be removed; the rotation succeeded then.
pub(crate) fn put_aside(
    log: &Place,
    identity: Identity,
    how: Aside<'_>,
    too_many: &mut dyn FnMut(io::Error),
) -> io::Result<Rotated> {
    let folder = folder::open(log)?;
    let locked = rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive);
    // Any other failure, as on a file system without locks, does not mean that somebody has the lock.
    if locked == Err(Errno::WOULDBLOCK) && !how.without_lock {
        return Ok(Rotated::Busy);
    }
    if !log.leads_to(identity) {
        return Ok(Rotated::NotOurs);
    }
    // If the youngest were missed, this one would get its name, and what is made of it a younger one than the next.
    let listing = folder::list(&folder, log)?.and(folder::list(&folder, log)?);
    // By our own files, and by others' within bounds: a stranger would have ours go beyond the horizon, and
    // then each would be the next to be removed.
    let mut ours = listing.ours(log);
    let names = ours.iter().map(|(name, _)| name);
    let youngest = names.filter(|name| !how.horizon.is_before(name)).max();
    let others = listing.names.iter().filter(|name| is_example(name, &how.stamp)).max();
    let youngest = youngest.max(others);
    let mut name = listing.free_from(Name::next(how.stamp, youngest));
    let mut attempts = 0;
    loop {
        match log.rename(&name.file_name(log.name())).map_err(io::Error::from) {
            Ok(true) => break,
            Ok(false) if attempts == ATTEMPTS => {
                return Err(io::Error::other("all names for it are taken"));
            }
            Ok(false) if attempts < STEPS => name = listing.free_from(name.successor()),
            Ok(false) => name = listing.free_from(name.later(leap())),
            // Someone who has not asked for the lock was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Rotated::NotOurs),
            Err(error) => return Err(error),
        }
        attempts += 1;
    }
    // This is looked at only without the lock: where a file has a number for each of its names, as on
    // some FUSE file systems, the number is never the same after a rename.
    if locked.is_err() {
        let aside = folder::place(log, &name)?;
        if !aside.leads_to(identity) {
            // What was renamed was not this file any more, and gets its name back. If that is taken by
            // now, its writers have gone on there.
            let _ = aside.rename(log.name());
            return Ok(Rotated::NotOurs);
        }
    }
    listing.remove_leftovers(log);
    // In a folder that a group shares it may be another's, who has made it.
    let aside = folder::place(log, &name).ok().and_then(|place| folder::ours(&place));
    ours.extend(aside.map(|seen| (name.clone(), seen.size)));
    for old in names::surplus(ours, Some(&name), how.keep, how.horizon) {
        if let Err(error) = folder::remove_old(log, &old) {
            too_many(error);
        }
    }
    Ok(Rotated::PutAside)
}

/// Whether the next name follows from this one, whoever has it: where a group shares the folder, the files of all have
/// one order. Names from later than the next one, and numbers that nobody comes to, are no example.
fn is_example(name: &Name, next: &str) -> bool {
    const MOST: u32 = 1 << 20;
    name.stamp.as_str() <= next && name.number < MOST
}

fn leap() -> u32 {
    1 + u32::from(RandomState::new().hash_one(()) as u16)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::path::Path;

    use trusted_path::Trust;

    use super::*;
    use crate::open::{self, Opened};

    fn open(path: &Path) -> Opened {
        open::open(path, Trust::default()).unwrap()
    }

    fn rotate(log: &Opened, identity: Identity) -> Rotated {
        let how = Aside {
            stamp: "2026-11-21".to_owned(),
            horizon: &Horizon::new("2026-11-22".to_owned()),
            keep: Keep { files: 7, bytes: 1 << 30 },
            without_lock: false,
        };
        put_aside(&log.place, identity, how, &mut |error| panic!("{error}")).unwrap()
    }

    #[test]
    fn a_file_that_somebody_else_has_replaced_is_not_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let old = open(&path);
        fs::rename(&path, folder.path().join("moved")).unwrap();
        let identity = old.opened.identity();
        assert!(matches!(rotate(&old, identity), Rotated::NotOurs), "there is none");
        let new = open(&path);
        assert!(matches!(rotate(&old, identity), Rotated::NotOurs), "it is another");
        assert!(path.exists());
        assert!(matches!(rotate(&old, new.opened.identity()), Rotated::PutAside));
        assert!(!path.exists());
    }

    /// A folder with the next name cannot be ours, and is in the way.
    ///
    /// Case: FLT-D4
    #[test]
    fn names_that_are_taken_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        // More than would be tried one by one, and the greatest of all.
        for number in 0..=2 * ATTEMPTS as u32 {
            let name = Name { stamp: "2026-11-21".to_owned(), number, compressed: number % 2 == 0 };
            fs::create_dir(folder.path().join(name.file_name("app.log".as_ref()))).unwrap();
        }
        let log = open(&path);
        rotate(&log, log.opened.identity());
        assert!(folder.path().join("app.log.2026-11-21.0201").is_file());
        fs::write(folder.path().join("app.log.2026-11-21.4294967295"), "ours").unwrap();
        for expected in ["app.log.2026-11-21T00", "app.log.2026-11-21T00.0001"] {
            let log = open(&path);
            rotate(&log, log.opened.identity());
            assert!(folder.path().join(expected).is_file());
        }
    }

    /// By one file of his a stranger made every file of ours that was put aside the next one to be removed, and by
    /// some hundreds he kept the log from being rotated.
    ///
    /// Case: FLT-D4
    #[test]
    fn names_of_others_make_ours_neither_old_nor_impossible() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        // Folders, which are nobody's old logs. As late as can be, and all that would be tried one after another.
        let taken = |name: &str| fs::create_dir(folder.path().join(name)).unwrap();
        taken("app.log.2026-11-22T99.4294967295");
        taken("app.log.2026-11-23");
        (1..=300).for_each(|number| taken(&format!("app.log.2026-11-23.{number:04}")));
        for number in 0..10 {
            fs::write(&path, number.to_string()).unwrap();
            let log = open(&path);
            assert!(matches!(rotate(&log, log.opened.identity()), Rotated::PutAside));
        }
        let text = |name: String| fs::read_to_string(folder.path().join(name)).unwrap();
        let kept: Vec<_> =
            (3..10).map(|number| text(format!("app.log.2026-11-21.{number:04}"))).collect();
        assert_eq!(kept, ["3", "4", "5", "6", "7", "8", "9"]);
    }

    /// In a group's folder new files got names that were older than those that were there.
    #[test]
    fn names_of_others_are_in_one_order_with_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        // A folder is nobody's old log, and stands for one of somebody else.
        for number in [5, 7] {
            let name = format!("app.log.2026-11-21.{number:04}");
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let log = open(&path);
        rotate(&log, log.opened.identity());
        assert!(folder.path().join("app.log.2026-11-21.0008").is_file());
    }

    /// Somebody takes the names when we have listed them, or more of them than are listed.
    #[test]
    fn a_leap_is_no_guess() {
        let leaps: std::collections::BTreeSet<u32> = (0..100).map(|_| leap()).collect();
        assert!(50 < leaps.len() && leaps.iter().all(|leap| (1..=1 << 16).contains(leap)));
    }

    /// Case: FLT-J2
    #[test]
    fn what_killed_compressors_have_left_is_counted_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, size| {
            fs::write(folder.path().join(name), vec![b'x'; size]).unwrap();
        };
        write("app.log.2026-11-18.gz.part", 10);
        write("app.log.2026-11-19", 10);
        write("app.log.2026-11-19.gz.part", 90);
        write("app.log.2026-11-20", 10);
        write("app.log.2026-11-20.gz.part", 80);
        let log = open(&folder.path().join("app.log"));
        let how = Aside {
            stamp: "2026-11-21".to_owned(),
            horizon: &Horizon::new("2026-11-22".to_owned()),
            keep: Keep { files: 7, bytes: 100 },
            without_lock: false,
        };
        put_aside(&log.place, log.opened.identity(), how, &mut |error| panic!("{error}")).unwrap();
        let mut names: Vec<OsString> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(
            names,
            ["app.log.2026-11-20", "app.log.2026-11-20.gz.part", "app.log.2026-11-21"]
        );
    }

    /// Case: FLT-D4
    #[test]
    fn thousands_of_strange_names_are_no_hindrance() {
        use std::os::unix::ffi::OsStringExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        for number in 0..3000_u32 {
            let strange = [
                OsString::from(format!("app.log.2026-11-21.{number}")),
                OsString::from(format!("app.log.{number:010}-11-21")),
                OsString::from_vec([b"app.log.\xff", &number.to_le_bytes()[..1]].concat()),
                OsString::from(format!("app.log.2026-11-21.{}", u64::from(number) << 40)),
            ];
            for name in strange.iter().filter(|name| !name.as_encoded_bytes().contains(&b'/')) {
                // What the file system cannot name is no hindrance either.
                let _ = fs::write(folder.path().join(name), "");
            }
        }
        let log = open(&path);
        assert!(matches!(rotate(&log, log.opened.identity()), Rotated::PutAside));
        assert!(!path.exists());
    }
}
