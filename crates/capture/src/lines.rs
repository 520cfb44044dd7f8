//! What comes from a stream in pieces, cut into lines again. Knows no file and no clock.

/// One stream's bytes on their way to be lines.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
    /// A line that gets longer than this is cut.
    longest: usize,
}

impl Lines {
    pub(crate) fn new(longest: usize) -> Lines {
        Lines { begun: Vec::new(), longest }
    }

    /// Appends each line that is complete with `bytes` to `out`, behind `prefix`. Says how many.
    pub(crate) fn push(&mut self, bytes: &[u8], prefix: &[u8], out: &mut Vec<u8>) -> u64 {
        let mut lines = 0;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = self.longest.saturating_sub(self.begun.len());
            // The line end itself needs no room.
            let (mut piece, mut room) = (piece, room);
            while piece.len() > room + usize::from(piece.ends_with(b"\n")) {
                let (now, rest) = piece.split_at(room);
                self.begun.extend_from_slice(now);
                lines += self.end(prefix, out);
                (piece, room) = (rest, self.longest);
            }
            if piece.ends_with(b"\n") {
                out.extend_from_slice(prefix);
                out.append(&mut self.begun);
                out.extend_from_slice(piece);
                lines += 1;
            } else {
                self.begun.extend_from_slice(piece);
            }
        }
        if self.begun.is_empty() {
            // A long line is rare, and its room is not kept for the next one.
            self.begun = Vec::new();
        }
        lines
    }

    /// Appends the line that has begun, with an end, if one has.
    pub(crate) fn end(&mut self, prefix: &[u8], out: &mut Vec<u8>) -> u64 {
        if self.begun.is_empty() {
            return 0;
        }
        out.extend_from_slice(prefix);
        out.append(&mut self.begun);
        out.push(b'\n');
        1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(longest: usize, pieces: &[&[u8]]) -> (String, u64) {
        let mut lines = Lines::new(longest);
        let mut out = Vec::new();
        let mut count = 0;
        for piece in pieces {
            count += lines.push(piece, b"> ", &mut out);
        }
        count += lines.end(b"> ", &mut out);
        (String::from_utf8(out).unwrap(), count)
    }

    /// Cases: LOG-07, IO-14
    #[test]
    fn lines_come_out_whole_however_they_came_in() {
        let check = |pieces: &[&str], expected: &str, count| {
            let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
            assert_eq!(all(100, &pieces), (expected.to_owned(), count));
        };
        check(&["one\ntwo\n"], "> one\n> two\n", 2);
        check(&["o", "ne", "\n", "two\nthr", "ee"], "> one\n> two\n> three\n", 3);
        check(&["\n\n"], "> \n> \n", 2);
        check(&["", ""], "", 0);
    }

    #[test]
    fn a_line_longer_than_the_longest_is_cut() {
        assert_eq!(all(4, &[b"abcd\nabcdefghi\n"]).0, "> abcd\n> abcd\n> efgh\n> i\n");
        assert_eq!(all(4, &[b"abc", b"defgh", b"\nx"]).0, "> abcd\n> efgh\n> x\n");
    }

    proptest! {
        /// Case: LOG-10
        #[test]
        fn no_byte_is_lost_or_changed(pieces: Vec<Vec<u8>>) {
            let mut lines = Lines::new(1 << 20);
            let mut out = Vec::new();
            for piece in &pieces {
                lines.push(piece, b"", &mut out);
            }
            let mut expected = pieces.concat();
            if lines.end(b"", &mut out) > 0 {
                expected.push(b'\n');
            }
            prop_assert_eq!(out, expected);
        }
    }
}
