//! A folder of its own and every process that began in it. Both go with the value.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::failure::{Failure, Outcome};
use crate::process::{self, MARKER, Process, run_prefix};

/// A place where programs run. Dropping it kills what runs in it, and removes the folder.
#[derive(Debug)]
pub struct Bed {
    marker: String,
    folder: PathBuf,
    /// `None`: it stays.
    temporary: Option<TempDir>,
}

impl Bed {
    /// An empty one.
    pub fn new() -> Outcome<Bed> {
        let temporary =
            TempDir::with_prefix(run_prefix()).map_err(Failure::step("make a temporary folder"))?;
        // Numbers of processes repeat, so the folder's random name is what makes it unique.
        let marker =
            temporary.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Resolved: /proc shows paths without links.
        let folder = temporary.path().canonicalize().map_err(Failure::step("find it"))?;
        Ok(Bed { marker, folder, temporary: Some(temporary) })
    }

    /// From now on the folder stays, for looking.
    pub fn keep(&mut self) -> &Path {
        self.temporary.take().map(TempDir::keep);
        &self.folder
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What its processes have in their environment as [`MARKER`].
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// A program in the folder. Everything that it starts carries the marker.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env(MARKER, &self.marker);
        // A log filter or a backtrace wish of the person who calls us is not the program's.
        for variable in ["RUST_LOG", "RUST_BACKTRACE", "NOTIFY_SOCKET"] {
            command.env_remove(variable);
        }
        command
    }

    /// Everybody who is alive.
    pub fn processes(&self) -> Vec<Process> {
        process::marked(&self.marker)
    }

    /// The process of this number, if it is one of ours.
    pub fn open(&self, pid: u32) -> Outcome<Process> {
        Process::open(pid, &self.marker).map_err(Failure::step(&format!("find process {pid}")))
    }

    /// Living children of `parent` among ours.
    pub fn children(&self, parent: u32) -> Vec<Process> {
        process::children(parent, &self.marker)
    }

    /// Kills everybody; says how many there were.
    pub fn kill_all(&self) -> usize {
        process::kill_marked(&self.marker)
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.kill_all();
    }
}
