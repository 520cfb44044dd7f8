//! Where a child's output goes: what was said of it, checked, for a daemon and a worker alike.

use std::path::{Path, PathBuf};

use exit::ErrorText;
use serde::{Deserialize, Deserializer};
use stdio_redirect::{Fault, Redirect, Stream, Target};

use crate::base::Base;
use crate::files::Files;
use capture::Capture;
use policy::Problems;

/// Where a child's output goes, as it was said; `None`: nothing was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Standard output.
    pub stdout: Option<Target>,
    /// Standard error.
    pub stderr: Option<Target>,
    /// Whether the owner of a folder on the way to a file is trusted.
    pub trust_folder_owner: bool,
}

/// What a configuration file says of a stream: `inherit`, `'null'`, or a file in either form, `!file x` or
/// `{file: x}`. For `#[serde(deserialize_with)]`.
///
/// # Errors
///
/// It is none of these.
pub fn said_target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Target>, D::Error> {
    #[derive(Deserialize)]
    struct Said(#[serde(deserialize_with = "policy::forms::either")] Target);
    Ok(Option::<Said>::deserialize(deserializer)?.map(|said| said.0))
}

/// Which streams of its parent a child can inherit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// Both.
    HasStreams,
    /// None: it is detached.
    HasNone,
}

/// Where a child's output goes, checked.
#[derive(Clone, Debug)]
pub struct PlannedStreams {
    /// What the child does to itself.
    pub redirect: Redirect,
    /// Whether the child must be born with its parent's standard output for that.
    pub wants_stdout: bool,
}

impl Streams {
    /// From the two forms of a configuration file.
    ///
    /// # Errors
    ///
    /// Both were given for one stream.
    pub fn from_file(
        stdout: (Option<Target>, Option<PathBuf>),
        stderr: (Option<Target>, Option<PathBuf>),
        trust_folder_owner: bool,
    ) -> Result<Streams, String> {
        let one_of = |name: &str, said: (Option<Target>, Option<PathBuf>)| match said {
            (Some(_), Some(_)) => {
                Err(format!("`{name}_filename` is the simple form of `{name}`: give one of them"))
            }
            (target, path) => Ok(target.or(path.map(Target::File))),
        };
        Ok(Streams {
            stdout: one_of("stdout", stdout)?,
            stderr: one_of("stderr", stderr)?,
            trust_folder_owner,
        })
    }

    /// The two forms of what was said of a stream: in full, or the path only.
    pub fn to_file(said: Option<Target>) -> (Option<Target>, Option<PathBuf>) {
        match said {
            Some(Target::File(path)) => (None, Some(path)),
            said => (said, None),
        }
    }

    /// Where the streams go: as it was said, otherwise `otherwise`; standard input is empty.
    pub fn check(
        &self,
        problems: &mut Problems,
        files: &mut Files,
        base: &Base,
        otherwise: &Target,
        parent: Parent,
    ) -> PlannedStreams {
        let mut wants_stdout = false;
        let mut target = |field: &str, said: Option<&Target>| {
            let Some(said) = said else { return otherwise.clone() };
            let Target::File(path) = said else {
                if *said == Target::Inherit && parent == Parent::HasNone {
                    problems.add(field, "inherit", OF_NOBODY);
                }
                wants_stdout |= *said == Target::Inherit && field == "stdout";
                return said.clone();
            };
            let field = format!("{field}_filename");
            let Some(path) = base.absolute(problems, &field, path.clone()) else {
                return otherwise.clone();
            };
            match files.stream_of_opener(&path) {
                Some(Stream::Stdin) => {
                    let reason = "is standard input; give a file";
                    problems.add(&field, path.display(), reason);
                }
                Some(_) if parent == Parent::HasNone => {
                    problems.add(&field, path.display(), OF_NOBODY);
                }
                Some(stream) => wants_stdout |= stream == Stream::Stdout,
                None => (),
            }
            Target::File(path)
        };
        let stdout = target("stdout", self.stdout.as_ref());
        let stderr = target("stderr", self.stderr.as_ref());
        let redirect = Redirect::new().stdin(Target::Null).stdout(stdout).stderr(stderr);
        let redirect = redirect.trust_folder_owner(self.trust_folder_owner);
        tell_problems(problems, &redirect, self.trust_folder_owner);
        PlannedStreams { redirect, wants_stdout }
    }

    /// Adds what does not go together with captured output.
    pub fn check_beside(
        &self,
        problems: &mut Problems,
        files: &mut Files,
        capture: &Capture,
        redirect: &Redirect,
        parent: Parent,
    ) {
        for (stream, field, said) in
            [(Stream::Stdout, "stdout", &self.stdout), (Stream::Stderr, "stderr", &self.stderr)]
        {
            let Some(target) = said.as_ref().filter(|_| capture.has(stream)) else { continue };
            let (field, value) = match target.path() {
                Some(path) => (format!("{field}_filename"), path.display().to_string()),
                None => (field.to_owned(), format!("{target:?}").to_lowercase()),
            };
            let reason = "the stream is captured; leave it out, or capture the other one only";
            problems.add(field, value, reason);
        }
        let Some(stream) = files.stream_of_opener(capture.file_path()) else { return };
        // The parent that captures has this stream itself, if the stream goes to a file and is not
        // captured.
        let has_one = redirect.target(stream).path().is_some() && !capture.has(stream);
        if stream == Stream::Stdin {
            let reason = "is standard input; give a file";
            problems.add("capture.file", capture.file_path().display(), reason);
        } else if parent == Parent::HasNone && !has_one {
            problems.add("capture.file", capture.file_path().display(), OF_NOBODY);
        }
    }
}

const OF_NOBODY: &str =
    "a detached daemon has none of its caller's streams; give a file, or use `run_daemon`";

/// What is wrong with a path. Of a link or file that a stranger could have put there it also says, as for
/// logs, which option would trust him.
fn told(fault: &Fault, trusted: bool) -> String {
    let by_owner = matches!(fault, Fault::ForeignLink { .. } | Fault::ForeignFile { .. });
    match by_owner && !trusted {
        true => format!("{fault}, or set `trust_folder_owner` if the folder's owner may decide"),
        false => fault.to_string(),
    }
}

fn tell_problems(problems: &mut Problems, redirect: &Redirect, trusted: bool) {
    for problem in redirect.problems() {
        use stdio_redirect::Error;
        let (stream, path, reason): (Stream, &Path, String) =
            if let Error::Path { stream, path, fault } = &problem {
                (*stream, path, told(fault, trusted))
            } else if let Error::Open { stream, path, source } = &problem {
                (*stream, path, format!("cannot open: {source}"))
            } else {
                problems.add("redirect", "…", ErrorText::new(&problem).chain());
                continue;
            };
        let field = match stream {
            Stream::Stdin => "stdin",
            Stream::Stdout => "stdout_filename",
            Stream::Stderr => "stderr_filename",
        };
        problems.add(field, path.display(), reason);
    }
}
