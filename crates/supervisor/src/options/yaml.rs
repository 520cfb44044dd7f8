//! A daemon's options from YAML, and what can be wrong with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use exit::ErrorText;
use policy::Problems;
use serde::de::{DeserializeOwned, Error as _};

use super::DaemonOptions;
use surroundings::Base;

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
        parse(yaml).map(|(options, _)| options).map_err(|source| YamlError::Parse { source })
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
        let (options, _): (DaemonOptions, _) = parse(&text)
            .map_err(|source| YamlError::ParseFile { path: path.to_owned(), source })?;
        // Absolute now: by the time of the start the caller may be elsewhere.
        let origin = std::path::absolute(path).ok();
        Ok(DaemonOptions { origin, ..options })
    }

    /// What a YAML file of options says as the arguments of the daemon's entry (`daemon_args`): for an executor that reads
    /// them anew, as its list of workers when it is asked to reload. A relative path is relative to the directory in which
    /// the daemon was started.
    ///
    /// # Errors
    ///
    /// See [`from_yaml_file`](Self::from_yaml_file), or the arguments are of another kind.
    pub fn args_from_yaml_file<T: DeserializeOwned>(
        path: impl AsRef<Path>,
    ) -> Result<T, YamlError> {
        let given = path.as_ref();
        // Without a base it is relative to the current directory, as anywhere.
        let path = Base::find().absolute(&mut Problems::new(), "path", given.to_owned());
        let path = path.unwrap_or_else(|| given.to_owned());
        let options = DaemonOptions::from_yaml_file(&path)?;
        let args = options.call.args();
        args.map_err(|error| YamlError::ParseFile {
            path,
            source: serde_yaml::Error::custom(format!("daemon_args: {error}")),
        })
    }

    /// The options of several daemons from one YAML file: a mapping, in whose order they come, from what each
    /// is called to its options. One whose options give it no [`name`](Self::name) has that one.
    ///
    /// # Errors
    ///
    /// See [`from_yaml_file`](Self::from_yaml_file).
    pub fn several_from_yaml_file(
        path: impl AsRef<Path>,
    ) -> Result<Vec<(String, DaemonOptions)>, YamlError> {
        let path = path.as_ref();
        let text = safe_yaml::read_file(path)
            .map_err(|source| YamlError::Read { path: path.to_owned(), source })?;
        let (mut options, order): (BTreeMap<String, DaemonOptions>, _) = parse(&text)
            .map_err(|source| YamlError::ParseFile { path: path.to_owned(), source })?;
        let origin = std::path::absolute(path).ok();
        let names = order.as_mapping().into_iter().flat_map(|order| order.keys());
        // The keys of this order are those of the options: both are of one text.
        let named = names.filter_map(|name| options.remove_entry(name.as_str()?));
        Ok(named
            .map(|(key, options)| {
                let name = options.name.or_else(|| Some(key.clone()));
                (key, DaemonOptions { origin: origin.clone(), name, ..options })
            })
            .collect())
    }
}

/// What the text is, and the same as a plain value.
fn parse<T: DeserializeOwned>(yaml: &str) -> Result<(T, serde_yaml::Value), serde_yaml::Error> {
    let yaml = safe_yaml::check(yaml).map_err(serde_yaml::Error::custom)?;
    let options = serde_yaml::from_str(yaml)?;
    // Read once more as a plain value, which refuses a name that was given twice: in a mapping with free
    // names, as `env`, the last of two would count without a word.
    let plain = serde_yaml::from_str(yaml)?;
    Ok((options, plain))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn several(yaml: &str) -> Result<Vec<(String, DaemonOptions)>, YamlError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemons.yaml");
        std::fs::write(&path, yaml).unwrap();
        DaemonOptions::several_from_yaml_file(path)
    }

    #[test]
    fn several_daemons_come_in_the_order_of_their_file_by_their_names() {
        let yaml = "
web: { pid_filename: w.pid, daemon_entry: a:b }
mail: { pid_filename: m.pid, daemon_entry: a:b, name: mailer }
";
        let read = several(yaml).unwrap();
        let told: Vec<_> = read
            .iter()
            .map(|(key, options)| (key.as_str(), options.name.as_deref(), options.pid_filename()))
            .collect();
        let expected = [
            ("web", Some("web"), Path::new("w.pid")),
            ("mail", Some("mailer"), Path::new("m.pid")),
        ];
        assert_eq!(told, expected);
        assert!(read.iter().all(|(_, options)| options.origin.is_some()));
    }

    #[test]
    fn a_daemon_that_is_given_twice_or_is_none_is_refused() {
        let one = "{ pid_filename: w.pid, daemon_entry: a:b }";
        let twice = format!("{:?}", several(&format!("web: {one}\nweb: {one}")).unwrap_err());
        assert!(twice.contains("daemons.yaml") && twice.contains("duplicate"), "{twice}");
        let wrong = format!("{:?}", several("web: { pid_file: x }").unwrap_err());
        assert!(wrong.contains("unknown field `pid_file`"), "{wrong}");
        assert!(several("- web").is_err());
    }
}
