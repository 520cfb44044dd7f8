//! What stands on the terminal: cells, each with a letter and a style.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a text looks. On a terminal without colours all look alike, so none of them says anything alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    Dim,
    Bold,
    Selected,
    Good,
    Uneasy,
    Bad,
}

/// One column of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// `None`: the right half of a letter that takes two columns.
    pub(crate) letter: Option<char>,
    /// What is drawn over the letter: accents, what joins or varies it.
    pub(crate) marks: String,
    pub(crate) style: Style,
}

const BLANK: Cell = Cell { letter: Some(' '), marks: String::new(), style: Style::Plain };

impl Cell {
    /// Whether every terminal gives it one column: ASCII, and the lines and blocks that we draw.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |c: char| matches!(c, ' '..='~' | '\u{2500}'..='\u{259f}' | '…' | '●');
        self.letter.is_some_and(plain) && self.marks.is_empty()
    }
}

/// All cells, in lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    pub(crate) columns: usize,
    cells: Vec<Cell>,
}

impl Screen {
    /// A blank one; a side of 0 is one of 1.
    pub(crate) fn new(columns: usize, lines: usize) -> Screen {
        let columns = columns.max(1);
        Screen { columns, cells: vec![BLANK; columns * lines.max(1)] }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(self.columns)
    }

    pub(crate) fn height(&self) -> usize {
        self.cells.len() / self.columns
    }

    /// Writes the text from this column on, as much of it as fits, and returns the column behind it. What lies outside
    /// is not written. The text must be safe.
    pub(crate) fn put(&mut self, column: usize, line: usize, text: &str, style: Style) -> usize {
        if self.height() <= line {
            return column;
        }
        let (columns, start) = (self.columns, line * self.columns);
        let line = &mut self.cells[start..start + columns];
        let mut at = column;
        for cluster in clusters(text) {
            let width = cluster.width().min(2);
            if columns < at + width {
                break;
            }
            let mut letters = cluster.chars();
            line[at] = Cell { letter: letters.next(), marks: letters.collect(), style };
            if width == 2 {
                line[at + 1] = Cell { letter: None, marks: String::new(), style };
            }
            at += width;
        }
        at
    }

    /// Gives a whole line this style.
    pub(crate) fn paint(&mut self, line: usize, style: Style) {
        let start = line * self.columns;
        for cell in self.cells.iter_mut().skip(start).take(self.columns) {
            cell.style = style;
        }
    }
}

/// A text letter by letter, each with what belongs to it. What belongs to none is left out, and nobody can make a
/// letter large by marks.
fn clusters(text: &str) -> Vec<String> {
    const MOST_MARKS: usize = 8;
    let mut out: Vec<String> = Vec::new();
    for c in text.chars() {
        let joined = out.last().is_some_and(|last| last.ends_with('\u{200d}'));
        let mark = c.width().unwrap_or(0) == 0;
        match out.last_mut() {
            Some(last) if mark || (joined && (last.clone() + &c.to_string()).width() <= 2) => {
                if last.chars().count() <= MOST_MARKS {
                    last.push(c);
                }
            }
            _ if mark => (),
            _ => out.push(c.to_string()),
        }
    }
    out
}

#[cfg(test)]
impl Screen {
    /// As text, without blanks at the ends of lines.
    pub(crate) fn text(&self) -> String {
        let letters = |line: &[Cell]| {
            let cell =
                |cell: &Cell| cell.letter.map(|c| format!("{c}{}", cell.marks)).unwrap_or_default();
            line.iter().map(cell).collect::<String>().trim_end().to_owned()
        };
        self.lines().map(letters).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: CC-82
    #[test]
    fn letters_of_two_columns_or_none_hold_their_columns() {
        let mut screen = Screen::new(8, 1);
        for (text, end) in [
            ("日本", 4),
            ("e\u{301}x", 2),
            ("\u{301}x", 1),
            ("👩\u{200d}🚀x", 3),
            ("☃\u{fe0f}x", 3),
            ("日本日本日", 8),
            ("a日本日本", 7),
        ] {
            assert_eq!(screen.put(0, 0, text, Style::Plain), end, "{text}");
        }
        let long = format!("a{}", "\u{301}".repeat(10_000));
        assert_eq!(screen.put(0, 0, &long, Style::Plain), 1);
        assert!(screen.text().len() < 50);
    }

    #[test]
    fn what_lies_outside_is_not_written() {
        let mut screen = Screen::new(0, 0);
        assert_eq!(screen.put(0, 0, "ab", Style::Plain), 1);
        assert_eq!(screen.put(5, 0, "ab", Style::Plain), 5);
        assert_eq!(screen.put(0, 7, "ab", Style::Plain), 0);
        screen.paint(7, Style::Bad);
        assert_eq!(screen.text(), "a");
    }
}
