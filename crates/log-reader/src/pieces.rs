//! Bytes as they come, taken apart into lines.

use crate::merge;

/// A line, or a piece of one, without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    pub(crate) continued: bool,
    pub(crate) complete: bool,
    /// Its line is one of those that were counted when the file was opened.
    pub(crate) is_counted: bool,
}

/// What was read and is not a whole line yet: [`LONGEST_PIECE`](crate::LONGEST_PIECE) at most.
#[derive(Debug)]
pub(crate) struct Pieces {
    rest: Vec<u8>,
    longest: usize,
    /// A piece of this line was given.
    is_begun: bool,
    /// So many of the lines that begin next were counted before they were read.
    counted: u64,
    /// The line that was begun last is one of them.
    is_counted: bool,
}

impl Pieces {
    pub(crate) fn new(longest: usize) -> Pieces {
        Pieces { rest: Vec::new(), longest, is_begun: false, counted: 0, is_counted: false }
    }

    /// So many lines were counted, and are to be read next.
    pub(crate) fn expect(&mut self, counted: u64) {
        self.counted = counted;
    }

    /// How many of the counted lines have not been given yet.
    pub(crate) fn expected(&self) -> u64 {
        self.counted
    }

    /// All that was counted was read, or is there no more: what begins from here on is new. Gives how many have not
    /// come. A line of which something was read, and nothing given, still counts.
    pub(crate) fn end_counted(&mut self) -> u64 {
        let is_coming = !self.rest.is_empty() && !self.is_begun;
        let missing = self.counted.saturating_sub(u64::from(is_coming));
        self.counted -= missing;
        missing
    }

    /// Whether the last line was given as far as it was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the next bytes, and gives what they complete, while there is room for it. Says how many it has taken.
    pub(crate) fn push(&mut self, all: &[u8], room: &mut usize, out: &mut Vec<Piece>) -> usize {
        let mut bytes = all;
        while !bytes.is_empty() && 0 < *room {
            let given = out.len();
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (mut line, after) = match end {
                Some(end) => (&bytes[..end], &bytes[end + 1..]),
                None => (bytes, &bytes[bytes.len()..]),
            };
            while self.longest < self.rest.len() + line.len() {
                let (fits, more) = line.split_at(self.longest - self.rest.len());
                self.rest.extend_from_slice(fits);
                line = more;
                // A letter that has not come to its end begins the next piece.
                let tail = self.rest.split_off(self.rest.len() - unfinished(&self.rest));
                self.give(false, out);
                self.rest = tail;
            }
            self.rest.extend_from_slice(line);
            if end.is_some() {
                // Where all of the line was given before, its end is nothing to show.
                if !(self.is_begun && self.rest.is_empty()) {
                    self.give(true, out);
                }
                self.is_begun = false;
            }
            bytes = after;
            let costs: usize = out[given..].iter().map(|piece| merge::cost(&piece.bytes)).sum();
            *room = room.saturating_sub(costs);
        }
        all.len() - bytes.len()
    }

    /// Gives what there is of a line whose end has not come.
    pub(crate) fn flush(&mut self, out: &mut Vec<Piece>) {
        if !self.rest.is_empty() {
            self.give(false, out);
        }
    }

    /// The next bytes begin a line, whatever was given.
    pub(crate) fn begin_anew(&mut self) {
        self.is_begun = false;
    }

    fn give(&mut self, complete: bool, out: &mut Vec<Piece>) {
        if !self.is_begun {
            self.is_counted = 0 < self.counted;
            self.counted -= u64::from(self.is_counted);
        }
        let (bytes, is_counted) = (std::mem::take(&mut self.rest), self.is_counted);
        out.push(Piece { bytes, continued: self.is_begun, complete, is_counted });
        self.is_begun = true;
    }
}

/// How many bytes at the end are the beginning of a letter in UTF-8, of which more is to come; 0 if they are all.
fn unfinished(bytes: &[u8]) -> usize {
    const LONGEST: usize = 4;
    let last = bytes.iter().rev().take(LONGEST - 1).position(|byte| byte & 0xc0 != 0x80);
    let Some(begun) = last.map(|before| before + 1).filter(|begun| *begun < bytes.len()) else {
        return 0;
    };
    let whole = match bytes[bytes.len() - begun] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if begun < whole { begun } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn push(pieces: &mut Pieces, bytes: &[u8], out: &mut Vec<Piece>) {
        let mut room = usize::MAX;
        assert_eq!(pieces.push(bytes, &mut room, out), bytes.len());
    }

    #[test]
    fn letters_are_not_cut() {
        for longest in 4..12 {
            for text in ["Qääääääää\n", "€€€€€€\n", "a😀😀😀😀\n", "plain ascii text\n"]
            {
                let (mut pieces, mut out) = (Pieces::new(longest), Vec::new());
                push(&mut pieces, text.as_bytes(), &mut out);
                let all: Vec<u8> = out.iter().flat_map(|piece| piece.bytes.clone()).collect();
                assert_eq!(all, text.trim_end().as_bytes());
                assert!(
                    out.iter().all(|piece| std::str::from_utf8(&piece.bytes).is_ok()),
                    "{out:?}"
                );
                assert!(out.iter().all(|piece| piece.bytes.len() <= longest));
            }
        }
        // What is no UTF-8 is cut anywhere, and comes as it is.
        let (mut pieces, mut out) = (Pieces::new(4), Vec::new());
        push(&mut pieces, b"\x80\x80\x80\x80\x80\xff\xc3\xc3\xc3\xc3\xc3\n", &mut out);
        let all: Vec<u8> = out.into_iter().flat_map(|piece| piece.bytes).collect();
        assert_eq!(all, b"\x80\x80\x80\x80\x80\xff\xc3\xc3\xc3\xc3\xc3");
    }

    #[test]
    fn without_room_nothing_is_taken_and_with_little_one_line_is() {
        let (mut pieces, mut out) = (Pieces::new(9), Vec::new());
        assert_eq!(pieces.push(b"one\ntwo\n", &mut 0, &mut out), 0);
        assert_eq!((pieces.push(b"one\ntwo\n", &mut 1, &mut out), out.len()), (4, 1));
    }

    fn all(pushes: &[&str], longest: usize) -> String {
        let (mut pieces, mut out) = (Pieces::new(longest), Vec::new());
        for pushed in pushes {
            match *pushed {
                "<flush>" => pieces.flush(&mut out),
                bytes => push(&mut pieces, bytes.as_bytes(), &mut out),
            }
        }
        pieces.flush(&mut out);
        let show = |piece: &Piece| {
            let (before, after) = (["", "~"][usize::from(piece.continued)], ["~", ""]);
            let text = String::from_utf8_lossy(&piece.bytes);
            format!("{before}{text}{}", after[usize::from(piece.complete)])
        };
        out.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_line_is_given_whole_unless_it_is_long_or_was_asked_for_before_its_end() {
        for (pushes, expected) in [
            (&["a\nb\n"][..], "a b"),
            (&["a", "b\n\n", "c"], "ab  c~"),
            (&["abcd\n"], "abcd"),
            (&["abcdefghi\n"], "abcd~ ~efgh~ ~i"),
            (&["abcdefgh\n"], "abcd~ ~efgh"),
            (&["ab", "<flush>", "c\nd\n"], "ab~ ~c d"),
            (&["ab", "<flush>", "\nd\n"], "ab~ d"),
            (&["ab", "<flush>", "\n\nd\n"], "ab~  d"),
            (&["<flush>"], ""),
        ] {
            assert_eq!(all(pushes, 4), expected, "{pushes:?}");
        }
    }

    #[test]
    fn what_was_counted_is_told_from_what_is_new_also_if_it_does_not_come() {
        let (mut pieces, mut out) = (Pieces::new(9), Vec::new());
        pieces.expect(5);
        push(&mut pieces, b"one\ntwo\nhalf", &mut out);
        assert_eq!(pieces.end_counted(), 2, "the half one comes");
        assert_eq!(pieces.end_counted(), 0);
        push(&mut pieces, b" of it that is long\nnew\n", &mut out);
        let counted: Vec<_> = out.iter().map(|piece| piece.is_counted).collect();
        assert_eq!(counted, [true, true, true, true, true, false]);

        let (mut pieces, mut out) = (Pieces::new(9), Vec::new());
        pieces.expect(2);
        push(&mut pieces, b"shown", &mut out);
        pieces.flush(&mut out);
        assert_eq!(pieces.end_counted(), 1, "of the shown one the rest comes, and it has come");
        push(&mut pieces, b" and gone on with\nnew\n", &mut out);
        assert!(out.iter().rev().skip(1).all(|piece| piece.is_counted));
        assert!(!out.last().unwrap().is_counted);
    }

    proptest! {
        /// However it is cut, nothing is lost, and no piece is longer than it may be.
        #[test]
        fn pieces_together_are_what_was_read(
            text in prop::collection::vec(prop::sample::select(&b"ab\n"[..]), 0..60),
            cuts in prop::collection::vec(1_usize..9, 1..20),
            longest in 1_usize..6,
        ) {
            let (mut pieces, mut out) = (Pieces::new(longest), Vec::new());
            let (mut rest, mut cuts) = (&text[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                push(&mut pieces, now, &mut out);
                rest = later;
            }
            pieces.flush(&mut out);
            let mut joined = Vec::new();
            for piece in &out {
                prop_assert!(piece.bytes.len() <= longest);
                joined.extend_from_slice(&piece.bytes);
                joined.extend(piece.complete.then_some(b'\n'));
            }
            prop_assert_eq!(joined, text);
        }
    }
}
