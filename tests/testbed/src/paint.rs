//! Colours, for terminals only.

use std::fmt::Display;
use std::io::IsTerminal;

/// What went well.
pub fn good(text: impl Display) -> String {
    paint("32", text)
}

/// What did not.
pub fn bad(text: impl Display) -> String {
    paint("31", text)
}

/// A heading.
pub fn strong(text: impl Display) -> String {
    paint("1", text)
}

/// What one may skip.
pub fn faint(text: impl Display) -> String {
    paint("2", text)
}

fn paint(code: &str, text: impl Display) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}
