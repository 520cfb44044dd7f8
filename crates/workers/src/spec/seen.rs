//! What may stand only once in a list of workers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use logging::LoggingConfig;
use stdio_redirect::Redirect;
use supervisor::{Capture, Problems};

/// What has been met so far, with the index of the worker.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) names: BTreeMap<String, usize>,
    pub(super) pid_files: BTreeMap<PathBuf, usize>,
    /// Files that are written to, by whom, and as what.
    files: BTreeMap<PathBuf, (usize, &'static str)>,
    pub(super) captures: Vec<(usize, Capture)>,
}

impl Seen {
    pub(super) fn note_files(
        &mut self,
        index: usize,
        pid_filename: &Path,
        redirect: &Redirect,
        logging: Option<&LoggingConfig>,
    ) {
        let of = |stream| redirect.target(stream).path();
        let files = [
            ("pid_filename", Some(pid_filename)),
            ("stdout_filename", of(stdio_redirect::Stream::Stdout)),
            ("stderr_filename", of(stdio_redirect::Stream::Stderr)),
            ("logging_config", logging.and_then(LoggingConfig::file_path)),
        ];
        for (field, path) in files {
            if let Some(path) = path {
                self.files.entry(path.to_owned()).or_insert((index, field));
            }
        }
    }

    /// A file for captured output is for that alone, and those who share one must agree on it.
    pub(super) fn check_captures(&self, problems: &mut Problems, debug_filename: Option<&Path>) {
        for (at, (index, capture)) in self.captures.iter().enumerate() {
            let (field, path) = (format!("workers[{index}].capture.file"), capture.file_path());
            if debug_filename == Some(path) {
                let reason = "is the debug_filename too; give another file";
                problems.add(&field, path.display(), reason);
            }
            if let Some((other, what)) = self.files.get(path).filter(|(other, _)| other != index) {
                let reason = format!("is the {what} of workers[{other}] too; give another file");
                problems.add(&field, path.display(), reason);
            }
            let same = |(_, other): &&(usize, Capture)| other.file_path() == path;
            if let Some((other, first)) = self.captures[..at].iter().find(same)
                && let Some(reason) = capture.problem_with(first)
            {
                let reason = format!("is that of workers[{other}] too, {reason}");
                problems.add(&field, path.display(), reason);
            }
        }
    }
}
