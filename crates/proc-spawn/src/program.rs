//! What this process knows of the program that it is: set once, by `init`.

use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::{env, fs};

use crate::entries::{Call, Entries, EntryError};
use crate::sys;

struct Program {
    entries: Entries,
    /// Where this program was when it started.
    path: Option<PathBuf>,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// A second call changes nothing.
pub(crate) fn set(entries: Entries, path: Option<PathBuf>) {
    let _ = PROGRAM.set(Program { entries, path });
}

pub(crate) fn entries() -> Option<&'static Entries> {
    PROGRAM.get().map(|program| &program.entries)
}

/// What is executed to become this program again.
pub(crate) fn own_image() -> &'static Path {
    sys::own_image(PROGRAM.get().and_then(|program| program.path.as_deref()))
}

/// `/proc/self/exe` is another program than this one: this one was started by a dynamic linker, an
/// emulator or a tool such as valgrind, which alone would be executed as a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherProgram {
    executed: PathBuf,
    started_as: PathBuf,
}

impl fmt::Display for OtherProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OtherProgram { executed, started_as } = self;
        write!(f, "`/proc/self/exe` is another program than `{}`", started_as.display())?;
        // Some tools show this program its own name there, which would explain nothing.
        if executed.file_name() != started_as.file_name() {
            write!(f, ": `{}`", executed.display())?;
        }
        f.write_str("; a child is that, so execute the program itself")
    }
}

impl OtherProgram {
    /// Whether `/proc/self/exe` is another program, so that a child which never spoke may be no child of
    /// this program at all: for the error that says so. `None` as well where it cannot be told, as in a
    /// child, or after a change of directory.
    pub fn find() -> Option<OtherProgram> {
        let started_as = PathBuf::from(env::args_os().next()?);
        // A bare name was looked for in `PATH`.
        let started = fs::metadata(&started_as).ok();
        let started = started.filter(|_| started_as.components().count() > 1)?;
        // If the file was replaced since, nothing is known of it, and this is not the reason.
        let (running, executed) = sys::executed()?;
        let same = (started.dev(), started.ino()) == (running.dev(), running.ino());
        (!same).then_some(OtherProgram { executed, started_as })
    }
}

/// What [`Spawn::keep_open`](crate::Spawn::keep_open) has given to this process.
static KEPT: OnceLock<Arc<OwnedFd>> = OnceLock::new();

pub(crate) fn keep(descriptor: OwnedFd) {
    let _ = KEPT.set(Arc::new(descriptor));
}

pub(crate) fn kept() -> Option<Arc<OwnedFd>> {
    KEPT.get().cloned()
}

impl Call {
    /// The name under which the entry is listed.
    ///
    /// # Errors
    ///
    /// It is a function that is not in the table of [`init`](crate::init).
    pub fn name(&self) -> Result<&str, EntryError> {
        match (self.given_name(), entries()) {
            (Some(name), _) => Ok(name),
            (None, Some(entries)) => entries.name_of(self),
            (None, None) => Err(Entries::new().unknown(self.entry_text())),
        }
    }
}
