//! What people and machines are shown, made of what was seen. Pure: no clock, file or terminal is asked here.

pub(crate) mod events;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod list;
pub(crate) mod metrics;
pub(crate) mod status;
mod table;
mod wrapped;
pub(crate) use human_text::{text, units};

#[cfg(test)]
pub(crate) mod samples;

/// For whom it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// A terminal that has colours and more letters than ASCII.
    pub(crate) fancy: bool,
    /// Its width; `None`: nothing is cut, as into a pipe or with `--wide`.
    pub(crate) columns: Option<usize>,
}

impl Look {
    /// The text in a colour, by its SGR number (ECMA-48), where there are any.
    fn colored(self, sgr: u8, text: &str) -> String {
        if self.fancy { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
