//! What one stream can be pointed at.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where one stream goes.
///
/// In configuration `null`, `inherit` and `file` with the path: `!file out.txt` in YAML,
/// `{"file": "out.txt"}` in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Target {
    /// `/dev/null`: reading is at the end at once, writing succeeds and leaves nothing.
    Null,
    /// Where it goes already. A stream that is closed stays closed. This is the default.
    #[default]
    Inherit,
    /// The file of this name.
    ///
    /// Output is appended, and the file created if it is not there. Input is read from its
    /// beginning, and the file must be there. A FIFO or a device will do as well: see the
    /// [crate](crate#files-and-names-that-others-can-change).
    File(PathBuf),
}

impl Target {
    /// The file of this name: [`Target::File`].
    pub fn file(path: impl Into<PathBuf>) -> Target {
        Target::File(path.into())
    }

    /// The path, if it is a file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Target::File(path) => Some(path),
            Target::Null | Target::Inherit => None,
        }
    }
}
