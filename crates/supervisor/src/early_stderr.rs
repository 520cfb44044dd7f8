//! What a daemon writes to standard error while it is being launched, for the error that says why it
//! was not.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::Arc;

use proc_spawn::Stdio;
use trusted_path::{Access, Kind, Opened, Place, Trust};

use crate::guardian::Plan;
use crate::sys::nameless_file;

/// What is written to standard error before the streams are where they should be, and after.
///
/// Dropping it closes what it holds; the file that standard error goes to stays, also if it is empty.
pub(crate) struct EarlyStderr {
    /// A file in memory, for what comes before: the linker's word, a panic ahead of `init`.
    memory: Option<Arc<OwnedFd>>,
    /// The file that standard error goes to, and its length before the launch.
    file: Option<(File, u64)>,
}

impl EarlyStderr {
    pub(crate) fn new(plan: &Plan) -> EarlyStderr {
        let memory = nameless_file("standard error").ok();
        EarlyStderr { memory: memory.map(Arc::new), file: open(plan) }
    }

    pub(crate) fn stream(&self) -> Stdio {
        self.memory.clone().map_or(Stdio::Null, Stdio::Descriptor)
    }

    /// What was written, of each file at most the last part.
    pub(crate) fn text(&self) -> String {
        let memory = self.memory.as_deref().and_then(|fd| fd.try_clone().ok()).map(File::from);
        let mut bytes = memory.map(|file| tail(&file, 0)).unwrap_or_default();
        if let Some((file, from)) = &self.file {
            bytes.extend(tail(file, *from));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Opens the file that standard error goes to ahead of the guardian, and creates it as the guardian
/// would.
///
/// What is told later is read from this descriptor, and not by the name: by then somebody who can put
/// names into the folder may have made it lead to any file, to be told what is in there. `None` where
/// there is no such file, or the guardian will meet the same failure and say so.
fn open(plan: &Plan) -> Option<(File, u64)> {
    let redirect = &plan.setup.redirect;
    let path = redirect.target(stdio_redirect::Stream::Stderr).path()?;
    let place = Place::find(path, Trust::folder_owners_if(redirect.trusts_folder_owner())).ok()?;
    // To open a FIFO would be to become its reader.
    if place.found().is_some_and(|seen| seen.kind != Kind::File) {
        return None;
    }
    let mode = 0o644 & !plan.setup.umask.unwrap_or(0);
    let opened = place.open_or_create(Access::ReadAppend, mode).ok()?;
    // Whatever our own umask is, that of the daemon counts.
    if opened.is_created() && plan.setup.umask.is_some() {
        let _ = opened.file().set_permissions(PermissionsExt::from_mode(mode));
    }
    let worth_reading =
        |opened: &Opened| opened.seen().kind == Kind::File && !opened.is_by_kernel();
    worth_reading(&opened).then(|| {
        let length = opened.seen().size;
        (opened.into_file(), length)
    })
}

/// What stands in `file` after `from`, at most the last 16 KiB of it.
fn tail(file: &File, from: u64) -> Vec<u8> {
    const MOST: u64 = 16 * 1024;
    let end = file.metadata().map_or(0, |metadata| metadata.len());
    let from = from.max(end.saturating_sub(MOST));
    let mut bytes = vec![0; usize::try_from(end.saturating_sub(from)).unwrap_or_default()];
    let read = file.read_at(&mut bytes, from).unwrap_or(0);
    bytes.truncate(read);
    bytes
}
