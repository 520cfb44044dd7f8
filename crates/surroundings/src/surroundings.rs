//! What a child has around it: said in one way for daemons and workers, and checked in one place.
//!
//! A new option of this kind is a field here, a method in [`methods`](self::methods), a line in
//! [`form`](self::form), and a check in [`Surroundings::check`].

mod form;
mod methods;

use std::path::{Path, PathBuf};

use capture::Capture;
use logging::LoggingConfig;
use policy::Problems;
use proc_spawn::Environment;
use stdio_redirect::Target;

use crate::base::Base;
use crate::check;
use crate::files::{Files, Owner};
use crate::setup::Setup;
use crate::streams::{Parent, PlannedStreams, Streams};

pub use form::{SurroundingsForm, Umask};

/// What a child has around it, as it was said. Default: nothing was said, and the child has what
/// [`Whose`] says.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Where its output goes.
    pub streams: Streams,
    /// How it logs; `None`: logging is left alone.
    pub logging_config: Option<LoggingConfig>,
    /// Has its output read and kept; `None`: nobody stands between.
    pub capture: Option<Capture>,
    /// Its working directory.
    pub directory: Option<PathBuf>,
    /// Its file mode creation mask; `None`: that of its parent.
    pub umask: Option<u32>,
    /// Its environment, as what is changed of its parent's.
    pub environment: Environment,
}

/// Whose surroundings they are, and what they are where nothing was said.
#[derive(Clone, Debug)]
pub struct Whose<'a> {
    /// Whose options.
    pub owner: Owner,
    /// The pid file, of which nothing else may be at the same place.
    pub pid_filename: &'a Path,
    /// Where output goes.
    pub output: Target,
    /// What the parent has of streams.
    pub parent: Parent,
    /// The working directory; `None`: that of the parent.
    pub directory: Option<PathBuf>,
}

/// The same, checked and complete.
#[derive(Clone, Debug)]
pub struct PlannedSurroundings {
    /// What the child does to itself: to its streams, its logging, its directory and its umask.
    pub setup: Setup,
    /// Whether it must be born with its parent's standard output for that.
    pub wants_stdout: bool,
    /// How its output is kept.
    pub capture: Option<Capture>,
    /// What is changed of its parent's environment.
    pub environment: Environment,
}

impl Surroundings {
    /// Gives each path, of files and of the working directory, the value that `new` makes of it and of the name of its
    /// option.
    pub fn rename(&mut self, new: &mut dyn FnMut(&'static str, &Path) -> PathBuf) {
        let streams = [
            ("stdout_filename", &mut self.streams.stdout),
            ("stderr_filename", &mut self.streams.stderr),
        ];
        for (field, stream) in streams {
            if let Some(Target::File(path)) = stream {
                *path = new(field, path);
            }
        }
        if let Some(logging) = &mut self.logging_config {
            logging.rename_files(&mut |path| new("logging_config", path));
        }
        if let Some(capture) = self.capture.take() {
            let path = new("capture.file", capture.file_path());
            self.capture = Some(capture.with_file(path));
        }
        if let Some(directory) = &mut self.directory {
            *directory = new("directory", directory);
        }
    }

    /// Adds everything that is wrong with them, and takes note of their files. Touches nothing.
    pub fn check(
        self,
        problems: &mut Problems,
        files: &mut Files,
        base: &Base,
        whose: Whose<'_>,
    ) -> PlannedSurroundings {
        let Whose { owner, pid_filename, output, parent, directory } = whose;
        let PlannedStreams { redirect, wants_stdout } =
            self.streams.check(problems, files, base, &output, parent);
        let logging = self.logging_config.map(|config| check::logging(problems, base, config));
        files.note_child(owner, pid_filename, &redirect, logging.as_ref());
        let capture = self.capture.map(|capture| check::capture(problems, files, base, capture));
        let redirect = match &capture {
            Some(capture) => {
                self.streams.check_beside(problems, files, capture, &redirect, parent);
                files.note_capture(owner, capture);
                capture.leave_streams(redirect, &Target::Inherit)
            }
            None => redirect,
        };
        check::environment(problems, &self.environment);
        let said = self.directory.map(|said| base.absolute(problems, "directory", said));
        let directory = said.unwrap_or(directory);
        check::directory(problems, directory.as_deref());
        check::umask(problems, self.umask);
        let (umask, base) = (self.umask, base.clone());
        let setup = Setup { redirect, logging, directory, umask, base, ..Setup::default() };
        PlannedSurroundings { setup, wants_stdout, capture, environment: self.environment }
    }
}
