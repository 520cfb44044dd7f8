//! Rights that come with the program's file: set-user-ID, set-group-ID, capabilities.

use std::fs;

use super::status::Status;

/// Whether this program has rights that the process which executed it has not.
pub(super) fn are_gained(status: Option<&Status>, is_child: bool) -> bool {
    match status {
        Some(status) if status.ids_differ => true,
        Some(status) if status.more_than_ambient => secure().unwrap_or_else(file_has_capabilities),
        // A child gets its rights from the maker of its socket, whom `peer` looks at.
        Some(_) if is_child => false,
        // A program may have become root by being executed, and have made root its real user since.
        Some(_) => secure().unwrap_or(false),
        // There is no /proc, or somebody has seen to it that no file can be opened.
        None => ids_differ() || has_capabilities(),
    }
}

/// Whether the ids of now would make the kernel take the next execution for a gain (getresuid(2)).
pub(crate) fn ids_differ() -> bool {
    let users = nix::unistd::getresuid().is_ok_and(|ids| ids.real != ids.effective);
    users || nix::unistd::getresgid().is_ok_and(|ids| ids.real != ids.effective)
}

/// Whether a user who is not root is permitted any capability. Without `/proc` we do not know which of
/// them were there before, so each counts as gained.
fn has_capabilities() -> bool {
    let permitted = rustix::thread::capabilities(None).map(|sets| sets.permitted);
    !rustix::process::getuid().is_root() && permitted.is_ok_and(|permitted| !permitted.is_empty())
}

/// `AT_SECURE` of the auxiliary vector (proc_pid_auxv(5)): pairs of numbers as long as a pointer.
/// `None` where it cannot be read, as of a program whose file may not be read.
fn secure() -> Option<bool> {
    const AT_SECURE: usize = 23;
    const WORD: usize = size_of::<usize>();
    let vector = fs::read("/proc/self/auxv").ok()?;
    let words: Vec<usize> = vector
        .chunks_exact(WORD)
        .filter_map(|bytes| Some(usize::from_ne_bytes(bytes.try_into().ok()?)))
        .collect();
    let (pairs, _) = words.as_chunks::<2>();
    pairs.iter().find(|[key, _]| *key == AT_SECURE).map(|[_, value]| *value != 0)
}

/// Whether the program's file gives any (capabilities(7)).
fn file_has_capabilities() -> bool {
    let found = rustix::fs::getxattr("/proc/self/exe", "security.capability", &mut [0u8; 64]);
    !matches!(found, Err(rustix::io::Errno::NODATA | rustix::io::Errno::NOTSUP))
}
