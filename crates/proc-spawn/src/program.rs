//! What this process knows of the program that it is: set once, by `init`.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::entries::{Call, Entries, EntryError};

struct Program {
    entries: Entries,
    /// Where this program was when it started.
    path: Option<PathBuf>,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// A second time changes nothing.
pub(crate) fn set(entries: Entries, path: Option<PathBuf>) {
    let _ = PROGRAM.set(Program { entries, path });
}

pub(crate) fn entries() -> Option<&'static Entries> {
    PROGRAM.get().map(|program| &program.entries)
}

pub(crate) fn own_path() -> Option<&'static Path> {
    PROGRAM.get()?.path.as_deref()
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
        match (self.named(), entries()) {
            (Some(name), _) => Ok(name),
            (None, Some(entries)) => entries.name_of(self),
            (None, None) => Err(Entries::new().unknown(self.entry_text())),
        }
    }
}
