//! Why a command was not carried out, and the exit code that says so.

use std::error::Error;
use std::io::ErrorKind;

use exit::ErrorText;
use supervisor::{LaunchCause, LaunchFailed, StopFailed};

use crate::code;

/// A text for people, perhaps of several lines, without the name of who failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) code: u8,
    pub(crate) text: String,
    /// Of whom it is told; `None`: of the whole service.
    pub(crate) whose: Option<String>,
}

impl Complaint {
    pub(crate) fn new(code: u8, text: impl Into<String>) -> Complaint {
        Complaint { code, text: text.into(), whose: None }
    }

    /// The options cannot be read, or are wrong.
    pub(crate) fn options(error: &(dyn Error + 'static)) -> Complaint {
        Complaint::new(code::CONFIGURATION, ErrorText::new(error).chain())
    }

    pub(crate) fn usage(text: impl Into<String>) -> Complaint {
        Complaint::new(code::USAGE, text)
    }

    /// Tells of whom it is.
    pub(crate) fn of(self, name: impl Into<String>) -> Complaint {
        Complaint { whose: Some(name.into()), ..self }
    }

    /// For `status`, which has a table of its own: whatever hinders it, nobody can say how the daemon is, but that it
    /// does not run.
    pub(crate) fn of_status(self) -> Complaint {
        let code = match self.code {
            code::NOT_RUNNING => code::STATUS_NOT_RUNNING,
            _ => code::STATUS_UNKNOWN,
        };
        Complaint { code, ..self }
    }
}

impl From<LaunchFailed> for Complaint {
    fn from(failed: LaunchFailed) -> Complaint {
        let in_options = matches!(failed.cause(), LaunchCause::Options(_));
        let code = if in_options { code::CONFIGURATION } else { code::FAILED };
        // `Debug` is for people: each wrong option on a line of its own, and what was said on standard error.
        Complaint::new(code, format!("{failed:?}"))
    }
}

impl From<StopFailed> for Complaint {
    fn from(failed: StopFailed) -> Complaint {
        let denied = matches!(&failed, StopFailed::PidFile { source } if is_denied(source));
        let code = if denied { code::NOT_ALLOWED } else { code::FAILED };
        Complaint::new(code, failed.to_string())
    }
}

pub(crate) fn is_denied(error: &pidfile::Error) -> bool {
    if let pidfile::Error::Io { source, .. } = error {
        return source.kind() == ErrorKind::PermissionDenied;
    }
    matches!(error, pidfile::Error::NotPermitted { .. })
}
