//! Whether this program has rights that the process which started it has not.
//!
//! Whoever may execute a set-user-ID program chooses its arguments, its standard input and its
//! environment. So such a program must not take from there what it is to run: it becomes no child. And
//! what it starts would have its rights without the guard that the kernel and the dynamic linker put
//! around itself (`AT_SECURE`, getauxval(3), ld.so(8)): it starts none.

use std::sync::OnceLock;

use crate::spawn_error::SpawnError;
use crate::sys::{Ourselves, ids_differ};

static GAINED: OnceLock<bool> = OnceLock::new();

/// Finds out, once, whether this process has gained rights by being executed.
pub(crate) fn look(ourselves: &Ourselves, is_child: bool) -> bool {
    *GAINED.get_or_init(|| ourselves.have_gained_rights(is_child))
}

/// Refuses to prepare a start, if this program has gained rights.
pub(crate) fn check_start() -> Result<(), SpawnError> {
    if GAINED.get().copied().unwrap_or(false) { Err(SpawnError::Privileged) } else { Ok(()) }
}

/// Refuses a start, if this program has gained rights, or has changed one of its ids since it began.
pub(crate) fn check_now() -> Result<(), SpawnError> {
    check_start()?;
    if ids_differ() { Err(SpawnError::Privileged) } else { Ok(()) }
}
