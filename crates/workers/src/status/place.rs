//! Where the status file is, and how it gets there: whole, new each time, and never through a link.

use std::io;
use std::path::{Path, PathBuf};

use trusted_path::{Place, Trust};

use capture::Capture;

/// Who runs may be known to everybody, as by pid files; what workers write is for their owner.
const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// The name of a status file, and what whoever writes it has to know.
#[derive(Clone, Debug)]
pub(crate) struct StatusPlace {
    path: PathBuf,
    mode: u32,
    trust: Trust,
}

impl StatusPlace {
    /// Private if any of the workers may have their last lines told in it, as these captures say.
    pub(crate) fn new<'a>(
        path: PathBuf,
        trust: Trust,
        captures: impl IntoIterator<Item = &'a Capture>,
    ) -> StatusPlace {
        let private = captures.into_iter().any(Capture::tells_last_lines);
        StatusPlace { path, mode: if private { PRIVATE } else { PUBLIC }, trust }
    }

    /// From now on it is for the owner alone: one has come whose last lines are told in it.
    pub(crate) fn make_private(&mut self) {
        self.mode = PRIVATE;
    }

    /// What is wrong with writing there, as far as links on the way can tell.
    pub(crate) fn problem(path: &Path, trust: Trust) -> Option<String> {
        // What else can be wrong is told by other checks, or when it is written.
        match Place::find_name(path, trust) {
            Err(trusted_path::Error::Path { fault, .. }) if fault.is_about_owners() => {
                Some(fault.to_string())
            }
            _ => None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Readers see the old file whole or the new one whole (rename(2)).
    pub(crate) fn replace(&self, text: &[u8]) -> io::Result<()> {
        Ok(Place::find_name(&self.path, self.trust)?.replace(text, self.mode)?)
    }
}
