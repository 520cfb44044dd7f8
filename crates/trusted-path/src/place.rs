//! Where a file is: its folder, held open, and its name in it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::error::{Error, Fault, Step};
use crate::rules::{Item, Purpose, Ruling, Whom};
use crate::seen::{Identity, Seen};
use crate::sys;
use crate::trust::Trust;
use crate::walk::{self, Folder, Manner, Reached};

/// A folder, held open, and the name of a file in it, which need not exist.
///
/// Whatever is done through it is done in this folder, whatever is renamed meanwhile. Dropping the last
/// place in a folder closes the folder; nothing else happens.
#[derive(Clone, Debug)]
pub struct Place {
    pub(crate) folder: Arc<Folder>,
    pub(crate) name: OsString,
    /// As it was given, for messages.
    pub(crate) given: PathBuf,
    pub(crate) by_kernel: bool,
    found: Option<Seen>,
}

impl Place {
    /// Where a path leads, also by a link at its end, if all links may be followed.
    ///
    /// A relative path starts from the current directory. Nothing is opened but folders.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] with [`Fault::ForeignLink`] or [`Fault::SecondLink`] for a link that is not
    /// followed; [`Error::System`] with the step that the system refused, such as a folder that is
    /// not there.
    pub fn find(path: &Path, trust: Trust) -> Result<Place, Error> {
        Place::walk(path, Manner { trust: Some(trust), to_the_end: true })
    }

    /// As [`find`](Place::find), but a link at the end is not followed: the place is the link's own.
    ///
    /// # Errors
    ///
    /// As [`find`](Place::find).
    pub fn find_name(path: &Path, trust: Trust) -> Result<Place, Error> {
        Place::walk(path, Manner { trust: Some(trust), to_the_end: false })
    }

    fn walk(path: &Path, manner: Manner) -> Result<Place, Error> {
        let Reached { folder, name, found, by_kernel } =
            walk::walk(path, manner).map_err(|stuck| stuck.error)?;
        Ok(Place { folder: Arc::new(folder), name, given: path.to_owned(), by_kernel, found })
    }

    /// Another name in the same folder.
    ///
    /// # Errors
    ///
    /// [`Error::Path`] if it is no single name.
    pub fn sibling(&self, name: &OsStr) -> Result<Place, Error> {
        let given = self.folder.path.join(name);
        if let Some(fault) = walk::misspelt(Path::new(name)) {
            return Err(Error::Path { path: given, fault });
        }
        if name.as_encoded_bytes().contains(&b'/') {
            return Err(Error::Path { path: given, fault: Fault::IsFolder });
        }
        let (folder, name) = (Arc::clone(&self.folder), name.to_owned());
        Ok(Place { folder, name, given, by_kernel: false, found: None })
    }

    /// Where the file really is, after links. For messages: its folder may have been renamed.
    pub fn path(&self) -> PathBuf {
        self.folder.path.join(&self.name)
    }

    /// The name in the folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The folder, for `openat` and calls of its kind. On Linux it cannot be read or locked by this
    /// descriptor (`O_PATH`): open `.` in it for that.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.fd.as_fd()
    }

    /// Which folder it is.
    pub fn folder_identity(&self) -> Identity {
        self.folder.identity
    }

    /// What stood there when the place was found. A [`sibling`](Place::sibling) has none.
    pub fn found(&self) -> Option<&Seen> {
        self.found.as_ref()
    }

    /// Whether only those who are trusted can put names into the folder, by what was seen of it when the
    /// place was found.
    pub fn is_closed(&self) -> bool {
        self.folder.rules.is_closed(Whom::now())
    }

    /// What stands there now. A link is not followed, and nothing is opened.
    ///
    /// # Errors
    ///
    /// [`Error::System`]
    pub fn look(&self) -> Result<Option<Seen>, Error> {
        match self.stat() {
            Ok(seen) => Ok(Some(seen)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.refused(Step::Look)(errno)),
        }
    }

    /// Whether the name is still this very file's: one system call, which asks for nothing else.
    ///
    /// A file that has been opened may lose its name at any time; a lock on it or a record in it is
    /// then seen by nobody.
    pub fn leads_to(&self, identity: Identity) -> bool {
        sys::identity(&self.folder.fd, &self.name, self.at_flags())
            .is_ok_and(|found| found == identity)
    }

    pub(crate) fn stat(&self) -> Result<Seen, Errno> {
        let stat = rustix::fs::statat(&self.folder.fd, &self.name, self.at_flags())?;
        Ok(Seen::new(&stat))
    }

    fn at_flags(&self) -> AtFlags {
        if self.by_kernel { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW }
    }

    /// What is wrong with reading what was seen there, if anything is.
    ///
    /// For a file that is not to be opened now. [`open`](Place::open) asks this by itself, of what it has
    /// opened.
    pub fn fault_to_read(&self, seen: &Seen) -> Option<Fault> {
        self.judge(seen, Purpose::Read).err()
    }

    /// What is wrong with writing to what was seen there, if anything is.
    pub fn fault_to_write(&self, seen: &Seen) -> Option<Fault> {
        self.judge(seen, Purpose::Write).err()
    }

    /// Whether nobody who is not trusted can have put it there.
    ///
    /// This is more than that it [may be written to](Place::fault_to_write): what a member has made in a
    /// folder that a group shares may be written to, but is his to keep, rename or remove.
    pub fn is_ours(&self, seen: &Seen) -> bool {
        self.judge(seen, Purpose::Write) == Ok(true)
    }

    /// Whether a name in the folder stays that of its file unless somebody who is trusted changes it:
    /// nobody else can write to the folder, or it is sticky, so that files are renamed by their owners
    /// alone.
    ///
    /// This is more than that what is there [is ours](Place::is_ours): where others can rename, another
    /// file of ours may have got this name.
    pub fn keeps_names(&self) -> bool {
        self.folder.rules.keeps_names(Whom::now())
    }

    /// Whether a trusted owner has given the folder to a group, whose members may exchange its names: what is made
    /// here is meant for them. A sticky folder is none.
    pub fn is_shared_by_a_group(&self) -> bool {
        self.folder.rules.is_shared_by_a_group(Whom::now())
    }

    /// Whether it is ours, or what is wrong with it.
    pub(crate) fn judge(&self, seen: &Seen, purpose: Purpose) -> Result<bool, Fault> {
        use crate::seen::Kind;
        match seen.kind {
            Kind::Folder => return Err(Fault::IsFolder),
            Kind::Socket => return Err(Fault::IsSocket),
            Kind::Link => return Err(Fault::IsLink),
            Kind::File | Kind::Fifo | Kind::Device | Kind::Other => (),
        }
        match self.folder.rules.judge(Item::of(seen), purpose, Whom::now()) {
            Ruling::Ours => Ok(true),
            Ruling::Shared => Ok(false),
            Ruling::Foreign => Err(Fault::ForeignFile { owner: seen.owner }),
            Ruling::Linked => Err(Fault::SecondName { links: seen.links }),
        }
    }

    pub(crate) fn fault(&self, fault: Fault) -> Error {
        Error::Path { path: self.given.clone(), fault }
    }

    pub(crate) fn refused(&self, step: Step) -> impl FnOnce(Errno) -> Error + use<> {
        let at = self.given.clone();
        move |errno| Error::System { step, at, source: errno.into() }
    }
}
