//! Something a check found, in the form that editors can jump to: `file:line: text`.

use std::fmt;
use std::path::{Path, PathBuf};

/// Whether a finding fails the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Error,
    Warning,
}

/// One thing in one place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    file: PathBuf,
    line: usize,
    text: String,
    pub(crate) weight: Weight,
}

impl Finding {
    /// `line` counts from 1.
    pub(crate) fn new(file: impl AsRef<Path>, line: usize, text: impl Into<String>) -> Self {
        Finding { file: file.as_ref().to_owned(), line, text: text.into(), weight: Weight::Error }
    }

    pub(crate) fn warning(self) -> Self {
        Finding { weight: Weight::Warning, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Error => "",
            Weight::Warning => "warning: ",
        };
        write!(f, "{}:{}: {weight}{}", self.file.display(), self.line, self.text)
    }
}
