//! Who cleans up after a test run that was interrupted or killed, and dropped nothing.

use std::io::{Read, stdin};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::{env, fs};

use crate::process::{self, MARKER, run_prefix};

const REAP: &str = "--reap=";

/// The process whose environment was made by [`Reaper::of_all`].
const MARKED: &str = "APPKIT_BED_OF_ALL";

/// A copy of this test program that waits for our end, and then kills what is left of us, and removes our folders.
///
/// Dropping it lets it look for the last time, and waits until it has.
#[derive(Debug)]
pub struct Reaper {
    copy: Child,
    /// How the markers of what it looks for begin.
    prefix: String,
}

impl Reaper {
    /// For a program whose processes all run in [beds](crate::Bed). With `keeps` the folders stay.
    ///
    /// In the copy this does its work and never returns.
    ///
    /// # Panics
    ///
    /// There can be no copy.
    #[track_caller]
    pub fn of_beds(keeps: bool) -> Reaper {
        reap_if_asked();
        Reaper::start(run_prefix().to_owned(), keeps)
    }

    /// For a program that starts processes in its own environment: it is executed anew with a marker in that, and a
    /// folder for temporary files.
    ///
    /// In the copy this does its work and never returns.
    ///
    /// # Panics
    ///
    /// It cannot be executed anew, or there can be no copy.
    #[track_caller]
    pub fn of_all() -> Reaper {
        reap_if_asked();
        let own = std::process::id().to_string();
        if env::var(MARKED).is_ok_and(|pid| pid == own) {
            return Reaper::start(env::var(MARKER).unwrap_or_default(), false);
        }
        let folder = env::temp_dir().join(format!("{}all", run_prefix()));
        fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let marker = folder.file_name().unwrap_or_default();
        let mut again = Command::new("/proc/self/exe");
        again.arg0(env::args_os().next().unwrap_or_default()).args(env::args_os().skip(1));
        again.env(MARKED, own).env(MARKER, marker).env("TMPDIR", &folder);
        panic!("cannot be executed anew: {}", again.exec());
    }

    fn start(prefix: String, keeps: bool) -> Reaper {
        let mut command = Command::new("/proc/self/exe");
        command.arg(format!("{REAP}{prefix}")).stdin(Stdio::piped()).env_remove(MARKER);
        command.args(keeps.then_some("--keep"));
        // A Ctrl-C is for the tests.
        command.process_group(0);
        let copy = command.spawn();
        let copy = copy.unwrap_or_else(|error| panic!("there can be no reaper: {error}"));
        Reaper { copy, prefix }
    }

    /// How the program ends: if the tests have passed and nothing of them is left running, well.
    pub fn end(self, passed: bool) -> ExitCode {
        let own = std::process::id();
        let mut left = process::find(|value| value.starts_with(self.prefix.as_bytes()));
        left.retain(|process| process.pid() != own);
        for process in &left {
            eprintln!("left running: {} {}", process.pid(), process.title());
        }
        if passed && left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Does the work of the copy, if this is the copy.
#[expect(clippy::disallowed_methods, reason = "the copy has no tests to run")]
fn reap_if_asked() {
    let mut arguments = env::args().skip(1);
    let first = arguments.next().unwrap_or_default();
    let Some(prefix) = first.strip_prefix(REAP).filter(|prefix| !prefix.is_empty()) else { return };
    // Ends when whoever started us does, however that comes.
    let _ = stdin().read_to_end(&mut Vec::new());
    // Whoever waits for us is alive, and has the marker if all have.
    let parent = std::os::unix::process::parent_id();
    process::kill(Some(parent), |value| value.starts_with(prefix.as_bytes()));
    if arguments.next().is_none() {
        for folder in folders(prefix) {
            let _ = fs::remove_dir_all(folder);
        }
    }
    std::process::exit(0);
}

/// Those of the run: the copy may have the folder of the run itself for its temporary files.
fn folders(prefix: &str) -> Vec<PathBuf> {
    let here = env::temp_dir();
    let is_it = |name: Option<&std::ffi::OsStr>| {
        name.is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    if is_it(here.file_name()) {
        return vec![here];
    }
    let entries = fs::read_dir(here).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| is_it(path.file_name())).collect()
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.copy.stdin = None;
        let _ = self.copy.wait();
    }
}
