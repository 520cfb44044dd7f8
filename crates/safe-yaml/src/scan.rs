//! How deep the brackets of a YAML text are nested, found in one pass before it is parsed.
//!
//! The parser looks at every open bracket for each token, and through all `%TAG` lines for each of them:
//! 50 KiB of `[` or 300 KiB of `%TAG` take it ten seconds. What it would refuse for its depth in the end
//! is refused here, in time that is linear. So this scan has to see brackets where the parser sees them,
//! and not in texts and comments: it cuts a text into the same tokens (YAML 1.1, chapter 5 to 9, as
//! libyaml reads them), and keeps nothing of them. After a mistake in the text the parser stops; the scan
//! goes on, and may then see more brackets.

/// As many as the deserializer follows: deeper texts were never read.
pub(crate) const MAX_DEPTH: usize = 128;

/// Far more than anybody writes: there is one for the version, and one for each short form of a tag.
pub(crate) const MAX_DIRECTIVES: usize = 64;

/// Where there is too much of something, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMuch {
    Depth(At),
    Directives(At),
}

/// Whether brackets are nested too deep, or directives are too many.
pub(crate) fn scan(text: &str) -> Result<(), TooMuch> {
    Scanner::new(text, MAX_DEPTH).run()
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    line_start: usize,
    max_depth: usize,
    depth: usize,
    directives: usize,
    /// The column of the innermost block collection, and of those around it. None: outside of all.
    indent: Option<usize>,
    outer: Vec<Option<usize>>,
    /// A token here could be the key of a mapping without brackets.
    key_allowed: bool,
    /// Where the last such token began: its position, line and column.
    key: Option<(usize, usize, usize)>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, max_depth: usize) -> Scanner<'a> {
        Scanner {
            text: text.as_bytes(),
            at: 0,
            line: 1,
            line_start: 0,
            max_depth,
            depth: 0,
            directives: 0,
            indent: None,
            outer: Vec::new(),
            key_allowed: true,
            key: None,
        }
    }

    fn run(mut self) -> Result<(), TooMuch> {
        loop {
            self.find_next_token();
            self.unroll(Some(self.column()));
            let Some(byte) = self.peek(0) else { return Ok(()) };
            let blank_next = self.is_blank_or_end(1);
            match byte {
                0 => return Ok(()),
                b'%' if self.column() == 0 => {
                    self.directives += 1;
                    if MAX_DIRECTIVES < self.directives {
                        return Err(TooMuch::Directives(self.place()));
                    }
                    self.unroll(None);
                    self.begin(None, false);
                    self.find_line_end();
                }
                _ if self.is_document_mark() => {
                    self.unroll(None);
                    self.begin(None, false);
                    self.at += 3;
                }
                b'[' | b'{' => {
                    self.begin_key();
                    self.depth += 1;
                    if self.max_depth < self.depth {
                        return Err(TooMuch::Depth(self.place()));
                    }
                    self.key_allowed = true;
                    self.at += 1;
                }
                b']' | b'}' => {
                    // A collection in brackets may be a key itself: `key` stays where its outermost
                    // bracket began. A bracket that closes nothing ends that.
                    if self.depth == 0 {
                        self.key = None;
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.key_allowed = false;
                    self.at += 1;
                }
                b',' => self.indicator(true),
                b'-' if blank_next => {
                    self.roll(self.column());
                    self.indicator(true);
                }
                b'?' if blank_next || self.depth > 0 => {
                    self.roll(self.column());
                    self.indicator(self.depth == 0);
                }
                b':' if blank_next || self.depth > 0 => self.value(),
                b'*' | b'&' | b'!' => {
                    self.begin_key();
                    self.at += 1;
                    self.name();
                }
                b'|' | b'>' if self.depth == 0 => {
                    self.begin(None, true);
                    self.block_scalar();
                }
                b'\'' | b'"' => {
                    self.begin_key();
                    self.quoted(byte);
                }
                b'#' | b'%' | b'@' | b'`' => self.at += 1,
                _ if self.is_blank_or_end(0) => self.at += 1,
                _ => {
                    self.begin_key();
                    self.plain();
                }
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn column(&self) -> usize {
        self.at - self.line_start
    }

    fn place(&self) -> At {
        let start = self.text.get(self.line_start..self.at).unwrap_or_default();
        // All bytes of a character but the first are 10xxxxxx.
        let characters = start.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        At { line: self.line, column: characters + 1 }
    }

    /// How long a line end is, if there is one: CR, LF, both, NEL, LS or PS.
    fn break_length(&self, ahead: usize) -> Option<usize> {
        match self.text.get(self.at + ahead..)? {
            [b'\r', b'\n', ..] => Some(2),
            [b'\r' | b'\n', ..] => Some(1),
            [0xc2, 0x85, ..] => Some(2),
            [0xe2, 0x80, 0xa8 | 0xa9, ..] => Some(3),
            _ => None,
        }
    }

    fn is_blank_or_end(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), None | Some(0 | b' ' | b'\t'))
            || self.break_length(ahead).is_some()
    }

    /// Skips a line end, if there is one.
    fn skip_break(&mut self) -> bool {
        let Some(length) = self.break_length(0) else { return false };
        self.at += length;
        self.line += 1;
        self.line_start = self.at;
        true
    }

    fn find_line_end(&mut self) {
        while !matches!(self.peek(0), None | Some(0)) && self.break_length(0).is_none() {
            self.at += 1;
        }
    }

    fn find_next_token(&mut self) {
        loop {
            if self.column() == 0 && self.text[self.at..].starts_with(b"\xef\xbb\xbf") {
                // The byte order mark is one column, like any character.
                self.at += 3;
                self.line_start = self.at - 1;
            }
            let tabs = self.depth > 0 || !self.key_allowed;
            while self.peek(0) == Some(b' ') || tabs && self.peek(0) == Some(b'\t') {
                self.at += 1;
            }
            if self.peek(0) == Some(b'#') {
                self.find_line_end();
            }
            if !self.skip_break() {
                return;
            }
            if self.depth == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn is_document_mark(&self) -> bool {
        let rest = &self.text[self.at..];
        self.column() == 0
            && (rest.starts_with(b"---") || rest.starts_with(b"..."))
            && self.is_blank_or_end(3)
    }

    fn begin(&mut self, key: Option<(usize, usize, usize)>, key_allowed: bool) {
        if self.depth == 0 {
            self.key = key;
        }
        self.key_allowed = key_allowed;
    }

    /// A token begins that can be a key. Directly after it no other key can begin.
    fn begin_key(&mut self) {
        let here = (self.at, self.line, self.column());
        match self.key_allowed {
            true => self.begin(Some(here), false),
            false => self.key_allowed = false,
        }
    }

    fn indicator(&mut self, key_allowed: bool) {
        self.begin(None, key_allowed);
        self.at += 1;
    }

    fn value(&mut self) {
        // A key is on one line, and at most 1,024 bytes long.
        let key = self.key.filter(|(at, line, _)| *line == self.line && self.at <= at + 1024);
        match key {
            Some((_, _, column)) if self.depth == 0 => {
                self.roll(column);
                self.indicator(false);
            }
            _ => {
                self.roll(self.column());
                self.indicator(self.depth == 0);
            }
        }
    }

    /// A block collection begins here, if it is further in than the one around it.
    fn roll(&mut self, column: usize) {
        if self.depth == 0 && self.indent < Some(column) {
            self.outer.push(self.indent);
            self.indent = Some(column);
        }
    }

    /// Block collections that are further in than this column end here.
    fn unroll(&mut self, column: Option<usize>) {
        while self.depth == 0 && column < self.indent {
            self.indent = self.outer.pop().flatten();
        }
    }

    /// Skips the name of an anchor, an alias or a tag. In `!<…>` brackets belong to the name.
    fn name(&mut self) {
        let verbatim = self.peek(0) == Some(b'<');
        while let Some(byte) = self.peek(0) {
            let ends = match byte {
                b',' | b'[' | b']' | b'{' | b'}' => !verbatim,
                _ => self.is_blank_or_end(0),
            };
            if ends {
                return;
            }
            self.at += 1;
        }
    }

    fn quoted(&mut self, quote: u8) {
        self.at += 1;
        loop {
            match self.peek(0) {
                None | Some(0) => return,
                Some(b'\\') if quote == b'"' => {
                    self.at += 1;
                    if !self.skip_break() {
                        self.at += 1;
                    }
                }
                Some(byte) if byte == quote => {
                    self.at += 1;
                    // Two single quotes in a row are one that belongs to the text.
                    if quote == b'"' || self.peek(0) != Some(quote) {
                        return;
                    }
                    self.at += 1;
                }
                _ if self.is_document_mark() => return,
                _ if self.skip_break() => (),
                Some(_) => self.at += 1,
            }
        }
    }

    fn plain(&mut self) {
        let inside = self.indent.map_or(0, |indent| indent + 1);
        let mut broken = false;
        loop {
            if self.is_document_mark() || self.peek(0) == Some(b'#') {
                break;
            }
            while !self.is_blank_or_end(0) {
                let ends = match self.peek(0) {
                    Some(b':') => self.is_blank_or_end(1) || self.depth > 0 && self.is_flow(1),
                    _ => self.depth > 0 && self.is_flow(0),
                };
                if ends {
                    break;
                }
                broken = false;
                self.at += 1;
            }
            if !(matches!(self.peek(0), Some(b' ' | b'\t')) || self.break_length(0).is_some()) {
                break;
            }
            loop {
                if self.skip_break() {
                    broken = true;
                } else if matches!(self.peek(0), Some(b' ' | b'\t')) {
                    self.at += 1;
                } else {
                    break;
                }
            }
            if self.depth == 0 && self.column() < inside {
                break;
            }
        }
        if broken {
            self.key_allowed = true;
        }
    }

    fn is_flow(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), Some(b',' | b'[' | b']' | b'{' | b'}'))
    }

    fn block_scalar(&mut self) {
        let outside = self.indent;
        self.at += 1;
        let mut indent = 0;
        while let Some(byte @ (b'+' | b'-' | b'1'..=b'9')) = self.peek(0) {
            if byte.is_ascii_digit() {
                indent = outside.unwrap_or(0) + usize::from(byte - b'0');
            }
            self.at += 1;
        }
        // A comment may stand behind the header of a block scalar.
        self.find_line_end();
        self.skip_break();
        let mut furthest = 0;
        loop {
            while (indent == 0 || self.column() < indent) && self.peek(0) == Some(b' ') {
                self.at += 1;
            }
            furthest = furthest.max(self.column());
            if self.skip_break() {
                continue;
            }
            if indent == 0 {
                indent = furthest.max(outside.map_or(0, |outside| outside + 1)).max(1);
            }
            if self.column() != indent || matches!(self.peek(0), None | Some(0)) {
                return;
            }
            self.find_line_end();
            self.skip_break();
        }
    }
}

#[cfg(test)]
mod tests;
