//! Text of others made harmless: no record can look like two, and no terminal is fooled by one.

use std::fmt::Write;

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

/// Escapes what was written to `out` since `start`. Nearly always there is nothing to escape; so text
/// is first written as it is, and looked at once.
pub(crate) fn escape_since(out: &mut String, start: usize, lines: Lines) {
    // Not `any`: without a way out of the loop it is many bytes at a time.
    if out.as_bytes()[start..].iter().fold(false, |found, byte| found | suspicious(*byte)) {
        let raw = out.split_off(start);
        escape(out, &raw, lines);
    }
}

/// The whole of a text, escaped, on one line.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = text.to_owned();
    escape_since(&mut out, 0, Lines::Escaped);
    out
}

/// Whether a character that needs escaping may be, or begin, here: control characters, DEL, and the
/// first bytes of U+0080 to U+00BF (0xc2) and of U+2000 to U+2FFF (0xe2).
fn suspicious(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xe2)
}

fn escape(out: &mut String, text: &str, lines: Lines) {
    let text = match lines {
        Lines::Escaped => text,
        // The record brings its own line end.
        Lines::Indented => text.trim_end_matches('\n'),
    };
    for c in text.chars() {
        match c {
            '\n' if lines == Lines::Indented => out.push_str(INDENT),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\0'..='\x1f' | '\x7f' if c != '\t' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            // The second set of control characters, which some terminals obey; line and paragraph
            // separators; and what turns the direction of text, so that it reads as what it is not.
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            harmless => out.push(harmless),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let mut out = "kept\n".to_owned() + text;
        escape_since(&mut out, 5, Lines::Indented);
        out.strip_prefix("kept\n").unwrap().to_owned()
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
        assert_eq!(message("one\ntwo"), "one\n    two");
        assert_eq!(message("one\ntwo\n\n"), "one\n    two");
        assert_eq!(message("one\n\ntwo"), "one\n    \n    two");
        assert_eq!(message("one\r\ntwo"), "one\\r\n    two");
        assert_eq!(message("\nx"), "\n    x");
        assert_eq!(message("red \x1b[31m\n\x1b[0m"), "red \\x1b[31m\n    \\x1b[0m");
    }

    #[test]
    fn every_character_that_is_escaped_is_also_suspected() {
        for c in (0..=0x2fff).filter_map(char::from_u32) {
            let text = c.to_string();
            let mut slow = String::new();
            escape(&mut slow, &text, Lines::Escaped);
            assert_eq!(escaped(&text), slow, "{:x}", c as u32);
        }
    }
}
