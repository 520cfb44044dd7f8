//! What is wrong with a configuration, all at once and before anything happens.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use trusted_path::{Fault, Place, Trust};

use crate::{Error, LoggingConfig, Rotation, logger, open, pattern};

impl LoggingConfig {
    /// Everything that is wrong with this configuration, as far as looking can tell. Empty: nothing.
    ///
    /// Opens, creates and writes nothing. Whether the file can be written is known only when it is
    /// opened, by [`install`](crate::install), in the process that logs. Relative paths are meant
    /// from the current directory here, so [`resolve`](Self::resolve) them first if need be.
    pub fn problems(&self) -> Vec<Error> {
        let mut problems = self.problems_but_strangers();
        let all = [self].into_iter().chain(self.loggers.values());
        problems.extend(all.filter_map(LoggingConfig::stranger));
        problems
    }

    /// The same without what opening the file finds out anyway.
    pub(crate) fn problems_but_strangers(&self) -> Vec<Error> {
        let mut problems = self.own_problems();
        for (target, logger) in &self.loggers {
            if target.is_empty() {
                let reason = "an empty target is every target; configure the main logger instead";
                problems.push(wrong("loggers", target, reason.to_owned()));
            }
            if !logger.loggers.is_empty() {
                let reason =
                    "a named logger has loggers; name them beside it, by their whole targets";
                problems.push(wrong("loggers", target, reason.to_owned()));
            }
            problems.extend(logger.own_problems());
        }
        problems
    }

    /// What the system refuses here, or what has no right name, is told elsewhere.
    fn stranger(&self) -> Option<Error> {
        let file = self.file.as_deref().filter(|_| logger::stream_of(self).is_none())?;
        if wrong_with_file(file).is_some() {
            return None;
        }
        let trust = self.trust();
        let fault = match Place::find(file, trust) {
            Ok(place) => place.found().and_then(|found| place.fault_to_write(found))?,
            Err(trusted_path::Error::Path { fault, .. }) => fault,
            Err(_) => return None,
        };
        Some(distrusted(file, trust, &fault))
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::folder_owners_if(self.trust_folder_owner)
    }

    /// Whatever a stream is, it is not opened by its name.
    fn wrong_with_path(&self, file: &Path) -> Option<String> {
        if logger::stream_of(self).is_some() { None } else { wrong_with_file(file) }
    }

    fn own_problems(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        if let Err(reasons) = pattern::parse(&self.format) {
            problems
                .extend(reasons.into_iter().map(|reason| wrong("format", &self.format, reason)));
        }
        for target in self.filters.keys().filter(|target| target.is_empty()) {
            let reason = "an empty target is every target; set `level` instead";
            problems.push(wrong("filters", target, reason.to_owned()));
        }
        if self.max_size == 0 && self.rotation != Rotation::Never {
            let reason = "no record fits in; give at least the size of one, or `rotation: never`";
            problems.push(wrong("max_size", self.max_size, reason.to_owned()));
        }
        if self.compress && cfg!(not(feature = "compression")) {
            let reason = "this program is built without; add the feature `compression` of `logging`, or \
                          leave it out";
            problems.push(wrong("compress", true, reason.to_owned()));
        }
        if let Some(file) = &self.file {
            if self.stream.is_some() {
                let reason = "`stream` is given, too; leave one of them out";
                problems.push(wrong("file", file.display(), reason.to_owned()));
            }
            if let Some(reason) = self.wrong_with_path(file) {
                problems.push(wrong("file", file.display(), reason));
            }
        }
        problems
    }
}

fn wrong(field: &'static str, value: impl ToString, reason: String) -> Error {
    Error::Field { field, value: value.to_string(), reason }
}

fn wrong_with_file(file: &Path) -> Option<String> {
    let bytes = file.as_os_str().as_bytes();
    if bytes.is_empty() {
        return Some("it is empty; give the path of a file".to_owned());
    }
    if bytes.contains(&0) {
        return Some("it contains a NUL character; no path can".to_owned());
    }
    if bytes.ends_with(b"/") || file.file_name().is_none() {
        return Some("it names a folder; give the path of a file".to_owned());
    }
    let folder = open::folder_of(file);
    match std::fs::metadata(file) {
        Ok(found) if found.is_dir() => Some("it is a folder; give the path of a file".to_owned()),
        Ok(found) if found.file_type().is_socket() => {
            Some("it is a socket; give the path of a file".to_owned())
        }
        Ok(_) => None,
        Err(_) => match std::fs::metadata(folder).map(|folder| folder.is_dir()) {
            Ok(true) => None,
            Ok(false) => Some(format!("`{}` is not a folder", folder.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Some(format!("the folder `{}` does not exist; create it", folder.display()))
            }
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                Some(format!("`{}` cannot be: a part of it is no folder", folder.display()))
            }
            // Whether it can be opened is for who opens it to find out.
            Err(_) => None,
        },
    }
}

/// What is wrong with a file, or with a link on the way to it, that may have been laid out for us by somebody
/// else.
pub(crate) fn distrusted(file: &Path, trust: Trust, fault: &Fault) -> Error {
    let by_owner = matches!(fault, Fault::ForeignLink { .. } | Fault::ForeignFile { .. });
    let reason = match by_owner && trust == Trust::RootAndUs {
        true => format!("{fault}, or set `trust_folder_owner` if the folder's owner may decide"),
        false => fault.to_string(),
    };
    wrong("file", file.display(), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::LevelFilter;
    use std::ffi::OsStr;
    use std::path::PathBuf;

    fn texts(config: &LoggingConfig) -> Vec<String> {
        config.problems().iter().map(Error::to_string).collect()
    }

    #[test]
    fn a_right_configuration_has_none_and_nothing_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let config = LoggingConfig::file(folder.path().join("app.log"));
        assert_eq!(texts(&config), [""; 0]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(texts(&LoggingConfig::stderr()), [""; 0]);
        assert_eq!(texts(&LoggingConfig::default()), [""; 0]);
        assert_eq!(texts(&LoggingConfig::file("/dev/null")), [""; 0]);
        assert_eq!(texts(&LoggingConfig::file("in-the-current-folder.log")), [""; 0]);
    }

    #[test]
    fn all_problems_come_at_once() {
        let inner = LoggingConfig::stderr().logger("deeper", LoggingConfig::stderr());
        let config = LoggingConfig::file("")
            .format("{when}")
            .filter("", LevelFilter::Off)
            .logger("audit", inner.max_size(0));
        let texts = texts(&LoggingConfig { stream: Some(crate::Stream::Stderr), ..config });
        assert_eq!(texts.len(), 6, "{texts:#?}");
        assert!(
            texts[0]
                .starts_with("logging field `format` is `{when}`: unknown placeholder `{when}`")
        );
        assert_eq!(
            texts[1..],
            [
                "logging field `filters` is ``: an empty target is every target; set `level` instead",
                "logging field `file` is ``: `stream` is given, too; leave one of them out",
                "logging field `file` is ``: it is empty; give the path of a file",
                "logging field `loggers` is `audit`: a named logger has loggers; name them beside it, \
                 by their whole targets",
                "logging field `max_size` is `0`: no record fits in; give at least the size of one, or \
                 `rotation: never`",
            ]
        );
    }

    /// Case: LOG-08
    #[test]
    fn each_wrong_path_is_told_what_would_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        std::fs::write(inside("file"), "").unwrap();
        let socket = std::os::unix::net::UnixListener::bind(inside("socket")).unwrap();
        for (path, expected) in [
            (inside("missing/app.log"), "does not exist; create it"),
            (inside("file/app.log"), "is not a folder"),
            (inside("file/deeper/app.log"), "a part of it is no folder"),
            (folder.path().to_owned(), "it is a folder; give"),
            (inside("socket"), "it is a socket; give"),
            (inside("later/"), "it names a folder; give"),
            (PathBuf::from(".."), "it names a folder; give"),
            (PathBuf::from(OsStr::new("a\0b")), "NUL"),
        ] {
            let texts = texts(&LoggingConfig::file(&path));
            assert_eq!(texts.len(), 1, "{path:?}: {texts:?}");
            assert!(texts[0].contains(expected), "{path:?}: {texts:?}");
        }
        drop(socket);
    }
}
