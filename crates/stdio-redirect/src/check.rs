//! Everything that is wrong with a redirection, told without doing any of it.

use std::io;
use std::path::Path;

use trusted_path::Place;

use crate::error::{Error, Fault};
use crate::redirect::Redirect;
use crate::stream::Stream;
use crate::target::Target;

impl Redirect {
    /// Every problem that can be known beforehand, all at once; empty if there is none.
    ///
    /// For whoever plans now what another process, or a later moment, carries out. So a relative path is
    /// a problem here, though [`apply`](Redirect::apply) would take it: see
    /// [`resolve`](Redirect::resolve). Nothing is opened for reading or writing, and nothing is created
    /// or changed. What only opening can tell, and what changes in between, is told by `apply`.
    pub fn problems(&self) -> Vec<Error> {
        let permissions_only = self.mode & !0o777 == 0;
        let mode = (!permissions_only).then_some(Error::Mode { mode: self.mode });
        let streams = Stream::ALL.into_iter().filter_map(|stream| match self.target(stream) {
            Target::File(path) if Stream::named(path).is_none() => self.problem(stream, path),
            Target::File(_) | Target::Null | Target::Inherit => None,
        });
        streams.chain(mode).collect()
    }
}

impl Redirect {
    fn problem(&self, stream: Stream, path: &Path) -> Option<Error> {
        let wrong = |fault| Some(Error::Path { stream, path: path.to_owned(), fault });
        let place = match Place::find(path, self.trust()) {
            Err(trusted_path::Error::Path { fault, .. })
                if matches!(fault, trusted_path::Fault::Empty | trusted_path::Fault::Nul) =>
            {
                return wrong(Fault::of(fault));
            }
            // What else is wrong with a relative path depends on the folder from which it will be opened.
            _ if path.is_relative() => return wrong(Fault::Relative),
            Ok(place) => place,
            Err(trusted_path::Error::Path { fault, .. }) => return wrong(Fault::of(fault)),
            Err(trusted_path::Error::System { at, source, .. }) => {
                let kind = source.kind();
                return if kind == io::ErrorKind::NotFound {
                    wrong(Fault::MissingFolder { folder: at })
                } else if kind == io::ErrorKind::NotADirectory {
                    wrong(Fault::NotAFolder { path: at })
                } else if trusted_path::may_pass(&source) {
                    // Such an error says nothing of the file (the system was short of something, say). If
                    // it is still there when the file is opened, whoever opens it is told.
                    None
                } else {
                    Some(Error::Open { stream, path: path.to_owned(), source })
                };
            }
        };
        let fault = match (place.found(), stream) {
            (Some(seen), Stream::Stdin) => place.fault_to_read(seen),
            (Some(seen), Stream::Stdout | Stream::Stderr) => place.fault_to_write(seen),
            (None, Stream::Stdin) => return wrong(Fault::Missing),
            (None, Stream::Stdout | Stream::Stderr) => None,
        };
        fault.map(Fault::of).and_then(wrong)
    }
}
