//! Looking at files: what is there now.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that `pattern` (with at most one `*`, in the name) stands for, sorted.
pub(crate) fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let path = folder.join(pattern);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some((start, end)) = name.split_once('*') else {
        return path.symlink_metadata().map(|_| path).into_iter().collect();
    };
    let entries = path.parent().map(fs::read_dir).into_iter().flatten().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            start.len() + end.len() <= name.len() && name.starts_with(start) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::matching;

    #[test]
    fn a_star_stands_for_anything_in_a_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["log", "log.1", "log.2", "other"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let count = |pattern: &str| matching(folder.path(), pattern).len();
        assert_eq!((count("log"), count("log.*"), count("l*g"), count("x*")), (1, 2, 1, 0));
    }
}
