//! The program under attack, built once and kept out of the way of later builds.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::failure::{Failure, Outcome};
use crate::program::Program;
use crate::{paint, tree};

/// Its file, which goes with this value.
pub(crate) struct Victim {
    pub(crate) program: PathBuf,
    _folder: TempDir,
}

impl Victim {
    pub(crate) fn build() -> Outcome<Victim> {
        let arguments = ["-p", "behaviour-tests", "--bin", "victim"];
        let shown = Program::cargo(["build"].into_iter().chain(arguments));
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
        let built = built.ok_or_else(|| Failure::new("cargo does not say where the victim is"))?;
        let folder = TempDir::with_prefix("appkit-attack-")
            .map_err(Failure::step("make a temporary folder"))?;
        let program = folder.path().join("victim");
        fs::copy(&built, &program).map_err(Failure::at("copy", &built))?;
        Ok(Victim { program, _folder: folder })
    }
}

fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let executable = message["executable"].as_str()?;
    (message["target"]["name"] == "victim").then(|| executable.into())
}
