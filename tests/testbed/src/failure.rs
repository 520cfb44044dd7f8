//! Why a command failed, as the sentence that is printed.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use crate::paint;

/// A sentence, lower case, that names the thing.
#[derive(Debug)]
pub struct Failure(String);

/// What may fail with such a sentence.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// This sentence.
    pub fn new(text: impl Into<String>) -> Self {
        Failure(text.into())
    }

    /// For `map_err`: the step and the path are named once, where they are known.
    pub fn at<E: fmt::Display>(step: &str, path: &Path) -> impl FnOnce(E) -> Failure {
        move |cause| Failure(format!("cannot {step} `{}`: {cause}", path.display()))
    }

    /// For `map_err` where there is no path.
    pub fn step<E: fmt::Display>(step: &str) -> impl FnOnce(E) -> Failure {
        move |cause| Failure(format!("cannot {step}: {cause}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// What is wrong with a command line.
impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Failure {
        Failure(error.to_string())
    }
}

/// What `main` returns: says why, if it failed.
pub fn at_end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{} {failure}", paint::bad("failed:"));
            ExitCode::FAILURE
        }
    }
}
