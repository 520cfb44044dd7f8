//! Who cleans up after a test run that was interrupted or killed, and dropped nothing.

use std::io::{Read, stdin};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use testbed::run_prefix;

use crate::bed::kept;

const REAP: &str = "--reap=";

/// A copy of this test program that waits for our end, and then kills what is left in our beds.
///
/// Dropping it lets it look for the last time, and waits until it has.
pub struct Reaper(Child);

impl Reaper {
    /// Starts it; or, in that copy, does its work and never returns.
    #[expect(clippy::disallowed_methods, reason = "the copy has no tests to run")]
    pub fn start() -> Reaper {
        let first = std::env::args().nth(1).unwrap_or_default();
        if let Some(run) = first.strip_prefix(REAP) {
            // Ends when whoever started us does, however that comes.
            let _ = stdin().read_to_end(&mut Vec::new());
            testbed::kill(|value| value.starts_with(run.as_bytes()));
            if !kept() {
                remove_folders(run);
            }
            std::process::exit(0);
        }
        let mut command = Command::new("/proc/self/exe");
        command.arg(format!("{REAP}{}", run_prefix())).stdin(Stdio::piped());
        // A Ctrl-C is for the tests.
        command.process_group(0);
        Reaper(command.spawn().unwrap())
    }
}

fn remove_folders(prefix: &str) {
    let entries = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.0.stdin = None;
        let _ = self.0.wait();
    }
}
