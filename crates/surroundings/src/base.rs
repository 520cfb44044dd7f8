//! What relative paths in options are relative to.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use logging::LoggingConfig;

use crate::files::Files;
use policy::Problems;

/// What relative paths in options are relative to: the directory in which `start_daemon` was called,
/// also far below it; elsewhere the current directory.
///
/// It may be gone: removed while somebody is in it (getcwd(3)). Only a relative path needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base(Result<PathBuf, String>);

static BASE: OnceLock<Base> = OnceLock::new();

impl Base {
    /// The base of this process.
    pub fn find() -> Base {
        let here = || Base(env::current_dir().map_err(|error| error.to_string()));
        BASE.get().cloned().unwrap_or_else(here)
    }

    /// Makes it the base of this process, unless that has one already.
    pub(crate) fn set(&self) {
        let _ = BASE.set(self.clone());
    }

    /// An absolute path itself, a relative one below this, an empty one still empty; `None` if it is
    /// relative to nothing, which is then among the problems.
    pub fn absolute(&self, problems: &mut Problems, field: &str, path: PathBuf) -> Option<PathBuf> {
        if path.as_os_str().is_empty() || path.is_absolute() {
            return Some(path);
        }
        match &self.0 {
            Ok(base) => Some(base.join(path)),
            Err(error) => {
                let reason = format!(
                    "cannot find the current directory that it is relative to: {error}; give an \
                     absolute path, or start from a directory that is there"
                );
                problems.add(field, path.display(), reason);
                None
            }
        }
    }

    /// The absolute path of a file that is to be created, checked.
    pub fn file(
        &self,
        problems: &mut Problems,
        files: &mut Files,
        field: &str,
        path: PathBuf,
    ) -> PathBuf {
        let absolute = self.absolute(problems, field, path);
        if let Some(path) = &absolute {
            files.check_file(problems, field, path);
        }
        absolute.unwrap_or_default()
    }

    /// The same for the files of a logging configuration.
    pub(crate) fn resolve(&self, problems: &mut Problems, field: &str, config: &mut LoggingConfig) {
        match &self.0 {
            Ok(base) => config.resolve(base),
            Err(_) => {
                for file in config.files().filter(|file| file.is_relative()) {
                    self.absolute(problems, field, file.to_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: FLT-H5
    #[test]
    fn only_a_relative_path_needs_a_directory() {
        let gone = Base(Err("No such file or directory (os error 2)".to_owned()));
        let here = Base(Ok("/here".into()));
        for (base, path, absolute, problem) in [
            (&here, "x/y", "/here/x/y", ""),
            (&here, "/x", "/x", ""),
            (&here, "", "", ""),
            (&gone, "/x", "/x", ""),
            (&gone, "", "", ""),
            (
                &gone,
                "x/y",
                "",
                "pid_filename `x/y`: cannot find the current directory that it is relative to: No \
                 such file or directory (os error 2); give an absolute path, or start from a \
                 directory that is there",
            ),
        ] {
            let mut problems = Problems::new();
            let found = base.absolute(&mut problems, "pid_filename", path.into());
            assert_eq!(
                (found, problems.to_string()),
                (problem.is_empty().then(|| PathBuf::from(absolute)), problem.to_owned())
            );
        }
    }
}
