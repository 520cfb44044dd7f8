//! The redirection of all three streams: said as data, carried out on oneself or on a command.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use trusted_path::Trust;

use crate::error::Error;
use crate::open::{self, OpenTarget};
use crate::stream::Stream;
use crate::swap::{self, Closed, Wanted};
use crate::target::Target;

/// Where the three streams go.
///
/// Plain data: nothing happens before [`apply`](Redirect::apply) or
/// [`apply_to`](Redirect::apply_to), and dropping this has no effect. In configuration a mapping
/// with the keys `stdin`, `stdout`, `stderr` (each a [`Target`]), `mode` and `trust_folder_owner`
/// (true or false); what is left out is as in [`Redirect::new`], and an unknown key is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use = "nothing is redirected before `apply` or `apply_to`"]
pub struct Redirect {
    stdin: Target,
    stdout: Target,
    stderr: Target,
    pub(crate) mode: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trust_folder_owner: bool,
}

impl Redirect {
    /// Leaves all three as they are ([`Target::Inherit`]).
    pub fn new() -> Redirect {
        Redirect::all(Target::Inherit)
    }

    /// Points all three at `/dev/null` ([`Target::Null`]): what a daemon starts from.
    pub fn null() -> Redirect {
        Redirect::all(Target::Null)
    }

    fn all(target: Target) -> Redirect {
        let (stdin, stdout) = (target.clone(), target.clone());
        Redirect { stdin, stdout, stderr: target, mode: 0o644, trust_folder_owner: false }
    }

    /// Where standard input comes from.
    pub fn stdin(mut self, target: Target) -> Redirect {
        self.stdin = target;
        self
    }

    /// Where standard output goes.
    pub fn stdout(mut self, target: Target) -> Redirect {
        self.stdout = target;
        self
    }

    /// Where standard error goes.
    ///
    /// If it is the same path as that of standard output, the file is opened once, and both streams
    /// share the open file description.
    pub fn stderr(mut self, target: Target) -> Redirect {
        self.stderr = target;
        self
    }

    /// The permissions of files that have to be created, less the umask. The default is `0o644`.
    ///
    /// A file that exists keeps what it has. Bits beyond `0o777` are ignored, and are a problem to
    /// [`problems`](Redirect::problems).
    pub fn mode(mut self, mode: u32) -> Redirect {
        self.mode = mode;
        self
    }

    /// Whether the owner of a folder on the way, or of the one that a file is in, is trusted with his
    /// own links and files there. The default is no, unless he is root or we are he.
    ///
    /// For a privileged process whose output belongs in a user's folder: that user can then have it
    /// appended to any file.
    pub fn trust_folder_owner(mut self, trust: bool) -> Redirect {
        self.trust_folder_owner = trust;
        self
    }

    /// Whether [`trust_folder_owner`](Redirect::trust_folder_owner) was set.
    pub fn trusts_folder_owner(&self) -> bool {
        self.trust_folder_owner
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::folder_owners_if(self.trust_folder_owner)
    }

    /// Makes relative paths absolute, starting from the folder `base`.
    ///
    /// `base` itself should be absolute; it is not looked at. An empty path stays empty, so that
    /// [`problems`](Redirect::problems) can tell.
    pub fn resolve(mut self, base: &Path) -> Redirect {
        for target in [&mut self.stdin, &mut self.stdout, &mut self.stderr] {
            if let Target::File(path) = target
                && !path.as_os_str().is_empty()
            {
                // If `path` is absolute, `join` takes all of it and nothing of the base.
                *path = base.join(&path);
            }
        }
        self
    }

    /// Where this stream goes.
    pub fn target(&self, stream: Stream) -> &Target {
        match stream {
            Stream::Stdin => &self.stdin,
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    /// Points this process's own streams at the targets.
    ///
    /// Relative paths start from the current directory. Everything is opened before anything is
    /// replaced, so that after an error the streams are what they were; a file may have been
    /// created. Rust's buffer of standard output is written out first, which waits if another
    /// thread is holding it, or if the old target takes nothing.
    ///
    /// Nothing undoes this: the streams stay when the returned value is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], [`Error::Path`] or [`Error::Dup`]: the first one met.
    pub fn apply(&self) -> Result<Applied, Error> {
        self.lasting()?.carry_out()
    }

    /// Prepares `command` so that its process starts with the targets.
    ///
    /// The files are opened here, by this process: relative paths start from its current directory,
    /// not from the command's, and its umask counts. They are closed when `command` is dropped.
    /// [`Target::Inherit`] leaves to the child what this process has.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], [`Error::Path`] or [`Error::Dup`]; `command` is then what it was.
    pub fn apply_to(&self, command: &mut Command) -> Result<(), Error> {
        let closed = self.hold_closed()?;
        let opened = self.open(&closed)?;
        let mut stdio = [Stdio::inherit(), Stdio::inherit(), Stdio::inherit()];
        for (place, stream) in stdio.iter_mut().zip(Stream::ALL) {
            if let Some(target) = opened.get(stream) {
                let descriptor = target.descriptor.try_clone();
                let descriptor = descriptor.map_err(|source| Error::Dup { stream, source })?;
                *place = Stdio::from(descriptor);
            }
        }
        let [stdin, stdout, stderr] = stdio;
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        Ok(())
    }

    /// The same with absolute paths, since the current directory may be another when it comes to
    /// reopening.
    fn lasting(&self) -> Result<Redirect, Error> {
        let relative = |stream: &Stream| self.target(*stream).path().is_some_and(Path::is_relative);
        let Some(stream) = Stream::ALL.into_iter().find(relative) else {
            return Ok(self.clone());
        };
        match std::env::current_dir() {
            Ok(here) => Ok(self.clone().resolve(&here)),
            Err(source) => Err(Error::Open { stream, path: PathBuf::from("."), source }),
        }
    }

    fn carry_out(&self) -> Result<Applied, Error> {
        let closed = self.hold_closed()?;
        let opened = self.open(&closed)?;
        let wanted: Wanted<'_> =
            Stream::ALL.map(|stream| Some(opened.get(stream)?.descriptor.as_fd()));
        swap::replace_holding(wanted, closed)?;

        let mut again = Redirect::new().mode(self.mode).trust_folder_owner(self.trust_folder_owner);
        if opened.get(Stream::Stdout).is_some_and(|target| target.can_be_renamed) {
            again.stdout = self.stdout.clone();
        }
        if opened.get(Stream::Stderr).is_some_and(|target| target.can_be_renamed) {
            again.stderr = self.stderr.clone();
        }
        Ok(Applied { again })
    }

    fn hold_closed(&self) -> Result<Closed, Error> {
        let wanted = |stream: &Stream| *self.target(*stream) != Target::Inherit;
        let stream = Stream::ALL.into_iter().find(wanted).unwrap_or(Stream::Stdin);
        Closed::hold().map_err(|source| Error::Dup { stream, source })
    }

    fn open(&self, closed: &Closed) -> Result<OpenedTargets, Error> {
        let mut opened = OpenedTargets::default();
        let mut null = None;
        for stream in Stream::ALL {
            let index = match self.target(stream) {
                Target::Inherit => continue,
                Target::Null => match null {
                    Some(index) => index,
                    None => *null.insert(opened.push(open::null(stream)?)),
                },
                Target::File(path) => match (Stream::named(path), opened.of[1]) {
                    (Some(named), _) if closed.contains(named) => {
                        let (path, source) = (path.clone(), Errno::BADF.into());
                        return Err(Error::Open { stream, path, source });
                    }
                    (Some(named), _) => opened.push(open::duplicate(named, stream, path)?),
                    // The order of what is written to one file is kept by any opening of it, since
                    // all append. Sharing also keeps one position where nothing is appended, as in
                    // a device, and saves a descriptor.
                    (None, Some(output)) if self.stdout == self.stderr => output,
                    (None, _) => opened.push(open::file(stream, path, self.mode, self.trust())?),
                },
            };
            opened.of[stream.index()] = Some(index);
        }
        Ok(opened)
    }
}

impl Default for Redirect {
    /// As [`Redirect::new`].
    fn default() -> Redirect {
        Redirect::new()
    }
}

/// What has been opened, and for which streams. Dropping it closes the files.
#[derive(Default)]
struct OpenedTargets {
    targets: Vec<OpenTarget>,
    of: [Option<usize>; 3],
}

impl OpenedTargets {
    fn push(&mut self, target: OpenTarget) -> usize {
        self.targets.push(target);
        self.targets.len() - 1
    }

    fn get(&self, stream: Stream) -> Option<&OpenTarget> {
        self.of[stream.index()].map(|index| &self.targets[index])
    }
}

/// A redirection that this process has undergone.
///
/// Dropping this changes nothing: the streams stay where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The streams that lead to files that can be renamed; the others are inherited.
    again: Redirect,
}

impl Applied {
    /// Opens the files anew by their names and replaces the streams: after a rotation.
    ///
    /// A program like logrotate(8) renames or removes a file, and we go on writing to it until
    /// told. Streams that go to a regular file get the one that has the name now, or a new one;
    /// others (FIFOs, devices) stay. Names are what they were when the redirection was applied,
    /// also if the current directory has changed. Each stream changes over in one step: what is
    /// written meanwhile goes to the old file or to the new one.
    ///
    /// # Errors
    ///
    /// As [`Redirect::apply`]; the streams then still go to the old files.
    pub fn reopen(&self) -> Result<(), Error> {
        self.again.carry_out().map(|_| ())
    }
}
