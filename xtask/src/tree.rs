//! The files of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use testbed::{Failure, Outcome};

/// Every file below `root` whose name ends in `.extension`, sorted; no build output, no git.
pub(crate) fn files(root: &Path, extension: &str) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Failure::at("list", &folder))? {
            let entry = entry.map_err(Failure::at("list", &folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(Failure::at("look at", &path))?;
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden && name != "target" {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `path` as it is written from the root; for messages.
pub(crate) fn relative<'a>(root: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}
