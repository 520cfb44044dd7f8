//! From bytes to keys: ASCII, UTF-8, and the sequences by which terminals tell the others (ECMA-48, xterm's "ctlseqs").

/// What a person pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Letter(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
    /// Ctrl-L.
    Redraw,
}

/// No sequence that means anything is longer.
const LONGEST: usize = 32;

/// Bytes of which it is not known yet what they are.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pending: Vec<u8>,
    /// What is pasted is nobody's answer to a question.
    pasting: bool,
}

impl Keys {
    /// The keys in these bytes and those that were pending.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut rest = self.pending.as_slice();
        while let Some((taken, read)) = next(rest) {
            rest = &rest[taken..];
            match read {
                Read::Paste(begins) => self.pasting = begins,
                Read::Key(key) if !self.pasting => keys.push(key),
                Read::Key(_) | Read::Nothing => (),
            }
        }
        self.pending = rest.to_vec();
        keys
    }

    /// Whether something more must come soon, or else it was [Escape](Key::Escape) alone.
    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Nothing more has come.
    pub(crate) fn give_up(&mut self) -> Option<Key> {
        let alone = self.pending == [ESC] && !self.pasting;
        self.pending.clear();
        alone.then_some(Key::Escape)
    }
}

const ESC: u8 = 0x1b;

enum Read {
    Key(Key),
    Paste(bool),
    Nothing,
}

/// How many bytes the first thing in here takes, and what it is; `None`: the rest of it has not come yet.
fn next(bytes: &[u8]) -> Option<(usize, Read)> {
    let key = |taken, key| Some((taken, Read::Key(key)));
    match *bytes.first()? {
        ESC => sequence(bytes),
        0x03 => key(1, Key::Interrupt),
        0x1a => key(1, Key::Suspend),
        0x0c => key(1, Key::Redraw),
        b'\r' | b'\n' => key(1, Key::Enter),
        0x08 | 0x7f => key(1, Key::Backspace),
        first @ 0x20..=0x7e => key(1, Key::Letter(char::from(first))),
        first @ 0xc2..=0xf4 => {
            let length = 2 + usize::from(0xe0 <= first) + usize::from(0xf0 <= first);
            let end = bytes.len().min(length);
            match std::str::from_utf8(&bytes[..end]) {
                Ok(text) => key(end, Key::Letter(text.chars().next()?)),
                Err(error) if error.error_len().is_none() && end < length => None,
                Err(_) => Some((1, Read::Nothing)),
            }
        }
        _ => Some((1, Read::Nothing)),
    }
}

fn sequence(bytes: &[u8]) -> Option<(usize, Read)> {
    let end = match *bytes.get(1)? {
        b'[' => {
            let last = bytes[2..].iter().position(|byte| (0x40..=0x7e).contains(byte));
            match last {
                Some(at) => at + 3,
                None if LONGEST < bytes.len() => return Some((bytes.len(), Read::Nothing)),
                None => return None,
            }
        }
        b'O' if bytes.len() < 3 => return None,
        b'O' => 3,
        ESC => return Some((1, Read::Key(Key::Escape))),
        // With Alt.
        _ => return Some((2, Read::Nothing)),
    };
    let read = match &bytes[1..end] {
        b"[A" | b"OA" => Read::Key(Key::Up),
        b"[B" | b"OB" => Read::Key(Key::Down),
        b"[H" | b"OH" | b"[1~" | b"[7~" => Read::Key(Key::Home),
        b"[F" | b"OF" | b"[4~" | b"[8~" => Read::Key(Key::End),
        b"[5~" => Read::Key(Key::PageUp),
        b"[6~" => Read::Key(Key::PageDown),
        b"[200~" => Read::Paste(true),
        b"[201~" => Read::Paste(false),
        _ => Read::Nothing,
    };
    Some((end, read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_also_in_pieces() {
        let text = "q日\x1b[A\x1bOB\x1b[5~\r\x7f\x03\x1a".as_bytes();
        let expected = [
            Key::Letter('q'),
            Key::Letter('日'),
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::Enter,
            Key::Backspace,
            Key::Interrupt,
            Key::Suspend,
        ];
        assert_eq!(Keys::default().feed(text), expected);
        let mut keys = Keys::default();
        let each: Vec<Key> = text.iter().flat_map(|byte| keys.feed(&[*byte])).collect();
        assert_eq!(each, expected);
        assert!(!keys.is_pending());
    }

    #[test]
    fn escape_alone_is_known_when_nothing_more_comes() {
        let mut keys = Keys::default();
        assert_eq!(keys.feed(b"\x1b"), []);
        assert!(keys.is_pending());
        assert_eq!(keys.give_up(), Some(Key::Escape));
        assert_eq!(keys.feed(b"\x1b["), []);
        assert_eq!(keys.give_up(), None);
        assert_eq!(keys.feed(b"\x1b\x1bq"), [Key::Escape]);
    }

    /// Case: CC-80
    #[test]
    fn what_is_pasted_answers_no_question() {
        let mut keys = Keys::default();
        assert_eq!(keys.feed(b"\x1b[200~ry\x1b[201~s"), [Key::Letter('s')]);
    }

    #[test]
    fn no_bytes_make_it_keep_much_or_panic() {
        let mut keys = Keys::default();
        for byte in 0..=255_u8 {
            for head in [&b""[..], b"\x1b", b"\x1b[", b"\x1bO", b"\xe6", b"\xf0\x9f"] {
                keys.feed(&[head, &[byte, byte]].concat());
                assert!(keys.pending.len() <= LONGEST + 2);
            }
        }
        keys.feed(b"\x1b[");
        keys.feed(&[b'0'; 1000]);
        assert!(!keys.is_pending());
    }
}
