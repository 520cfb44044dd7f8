//! Why nothing was started.

use std::io;
use std::path::PathBuf;

use crate::entries::EntryError;

/// Why a child could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// [`init`](crate::init) was not called.
    #[error(
        "this program has not called `init`: make `init(entries![…])` the first line of `main`. A \
         test binary has no `main` of its own: give the test target `harness = false` and a `main` \
         that calls `init`, or drive a helper program"
    )]
    NotInitialised,
    /// This program has rights that who started it has not: it is set-user-ID, set-group-ID, or its
    /// file gives capabilities (credentials(7), capabilities(7)). A child would have them too, without
    /// what guards such a program against the arguments and the environment that it is given.
    #[error(
        "this program has gained rights by being executed (set-user-ID, set-group-ID or \
         capabilities of its file), or its effective user or group is not its real one: it starts no \
         process that would have them too; start it as the user that it is to run as"
    )]
    Privileged,
    /// The entry or its arguments.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The program could not be executed.
    #[error("cannot execute `{}`", program.display())]
    Execute {
        /// Which program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system refused a step.
    #[error("cannot {step}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

impl SpawnError {
    pub(crate) fn io(step: &'static str) -> impl FnOnce(io::Error) -> SpawnError {
        move |source| SpawnError::Io { step, source }
    }
}
