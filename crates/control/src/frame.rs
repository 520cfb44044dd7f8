//! Bytes to messages: each ends with a NUL byte, which JSON never contains.

/// The longest call that a server takes, in bytes.
pub const LONGEST_CALL: usize = 64 << 10;

/// The longest reply that a client takes, in bytes.
pub const LONGEST_REPLY: usize = 64 << 20;

/// A message that is longer than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message is longer than {longest} bytes")]
pub struct TooLong {
    /// The longest that is allowed.
    pub longest: usize,
}

/// What has come of a stream, and was not taken as messages yet.
///
/// It keeps at most one message that is not complete, and what was [pushed](Frames::push) last. No byte is looked at
/// twice, and none is kept once all messages were taken.
#[derive(Debug)]
pub struct Frames {
    bytes: Vec<u8>,
    /// Where the next message begins.
    start: usize,
    /// Up to where no end was found.
    scanned: usize,
    longest: usize,
}

impl Frames {
    /// Nothing has come yet; a message may have so many bytes without its end.
    pub fn new(longest: usize) -> Frames {
        Frames { bytes: Vec::new(), start: 0, scanned: 0, longest }
    }

    /// Adds what has come. Take all [messages](Frames::next_message) before the next bytes are read: that is what bounds it.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete message, without its end.
    ///
    /// # Errors
    ///
    /// [`TooLong`], also before its end has come. What comes after it cannot be told from it: it is said each time.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let end = self.find_end();
        if end.unwrap_or(self.bytes.len()) - self.start > self.longest {
            return Err(TooLong { longest: self.longest });
        }
        let Some(end) = end else { return Ok(None) };
        let message = self.bytes[self.start..end].to_vec();
        self.start = end + 1;
        self.scanned = self.start;
        if self.start == self.bytes.len() {
            (self.bytes, self.start, self.scanned) = (Vec::new(), 0, 0);
        }
        Ok(Some(message))
    }

    /// Whether [`next_message`](Frames::next_message) has something to tell: a message, or that it is too long.
    pub fn has_news(&mut self) -> bool {
        self.find_end().is_some() || self.bytes.len() - self.start > self.longest
    }

    /// How many bytes are kept.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether nothing is kept: the stream may end here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves `scanned` at the end that was found.
    fn find_end(&mut self) -> Option<usize> {
        let found = self.bytes[self.scanned..].iter().position(|byte| *byte == 0);
        self.scanned = found.map_or(self.bytes.len(), |at| self.scanned + at);
        found.map(|_| self.scanned)
    }
}

#[cfg(test)]
mod tests;
