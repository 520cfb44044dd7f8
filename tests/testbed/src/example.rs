//! An example as its user has it: its programs on the path, and its data files in a folder of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::{self, Built};
use crate::failure::{Failure, Outcome};
use crate::process::{self, Process};
use crate::watch::Watch;
use crate::{Bed, root};

/// Lines shown of each file when a scenario fails.
const LAST_LINES: usize = 40;

/// Builds with these arguments of `cargo build`; returns the programs below `examples/`.
pub fn build(arguments: &[&str]) -> Outcome<Vec<Built>> {
    Ok(below(&root().join("examples"), cargo::build(arguments)?))
}

fn below(folder: &Path, mut built: Vec<Built>) -> Vec<Built> {
    built.retain(|built| built.manifest.starts_with(folder));
    built
}

/// The place where a scenario happens.
pub struct ExampleBed {
    bed: Bed,
    /// Where programs run: a copy of the example's data files at first.
    folder: PathBuf,
    /// The examples under their names, first in PATH.
    programs: PathBuf,
    keep: bool,
}

impl ExampleBed {
    /// `example` is the folder whose data files are copied.
    pub fn new(example: &Path, programs: &[Built], keep: bool) -> Outcome<Self> {
        let bed = Bed::new()?;
        let (folder, links) = (bed.folder().join("work"), bed.folder().join("bin"));
        let bed = ExampleBed { folder, programs: links, bed, keep };
        for folder in [&bed.folder, &bed.programs] {
            fs::create_dir(folder).map_err(Failure::at("make", folder))?;
        }
        for program in programs {
            let link = bed.programs.join(&program.name);
            symlink(&program.path, &link).map_err(Failure::at("make", &link))?;
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

    /// Where programs run.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whoever runs there.
    pub fn bed(&self) -> &Bed {
        &self.bed
    }

    /// Wakes us when something changes in the folder.
    pub fn watch(&self) -> Outcome<Watch> {
        Watch::new(&self.folder)
    }

    /// A command as a user would type it here.
    pub fn command(&self, words: &[String]) -> Outcome<Command> {
        let (program, arguments) =
            words.split_first().ok_or_else(|| Failure::new("no program is named"))?;
        // Looked up here, because the PATH given to a command does not find the command itself.
        let own = self.programs.join(program);
        let mut command = self.bed.command(if own.exists() { own } else { PathBuf::from(program) });
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.programs.clone()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(paths).map_err(Failure::step("put together PATH"))?;
        command.args(arguments).env("PATH", path).current_dir(&self.folder);
        Ok(command)
    }

    /// The process that a pid file names, if the file still names it once the process is held.
    pub fn named_by(&self, pid_file: &str) -> Option<Process> {
        let path = self.folder.join(pid_file);
        let process = Process::open(number_in(&path)?, self.bed.marker()).ok()?;
        (number_in(&path) == Some(process.pid())).then_some(process)
    }

    /// Everything one wants to see when a step failed: who is alive, and the files.
    pub fn describe(&self) -> String {
        let mut text = String::from("  processes of the scenario:\n");
        for found in self.bed.processes() {
            let state = process::stat(found.pid()).map_or_else(String::new, |stat| {
                format!("{} child of {}", stat.state, stat.parent)
            });
            text += &format!("    {} {state}: {}\n", found.pid(), found.title());
        }
        describe_folder(&self.folder, &self.folder, &mut text);
        text
    }
}

impl Drop for ExampleBed {
    fn drop(&mut self) {
        if self.keep {
            println!("kept: {}", self.bed.keep().display());
        }
    }
}

/// The number in a pid file: digits and one newline, nothing else.
pub fn number_in(path: &Path) -> Option<u32> {
    let text = text(path)?;
    let digits = text.strip_suffix('\n')?;
    digits.chars().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The content as text, with replacement characters where it is none; `None` if it cannot be read.
pub fn text(path: &Path) -> Option<String> {
    fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
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
        let content = path.is_file().then(|| self::text(&path)).flatten().unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Built, below, number_in};

    #[test]
    fn only_programs_of_examples_are_taken() {
        let built = |manifest: &str| Built {
            name: "x".into(),
            path: "/t/x".into(),
            manifest: manifest.into(),
        };
        let example = built("/w/examples/x/Cargo.toml");
        let all = vec![example.clone(), built("/w/crates/x/Cargo.toml")];
        assert_eq!(below("/w/examples".as_ref(), all), [example]);
    }

    #[test]
    fn a_pid_file_holds_one_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        for (content, number) in
            [("12\n", Some(12)), ("12", None), ("", None), ("+1\n", None), ("1 2\n", None)]
        {
            fs::write(&file, content).unwrap();
            assert_eq!(number_in(&file), number, "{content:?}");
        }
    }
}
