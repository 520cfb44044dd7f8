//! The program under attack, built once and kept out of the way of later builds.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use testbed::{Failure, Outcome, cargo};

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
    cargo::find(&cargo::build(arguments)?, "victim")
}
