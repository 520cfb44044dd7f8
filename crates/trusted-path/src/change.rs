//! A file replaced whole, renamed or removed, in a folder that stays the same.

use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::hash::BuildHasher;
use std::io::Write;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::error::{Error, Fault, Step};
use crate::open::{Access, Opened};
use crate::place::Place;
use crate::rules::Purpose;
use crate::seen::{Identity, Kind, Seen};
use crate::sys;

/// How many names are tried for the file that is not complete yet. What stands at one of them is removed
/// only if it is ours. Whoever can put names into the folder may occupy the first one, but cannot know
/// the others.
const NAMES: u32 = 8;

impl Place {
    /// Replaces the file as a whole: readers see the old one or the new one (rename(2)).
    ///
    /// The new one is written under another name in the folder, created for it, with these
    /// permissions less the umask. A link at the name is not followed, but replaced; a file of
    /// somebody else is left alone.
    ///
    /// One process at a time: two that replace the same file may get in each other's way, so that one
    /// of them has an error or its file is replaced at once. A crash leaves at most the file that was
    /// being written, `.NAME.new`, which the next call removes.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] if a file is there that is not ours, [`Error::System`]
    pub fn replace(&self, content: &[u8], mode: u32) -> Result<(), Error> {
        if let Some(seen) = self.look()?
            && seen.kind != Kind::Link
        {
            // How many names the old file has does not matter: this one is taken from it, and nothing is
            // written to it.
            let seen = Seen { links: 1, ..seen };
            self.judge(&seen, Purpose::Write).map_err(|fault| self.fault(fault))?;
        }
        for attempt in 0..NAMES {
            let new = self.sibling(&temporary_name(&self.name, attempt))?;
            let Some(opened) = new.create_anew(mode)? else { continue };
            let done = opened.file().write_all(content).map_err(|source| Error::System {
                step: Step::Write,
                at: new.path(),
                source,
            });
            let done = done.and_then(|()| new.rename_over(&self.name));
            if done.is_err() {
                // The first error says more.
                let _ = new.remove_this(opened.identity());
            }
            return done;
        }
        Err(self.fault(Fault::Unsteady))
    }

    /// Creates the file; one of our own that a crash has left is removed first. `None`: what is there
    /// is not ours.
    fn create_anew(&self, mode: u32) -> Result<Option<Opened>, Error> {
        for _ in 0..NAMES {
            if let Some(created) = self.create(Access::Append, mode)? {
                return Ok(Some(created));
            }
            let Some(seen) = self.look()? else { continue };
            if seen.kind != Kind::File || !self.is_ours(&seen) {
                return Ok(None);
            }
            self.remove_this(seen.identity)?;
        }
        Ok(None)
    }

    /// Renames the file within its folder, over whatever has the other name.
    ///
    /// # Errors
    ///
    /// [`Error::System`]
    pub fn rename_over(&self, name: &OsStr) -> Result<(), Error> {
        let to = self.sibling(name)?;
        rustix::fs::renameat(&self.folder.fd, &self.name, &self.folder.fd, &to.name)
            .map_err(self.refused(Step::Rename))
    }

    /// Renames the file within its folder, to a name that is free. False: it is taken.
    ///
    /// # Errors
    ///
    /// [`Error::System`]
    pub fn rename(&self, name: &OsStr) -> Result<bool, Error> {
        let to = self.sibling(name)?;
        match self.rename_without_replacing(&to) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(self.refused(Step::Rename)(errno)),
        }
    }

    fn rename_without_replacing(&self, to: &Place) -> Result<(), Errno> {
        match sys::rename_to_free(&self.folder.fd, &self.name, &to.name) {
            // The system, or the file system, cannot rename so.
            Err(Errno::INVAL | Errno::NOSYS) => self.link_and_unlink(to),
            done => done,
        }
    }

    /// Makes a second name by linkat(2), which never replaces anything either, and removes the first one.
    /// If we are killed in between, the file has both.
    ///
    /// Somebody else may rename the file meanwhile, and put another one at the old name. That one stays,
    /// unless he does it between our look and the removal.
    fn link_and_unlink(&self, to: &Place) -> Result<(), Errno> {
        let folder = &self.folder.fd;
        rustix::fs::linkat(folder, &self.name, folder, &to.name, AtFlags::empty())?;
        if !self.leads_to(to.stat()?.identity) {
            return Ok(());
        }
        rustix::fs::unlinkat(folder, &self.name, AtFlags::empty())
    }

    /// Removes the name, whatever file it leads to; never a folder. False: it is gone already.
    ///
    /// # Errors
    ///
    /// [`Error::System`]
    pub fn remove(&self) -> Result<bool, Error> {
        match rustix::fs::unlinkat(&self.folder.fd, &self.name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.refused(Step::Remove)(errno)),
        }
    }

    /// Removes the name if it leads to this very file. False: it leads elsewhere, or nowhere.
    ///
    /// Between the look and the removal somebody who can put names into the folder can put another
    /// file there: he loses that name.
    ///
    /// # Errors
    ///
    /// [`Error::System`]
    pub fn remove_this(&self, identity: Identity) -> Result<bool, Error> {
        if !self.leads_to(identity) {
            return Ok(false);
        }
        self.remove()
    }
}

/// The name is hidden, and told from files that matter by its end. The first one that is tried is always
/// the same, so that what a crash has left is found again.
fn temporary_name(name: &OsStr, attempt: u32) -> OsString {
    let mut new = OsString::from(".");
    new.push(name);
    if attempt > 0 {
        // The standard library seeds it by random bytes of the system.
        let random = RandomState::new().hash_one(attempt);
        new.push(format!(".{random:016x}"));
    }
    new.push(".new");
    new
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Trust;

    /// For a file system that does not know RENAME_NOREPLACE.
    #[test]
    fn a_name_is_given_by_a_link_where_the_system_cannot_rename_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "a").unwrap();
        fs::write(path("taken"), "").unwrap();
        let place = Place::find_name(&path("a"), Trust::default()).unwrap();
        let free = place.sibling(OsStr::new("free")).unwrap();
        let taken = place.sibling(OsStr::new("taken")).unwrap();
        assert_eq!(place.link_and_unlink(&taken), Err(Errno::EXIST));
        assert_eq!(place.link_and_unlink(&free), Ok(()));
        assert!(!path("a").exists());
        assert_eq!(fs::read(path("free")).unwrap(), b"a");
        assert_eq!(place.link_and_unlink(&free), Err(Errno::NOENT));
    }
}
