//! Where something of a process can be read.

use std::path::Path;

use capture::Capture;
use control::service::LogFile;
use stdio_redirect::Stream;
use surroundings::Setup;

use crate::known::Role;

/// The files in which something of a process can be read, as its options say. `capture`: what its parent keeps of its
/// output.
pub fn files(role: Role, name: &str, setup: &Setup, capture: Option<&Capture>) -> Vec<LogFile> {
    let mut files: Vec<LogFile> = Vec::new();
    let mut add = |kind: &str, path: &Path, rotated: bool| {
        let path = path.to_string_lossy().into_owned();
        if !files.iter().any(|file| file.path == path) {
            let (name, role) = (name.to_owned(), role.name().to_owned());
            files.push(LogFile { name, role, kind: kind.to_owned(), path, rotated });
        }
    };
    if let Some(logging) = &setup.logging {
        let rotated: Vec<_> = logging.rotated_files().collect();
        logging.files().for_each(|path| add("log", path, rotated.contains(&path)));
    }
    if let Some(capture) = capture {
        add("capture", capture.file_path(), capture.is_rotated());
    }
    for (kind, stream) in [("stdout", Stream::Stdout), ("stderr", Stream::Stderr)] {
        if let Some(path) = setup.redirect.target(stream).path() {
            add(kind, path, false);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use logging::LoggingConfig;
    use stdio_redirect::{Redirect, Target};

    use super::*;

    #[test]
    fn each_file_is_told_once_with_what_is_in_it() {
        let redirect = Redirect::new()
            .stdout(Target::File("/d/out.txt".into()))
            .stderr(Target::File("/d/red.log".into()));
        let logging = Some(LoggingConfig::file("/d/red.log"));
        let setup = Setup { redirect, logging, ..Setup::default() };
        let capture = Capture::file("/d/all.txt");
        let told = files(Role::Worker, "red", &setup, Some(&capture));
        let told: Vec<_> = told
            .iter()
            .map(|file| (file.kind.as_str(), file.path.as_str(), file.rotated))
            .collect();
        assert_eq!(
            told,
            [
                ("log", "/d/red.log", true),
                ("capture", "/d/all.txt", true),
                ("stdout", "/d/out.txt", false)
            ]
        );
        assert!(files(Role::Worker, "red", &Setup::default(), None).is_empty());
    }
}
