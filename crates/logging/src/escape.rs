//! Text of others made harmless: no record can look like two, and no terminal is fooled by one.

use std::fmt::{self, Write};

/// How a line end is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// As `\n`: for names, targets, keys and values.
    Escaped,
    /// As a line end and four spaces: for messages, whose backtraces people want to read.
    Indented,
}

/// What the second and later lines of a message begin with.
const INDENT: &str = "\n    ";

/// Writes into a string and escapes what would fool a terminal or a reader of lines.
pub(crate) struct Escaper<'a> {
    out: &'a mut String,
    lines: Lines,
    /// Line ends that are written only if something follows: those at the end of a message are
    /// dropped, the record brings its own.
    pending: usize,
}

impl<'a> Escaper<'a> {
    pub(crate) fn new(out: &'a mut String, lines: Lines) -> Escaper<'a> {
        Escaper { out, lines, pending: 0 }
    }

    fn put(&mut self, c: char) {
        match (c, self.lines) {
            ('\n', Lines::Indented) => {
                self.pending += 1;
                return;
            }
            _ => self.flush_lines(),
        }
        match c {
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\0'..='\x1f' | '\x7f' if c != '\t' => {
                // Writing to a string cannot fail.
                let _ = write!(self.out, "\\x{:02x}", c as u32);
            }
            // The second set of control characters, which some terminals obey; line and paragraph
            // separators; and what turns the direction of text, so that it reads as what it is not.
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                let _ = write!(self.out, "\\u{{{:x}}}", c as u32);
            }
            harmless => self.out.push(harmless),
        }
    }

    fn flush_lines(&mut self) {
        for _ in 0..std::mem::take(&mut self.pending) {
            self.out.push_str(INDENT);
        }
    }
}

/// Whether any character of it may need escaping. Bytes are enough: all such characters begin with
/// a control byte, DEL, 0xc2 (up to U+00BF) or 0xe2 (up to U+2FFF).
fn suspicious(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f || byte == 0xc2 || byte == 0xe2
}

impl Write for Escaper<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        if text.bytes().any(suspicious) {
            text.chars().for_each(|c| self.put(c));
        } else {
            self.flush_lines();
            self.out.push_str(text);
        }
        Ok(())
    }
}

/// The whole of a text, escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let _ = Escaper::new(&mut out, Lines::Escaped).write_str(text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(pieces: &[&str]) -> String {
        let mut out = String::new();
        let mut escaper = Escaper::new(&mut out, Lines::Indented);
        for piece in pieces {
            escaper.write_str(piece).unwrap();
        }
        out
    }

    /// Case: SEC-08
    #[test]
    fn a_name_is_one_line_and_moves_no_cursor() {
        assert_eq!(
            escaped("a\nb\r\x1b[2J\0\x7f\u{9b}\u{202e}"),
            r"a\nb\r\x1b[2J\x00\x7f\u{9b}\u{202e}"
        );
        assert_eq!(escaped("plain\tÄ – “ok” ☃ 日本"), "plain\tÄ – “ok” ☃ 日本");
    }

    /// Case: SEC-08
    #[test]
    fn later_lines_of_a_message_are_indented_and_the_last_line_end_is_dropped() {
        assert_eq!(message(&["one\ntwo"]), "one\n    two");
        assert_eq!(message(&["one\n", "two\n", "\n"]), "one\n    two");
        assert_eq!(message(&["one", "\n", "\n", "two"]), "one\n    \n    two");
        assert_eq!(message(&["one\r\ntwo"]), "one\\r\n    two");
        assert_eq!(message(&["\n", "x"]), "\n    x");
        assert_eq!(message(&["red \x1b[31m\n\x1b[0m"]), "red \\x1b[31m\n    \\x1b[0m");
    }

    #[test]
    fn every_character_that_is_escaped_is_also_suspected() {
        for c in (0..=0x2fff).filter_map(char::from_u32) {
            let text = c.to_string();
            let mut slow = String::new();
            Escaper::new(&mut slow, Lines::Escaped).put(c);
            assert_eq!(escaped(&text), slow, "{:x}", c as u32);
        }
    }
}
