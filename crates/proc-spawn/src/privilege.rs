//! Whether this program has rights that who started it has not.
//!
//! Whoever may execute a set-user-ID program chooses its arguments, its standard input and its
//! environment. So such a program must not take from there what it is to run: it becomes no child. And
//! what it starts would have its rights without the guard that the kernel and the dynamic linker put
//! around itself (`AT_SECURE`, getauxval(3), ld.so(8)): it starts none.

use std::fs;
use std::sync::OnceLock;

use crate::spawn_error::SpawnError;
use crate::status::Status;

static GAINED: OnceLock<bool> = OnceLock::new();

/// Finds out, once, before anything of the program's own could have changed its ids.
pub(crate) fn look(status: Option<&Status>, is_child: bool) -> bool {
    *GAINED.get_or_init(|| match status {
        Some(status) if status.ids_differ => true,
        Some(status) if status.more_than_ambient => secure().unwrap_or_else(file_has_capabilities),
        // A child's rights are those of who made its socket, which is looked at too.
        Some(_) if is_child => false,
        // What has become root by being executed, and has made that its real id since.
        Some(_) => secure().unwrap_or(false),
        // Also where somebody has seen to it that no file can be opened.
        None => ids_differ() || has_capabilities(),
    })
}

/// Refuses to prepare a start that cannot be right.
pub(crate) fn check_start() -> Result<(), SpawnError> {
    if GAINED.get().copied().unwrap_or(false) { Err(SpawnError::Privileged) } else { Ok(()) }
}

/// The same for a start, also by who has changed one of its ids since.
pub(crate) fn check_now() -> Result<(), SpawnError> {
    check_start()?;
    if ids_differ() { Err(SpawnError::Privileged) } else { Ok(()) }
}

/// Whether the ids of now would make the kernel take the next execution for a gain.
fn ids_differ() -> bool {
    let users = nix::unistd::getresuid().is_ok_and(|ids| ids.real != ids.effective);
    users || nix::unistd::getresgid().is_ok_and(|ids| ids.real != ids.effective)
}

/// Whether who is not root is permitted any capability: more than is known without `/proc`.
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
