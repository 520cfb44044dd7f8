//! An error without its type.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bound::{LONGEST_CHAIN_TEXT, LONGEST_TEXT, cut};

/// An error as text, with the texts of its causes: what is left of it after crossing a process
/// border.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorText {
    pub(crate) text: String,
    pub(crate) source: Option<Box<ErrorText>>,
}

/// No chain of causes is made longer than this: an error may be its own cause.
pub(crate) const LONGEST_CHAIN: usize = 64;

impl ErrorText {
    /// The text of `error` and of everything behind [`Error::source`]; what is longer than 4,000
    /// characters, or 16,000 in all, is cut.
    pub fn new(error: &(dyn Error + 'static)) -> ErrorText {
        ErrorText::limited(error, LONGEST_CHAIN).bounded()
    }

    /// The same, cut to as much as is kept: a child may send an error of any size.
    pub fn bounded(mut self) -> ErrorText {
        let mut left = LONGEST_CHAIN_TEXT;
        let mut next = Some(&mut self);
        for depth in 0.. {
            let Some(error) = next else { break };
            cut(&mut error.text, LONGEST_TEXT.min(left));
            left = left.saturating_sub(error.text.chars().count());
            if left == 0 || depth == LONGEST_CHAIN {
                error.source = None;
            }
            next = error.source.as_deref_mut();
        }
        self
    }

    fn limited(error: &(dyn Error + 'static), left: usize) -> ErrorText {
        ErrorText {
            text: error.to_string(),
            source: error
                .source()
                .filter(|_| left > 0)
                .map(|source| Box::new(ErrorText::limited(source, left - 1))),
        }
    }

    /// The whole chain in one line: `cannot open x: permission denied`.
    pub fn chain(&self) -> String {
        let mut line = self.text.clone();
        let mut next = &self.source;
        while let Some(cause) = next {
            line.push_str(": ");
            line.push_str(&cause.text);
            next = &cause.source;
        }
        line
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for ErrorText {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open `x`")]
        struct Outer(#[source] std::io::Error);
        let outer = Outer(std::io::Error::from_raw_os_error(13));
        let text = ErrorText::new(&outer);
        assert_eq!(text.to_string(), "cannot open `x`");
        assert_eq!(text.chain(), "cannot open `x`: Permission denied (os error 13)");
        assert_eq!(text.source().unwrap().to_string(), "Permission denied (os error 13)");
    }
}
