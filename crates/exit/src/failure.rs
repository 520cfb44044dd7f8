//! What has kept an entry from returning well: a panic, an error, a set-up that failed.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bound::{LONGEST_NAME, LONGEST_TEXT, cut};
use crate::error_text::ErrorText;

/// A panic: what was said, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panic {
    /// The message.
    pub message: String,
    /// `file:line`, empty if it is not known.
    pub place: String,
}

impl Panic {
    /// The same, cut to as much as is kept: a child may send a panic of any size.
    pub fn bounded(mut self) -> Panic {
        cut(&mut self.message, LONGEST_TEXT);
        cut(&mut self.place, LONGEST_NAME);
        self
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => write!(f, "{}", self.message),
            place => write!(f, "{}, at {place}", self.message),
        }
    }
}

/// An error that an entry returned, as it crosses to the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error's text and its causes.
    pub error: ErrorText,
    /// Whether the entry would only return it again.
    pub permanent: bool,
    /// What the process exited with.
    pub code: i32,
}

/// A step of a child's set-up that failed, before its entry was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupError {
    /// What was being done: "pid file", "standard output", "entry", …
    pub step: String,
    /// Why it failed, with its causes.
    pub error: ErrorText,
    /// Whether it would only fail again: the entry is missing, or its arguments do not fit.
    pub permanent: bool,
}

impl Failure {
    /// The same, cut to as much as is kept: a child may send an error of any size.
    pub fn bounded(mut self) -> Failure {
        self.error = self.error.bounded();
        self
    }
}

impl SetupError {
    /// The same, cut to as much as is kept: a child may send an error of any size.
    pub fn bounded(mut self) -> SetupError {
        cut(&mut self.step, LONGEST_NAME);
        self.error = self.error.bounded();
        self
    }

    /// The failure of `step` with `error` as its cause.
    pub fn new(step: impl Into<String>, error: &(dyn Error + 'static)) -> SetupError {
        SetupError { step: step.into(), error: ErrorText::new(error), permanent: false }
    }

    /// Says that it would only fail again.
    #[must_use]
    pub fn permanent(mut self) -> SetupError {
        self.permanent = true;
        self
    }

    /// The whole chain in one line.
    pub fn chain(&self) -> String {
        format!("{}: {}", self.step, self.error.chain())
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.step)
    }
}

impl Error for SetupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bound::LONGEST_CHAIN_TEXT;
    use crate::error_text::LONGEST_CHAIN;

    /// Case: FLT-B5
    #[test]
    fn what_somebody_else_has_written_is_cut() {
        #[derive(Debug)]
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&"ä".repeat(5000))
            }
        }
        impl Error for Endless {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(self)
            }
        }
        let chain = ErrorText::new(&Endless).chain();
        assert!(chain.chars().count() < LONGEST_CHAIN_TEXT + 100, "{}", chain.chars().count());
        assert!(chain.starts_with(&format!("{}…: ä", "ä".repeat(LONGEST_TEXT - 1))));
        // A child whose code is not ours may send such a chain.
        let mut deep = ErrorText { text: String::new(), source: None };
        for _ in 0..1000 {
            deep = ErrorText { text: "x".into(), source: Some(Box::new(deep)) };
        }
        let step = "s".repeat(5000);
        let error = SetupError { step, error: deep, permanent: false }.bounded();
        assert_eq!(error.chain().chars().count(), LONGEST_NAME + 3 * (LONGEST_CHAIN + 1));
        let panic = Panic { message: "m".repeat(5 << 20), place: "p".repeat(5 << 20) }.bounded();
        assert!(panic.to_string().len() < 6000);
    }
}
