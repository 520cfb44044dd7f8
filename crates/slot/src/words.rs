//! What a child of ours tells its parent beside what any child can: the one place that knows how.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A word to the slot above.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Word<'a> {
    /// These pid files are to be removed in the end, if they are stale.
    PidFiles(Vec<Cow<'a, Path>>),
    /// Of these, which were told of before, nothing is left.
    PidFilesGone(Vec<Cow<'a, Path>>),
    /// It has removed its own pid file, and ends.
    Released,
    /// It quits because of this signal, and nobody has told it over the lifeline to.
    QuitsBy(i32),
}

pub(crate) fn write(word: &Word<'_>) -> io::Result<Vec<u8>> {
    rmp_serde::to_vec(word).map_err(io::Error::other)
}

pub(crate) fn read(bytes: &[u8]) -> Result<Word<'static>, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}
