//! The program under attack, built once and kept out of the way of later builds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::failure::{Failure, Outcome};
use crate::program::Program;
use crate::{paint, tree};

/// The program of those that `cargo xtask chaos` has beside it.
const ADVERSARY: &str = "adversary";

/// Its file, which goes with this value.
pub(crate) struct Victim {
    pub(crate) program: PathBuf,
    _folder: TempDir,
}

impl Victim {
    /// The one at `path`, or one that is built: see [`build`]. Who attacks it from beside lies beside
    /// it, here as there.
    pub(crate) fn take(path: Option<&Path>, whole: bool) -> Outcome<Victim> {
        match path {
            Some(path) => Victim::copy(path),
            None => Victim::copy(&build(whole)?),
        }
    }

    fn copy(built: &Path) -> Outcome<Victim> {
        let folder = TempDir::with_prefix("appkit-attack-")
            .map_err(Failure::step("make a temporary folder"))?;
        let program = folder.path().join("victim");
        fs::copy(built, &program).map_err(Failure::at("copy", built))?;
        let adversary = built.with_file_name(ADVERSARY);
        fs::copy(&adversary, folder.path().join(ADVERSARY))
            .map_err(Failure::at("copy", &adversary))?;
        Ok(Victim { program, _folder: folder })
    }
}

/// With the whole workspace if that is what has been built before, for the tests: alone it would be
/// built once more, with other features.
fn build(whole: bool) -> Outcome<PathBuf> {
    let alone = ["-p", "behaviour-tests", "--bin", "victim", "--bin", ADVERSARY];
    let arguments = if whole { &["--workspace", "--all-targets"][..] } else { &alone };
    let arguments = arguments.iter().copied();
    let shown = Program::cargo(["build"].into_iter().chain(arguments.clone()));
    println!("{}", paint::strong(format!("$ {}", shown.line())));
    let output = Command::new(tree::cargo())
        .args(["build", "--message-format", "json-render-diagnostics"])
        .args(arguments)
        .current_dir(tree::root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::step("run cargo build"))?;
    if !output.status.success() {
        return Err(Failure::new(format!("{} ({})", shown.line(), output.status)));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().find_map(executable);
    built.ok_or_else(|| Failure::new("cargo does not say where the victim is"))
}

fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let executable = message["executable"].as_str()?;
    // The same target is also built as a test program, under another name.
    let is_it = message["target"]["name"] == "victim" && message["profile"]["test"] == false;
    is_it.then(|| executable.into())
}
