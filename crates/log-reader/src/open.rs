//! Files opened for reading: never waiting, and regular files only.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use trusted_path::{Access, Identity, Kind, Place, Trust};

/// Where a path leads.
///
/// Links are followed as `cat` would, but for those that somebody else has put where everybody may put names: whoever
/// shows logs is perhaps root, and owns neither the folder nor the file. The owner of the folder may lay links.
pub(crate) fn find(path: &Path) -> io::Result<Place> {
    Ok(Place::find(path, Trust::FolderOwners)?)
}

/// A file and which one it is.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) identity: Identity,
}

/// Opens what stands there. None: nothing does.
///
/// # Errors
///
/// It is no regular file: to open a FIFO or a device may wait, or have an effect. It belongs to another user than `of`.
/// Or what the system says.
pub(crate) fn open(place: &Place, of: Option<u32>) -> io::Result<Option<Opened>> {
    let refused = || {
        let path = place.path();
        io::Error::other(format!("`{}` is not a regular file", path.display()))
    };
    match place.look()? {
        None => return Ok(None),
        Some(seen) if seen.kind != Kind::File => return Err(refused()),
        Some(_) => (),
    }
    match place.open(Access::Read).map_err(io::Error::from) {
        Ok(opened) if opened.seen().kind != Kind::File => Err(refused()),
        Ok(opened) => {
            let (identity, owner) = (opened.identity(), opened.seen().owner);
            if let Some(of) = of.filter(|of| *of != owner) {
                let path = place.path();
                let text = format!("`{}` belongs to user {owner}, and not to {of}", path.display());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
            }
            Ok(Some(Opened { file: opened.into_file(), identity }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where a name leads now, by two numbers; nothing is opened.
pub(crate) fn leads_to(path: &Path) -> io::Result<Option<Identity>> {
    match rustix::fs::stat(path) {
        Ok(stat) => Ok(Some(identity(&stat))),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// The same, with the size of it. None: it leads to nothing, or cannot be looked at.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion, trivial_numeric_casts)]
pub(crate) fn size_at(path: &Path) -> Option<(Identity, u64)> {
    let stat = rustix::fs::stat(path).ok()?;
    Some((identity(&stat), stat.st_size as u64))
}

/// What is known of an open file now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) size: u64,
    pub(crate) has_a_name: bool,
    pub(crate) modified: Modified,
}

/// When a file was last written to: seconds, and what is beyond them in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Modified(i64, i64);

impl Modified {
    // The types of the fields differ from system to system.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion, trivial_numeric_casts)]
    pub(crate) fn of(stat: &rustix::fs::Stat) -> Modified {
        Modified(stat.st_mtime as i64, stat.st_mtime_nsec as i64)
    }

    /// Who passes on a time may leave out what is beyond the seconds.
    pub(crate) fn is_before(self, other: Modified) -> bool {
        self.0 < other.0 || self.0 == other.0 && self.1 < other.1 && self.1 != 0
    }
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion, trivial_numeric_casts)]
pub(crate) fn state(file: impl AsFd) -> io::Result<State> {
    let stat = rustix::fs::fstat(file)?;
    Ok(State {
        size: stat.st_size as u64,
        has_a_name: stat.st_nlink > 0,
        modified: Modified::of(&stat),
    })
}

// The types of the fields differ from system to system.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion, trivial_numeric_casts)]
pub(crate) fn identity(stat: &rustix::fs::Stat) -> Identity {
    Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
}
