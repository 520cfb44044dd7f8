//! What lies beside the folder that the victim works in, and must be the same afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Names with sizes and times of change.
#[derive(PartialEq, Eq)]
pub(crate) struct Outside(BTreeMap<PathBuf, Option<(u64, SystemTime)>>);

impl Outside {
    /// `root` is the folder in which `work` is one of several. Where others work too, as in `/tmp`,
    /// only what carries our name is looked at.
    pub(crate) fn look(root: &Path) -> Outside {
        let mut found = BTreeMap::new();
        for name in ["tmp", "beside"] {
            found.extend(list(&root.join(name)));
        }
        let names = |path: &str| list(Path::new(path)).into_keys().map(|path| (path, None));
        found.extend(list(root).into_keys().map(|path| (path, None)));
        // The daemon's directory; whoever gets a relative path wrong writes here.
        found.extend(names("/"));
        let ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // A rotated log has more behind its name; another's name may end like ours.
            ["pidfile", "victim"].iter().any(|part| name.contains(part))
                || ["d.pid", "d.log"].iter().any(|own| name.starts_with(own))
        };
        for shared in ["/tmp", "/dev/shm", "/run", "/var/tmp"] {
            found.extend(names(shared).filter(|(path, _)| ours(path)));
        }
        Outside(found)
    }

    /// What has come, gone or changed since `before`.
    pub(crate) fn since(&self, before: &Outside) -> Vec<String> {
        let mut changes = Vec::new();
        for (path, state) in &self.0 {
            match before.0.get(path) {
                None => changes.push(format!("`{}` is new", path.display())),
                Some(old) if old != state => {
                    changes.push(format!("`{}` has changed", path.display()));
                }
                Some(_) => (),
            }
        }
        let gone = before.0.keys().filter(|path| !self.0.contains_key(*path));
        changes.extend(gone.map(|path| format!("`{}` is gone", path.display())));
        changes
    }
}

fn list(folder: &Path) -> BTreeMap<PathBuf, Option<(u64, SystemTime)>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let look = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        Some((entry.path(), Some((metadata.len(), metadata.modified().ok()?))))
    };
    entries.filter_map(look).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Outside;

    #[test]
    fn a_new_file_and_a_changed_one_are_seen() {
        let root = tempfile::tempdir().unwrap();
        for name in ["tmp", "beside"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let file = root.path().join("beside/file");
        fs::write(&file, "text").unwrap();
        let before = Outside::look(root.path());
        assert!(Outside::look(root.path()).since(&before).is_empty());
        fs::write(&file, "other text").unwrap();
        fs::write(root.path().join("tmp/new"), "").unwrap();
        assert_eq!(Outside::look(root.path()).since(&before).len(), 2);
    }
}
