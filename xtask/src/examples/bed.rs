//! A folder of its own for a scenario, and every process that began in it. Both go with the value.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::{Programs, look};
use crate::failure::{Failure, Outcome};
use crate::process::{self, MARKER};
use crate::watch::Watch;

/// Lines shown of each file when a scenario fails.
const LAST_LINES: usize = 40;

/// The place where a scenario happens.
pub(crate) struct Bed {
    pub(crate) marker: String,
    /// Where programs run: a copy of the example's data files at first.
    pub(crate) folder: PathBuf,
    /// The examples under their names, first in PATH.
    programs: PathBuf,
    whole: Option<TempDir>,
    keep: bool,
}

impl Bed {
    /// `example` is the folder whose data files are copied.
    pub(crate) fn new(example: &Path, programs: &Programs, keep: bool) -> Outcome<Self> {
        // Numbers of processes repeat, so the folder's random name is what makes it unique.
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let whole = TempDir::with_prefix("appkit-scenario-")
            .map_err(Failure::step("make a temporary folder"))?;
        let name = whole.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bed = Bed {
            marker: format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            folder: whole.path().join("work"),
            programs: whole.path().join("bin"),
            whole: Some(whole),
            keep,
        };
        for folder in [&bed.folder, &bed.programs] {
            fs::create_dir(folder).map_err(Failure::at("make", folder))?;
        }
        for (name, path) in programs {
            let link = bed.programs.join(name);
            symlink(path, &link).map_err(Failure::at("make", &link))?;
        }
        for entry in fs::read_dir(example).map_err(Failure::at("list", example))?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                fs::copy(&path, bed.folder.join(entry.file_name()))
                    .map_err(Failure::at("copy", &path))?;
            }
        }
        Ok(bed)
    }

    /// A command as a user would type it here. Everything it starts carries the marker.
    pub(crate) fn command(&self, words: &[String]) -> Outcome<Command> {
        let (program, arguments) =
            words.split_first().ok_or_else(|| Failure::new("no program is named"))?;
        // Looked up here, because the PATH given to a command does not find the command itself.
        let own = self.programs.join(program);
        let mut command = Command::new(if own.exists() { own } else { PathBuf::from(program) });
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.programs.clone()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(paths).map_err(Failure::step("put together PATH"))?;
        command
            .args(arguments)
            .env(MARKER, &self.marker)
            .env("PATH", path)
            .current_dir(&self.folder);
        // A log filter or a backtrace wish of the person who calls us is not the scenario's.
        for variable in ["RUST_LOG", "RUST_BACKTRACE", "NOTIFY_SOCKET"] {
            command.env_remove(variable);
        }
        Ok(command)
    }

    pub(crate) fn watch(&self) -> Outcome<Watch> {
        Watch::new(&self.folder)
    }

    /// Everything one wants to see when a step failed: who is alive, and the files.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::from("  processes of the scenario:\n");
        for found in process::marked(&self.marker) {
            let stat = process::stat(found.pid);
            let state = stat.map_or_else(String::new, |stat| {
                format!("{} child of {}", stat.state, stat.parent)
            });
            text += &format!("    {} {state}: {}\n", found.pid, process::title(found.pid));
        }
        describe_folder(&self.folder, &self.folder, &mut text);
        text
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        process::kill_marked(&self.marker);
        if let Some(whole) = self.whole.take().filter(|_| self.keep) {
            println!("kept: {}", whole.keep().display());
        }
    }
}

fn describe_folder(root: &Path, folder: &Path, text: &mut String) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            describe_folder(root, &path, text);
            continue;
        }
        let name = path.strip_prefix(root).unwrap_or(&path).display();
        // A fifo would make a reader wait.
        let content = path.is_file().then(|| look::text(&path)).flatten().unwrap_or_default();
        *text += &format!("  {name}:\n");
        let skipped = content.lines().count().saturating_sub(LAST_LINES);
        if skipped > 0 {
            *text += &format!("    … {skipped} lines …\n");
        }
        for line in content.lines().skip(skipped) {
            *text += &format!("    {line}\n");
        }
    }
}
