//! What stands beside a log file: the files that were put aside, ours and others'.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Dir, Mode, OFlags};
use trusted_path::{Kind, Place, Seen};

use crate::names::{self, Name};

/// So many names that look like ours are listed as they are. We never leave so many files, but somebody
/// else may have made such names: of further ones only those of our own files are listed.
const MOST: usize = 100_000;

/// What was in the folder, by name alone.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// What has a name that a file put aside may have: also what is no file.
    pub(crate) names: BTreeSet<Name>,
    /// What has the name of a file that is being compressed.
    pub(crate) parts: BTreeSet<Name>,
}

/// Opens the folder of a log file, to list and to lock it.
pub(crate) fn open(log: &Place) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(log.folder(), ".", flags, Mode::empty())?)
}

/// What stands beside a log.
pub(crate) fn list(folder: &OwnedFd, log: &Place) -> io::Result<Listing> {
    list_most(MOST, folder, log)
}

fn list_most(most: usize, folder: &OwnedFd, log: &Place) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let candidate = OsStr::from_bytes(entry.file_name().to_bytes());
        let is_full = most <= listing.names.len() + listing.parts.len();
        let is_taken =
            |place: io::Result<Place>| !is_full || place.is_ok_and(|place| ours(&place).is_some());
        if let Some(name) = Name::parse(log.name(), candidate) {
            if is_taken(place(log, &name)) {
                listing.names.insert(name);
            }
        } else if let Some(name) = Name::parse_part(log.name(), candidate)
            && is_taken(part(log, &name))
        {
            listing.parts.insert(name);
        }
    }
    Ok(listing)
}

/// What stands at a name, if it is a file that nobody else can have put there: others' are never
/// counted, removed or read, whatever they are called, also in a folder that a group shares.
pub(crate) fn ours(place: &Place) -> Option<Seen> {
    let seen = place.look().ok().flatten()?;
    (seen.kind == Kind::File && place.is_ours(&seen)).then_some(seen)
}

/// The place of a file that was put aside.
pub(crate) fn place(log: &Place, name: &Name) -> io::Result<Place> {
    Ok(log.sibling(&name.file_name(log.name()))?)
}

/// The place where a file is compressed, until it is whole.
pub(crate) fn part(log: &Place, compressed: &Name) -> io::Result<Place> {
    let mut name: OsString = compressed.file_name(log.name());
    name.push(names::PART);
    Ok(log.sibling(&name)?)
}

impl Listing {
    /// What stands here or there. A file that is being compressed has two names, one after the other, and who lists
    /// the folder meanwhile may see neither; of two lists one has it.
    pub(crate) fn and(mut self, mut other: Listing) -> Listing {
        self.names.append(&mut other.names);
        self.parts.append(&mut other.parts);
        self
    }

    /// Each file that is ours, with its size, which includes that of its compressed copy, be it half or
    /// whole. A file and its copy are one: they are kept or removed together. A file that was compressed
    /// since the folder was listed is found by its new name.
    pub(crate) fn ours(&self, log: &Place) -> Vec<(Name, u64)> {
        let size = |place: io::Result<Place>| place.ok().and_then(|place| Some(ours(&place)?.size));
        let with_size = |name: &Name| {
            let compressed = name.compressed();
            if *name == compressed && self.names.contains(&name.original()) {
                return None;
            }
            // The original is looked at first: the compressor removes it only when the copy is there, so
            // one of the two is seen.
            let own = size(place(log, name)).filter(|_| *name != compressed);
            let copy = size(place(log, &compressed));
            let Some(own) = own else { return copy.map(|copy| (compressed, copy)) };
            let is_begun = self.parts.contains(&compressed);
            let part = if is_begun { size(part(log, &compressed)) } else { None };
            let all = [copy, part].into_iter().flatten().fold(own, u64::saturating_add);
            Some((name.clone(), all))
        };
        self.names.iter().filter_map(with_size).collect()
    }

    /// The first name from this one on that nobody here has, with or without its end of a compressed file.
    pub(crate) fn free_from(&self, mut name: Name) -> Name {
        while self.names.contains(&name) || self.names.contains(&name.compressed()) {
            name = name.successor();
        }
        name
    }

    /// Removes what killed compressors have left of files that are gone by now.
    pub(crate) fn remove_leftovers(&self, log: &Place) {
        let left = self.parts.iter().filter(|part| !self.names.contains(&part.original()));
        for name in left {
            if let Ok(part) = part(log, name) {
                let _ = remove_ours(&part);
            }
        }
    }
}

/// Removes a file that is too old, and what a compressor is making of it, or has made. The original goes
/// before the whole copy: a compressor that completes its copy in between finds the original gone, and
/// removes the copy itself.
pub(crate) fn remove_old(log: &Place, old: &Name) -> io::Result<()> {
    let compressed = old.compressed();
    if let Ok(copy) = part(log, &compressed) {
        let _ = remove_ours(&copy);
    }
    remove_ours(&place(log, old)?)?;
    remove_ours(&place(log, &compressed)?)
}

/// Removes a file of ours, and nobody else's that has got its name meanwhile. What cannot be removed is met again
/// by the next.
pub(crate) fn remove_ours(place: &Place) -> io::Result<()> {
    match ours(place) {
        Some(seen) => Ok(place.remove_this(seen.identity).map(drop)?),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
