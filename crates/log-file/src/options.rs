//! Which file, when it is rotated, and what is kept of it: plain data, until it is opened.

mod problems;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

use signal_hook::consts::SIGXFSZ;
use trusted_path::{Fault, Trust};

use crate::file::{FilePlan, NamedFile};
use crate::log_file::{Destination, LogFile};
use crate::names::Keep;
use crate::period::Rotation;
use crate::stream::{Stream, StreamSink};
use crate::{Error, Time, time};

/// How many files that were put aside are kept unless told otherwise: a week of days.
///
/// A default without a bound fills the disk one day, on a machine that nobody looks at.
pub const DEFAULT_KEEP: usize = 7;

/// How large a file gets unless told otherwise, in bytes: an editor still opens it.
pub const DEFAULT_MAX_SIZE: u64 = 256 << 20;

/// How much the files put aside may take together unless told otherwise, in bytes.
pub const DEFAULT_KEEP_SIZE: u64 = 1 << 30;

impl LogFile {
    /// Opens a file with the default [`Options`]: rotated at midnight and at 256 MiB, seven files and 1 GiB kept.
    ///
    /// # Errors
    ///
    /// Those of [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<LogFile, Error> {
        Options::file(path.as_ref()).open()
    }
}

/// How a [`LogFile`] is opened. A value says everything; no method fails or touches a file but
/// [`open`](Self::open), and those that look: [`problems`](Self::problems), [`distrust`](Self::distrust).
///
/// ```
/// use log_file::{Options, Rotation};
///
/// let options = Options::file("app.log").rotation(Rotation::Size).max_size(10 << 20).keep(30);
/// assert!(options.problems().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub(crate) file: PathBuf,
    time: Time,
    pub(crate) rotation: Rotation,
    pub(crate) max_size: u64,
    keep: usize,
    keep_size: u64,
    pub(crate) compress: bool,
    trust_folder_owner: bool,
}

impl Options {
    /// A file, which is created (mode 0644 less the umask) if need be, never truncated, and may be shared with any
    /// number of processes that use this crate. A relative path is meant from the current directory at the
    /// opening, wherever the process goes later.
    ///
    /// `/dev/stdout` and `/dev/stderr`, and other names of theirs, mean the [streams](Stream) of the process.
    /// Anything else that is no regular file is written without rotation.
    pub fn file(path: impl Into<PathBuf>) -> Options {
        Options {
            file: path.into(),
            time: Time::default(),
            rotation: Rotation::default(),
            max_size: DEFAULT_MAX_SIZE,
            keep: DEFAULT_KEEP,
            keep_size: DEFAULT_KEEP_SIZE,
            compress: false,
            trust_folder_owner: false,
        }
    }

    /// When a new file is begun; only for regular files. Default: at midnight.
    #[must_use]
    pub fn rotation(mut self, rotation: Rotation) -> Options {
        self.rotation = rotation;
        self
    }

    /// Whose midnight counts. Default: local.
    #[must_use]
    pub fn time(mut self, time: Time) -> Options {
        self.time = time;
        self
    }

    /// How large a file may get, in bytes, unless it is never rotated. The append that would make it
    /// larger begins a new one; several processes at once may exceed it by a few appends, and a single
    /// append may be larger. Default: 256 MiB.
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> Options {
        self.max_size = bytes;
        self
    }

    /// How many files that were put aside are kept; older ones are removed after a rotation. Only
    /// files with names of our making count and are ever removed. Zero keeps none. Default: 7.
    #[must_use]
    pub fn keep(mut self, files: usize) -> Options {
        self.keep = files;
        self
    }

    /// How much the files that were put aside may take together, in bytes, as counted after a
    /// rotation; the oldest go first. Default: 1 GiB.
    #[must_use]
    pub fn keep_size(mut self, bytes: u64) -> Options {
        self.keep_size = bytes;
        self
    }

    /// Whether files that were put aside are compressed (`app.log.2026-11-21.gz`), in a thread of its
    /// own. One to which an idle process could still write waits for a later rotation. What others
    /// write to such a file without this crate, a redirected stream perhaps, is lost then. Needs the
    /// feature `compression`. Default: no.
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Options {
        self.compress = compress;
        self
    }

    /// Whether the owner of the file's folder may decide which file it is, by links and files of his own:
    /// for a privileged process whose file belongs in a folder of a user who is trusted with that. Else a
    /// link, or a file, that somebody else may have laid out for us is refused; the rule is that of
    /// [`trusted_path`]. Default: no.
    #[must_use]
    pub fn trust_folder_owner(mut self, trust: bool) -> Options {
        self.trust_folder_owner = trust;
        self
    }

    /// The file, as it was given.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// The stream of the process that the path is a name of, if it is one.
    pub fn stream(&self) -> Option<Stream> {
        Stream::named(&self.file)
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::folder_owners_if(self.trust_folder_owner)
    }

    /// Opens the file, creates it if there is none, and takes up what others have left to compress.
    ///
    /// `SIGXFSZ` gets a handler in this process that does nothing, so that a limit for the size of files
    /// (`ulimit -f`) makes appends fail and is not the end of the process.
    ///
    /// # Errors
    ///
    /// [`Error::Field`]: the first of the [`problems`](Self::problems), or the file is
    /// [not ours](Self::distrust); [`Error::Open`].
    pub fn open(&self) -> Result<LogFile, Error> {
        if let Some(problem) = self.problem_without_a_look() {
            return Err(problem);
        }
        survive_full_files();
        let zone = self.time.zone();
        if let Some(stream) = self.stream() {
            return Ok(LogFile::new(Destination::Stream(StreamSink::new(stream)), zone));
        }
        let plan = FilePlan {
            // From now on it is the same file, wherever the process goes.
            path: std::path::absolute(&self.file).unwrap_or_else(|_| self.file.clone()),
            trust: self.trust(),
            rotation: self.rotation,
            zone: zone.clone(),
            max_size: self.max_size,
            keep: Keep { files: self.keep, bytes: self.keep_size },
            compress: self.compress,
            clock: time::now,
        };
        match NamedFile::open(plan) {
            Ok(file) => Ok(LogFile::new(Destination::File(Box::new(file)), zone)),
            Err(error) => Err(self.problem_with_path().unwrap_or_else(|| self.refused(error))),
        }
    }

    fn refused(&self, error: trusted_path::Error) -> Error {
        if let trusted_path::Error::Path { fault, .. } = &error
            && *fault != Fault::NoReader
        {
            return problems::distrusted(&self.file, self.trust(), fault);
        }
        Error::Open { path: self.file.clone(), source: error.into_io() }
    }
}

/// A process that writes beyond the largest size that its files may have is ended by `SIGXFSZ`, unless
/// that has a handler; then writing fails with `EFBIG`, as on a full disk. The signal gets a handler and
/// is not ignored, since programs that are executed would inherit the latter. If there can be no handler,
/// all is as without us.
fn survive_full_files() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    });
}
