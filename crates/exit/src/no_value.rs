//! Why there is no value of an entry that has returned well, though its parent has asked for it.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error_text::ErrorText;

/// Why a process that went well otherwise has not given the value that was asked for: its run has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoValue {
    /// It cannot be encoded. Another run would only return it again.
    Unencodable(ErrorText),
    /// It is larger than was asked for. Another run would only return it again.
    TooLarge {
        /// The most bytes that it could have, encoded.
        most: u64,
    },
    /// The process has exited with code 0, and not said all of it: it did so by itself, ahead of its entry's return,
    /// or could not send it.
    Missing,
}

impl NoValue {
    /// The same, cut to as much as is kept: a child may send an error of any size.
    pub fn bounded(self) -> NoValue {
        match self {
            NoValue::Unencodable(error) => NoValue::Unencodable(error.bounded()),
            other @ (NoValue::TooLarge { .. } | NoValue::Missing) => other,
        }
    }

    /// Whether another run would only end the same way.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, NoValue::Missing)
    }
}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoValue::Unencodable(error) => {
                write!(f, "returned a value that cannot be encoded: {}", error.chain())
            }
            NoValue::TooLarge { most } => {
                write!(
                    f,
                    "returned a value of more than {most} bytes, which is all that it may have"
                )
            }
            NoValue::Missing => {
                f.write_str("exited with code 0, and without the value that was asked for")
            }
        }
    }
}

impl Error for NoValue {}
