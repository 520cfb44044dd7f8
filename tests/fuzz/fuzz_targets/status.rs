//! What reads the state of a daemon: a status and a stop, of a path at which anything may stand.
//!
//! The status file of workers is only written by the library; who reads it is the user's program.
#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use supervisor::{DaemonStatus, StopFailed, StopStatus, daemon_status, stop_daemon_within};

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder can be made"));

// The first line is the file's name, the rest its content.
fuzz_target!(|bytes: &[u8]| {
    let (name, content) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &b"1\n"[..]),
    };
    // One name in the folder, whatever it is; never a way out of it.
    if name.contains(&b'/') || name == b".." {
        return;
    }
    let path = FOLDER.path().join(OsStr::from_bytes(name));
    let written = std::fs::write(&path, content).is_ok();
    match daemon_status(&path) {
        Ok(status) => assert_eq!(status, DaemonStatus::NotRunning { stale: written }),
        Err(error) => assert!(!written, "{error:?}"),
    }
    match stop_daemon_within(&path, Duration::ZERO) {
        Ok(status) => {
            assert_eq!(status, StopStatus::NotRunning);
            assert!(!path.exists());
        }
        // What was never a pid file stays.
        Err(StopFailed::PidFile { source: pidfile::Error::NotAPidFile { .. } }) => {
            assert!(std::fs::read(&path).is_ok_and(|found| found == content));
        }
        Err(error) => assert!(!written, "{error:?}"),
    }
});
