//! Whether two paths lead to one file, which need not exist yet.

use std::ffi::OsString;
use std::path::Path;

use crate::error::Error;
use crate::seen::Identity;
use crate::walk::{self, Manner, Reached};

/// What a path leads to, to be compared. Two that are equal lead to one file.
///
/// A file that exists is known by which one it is, whatever its names: by `..`, through a linked
/// folder, by a hard link, through a mount of the same folder. One that does not exist is known by
/// the folder that is there, and the names from there on.
///
/// Links are followed whoever has made them, since nothing is opened at their end: it is only looked
/// where they lead. What this says holds for the moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination(Leads);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Leads {
    To(Identity),
    /// The names from this folder on, the last one first.
    Below(Identity, Vec<OsString>),
}

impl Destination {
    /// Where a path leads now; a relative one starts from the current directory.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] if it is no path to a file, [`Error::System`] if the system does not let us
    /// see where it leads.
    pub fn of(path: &Path) -> Result<Destination, Error> {
        match walk::walk(path, Manner { trust: None, to_the_end: true }) {
            Ok(Reached { found: Some(seen), .. }) => Ok(Destination(Leads::To(seen.identity))),
            Ok(Reached { folder, name, found: None, .. }) => {
                Ok(Destination(Leads::Below(folder.identity, vec![name])))
            }
            Err(walk::Stuck { missing: Some(missing), .. }) => {
                Ok(Destination(Leads::Below(missing.folder.identity, missing.names)))
            }
            Err(walk::Stuck { error, missing: None }) => Err(error),
        }
    }
}

/// Whether two paths lead to one file, as far as that can be seen now.
///
/// Where it cannot be seen (a folder that we may not search), only the same text is the same file.
pub fn lead_to_one_file(one: &Path, other: &Path) -> bool {
    one == other
        || matches!(
            (Destination::of(one), Destination::of(other)),
            (Ok(one), Ok(other)) if one == other
        )
}
