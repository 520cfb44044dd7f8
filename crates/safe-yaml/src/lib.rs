//! May this YAML be read at all?
//!
//! ```
//! let text = safe_yaml::check("\u{feff}level: INFO").unwrap();
//! assert_eq!(text, "level: INFO");
//! let many = "[".repeat(1000);
//! assert_eq!(safe_yaml::check(&many).unwrap_err().to_string(), "brackets are nested deeper than 128");
//! ```
//!
//! A text of a few lines can mean gigabytes (the aliases of a billion laughs, CVE-2003-1564), and one of 50 KiB can
//! keep its parser busy for ten seconds. [`check`] says so in time that is in proportion to the text;
//! [`read_file`] reads a file that may be anything, [`untagged`] gives the enums in a value the form that all formats
//! have.
//!
//! # When it fits
//!
//! Programs that read configurations with serde, which somebody else may have written.
//!
//! # What it cannot do
//!
//! Parse: for that there is `serde_yaml` or a crate of its kind. Or say what is wrong with a text that is no YAML: its
//! parser does that, and better.

mod file;
mod scan;
mod size;
mod tags;

pub use file::read_file;
pub use size::{MAX, TooLarge, check};
pub use tags::untagged;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
