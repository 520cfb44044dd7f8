//! A daemon's options from YAML, and what can be wrong with it.

use exit::ErrorText;
use std::path::{Path, PathBuf};

use serde::de::Error as _;

use super::DaemonOptions;

impl DaemonOptions {
    /// Options from YAML, with the names of the methods here, and `pid_filename`, `daemon_entry`
    /// and `daemon_args` (a mapping that fits the entry's arguments). Spans of time are written as
    /// in [`duration`](policy::duration):
    ///
    /// ```
    /// # use supervisor::DaemonOptions;
    /// let options = DaemonOptions::from_yaml_str("
    /// pid_filename: .data/foo.pid
    /// daemon_entry: my_app:daemon_main
    /// daemon_args: { foo: 1, bar: 2 }
    /// stdout_filename: .data/out.txt
    /// restart_interval: 10s
    /// ")?;
    /// # Ok::<(), supervisor::YamlError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is no YAML, a name is unknown, or a value is of the wrong kind: with line and column. A name
    /// is missing, was given twice, or with its simple form: this is named. Or it is too large (see
    /// [`safe_yaml::check`]).
    pub fn from_yaml_str(yaml: &str) -> Result<DaemonOptions, YamlError> {
        parse(yaml).map_err(|source| YamlError::Parse { source })
    }

    /// Options from a YAML file, or from a pipe that [ends in time](safe_yaml::read_file): see
    /// [`from_yaml_str`](Self::from_yaml_str). Paths in it are relative to the caller's directory, not
    /// to the file's. A path that leads to the file itself is refused at the start, for the daemon and
    /// for its workers.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is larger than 64 MiB, or what is in it cannot be read: with the
    /// file's name, and otherwise as for [`from_yaml_str`](Self::from_yaml_str).
    pub fn from_yaml_file(path: impl AsRef<Path>) -> Result<DaemonOptions, YamlError> {
        let path = path.as_ref();
        let text = safe_yaml::read_file(path)
            .map_err(|source| YamlError::Read { path: path.to_owned(), source })?;
        let options = parse(&text)
            .map_err(|source| YamlError::ParseFile { path: path.to_owned(), source })?;
        // Absolute now: by the time of the start the caller may be elsewhere.
        let origin = std::path::absolute(path).ok();
        Ok(DaemonOptions { origin, ..options })
    }
}

fn parse(yaml: &str) -> Result<DaemonOptions, serde_yaml::Error> {
    let yaml = safe_yaml::check(yaml).map_err(serde_yaml::Error::custom)?;
    let options = serde_yaml::from_str(yaml)?;
    // Read once more as a plain value, which refuses a name that was given twice: in a mapping with free
    // names, as `env`, the last of two would count without a word.
    let _: serde_yaml::Value = serde_yaml::from_str(yaml)?;
    Ok(options)
}

/// Why options could not be read. `Debug`, which is what a `main` that returns it prints, is the
/// whole chain.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum YamlError {
    /// The text is not what it should be; the cause tells line and column.
    #[error("the options cannot be read")]
    Parse {
        /// Where, and what is expected there.
        source: serde_yaml::Error,
    },
    /// The same of a file.
    #[error("the options in `{}` cannot be read", path.display())]
    ParseFile {
        /// The file.
        path: PathBuf,
        /// Where, and what is expected there.
        source: serde_yaml::Error,
    },
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl std::fmt::Debug for YamlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&ErrorText::new(self).chain())
    }
}
