//! Everything that is wrong with a redirection, told without doing any of it.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::{Error, Fault};
use crate::open::{misspelt, unfit};
use crate::redirect::Redirect;
use crate::stream::Stream;
use crate::target::Target;
use crate::walk::{self, Stuck};

impl Redirect {
    /// Every problem that can be known beforehand, all at once; empty if there is none.
    ///
    /// For whoever plans now what another process, or a later moment, carries out. So a relative
    /// path is a problem here, though [`apply`](Redirect::apply) would take it: see
    /// [`resolve`](Redirect::resolve). Nothing is opened for reading or writing, and nothing is
    /// created or changed. What only opening can tell, and what changes in between, is told by
    /// `apply`.
    pub fn problems(&self) -> Vec<Error> {
        let permissions_only = self.mode & !0o777 == 0;
        let mode = (!permissions_only).then_some(Error::Mode { mode: self.mode });
        let streams = Stream::ALL.into_iter().filter_map(|stream| match self.target(stream) {
            Target::File(path) if Stream::named(path).is_none() => problem(stream, path),
            Target::File(_) | Target::Null | Target::Inherit => None,
        });
        streams.chain(mode).collect()
    }
}

fn problem(stream: Stream, path: &Path) -> Option<Error> {
    let wrong = |fault| Some(Error::Path { stream, path: path.to_owned(), fault });
    if let Some(fault) = misspelt(path) {
        return wrong(fault);
    }
    if path.is_relative() {
        return wrong(Fault::Relative);
    }
    match walk::find(path) {
        Ok(place) => match place.found {
            Some(stat) => unfit(&stat, place.rules, stream).and_then(wrong),
            None if stream == Stream::Stdin => wrong(Fault::Missing),
            None => None,
        },
        Err(Stuck::IsFolder) => wrong(Fault::IsFolder),
        Err(Stuck::ForeignLink { link, owner }) => wrong(Fault::ForeignLink { link, owner }),
        Err(Stuck::System { at: folder, errno: Errno::NOENT }) => {
            wrong(Fault::MissingFolder { folder })
        }
        Err(Stuck::System { at, errno: Errno::NOTDIR }) => wrong(Fault::NotAFolder { path: at }),
        Err(Stuck::System { errno, .. }) => {
            Some(Error::Open { stream, path: PathBuf::from(path), source: errno.into() })
        }
    }
}
