//! The last lines of a child, for whoever asks what it died of.

use serde::{Deserialize, Serialize};

/// The last lines that a child wrote in one run. Empty without a [`Capture`](crate::Capture).
///
/// Bytes that are no text are replaced; nothing else is escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLines {
    /// On standard output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stdout: Vec<String>,
    /// On standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stderr: Vec<String>,
}

impl LastLines {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.stdout.is_empty() && self.stderr.is_empty()
    }
}

/// What is kept of a stream.
const MOST: usize = 16 << 10;

/// The end of a stream.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// At most twice what is kept.
    bytes: Vec<u8>,
    /// Whether anything came before.
    cut: bool,
}

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(MOST)..];
        if kept.len() < bytes.len() || self.bytes.len() + kept.len() > 2 * MOST {
            self.cut = true;
            let before = self.bytes.len().min(MOST - kept.len());
            self.bytes.drain(..self.bytes.len() - before);
        }
        self.bytes.extend_from_slice(kept);
    }

    /// The last so many lines; the last one perhaps without its end.
    pub(crate) fn lines(&self, count: usize) -> Vec<String> {
        let from = self.bytes.len().saturating_sub(MOST);
        let mut bytes = &self.bytes[from..];
        // The first line here may have begun in what is not kept: then it would only confuse, and is left
        // out, unless it is all there is.
        if (from > 0 || self.cut)
            && let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
            && end + 1 < bytes.len()
        {
            bytes = &bytes[end + 1..];
        }
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.is_empty() {
            return Vec::new();
        }
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        let first = lines.len().saturating_sub(count);
        lines[first..].iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: IO-11
    #[test]
    fn the_last_lines_are_the_last_whatever_came_before() {
        let mut tail = Tail::default();
        assert_eq!(tail.lines(3), [""; 0]);
        tail.push(b"one\ntwo");
        assert_eq!(tail.lines(3), ["one", "two"]);
        tail.push(b"!\nth\xffree\n");
        assert_eq!(tail.lines(2), ["two!", "th\u{fffd}ree"]);
        assert_eq!(tail.lines(0), [""; 0]);
        for number in 0..100_000 {
            tail.push(format!("{number:09}\n").as_bytes());
            assert!(tail.bytes.len() <= 2 * MOST);
        }
        assert_eq!(tail.lines(2), ["000099998", "000099999"]);
        let kept = tail.lines(usize::MAX);
        assert!(kept.len() >= MOST / 10 - 1 && kept.iter().all(|line| line.len() == 9), "{kept:?}");
    }

    #[test]
    fn of_an_endless_line_the_end_is_kept() {
        let mut tail = Tail::default();
        tail.push(&[b'x'; 100_000]);
        tail.push(b"end");
        let lines = tail.lines(5);
        assert!(lines.len() == 1 && lines[0].ends_with("xend") && lines[0].len() <= MOST);
    }
}
