//! How a process ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Panic, SetupError};
use crate::no_value::NoValue;
use crate::signal::name;

/// The exit code of a child whose entry returned an error, unless
/// `Entries::exit_code_if` of the crate proc-spawn says otherwise.
pub const CODE_ERROR: i32 = 1;
/// The exit code of a child whose entry panicked, as in any Rust program.
pub const CODE_PANIC: i32 = 101;
/// The exit code of a child that could not be set up for its entry (`EX_CONFIG` of sysexits.h).
pub const CODE_SETUP: i32 = 78;

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exit {
    /// It exited with this code. Code 0 also means that its entry returned well.
    Code(i32),
    /// This signal ended it.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether the kernel wrote a core file.
        core: bool,
        /// Whether the kernel has killed a process of our control group for lack of memory while this one
        /// ran, and SIGKILL ended it: a hint that it was this one. Always false where the group does not
        /// count such kills.
        out_of_memory: bool,
        /// The last panic before it, which may or may not be the reason.
        panic: Option<Panic>,
    },
    /// Its entry panicked.
    Panic(Panic),
    /// Its entry returned an error.
    Error(Failure),
    /// It could not be set up: its entry was not called.
    SetupFailed(SetupError),
    /// It went well, but for the value that was asked for: there is none.
    NoValue(NoValue),
    /// It ended, but somebody else has taken its status.
    Unknown,
}

impl Exit {
    /// Whether this is the end of a run that went well: code 0, and nothing else.
    pub fn is_success(&self) -> bool {
        *self == Exit::Code(0)
    }

    /// The code that the process exited with, also when more is known than that; `None` if a signal
    /// ended it, or nobody can tell.
    pub fn code(&self) -> Option<i32> {
        match self {
            Exit::Code(code) => Some(*code),
            Exit::Error(failure) => Some(failure.code),
            Exit::Panic(_) => Some(CODE_PANIC),
            Exit::SetupFailed(_) => Some(CODE_SETUP),
            Exit::NoValue(NoValue::Missing) => Some(0),
            Exit::NoValue(NoValue::Unencodable(_) | NoValue::TooLarge { .. }) => Some(CODE_ERROR),
            Exit::Signal { .. } | Exit::Unknown => None,
        }
    }

    /// The signal that ended the process, if one did.
    pub fn signal(&self) -> Option<i32> {
        if let Exit::Signal { signal, .. } = self { Some(*signal) } else { None }
    }

    /// Whether a new run would only end the same way: see `Entries::permanent_if` of the crate
    /// proc-spawn.
    pub fn is_permanent(&self) -> bool {
        match self {
            Exit::Error(failure) => failure.permanent,
            Exit::SetupFailed(error) => error.permanent,
            Exit::NoValue(why) => why.is_permanent(),
            Exit::Code(_) | Exit::Signal { .. } | Exit::Panic(_) | Exit::Unknown => false,
        }
    }
}

impl From<ExitStatus> for Exit {
    /// What the system says of the end. What else is known of it is added by the parent.
    fn from(status: ExitStatus) -> Exit {
        match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => {
                let core = status.core_dumped();
                Exit::Signal { signal, core, out_of_memory: false, panic: None }
            }
            (None, None) => Exit::Unknown,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exited with code {code}"),
            Exit::Signal { signal, core, out_of_memory, panic } => {
                match name(*signal) {
                    Some(name) => write!(f, "was ended by {name}")?,
                    None => write!(f, "was ended by signal {signal}")?,
                }
                if *core {
                    f.write_str(" (core dumped)")?;
                }
                if *out_of_memory {
                    f.write_str(", probably for lack of memory")?;
                }
                match panic {
                    // The panic may have been caught, long before the end.
                    Some(panic) => write!(f, "; its last panic, perhaps not why: {panic}"),
                    None => Ok(()),
                }
            }
            Exit::Panic(panic) => write!(f, "panicked: {panic}"),
            Exit::Error(failure) => write!(f, "returned an error: {}", failure.error.chain()),
            Exit::SetupFailed(error) => write!(f, "could not be set up: {}", error.chain()),
            Exit::NoValue(why) => why.fmt(f),
            Exit::Unknown => f.write_str("ended with a status that nobody can tell"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_read_as_sentences() {
        let panic = Panic { message: "boom".into(), place: "src/main.rs:3".into() };
        let ended = |signal, core, out_of_memory, panic| Exit::Signal {
            signal,
            core,
            out_of_memory,
            panic,
        };
        let cases = [
            (Exit::Code(3), "exited with code 3"),
            (ended(9, false, false, None), "was ended by SIGKILL"),
            (ended(9, false, true, None), "was ended by SIGKILL, probably for lack of memory"),
            (
                ended(6, true, false, Some(panic.clone())),
                "was ended by SIGABRT (core dumped); its last panic, perhaps not why: boom, at src/main.rs:3",
            ),
            (Exit::Panic(panic), "panicked: boom, at src/main.rs:3"),
            (
                Exit::NoValue(NoValue::TooLarge { most: 9 }),
                "returned a value of more than 9 bytes, which is all that it may have",
            ),
            (
                Exit::NoValue(NoValue::Missing),
                "exited with code 0, and without the value that was asked for",
            ),
        ];
        for (exit, text) in cases {
            assert_eq!(exit.to_string(), text);
        }
    }

    /// Case: PL-94
    #[test]
    fn without_the_value_that_was_asked_for_nothing_went_well() {
        let unencodable = || NoValue::Unencodable(crate::ErrorText::new(&fmt::Error));
        for (why, code, permanent) in [
            (unencodable(), CODE_ERROR, true),
            (NoValue::TooLarge { most: 9 }, CODE_ERROR, true),
            (NoValue::Missing, 0, false),
        ] {
            let exit = Exit::NoValue(why);
            assert!(!exit.is_success(), "{exit}");
            assert_eq!((exit.code(), exit.is_permanent()), (Some(code), permanent), "{exit}");
        }
    }
}
