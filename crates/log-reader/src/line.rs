//! A line, or a piece of one.

use std::fmt::Write;
use std::time::SystemTime;

/// A line of a source, or a piece of a line that is long or was not written to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose it is: the position in the list of sources, or what [`add`](crate::Follower::add) gave.
    pub source: usize,
    /// The time at its beginning (RFC 3339, as `log-file` writes it). A line without one belongs to the line above it
    /// of the same source, and comes right after it.
    pub time: Option<SystemTime>,
    /// The text as it is in the file, without the line end.
    pub bytes: Vec<u8>,
    /// It goes on where the last piece of the same source ended: no line begins here.
    pub continued: bool,
    /// The line ends here. Otherwise the next piece of the source goes on with it, if there is ever to be one: the
    /// line was longer than [`LONGEST_PIECE`](crate::LONGEST_PIECE), or its writer has paused, or died.
    pub complete: bool,
}

impl Line {
    /// The text for a terminal: whatever could command it is escaped, and what is no UTF-8 is shown as `\xff`.
    ///
    /// Who wants the line as it is takes [`bytes`](Line::bytes).
    pub fn for_terminal(&self) -> String {
        let mut out = String::with_capacity(self.bytes.len());
        for chunk in self.bytes.utf8_chunks() {
            let start = out.len();
            out.push_str(chunk.valid());
            safe_text::escape_since(&mut out, start, safe_text::Lines::Escaped);
            for byte in chunk.invalid() {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: CC-75
    #[test]
    fn what_commands_a_terminal_is_neutral_there_and_kept_in_the_bytes() {
        let bytes = b"\tred \x1b[31m \xff \xc3\xa4\r".to_vec();
        let line =
            Line { source: 0, time: None, bytes: bytes.clone(), continued: false, complete: true };
        assert_eq!(line.for_terminal(), "\tred \\x1b[31m \\xff ä\\r");
        assert_eq!(line.bytes, bytes);
    }
}
