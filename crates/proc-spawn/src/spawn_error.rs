//! Why nothing was started.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::entries::EntryError;
use exit::ErrorText;

/// Why a child could not be started.
#[derive(thiserror::Error)]
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

impl fmt::Debug for SpawnError {
    /// With the whole chain of causes in words: what a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ErrorText::new(self).chain())
    }
}

impl SpawnError {
    pub(crate) fn io(step: &'static str) -> impl FnOnce(io::Error) -> SpawnError {
        move |source| SpawnError::Io { step, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: FLT-H7
    #[test]
    fn debug_is_for_people() {
        let source = io::Error::from_raw_os_error(2);
        let error = SpawnError::Execute { program: "/x".into(), source };
        assert_eq!(
            format!("{error:?}"),
            "cannot execute `/x`: No such file or directory (os error 2)"
        );
    }
}
