//! What is wrong with options, all at once and before anything happens.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use trusted_path::{Fault, Place, Trust};

use crate::{Error, Options, Rotation, open};

impl Options {
    /// Everything that is wrong with the values and with the path, as far as a look tells. Empty: nothing.
    ///
    /// Opens, creates and writes nothing. Whether the file can be written is known only when it is
    /// [opened](Self::open); whose it is takes a look of its own, [`distrust`](Self::distrust). A relative path is
    /// meant from the current directory.
    pub fn problems(&self) -> Vec<Error> {
        let mut problems = self.wrong_values();
        problems.extend(self.problem_with_path());
        problems
    }

    /// The first of the problems that need no look.
    pub(crate) fn problem_without_a_look(&self) -> Option<Error> {
        let wrong_name = || self.wrong_with_name().map(|reason| self.wrong_file(reason));
        self.wrong_values().into_iter().next().or_else(wrong_name)
    }

    /// What a look finds wrong with a path that could not be opened.
    pub(crate) fn problem_with_path(&self) -> Option<Error> {
        self.wrong_with_path().map(|reason| self.wrong_file(reason))
    }

    fn wrong_file(&self, reason: String) -> Error {
        wrong("file", self.file.display(), reason)
    }

    fn wrong_values(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        if self.max_size == 0 && self.rotation != Rotation::Never {
            let reason = "no record fits in; give at least the size of one, or `rotation: never`";
            problems.push(wrong("max_size", self.max_size, reason.to_owned()));
        }
        if self.compress && cfg!(not(feature = "compression")) {
            let reason =
                "this program is built without; add the feature `compression`, or leave it out";
            problems.push(wrong("compress", true, reason.to_owned()));
        }
        problems
    }

    /// Why the file would be refused, since it, or a link on the way to it, may have been laid out for us by
    /// somebody else; as far as looking can tell. Opens nothing but folders.
    ///
    /// What the system refuses here, or what has no right name, is told elsewhere.
    pub fn distrust(&self) -> Option<Error> {
        if self.stream().is_some() || self.wrong_with_name().is_some() {
            return None;
        }
        let fault = match Place::find(&self.file, self.trust()) {
            Ok(place) => place.found().and_then(|found| place.fault_to_write(found))?,
            Err(trusted_path::Error::Path { fault, .. }) => fault,
            Err(_) => return None,
        };
        let told_elsewhere = self.wrong_with_path().is_some();
        (!told_elsewhere).then(|| distrusted(&self.file, self.trust(), &fault))
    }

    /// What is wrong with the path. Of a stream nothing is, since a stream is not opened by its name.
    fn wrong_with_path(&self) -> Option<String> {
        if self.stream().is_some() {
            return None;
        }
        self.wrong_with_name().or_else(|| wrong_with_place(&self.file))
    }

    fn wrong_with_name(&self) -> Option<String> {
        if self.stream().is_some() { None } else { wrong_with_text(&self.file) }
    }
}

fn wrong(field: &'static str, value: impl ToString, reason: String) -> Error {
    Error::Field { field, value: value.to_string(), reason }
}

fn wrong_with_text(file: &Path) -> Option<String> {
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
    None
}

fn wrong_with_place(file: &Path) -> Option<String> {
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
            // The opening will tell whether it can be opened.
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
    use std::ffi::OsStr;
    use std::path::PathBuf;

    fn texts(options: &Options) -> Vec<String> {
        options.problems().iter().map(Error::to_string).collect()
    }

    #[test]
    fn right_options_have_none_and_nothing_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::file(folder.path().join("app.log"));
        assert_eq!(texts(&options), [""; 0]);
        assert!(options.distrust().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(texts(&Options::file("/dev/null")), [""; 0]);
        assert_eq!(texts(&Options::file("in-the-current-folder.log")), [""; 0]);
    }

    #[test]
    fn all_problems_come_at_once() {
        assert_eq!(
            texts(&Options::file("").max_size(0)),
            [
                "`max_size` of a log file is `0`: no record fits in; give at least the size of one, or \
                 `rotation: never`",
                "`file` of a log file is ``: it is empty; give the path of a file",
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
            let texts = texts(&Options::file(&path));
            assert_eq!(texts.len(), 1, "{path:?}: {texts:?}");
            assert!(texts[0].contains(expected), "{path:?}: {texts:?}");
        }
        drop(socket);
    }
}
