//! Text in columns: how wide it is, where it is cut, and that it commands no terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One line of somebody else's text: escaped, and without tabs, whose width nobody knows.
pub fn safe(text: &str) -> String {
    safe_text::escaped(text).replace('\t', r"\t")
}

/// How many columns this text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text with spaces up to so many columns.
pub fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text in at most so many columns. What is cut off shows by a `mark` of one column at the end.
pub fn cut(text: &str, columns: usize, mark: char) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if columns < used {
            break;
        }
        out.push(c);
    }
    if 0 < columns {
        out.push(mark);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: CC-54
    #[test]
    fn what_is_cut_is_never_wider_than_its_columns() {
        assert_eq!(cut("web-1", 5, '~'), "web-1");
        assert_eq!(cut("web-10", 5, '~'), "web-~");
        assert_eq!(cut("日本語", 5, '~'), "日本~");
        assert_eq!(cut("日本語", 4, '~'), "日~");
        assert_eq!(cut("x", 0, '~'), "");
        for columns in 0..20 {
            assert!(width(&cut("a日e\u{301}b👩‍🚀語ü – ok", columns, '…')) <= columns, "{columns}");
        }
    }

    #[test]
    fn letters_that_take_two_columns_or_none_are_padded_to_the_same_column() {
        assert_eq!(padded("日本", 6), "日本  ");
        assert_eq!(padded("e\u{301}", 3), "e\u{301}  ");
        assert_eq!(padded("too long", 3), "too long");
    }

    /// Case: CC-47
    #[test]
    fn hostile_text_commands_nothing() {
        let bytes = String::from_utf8_lossy(b"a\x1b[2J\0\xff\tb");
        assert_eq!(safe(&bytes), "a\\x1b[2J\\x00\u{fffd}\\tb");
    }
}
