//! The files of a plan: what each is for, and that none is for two things that do not go together.

mod family;
mod identity;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use logging::LoggingConfig;
use serde::{Deserialize, Serialize};
use stdio_redirect::{Redirect, Stream};

use capture::Capture;
use family::Family;
pub use family::numbers_in;
use identity::{Key, identity, is_of_its_opener};
use policy::{Problem, Problems};

/// What a file is for. What may share it follows from that: output and logs are appended to, but a stream
/// knows nothing of a log's rotation; a pid file is its process' alone, a status file is replaced whole,
/// and captured output is rotated by the process that writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// The options: what is read, and never written.
    Options,
    /// A pid file.
    PidFile,
    /// A standard stream.
    Output,
    /// A log that keeps its name.
    Log,
    /// A log that is rotated: whoever has only its descriptor goes on writing to the file that was put
    /// aside.
    RotatedLog,
    /// The status file.
    Status,
    /// Captured output.
    Capture,
    /// A socket, which is nobody else's.
    Socket,
    /// What a daemon leaves when it gives up, which is replaced whole.
    LastWords,
    /// What happens to a daemon, as lines: rotated by the process that writes it.
    Events,
}

/// All of them, as they are looked through.
const PURPOSES: [Purpose; 10] = [
    Purpose::Options,
    Purpose::PidFile,
    Purpose::Output,
    Purpose::Log,
    Purpose::RotatedLog,
    Purpose::Status,
    Purpose::Capture,
    Purpose::Socket,
    Purpose::LastWords,
    Purpose::Events,
];

impl Purpose {
    fn goes_with(self, other: Purpose) -> bool {
        let appended = |purpose| matches!(purpose, Purpose::Output | Purpose::Log);
        let log = |purpose| matches!(purpose, Purpose::Log | Purpose::RotatedLog);
        self == other && self == Purpose::Capture
            || appended(self) && appended(other)
            || log(self) && log(other)
    }
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// That of this process, or of its parent, which has it already.
    Above,
    /// That of the options themselves.
    Options,
    /// That of the worker at this place in the list.
    Worker(usize),
}

/// A file that a process has, as the processes below it are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    field: String,
    purpose: Purpose,
    path: PathBuf,
}

static HELD: OnceLock<Vec<Held>> = OnceLock::new();

/// Remembers what files this process has: those that its parent keeps for it, and those of its own.
pub(crate) fn hold(own: &Files, parents: &[Held]) {
    let _ = HELD.set([&own.held(), parents].concat());
}

/// A file that was met in the options. There may be thousands, each kept only until all are known: what
/// can be shared is, as each piece leaves a hole between what is made meanwhile and kept for good.
#[derive(Clone, Debug)]
struct Met {
    owner: Owner,
    field: Cow<'static, str>,
    purpose: Purpose,
    path: Arc<Path>,
    capture: Option<Box<Capture>>,
}

/// The files of a plan, as they are met.
#[derive(Debug, Default)]
pub struct Files {
    met: Vec<Met>,
    families: Vec<Family>,
    folders: HashMap<PathBuf, Folder>,
    /// What the paths that were looked at already lead to.
    keys: HashMap<Arc<Path>, Key>,
}

/// What the folder of a file is.
#[derive(Clone, Copy, Debug)]
enum Folder {
    There((u64, u64)),
    Missing,
    SomethingElse,
    /// It cannot be looked at: the process that writes to it will find out whether it can.
    Unknown,
}

impl Files {
    /// None yet, but those that this process has itself.
    pub fn new() -> Files {
        let above = |held: &Held| Met {
            owner: Owner::Above,
            field: held.field.clone().into(),
            purpose: held.purpose,
            path: held.path.as_path().into(),
            capture: None,
        };
        let met = HELD.get().into_iter().flatten().map(above).collect();
        Files { met, ..Files::default() }
    }

    /// Checks the path of a file that is to be created: `field` says which.
    pub fn check_file(&mut self, problems: &mut Problems, field: &str, path: &Path) {
        if let Err(reason) = self.file_can_be(path) {
            problems.add(field, path.display(), reason);
        }
    }

    fn file_can_be(&mut self, path: &Path) -> Result<(), String> {
        use std::os::unix::ffi::OsStrExt;
        if path.as_os_str().is_empty() {
            return Err("empty; give the path of a file".to_owned());
        }
        if path.as_os_str().as_bytes().contains(&0) {
            return Err("contains a NUL byte, which no path can".to_owned());
        }
        if path.to_str().is_none() {
            return Err("is not UTF-8, and cannot be handed to a child; rename it".to_owned());
        }
        let named = matches!(path.components().next_back(), Some(Component::Normal(_)));
        if !named || path.as_os_str().as_bytes().ends_with(b"/") {
            return Err("names a folder; give the path of a file".to_owned());
        }
        let (name, state) = self.folder(path);
        match state {
            Folder::There(_) => (),
            Folder::SomethingElse => return Err(format!("`{}` is not a folder", name.display())),
            Folder::Missing => {
                let name = name.display();
                return Err(format!("the folder `{name}` does not exist; create it first"));
            }
            Folder::Unknown => return Ok(()),
        }
        let found = fs::symlink_metadata(path);
        if found.as_ref().is_ok_and(fs::Metadata::is_dir) {
            return Err("is a folder; give the path of a file".to_owned());
        }
        let key = self.key_of(path, found);
        self.keys.insert(path.into(), key);
        Ok(())
    }

    fn folder<'a>(&mut self, path: &'a Path) -> (&'a Path, Folder) {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let look = || match fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => Folder::There(identity(&metadata)),
            Ok(_) => Folder::SomethingElse,
            Err(error) if error.kind() == ErrorKind::NotFound => Folder::Missing,
            Err(_) => Folder::Unknown,
        };
        match self.folders.get(folder) {
            Some(state) => (folder, *state),
            None => (folder, *self.folders.entry(folder.to_owned()).or_insert_with(look)),
        }
    }

    /// Takes note of a file.
    pub fn note(&mut self, owner: Owner, field: &'static str, purpose: Purpose, path: &Path) {
        self.met(owner, field, purpose, path, None);
    }

    fn met(
        &mut self,
        owner: Owner,
        field: &'static str,
        purpose: Purpose,
        path: &Path,
        capture: Option<Box<Capture>>,
    ) {
        // That a path is empty has been told.
        if path.as_os_str().is_empty() {
            return;
        }
        let known = self.keys.get_key_value(path).map(|(known, _)| Arc::clone(known));
        let path = known.unwrap_or_else(|| path.into());
        // Not to double: there may be thousands, and what is not filled would be a hole for good.
        if self.met.len() == self.met.capacity() {
            self.met.reserve_exact(8 + self.met.len() / 4);
        }
        self.met.push(Met { owner, field: field.into(), purpose, path, capture });
    }

    /// Takes note of the file of a capture, which captures that are alike may share.
    pub fn note_capture(&mut self, owner: Owner, capture: &Capture) {
        let path = capture.file_path();
        self.met(owner, "capture.file", Purpose::Capture, path, Some(Box::new(capture.clone())));
    }

    /// Takes note of what each child has.
    pub fn note_child(
        &mut self,
        owner: Owner,
        pid_filename: &Path,
        redirect: &Redirect,
        logging: Option<&LoggingConfig>,
    ) {
        self.note(owner, "pid_filename", Purpose::PidFile, pid_filename);
        let streams = [(Stream::Stdout, "stdout_filename"), (Stream::Stderr, "stderr_filename")];
        for (stream, field) in streams {
            if let Some(path) = redirect.target(stream).path() {
                self.note(owner, field, Purpose::Output, path);
            }
        }
        let rotated: Vec<_> = logging.into_iter().flat_map(LoggingConfig::rotated_files).collect();
        for path in logging.into_iter().flat_map(LoggingConfig::files) {
            let purpose = match rotated.contains(&path) {
                true => Purpose::RotatedLog,
                false => Purpose::Log,
            };
            self.note(owner, "logging_config", purpose, path);
        }
    }

    /// The files that the process of this plan will have, for the processes below it.
    pub fn held(&self) -> Vec<Held> {
        let own = self.met.iter().filter(|met| met.owner != Owner::Above);
        own.map(|met| Held {
            field: met.field.clone().into_owned(),
            purpose: met.purpose,
            path: met.path.to_path_buf(),
        })
        .collect()
    }

    /// Tells of each file that something else is for, too, and whose it is. Paths are compared by what
    /// they lead to.
    pub fn check(mut self, mut tell: impl FnMut(Owner, Problem)) {
        self.check_families(&mut tell);
        self.look_at_the_others();
        let known = self.known();
        // Sorted, not each group in a list of its own: see `Met`.
        let mut order: Vec<usize> = (0..known.len()).collect();
        order.sort_unstable_by_key(|at| (known[*at], *at));
        let mut found = Vec::new();
        let groups = order.chunk_by(|one, other| known[*one] == known[*other]);
        for group in groups.filter(|group| group.len() > 1) {
            // The first of each kind stands for all of them.
            let met = &self.met;
            let first = |purpose| group.iter().find(move |at| met[**at].purpose == purpose);
            let firsts: Vec<usize> = PURPOSES.into_iter().filter_map(first).copied().collect();
            for at in group {
                let clash =
                    firsts.iter().find_map(|other| Some((*other, self.clash(*other, *at)?)));
                found.extend(clash.map(|(other, what)| (*at, other, what)));
            }
        }
        found.sort_unstable();
        for (at, other, what) in found {
            tell(self.met[at].owner, self.problem(at, other, what));
        }
    }

    /// What is to be done about the file at `at`, if it cannot be the same file as the one at `other`.
    /// `None`: it can, or this is said of the other one.
    fn clash(&self, other: usize, at: usize) -> Option<&'static str> {
        let (first, second) = (&self.met[other], &self.met[at]);
        let rank = |met: &Met, at| (met.owner != Owner::Above, met.purpose as u8, at);
        if rank(second, at) <= rank(first, other) {
            return None;
        }
        if let (Some(capture), Some(before)) = (&second.capture, &first.capture) {
            return capture.problem_with(before);
        }
        let both = [first.purpose, second.purpose];
        let taken_along = both == [Purpose::Output, Purpose::RotatedLog];
        if second.purpose.goes_with(first.purpose) || taken_along && !is_rotated(&second.path) {
            return None;
        }
        let both_pid_files = [first, second].map(|met| met.purpose) == [Purpose::PidFile; 2];
        Some(if both_pid_files {
            "each needs its own"
        } else if taken_along {
            "give another file, or `rotation: never`: what is put aside would take the stream along"
        } else {
            "give another file"
        })
    }

    fn problem(&self, at: usize, other: usize, what: &str) -> Problem {
        let (met, first) = (&self.met[at], &self.met[other]);
        let alike = met.capture.is_some() && first.capture.is_some();
        let thing = match (first.purpose, met.purpose) {
            _ if alike => "that",
            (
                Purpose::PidFile,
                Purpose::PidFile | Purpose::Output | Purpose::Log | Purpose::RotatedLog,
            ) => "the pid file",
            _ => &format!("the {}", first.field),
        };
        let whose = match first.owner {
            _ if first.owner == met.owner && !alike => String::new(),
            Owner::Above => " of the process above".to_owned(),
            Owner::Options => String::new(),
            Owner::Worker(index) => format!(" of workers[{index}]"),
        };
        let way = match met.path == first.path {
            true => String::new(),
            false => format!("leads to `{}`, which ", first.path.display()),
        };
        let then = if alike { "," } else { ";" };
        let reason = format!("{way}is {thing}{whose} too{then} {what}");
        Problem {
            field: met.field.clone().into_owned(),
            value: met.path.display().to_string(),
            reason,
        }
    }
}

/// Whether a log there is put aside in time. A device or a FIFO is not, nor is a stream of whoever opens it.
fn is_rotated(path: &Path) -> bool {
    !is_of_its_opener(path) && fs::metadata(path).map_or(true, |found| found.is_file())
}

#[cfg(test)]
mod tests;
