//! The files that were put aside, in the order of age.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use log_file::Name;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use trusted_path::{Identity, Place};

use crate::open::{self, Modified};
use crate::source::Rotated;

/// So many are known of one log; of more, only the youngest.
const MOST: usize = 10_000;
/// A folder is listed so often until two lists are alike, where names move.
const ATTEMPTS: usize = 20;

/// What says how old a file is. The oldest is the least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Whether it is not from a future, and its name while it was not compressed.
    Stamped(bool, Name),
    Numbered(Reverse<u32>),
}

/// A file that was put aside: as it was, compressed, or for a moment both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aside {
    pub(crate) plain: Option<Identity>,
    pub(crate) packed: Option<Identity>,
    /// When it was last written to. gzip(1) passes that on to what it makes.
    pub(crate) modified: Modified,
}

impl Aside {
    pub(crate) fn is(&self, identity: Identity) -> bool {
        self.plain == Some(identity) || self.packed == Some(identity)
    }

    /// Whether this is, at the same name, what was there `before`: it may have been compressed since.
    pub(crate) fn was(&self, before: &Aside) -> bool {
        let is_same = |one: Option<Identity>, other| one.is_some() && one == other;
        is_same(self.plain, before.plain)
            || is_same(self.packed, before.packed)
            || self.plain.is_none() && before.packed.is_none()
    }
}

pub(crate) type Asides = BTreeMap<Key, Aside>;

/// What stands beside a log and was put aside from it, whatever is renamed and compressed meanwhile.
///
/// Whatever was put aside before the call is there, unless it was removed.
pub(crate) fn list(log: &Place, rotated: Rotated) -> io::Result<Asides> {
    match rotated {
        Rotated::Never => Ok(Asides::new()),
        Rotated::ByLogFile => list_stamped(log),
        Rotated::ByLogrotate => list_numbered(log),
    }
}

/// A folder is no picture of one moment: who reads it may miss a name that comes or goes meanwhile. `log-file` changes
/// the names of a file twice at most after it has begun the next, when it puts it aside and when it has compressed it,
/// and each time one list may miss it, just before or just after.
///
/// So the first two lists have everything that was there before. A younger file may be seen while one that was put
/// aside right before it is missed, in the second list at most; the other two lists have that.
fn list_stamped(log: &Place) -> io::Result<Asides> {
    let mut all = list_once(log, Rotated::ByLogFile)?;
    add(&mut all, list_once(log, Rotated::ByLogFile)?);
    let Some(youngest) = all.keys().next_back().cloned() else { return Ok(all) };
    for _ in 0..2 {
        let mut later = list_once(log, Rotated::ByLogFile)?;
        // What is younger is left for the next time.
        later.retain(|key, _| *key <= youngest);
        add(&mut all, later);
    }
    Ok(all)
}

fn add(all: &mut Asides, later: Asides) {
    for (key, found) in later {
        let aside = all.entry(key).or_default();
        // What is there now counts more than what was.
        aside.plain = found.plain.or(aside.plain);
        aside.packed = found.packed.or(aside.packed);
    }
}

/// With numbers every name moves at each rotation.
fn list_numbered(log: &Place) -> io::Result<Asides> {
    let mut list = list_once(log, Rotated::ByLogrotate)?;
    for _ in 0..ATTEMPTS {
        let next = list_once(log, Rotated::ByLogrotate)?;
        if next == list {
            break;
        }
        list = next;
    }
    Ok(list)
}

fn list_once(log: &Place, rotated: Rotated) -> io::Result<Asides> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(log.folder(), ".", flags, Mode::empty())?;
    let now = SystemTime::now();
    let owners = Owners::of(log, &rustix::fs::fstat(&folder)?);
    let mut all = Asides::new();
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        let Some((key, is_packed)) = parse(log.name(), name, rotated, now) else { continue };
        let Ok(stat) = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !is_file || !owners.may_have_put_aside(stat.st_uid) {
            continue;
        }
        let aside = all.entry(key).or_default();
        let identity = Some(open::identity(&stat));
        if is_packed {
            aside.packed = identity;
        } else {
            aside.plain = identity;
        }
        aside.modified = aside.modified.max(Modified::of(&stat));
        if MOST < all.len() {
            all.pop_first();
        }
    }
    Ok(all)
}

/// Whose files in a folder can have been put aside from a log. Where others can write, a stranger's file with such a name
/// would be shown as what the log's own writer has said.
struct Owners {
    can_others_write: bool,
    of_log: Option<u32>,
}

impl Owners {
    fn of(log: &Place, folder: &Stat) -> Owners {
        let of_log = log.look().ok().flatten().map(|seen| seen.owner);
        let by_mode = Mode::from_raw_mode(folder.st_mode).intersects(Mode::WGRP | Mode::WOTH);
        let owners = Owners { can_others_write: by_mode, of_log };
        Owners { can_others_write: by_mode || !owners.is_trusted(folder.st_uid), ..owners }
    }

    fn is_trusted(&self, uid: u32) -> bool {
        uid == 0 || uid == rustix::process::geteuid().as_raw() || Some(uid) == self.of_log
    }

    fn may_have_put_aside(&self, uid: u32) -> bool {
        !self.can_others_write || self.is_trusted(uid)
    }
}

fn parse(log: &OsStr, name: &OsStr, rotated: Rotated, now: SystemTime) -> Option<(Key, bool)> {
    match rotated {
        Rotated::Never => None,
        Rotated::ByLogFile => {
            let name = Name::parse(log, name)?;
            let key = Key::Stamped(!name.is_from_a_future(now), name.original());
            Some((key, name.is_compressed()))
        }
        Rotated::ByLogrotate => {
            let rest = name.as_bytes().strip_prefix(log.as_bytes())?.strip_prefix(b".")?;
            let packed = rest.strip_suffix(b".gz");
            let digits = std::str::from_utf8(packed.unwrap_or(rest)).ok()?;
            let number = digits.parse::<u32>().ok().filter(|n| n.to_string() == digits)?;
            Some((Key::Numbered(Reverse(number)), packed.is_some()))
        }
    }
}

impl Key {
    /// The name of the file itself, or of what was made of it.
    pub(crate) fn file_name(&self, log: &OsStr, is_packed: bool) -> OsString {
        match self {
            Key::Stamped(_, name) if is_packed => name.compressed().file_name(log),
            Key::Stamped(_, name) => name.file_name(log),
            Key::Numbered(Reverse(number)) => {
                let mut name = log.to_owned();
                name.push(format!(".{number}{}", if is_packed { ".gz" } else { "" }));
                name
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Case: CC-92
    #[test]
    fn a_strangers_file_is_no_old_one_of_ours_where_he_can_write() {
        use std::os::unix::fs::{PermissionsExt, chown};
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.log");
        for name in ["d.log", "d.log.1", "d.log.2"] {
            fs::write(folder.path().join(name), "a line\n").unwrap();
        }
        chown(folder.path().join("d.log.1"), Some(12345), None).unwrap();
        let count = |mode: u32, owner: u32| {
            chown(folder.path(), Some(owner), None).unwrap();
            fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).unwrap();
            let place = Place::find(&path, trusted_path::Trust::FolderOwners).unwrap();
            list(&place, Rotated::ByLogrotate).unwrap().len()
        };
        assert_eq!(count(0o755, 0), 2);
        assert_eq!(count(0o1777, 0), 1);
        assert_eq!(count(0o755, 54321), 1);
        chown(&path, Some(12345), None).unwrap();
        assert_eq!(count(0o1777, 0), 2);
    }

    #[track_caller]
    fn check(rotated: Rotated, names: &[&str], expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let log = open::find(&folder.path().join("app.log")).unwrap();
        let found: Vec<_> = list(&log, rotated)
            .unwrap()
            .iter()
            .map(|(key, aside)| {
                let name = key.file_name(log.name(), aside.plain.is_none());
                name.into_string().unwrap()
            })
            .collect();
        assert_eq!(found, expected);
    }

    /// Case: CC-68
    #[test]
    fn old_files_are_in_the_order_of_age_and_each_is_one() {
        check(
            Rotated::ByLogFile,
            &[
                "app.log",
                "app.log.2026-11-21",
                "app.log.2026-11-21.0001",
                "app.log.2026-11-21.0001.gz",
                "app.log.2026-11-20.gz",
                "app.log.2026-11-22.gz.part",
                "app.log.2999-01-01",
                "app.log.1",
                "other.log.2026-11-20",
            ],
            &[
                "app.log.2999-01-01",
                "app.log.2026-11-20.gz",
                "app.log.2026-11-21",
                "app.log.2026-11-21.0001",
            ],
        );
        check(
            Rotated::ByLogrotate,
            &["app.log.1", "app.log.2.gz", "app.log.10.gz", "app.log.2026-11-21", "app.log.01"],
            &["app.log.10.gz", "app.log.2.gz", "app.log.1"],
        );
        check(Rotated::Never, &["app.log.1", "app.log.2026-11-21"], &[]);
    }
}
