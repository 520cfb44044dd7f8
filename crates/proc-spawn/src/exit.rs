//! How a process ended, as a value.

use std::error::Error;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde::{Deserialize, Serialize};

/// The exit code of a child whose entry returned an error, unless
/// [`exit_code_if`](crate::Entries::exit_code_if) says otherwise.
pub const CODE_ERROR: i32 = 1;
/// The exit code of a child whose entry panicked, as in any Rust program.
pub const CODE_PANIC: i32 = 101;
/// The exit code of a child that could not be set up for its entry (`EX_CONFIG` of sysexits.h).
pub const CODE_SETUP: i32 = 78;

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exit {
    /// It exited with this code. Code 0 also means that its entry returned well.
    Code(i32),
    /// This signal ended it.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether the kernel wrote a core file.
        core: bool,
        /// Whether the kernel has killed a process of our control group for lack of memory while
        /// this one ran, and SIGKILL ended it: a hint that it was this one. Never where the group
        /// does not count that.
        out_of_memory: bool,
        /// The last panic before it, which may or may not be the reason.
        panic: Option<Panic>,
    },
    /// Its entry panicked.
    Panic(Panic),
    /// Its entry returned an error.
    Error(Failure),
    /// It could not be set up: its entry was not called.
    SetupFailed(SetupError),
    /// It ended, but somebody else has taken its status.
    Unknown,
}

impl Exit {
    /// Whether this is the end of a run that went well: code 0, and nothing else.
    pub fn is_success(&self) -> bool {
        *self == Exit::Code(0)
    }

    /// The code that the process exited with, also when more is known than that; `None` if a signal
    /// ended it, or nobody can tell.
    pub fn code(&self) -> Option<i32> {
        match self {
            Exit::Code(code) => Some(*code),
            Exit::Error(failure) => Some(failure.code),
            Exit::Panic(_) => Some(CODE_PANIC),
            Exit::SetupFailed(_) => Some(CODE_SETUP),
            Exit::Signal { .. } | Exit::Unknown => None,
        }
    }

    /// The signal that ended the process, if one did.
    pub fn signal(&self) -> Option<i32> {
        if let Exit::Signal { signal, .. } = self { Some(*signal) } else { None }
    }

    /// Whether the same would only happen again: see
    /// [`Entries::permanent_if`](crate::Entries::permanent_if).
    pub fn is_permanent(&self) -> bool {
        match self {
            Exit::Error(failure) => failure.permanent,
            Exit::SetupFailed(error) => error.permanent,
            Exit::Code(_) | Exit::Signal { .. } | Exit::Panic(_) | Exit::Unknown => false,
        }
    }

    pub(crate) fn from_status(status: ExitStatus) -> Exit {
        match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => {
                let core = status.core_dumped();
                Exit::Signal { signal, core, out_of_memory: false, panic: None }
            }
            (None, None) => Exit::Unknown,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exited with code {code}"),
            Exit::Signal { signal, core, out_of_memory, panic } => {
                match signal_name(*signal) {
                    Some(name) => write!(f, "was ended by {name}")?,
                    None => write!(f, "was ended by signal {signal}")?,
                }
                if *core {
                    f.write_str(" (core dumped)")?;
                }
                if *out_of_memory {
                    f.write_str(", probably for lack of memory")?;
                }
                match panic {
                    // It may have been caught, long before.
                    Some(panic) => write!(f, "; its last panic, perhaps not why: {panic}"),
                    None => Ok(()),
                }
            }
            Exit::Panic(panic) => write!(f, "panicked: {panic}"),
            Exit::Error(failure) => write!(f, "returned an error: {}", failure.error.chain()),
            Exit::SetupFailed(error) => write!(f, "could not be set up: {}", error.chain()),
            Exit::Unknown => f.write_str("ended with a status that nobody can tell"),
        }
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    signal_hook::low_level::signal_name(signal)
}

/// A panic: what was said, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panic {
    /// The message.
    pub message: String,
    /// `file:line`, empty if it is not known.
    pub place: String,
}

/// The most characters of a text that somebody else has written, an error's or a panic's; and of all
/// texts of a chain of causes together.
const LONGEST_TEXT: usize = 4000;
const LONGEST_CHAIN_TEXT: usize = 16_000;
/// And of the name of a step, or of a place in the source.
const LONGEST_NAME: usize = 1000;

/// Cuts a text that has more characters, and shows that by the last.
pub(crate) fn cut(text: &mut String, most: usize) {
    if text.char_indices().nth(most).is_some() {
        let last = text.char_indices().nth(most.saturating_sub(1));
        text.truncate(last.map_or(0, |(at, _)| at));
        text.push('…');
        text.shrink_to_fit();
    }
}

impl Panic {
    /// As much of it as is kept, whoever has told it.
    pub(crate) fn bounded(mut self) -> Panic {
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

/// An error as text, with the texts of its causes: what is left of it after crossing a process
/// border.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorText {
    text: String,
    source: Option<Box<ErrorText>>,
}

/// No chain of causes is longer than this, should an error be its own cause.
const LONGEST_CHAIN: usize = 64;

impl ErrorText {
    /// The text of `error` and of everything behind [`Error::source`]; what is longer than 4,000
    /// characters, or 16,000 in all, is cut.
    pub fn new(error: &(dyn Error + 'static)) -> ErrorText {
        ErrorText::limited(error, LONGEST_CHAIN).bounded()
    }

    /// As much of it as is kept, whoever has told it.
    pub(crate) fn bounded(mut self) -> ErrorText {
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

/// An error that an entry returned, as it crosses to the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error's text and its causes.
    pub error: ErrorText,
    /// Whether it would only come again.
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
    /// As much of it as is kept, whoever has told it.
    pub(crate) fn bounded(mut self) -> Failure {
        self.error = self.error.bounded();
        self
    }
}

impl SetupError {
    /// As much of it as is kept, whoever has told it.
    pub(crate) fn bounded(mut self) -> SetupError {
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

    #[test]
    fn ends_read_as_sentences() {
        let panic = Panic { message: "boom".into(), place: "src/main.rs:3".into() };
        let ended = |signal, core, out_of_memory, panic| Exit::Signal {
            signal,
            core,
            out_of_memory,
            panic,
        };
        let cases = [
            (Exit::Code(3), "exited with code 3"),
            (ended(9, false, false, None), "was ended by SIGKILL"),
            (ended(9, false, true, None), "was ended by SIGKILL, probably for lack of memory"),
            (
                ended(6, true, false, Some(panic.clone())),
                "was ended by SIGABRT (core dumped); its last panic, perhaps not why: boom, at src/main.rs:3",
            ),
            (Exit::Panic(panic), "panicked: boom, at src/main.rs:3"),
        ];
        for (exit, text) in cases {
            assert_eq!(exit.to_string(), text);
        }
    }

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
        // As from a child that says it with other code than ours.
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
