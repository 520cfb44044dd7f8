//! Text of others made harmless: no record can look like two, and no terminal is fooled by one.
//!
//! ```
//! assert_eq!(safe_text::escaped("red\n\x1b[2J"), r"red\n\x1b[2J");
//! ```
//!
//! What comes from a peer, a file or a name is shown as it is where that is harmless, and escaped where
//! it could command a terminal (CVE-2003-0063 and those of its kind), turn the direction of text
//! (CVE-2021-42574), or make one line look like two.
//!
//! # What it cannot do
//!
//! Tell letters apart that look alike, or bound a text: whoever shows it has to cut it.

use std::fmt::Write;

/// How a line end is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// As `\n`: for names, targets, keys and values.
    Escaped,
    /// As a line end and four spaces: for messages, whose backtraces people want to read.
    Indented,
}

/// What the second and later lines of a message begin with.
const INDENT: &str = "\n    ";

/// Escapes what was written to `out` since `start`. Nearly always there is nothing to escape; so text
/// is first written as it is, and looked at once.
pub fn escape_since(out: &mut String, start: usize, lines: Lines) {
    // Not `any`: a loop that never stops early is compiled to look at many bytes at a time.
    if out.as_bytes()[start..].iter().fold(false, |found, byte| found | suspicious(*byte)) {
        let raw = out.split_off(start);
        escape(out, &raw, lines);
    }
}

/// The whole of a text on one line, with everything escaped that could command a terminal or fool a
/// reader: names, causes, whatever stands within a line.
pub fn escaped(text: &str) -> String {
    let mut out = text.to_owned();
    escape_since(&mut out, 0, Lines::Escaped);
    out
}

/// Whether this byte may be, or begin, a character that needs escaping: control characters, DEL, and the
/// first bytes of U+0080 to U+00BF (0xc2), of U+0600 to U+063F (0xd8) and of U+2000 to U+2FFF (0xe2).
fn suspicious(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t')
        | (byte == 0x7f)
        | (byte == 0xc2)
        | (byte == 0xd8)
        | (byte == 0xe2)
}

/// Whether a reader may see something else than is there: control characters of either set; line and
/// paragraph separators; and what turns the direction of text.
fn fools(c: char) -> bool {
    match c {
        '\t' => false,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        _ => false,
    }
}

/// Makes what was written to `out` since `start` the inside of a JSON string.
pub fn escape_json_since(out: &mut String, start: usize) {
    let special = |byte: &u8| suspicious(*byte) | matches!(byte, b'"' | b'\\' | b'\t');
    if !out.as_bytes()[start..].iter().fold(false, |found, byte| found | special(byte)) {
        return;
    }
    let raw = out.split_off(start);
    for c in raw.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // None of these characters needs more than four digits.
            fooling if fools(fooling) => {
                let _ = write!(out, "\\u{:04x}", fooling as u32);
            }
            harmless => out.push(harmless),
        }
    }
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
            // Writing to a string cannot fail.
            fooling if fools(fooling) => {
                let _ = match fooling as u32 {
                    ascii @ ..=0x7f => write!(out, "\\x{ascii:02x}"),
                    other => write!(out, "\\u{{{other:x}}}"),
                };
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

    /// Cases: SEC-08, FLT-H15
    #[test]
    fn a_name_is_one_line_and_moves_no_cursor() {
        assert_eq!(
            escaped("a\nb\r\x1b[2J\0\x7f\u{9b}\u{202e}\u{61c}"),
            r"a\nb\r\x1b[2J\x00\x7f\u{9b}\u{202e}\u{61c}"
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

    /// Case: SEC-08
    #[test]
    fn a_json_string_stays_one() {
        let mut out = "kept \"".to_owned();
        out.push_str("a\"b\\c\n\r\t\x1b\u{9b}\u{202e}ü");
        escape_json_since(&mut out, 6);
        assert_eq!(out, r#"kept "a\"b\\c\n\r\t\u001b\u009b\u202eü"#);
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

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
