//! What must be read to its end: a text that is broken into lines where a terminal is narrow, and never cut.

use super::Look;
use super::text::width;

/// Narrower text is harder to read than one that is cut.
const LEAST: usize = 20;

/// Before each line but the first, more than before that.
const HANGING: usize = 2;

impl Look {
    /// The text behind so many blanks, in as many lines as it takes: one where nothing is cut, as into a pipe. Where
    /// there is no room for words, it is cut.
    pub(crate) fn wrapped(self, indent: usize, text: &str) -> Vec<String> {
        let whole = format!("{}{text}", " ".repeat(indent));
        let Some(columns) = self.columns.filter(|columns| *columns < width(&whole)) else {
            return vec![whole];
        };
        if columns < indent + HANGING + LEAST {
            return vec![self.fitted(&whole)];
        }
        let mut lines = Vec::new();
        let mut line = " ".repeat(indent);
        let mut is_begun = false;
        for word in text.split_inclusive(' ') {
            if is_begun && columns < width(&line) + width(word.trim_end()) {
                lines.push(next_line(&mut line, indent));
            }
            for letter in word.chars() {
                // A word that is longer than a line is broken anywhere.
                if letter != ' ' && columns < width(&line) + width(letter.encode_utf8(&mut [0; 4]))
                {
                    lines.push(next_line(&mut line, indent));
                }
                line.push(letter);
            }
            is_begun = true;
        }
        lines.push(line.trim_end().to_owned());
        lines
    }
}

/// The line that is full; another one is begun.
fn next_line(line: &mut String, indent: usize) -> String {
    let full = std::mem::replace(line, " ".repeat(indent + HANGING));
    full.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{PIPE, plain};
    use super::*;

    /// Cases: CC-49, CC-54
    #[test]
    fn nothing_is_lost_and_no_line_is_wider_than_the_terminal() {
        let text = "it returned an error: gave up: more than 2 restarts within 60s, \
                    /a/path/that/is/longer/than/most/lines/are日本 panicked: no such key";
        assert_eq!(PIPE.wrapped(2, text), [format!("  {text}")]);
        for columns in 0..=160 {
            let lines = plain(columns).wrapped(2, text);
            assert!(lines.iter().all(|line| width(line) <= columns), "{columns}: {lines:?}");
            let kept: String = lines.concat().split_whitespace().collect();
            let all: String = text.split_whitespace().collect();
            assert!(columns < 24 || kept == all, "{columns}: {lines:?}");
        }
        assert_eq!(
            plain(26).wrapped(2, "one two three four five six"),
            ["  one two three four five", "    six"]
        );
    }
}
