//! From one screen to the next: the bytes that a terminal needs for it (ECMA-48), and no more.

use std::fmt::Write;

use crate::screen::{Cell, Screen, Style};

/// So many cells that have not changed are written again rather than jumped over, which takes as many bytes.
const GAP: usize = 6;

/// What makes `new` of `old`. Without an old one, or with one of another size, everything is cleared and written.
pub(crate) fn changes(old: Option<&Screen>, new: &Screen, colours: bool) -> String {
    let mut pen = Pen { out: String::new(), style: Style::Plain, colours };
    let same_size = |old: &&Screen| old.columns == new.columns && old.height() == new.height();
    let blank = Screen::new(new.columns, new.height());
    let old = old.filter(same_size).unwrap_or_else(|| {
        pen.out.push_str("\x1b[0m\x1b[2J");
        &blank
    });
    for (index, (before, after)) in old.lines().zip(new.lines()).enumerate() {
        if before == after {
            continue;
        }
        if before.iter().chain(after).all(Cell::is_plain) {
            pen.some(index, before, after);
        } else {
            pen.whole(index, after);
        }
    }
    pen.set(Style::Plain);
    pen.out
}

struct Pen {
    out: String,
    style: Style,
    colours: bool,
}

impl Pen {
    /// Only what has changed.
    fn some(&mut self, line: usize, before: &[Cell], after: &[Cell]) {
        let mut at = 0;
        while let Some(skip) = (at..after.len()).position(|i| before[i] != after[i]) {
            let start = at + skip;
            let mut end = start + 1;
            while let Some(near) =
                (end..after.len().min(end + GAP)).find(|&i| before[i] != after[i])
            {
                end = near + 1;
            }
            self.go(line, start);
            after[start..end].iter().for_each(|cell| self.cell(cell));
            at = end;
        }
    }

    /// A line with letters of which a terminal may have its own opinion how wide they are: it is erased, and the
    /// place of whatever follows such a letter is said.
    fn whole(&mut self, line: usize, after: &[Cell]) {
        self.set(Style::Plain);
        self.go(line, 0);
        self.out.push_str("\x1b[2K");
        let mut sure = true;
        for (column, cell) in after.iter().enumerate().filter(|(_, cell)| cell.letter.is_some()) {
            if !sure {
                self.go(line, column);
            }
            self.cell(cell);
            sure = cell.is_plain();
        }
    }

    fn cell(&mut self, cell: &Cell) {
        self.set(cell.style);
        self.out.extend(cell.letter);
        self.out.push_str(&cell.marks);
    }

    fn go(&mut self, line: usize, column: usize) {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "\x1b[{};{}H", line + 1, column + 1);
    }

    fn set(&mut self, style: Style) {
        if !self.colours || self.style == style {
            return;
        }
        self.style = style;
        self.out.push_str(match style {
            Style::Plain => "\x1b[0m",
            Style::Dim => "\x1b[0;2m",
            Style::Bold => "\x1b[0;1m",
            Style::Selected => "\x1b[0;7m",
            Style::Good => "\x1b[0;32m",
            Style::Uneasy => "\x1b[0;33m",
            Style::Bad => "\x1b[0;31m",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(lines: &[&str]) -> Screen {
        let mut screen = Screen::new(24, lines.len());
        for (index, line) in lines.iter().enumerate() {
            screen.put(0, index, line, Style::Plain);
        }
        screen
    }

    #[test]
    fn only_cells_that_changed_are_written() {
        let old = screen(&["web-1  running  4720", "web-2  running  4721"]);
        assert_eq!(changes(Some(&old), &old, true), "");
        let new = screen(&["web-1  running  4720", "web-2  stopped  -"]);
        assert_eq!(changes(Some(&old), &new, true), "\x1b[2;8Hstopped  -   ");
        let new = screen(&["WEB-1  running  4729", "web-2  running  4721"]);
        assert_eq!(changes(Some(&old), &new, true), "\x1b[1;1HWEB\x1b[1;20H9");
    }

    #[test]
    fn another_size_is_written_whole() {
        let (old, new) = (screen(&["a"]), screen(&["a", "b"]));
        let whole = "\x1b[0m\x1b[2J\x1b[1;1Ha\x1b[2;1Hb";
        assert_eq!(changes(Some(&old), &new, false), whole);
        assert_eq!(changes(None, &new, false), whole);
    }

    /// Case: CC-82
    #[test]
    fn the_place_behind_a_letter_that_may_be_wide_is_said() {
        let (old, new) = (screen(&["x"]), screen(&["日本 4720"]));
        let written = changes(Some(&old), &new, false);
        assert!(written.starts_with("\x1b[1;1H\x1b[2K日\x1b[1;3H本\x1b[1;5H 4720"), "{written:?}");
    }

    /// Case: CC-53
    #[test]
    fn without_colours_there_are_none() {
        let mut new = Screen::new(8, 1);
        new.put(0, 0, "bad", Style::Bad);
        assert_eq!(changes(Some(&screen(&[""])), &new, false).matches('m').count(), 1);
        let old = Screen::new(8, 1);
        assert_eq!(changes(Some(&old), &new, false), "\x1b[1;1Hbad");
        assert_eq!(changes(Some(&old), &new, true), "\x1b[1;1H\x1b[0;31mbad\x1b[0m");
    }
}
