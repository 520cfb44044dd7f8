//! JSON that shows what it says: for people too, who read it on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};

/// The value, a member on each line. What a terminal obeys, what turns the direction of text, and
/// what cannot be seen is escaped: names, and what workers say, may come from anywhere.
pub(super) fn to_vec(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Plain(PrettyFormatter::new())))?;
    Ok(bytes)
}

/// serde_json escapes what JSON does not allow, which is less.
struct Plain(PrettyFormatter<'static>);

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            // Characters beyond the first 65,536 are written as two numbers (RFC 8259, section 7).
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(w, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(w, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// Control characters, separators of lines and paragraphs, and format characters: the categories Cc,
/// Zl, Zp and Cf of Unicode 16.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}'
        | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
        | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(to_vec(value).unwrap()).unwrap()
    }

    /// Case: FLT-H15
    #[test]
    fn what_cannot_be_seen_is_escaped_and_is_the_same_when_it_is_read() {
        let fooling = "a\u{202e}b\u{9b}c\u{61c}\u{200b}\u{feff}\u{2028}\x7f\x1b\u{e0041}\u{ad}z";
        let found = text(&Value::from(fooling));
        assert_eq!(
            found,
            r#""a\u202eb\u009bc\u061c\u200b\ufeff\u2028\u007f\u001b\udb40\udc41\u00adz""#
        );
        assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), fooling);
        let harmless = "Ä – “ok” ☃ 日本 e\u{301} हिन्दी \\ \"";
        assert_eq!(text(&Value::from(harmless)), serde_json::to_string(harmless).unwrap());
    }

    /// Each character in its own text, and as a key.
    #[test]
    fn every_character_comes_back() {
        for c in '\0'..=char::MAX {
            let found = text(&Value::from(c.to_string()));
            let fooled = found.chars().any(is_hidden);
            assert!(!fooled, "{:x}", u32::from(c));
            let again: String = serde_json::from_str(&found).unwrap();
            assert_eq!(again, c.to_string());
        }
    }

    #[test]
    fn all_else_is_as_serde_json_has_it() {
        let value = serde_json::json!({"a": [1, {"b": null}, [], {}], "\n": "x\t\"", "c": true});
        assert_eq!(to_vec(&value).unwrap(), serde_json::to_vec_pretty(&value).unwrap());
    }
}
