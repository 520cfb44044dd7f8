//! Where something of guardian and executor can be read, by what their options say.

use capture::Capture;
use control::service;
use record::Role;
use surroundings::Setup;

/// Those of the guardian first. `setup` is the executor's, `capture` what is kept of its output.
pub(crate) fn log_files(
    name: &str,
    setup: &Setup,
    capture: Option<&Capture>,
) -> Vec<service::LogFile> {
    // Where the executor's output is captured the guardian has none of its own.
    let mut files = record::files(Role::Guardian, name, setup, None);
    files.retain(|file| file.kind == "log" || capture.is_none());
    files.extend(record::files(Role::Executor, name, setup, capture));
    files
}
