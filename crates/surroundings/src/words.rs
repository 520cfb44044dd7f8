//! What a child of ours tells its parent beside what any child can.

use std::borrow::Cow;
use std::path::Path;

use logging::LoggingConfig;
use serde::{Deserialize, Serialize};

/// A word to a child of ours.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Instruction<'a> {
    /// The levels and filters of its log are these from here on.
    Levels(Cow<'a, LoggingConfig>),
}

/// A word to the slot above.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Word<'a> {
    /// These pid files are to be removed in the end, if they are stale.
    PidFiles(Vec<Cow<'a, Path>>),
    /// Nothing is left of these pid files, which were told before.
    PidFilesGone(Vec<Cow<'a, Path>>),
    /// It has removed its own pid file, and ends.
    Released,
    /// It quits because of this signal, and nobody has told it over the lifeline to.
    QuitsBy(i32),
    /// A loop has begun in it that answers who is handed down.
    Answers,
    /// It has done so many jobs, which are all that this run of it is to do.
    JobsDone(u64),
    /// Somebody in it wants to know when it is to read anew what it works by.
    Reloads,
    /// It cannot say any more that it gets on: somebody has closed the descriptor by which it does.
    Unwatched,
}
