//! Colours, for terminals only.

use std::fmt::Display;
use std::io::IsTerminal;

pub(crate) fn good(text: impl Display) -> String {
    paint("32", text)
}

pub(crate) fn bad(text: impl Display) -> String {
    paint("31", text)
}

pub(crate) fn strong(text: impl Display) -> String {
    paint("1", text)
}

pub(crate) fn faint(text: impl Display) -> String {
    paint("2", text)
}

fn paint(code: &str, text: impl Display) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}
