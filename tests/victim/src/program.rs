//! The programs of an attack, built once and kept out of the way of later builds.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use testbed::{Failure, Outcome, cargo};

/// Who is attacked, and who is beside it.
const PROGRAMS: [&str; 2] = ["victim", "adversary"];

/// Their files, which go with this value.
pub struct Victim {
    program: PathBuf,
    _folder: TempDir,
}

impl Victim {
    /// The one at `path`, or one that is built. Who attacks it from beside lies beside it, here as there.
    pub fn take(path: Option<&Path>) -> Outcome<Victim> {
        let built = match path {
            Some(path) => path.to_owned(),
            None => cargo::find(&cargo::build(&["-p", "victim", "--bins"])?, PROGRAMS[0])?,
        };
        let folder = TempDir::with_prefix("appkit-attack-")
            .map_err(Failure::step("make a temporary folder"))?;
        for name in PROGRAMS {
            let from = built.with_file_name(name);
            fs::copy(&from, folder.path().join(name)).map_err(Failure::at("copy", &from))?;
        }
        Ok(Victim { program: folder.path().join(PROGRAMS[0]), _folder: folder })
    }

    /// Where the victim is.
    pub fn program(&self) -> &Path {
        &self.program
    }
}
