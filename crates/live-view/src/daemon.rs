//! Who is looked at, as the view needs him: an application, or a crate above, knows how he is asked.

use std::fmt;

use control::service::{Process, Status};

/// A daemon that can be looked at and asked.
///
/// Both calls come from threads of the view's own, each from one, and may take a while: meanwhile the view says how old
/// its picture is. They should have a deadline.
pub trait Daemon: Send + Sync {
    /// What its user calls it.
    fn name(&self) -> &str;

    /// How it is now. It must start nothing.
    fn look(&self) -> Seen;

    /// Asks for something. Returns when it was asked for, or with the end of a sentence that says why not.
    ///
    /// # Errors
    ///
    /// It was not asked for.
    fn ask(&self, request: &Request) -> Result<(), String>;
}

/// How a daemon is.
#[derive(Clone, Debug)]
pub enum Seen {
    /// In its own words.
    Answered {
        /// Guardian and executor.
        status: Box<Status>,
        /// Its workers, or why they are not known.
        workers: Result<Vec<Process>, String>,
    },
    /// It does not run; the text is for people.
    NotRunning(String),
    /// Nobody can say; the text is for people.
    NoAnswer(String),
}

/// What is asked of a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// That its executor is started anew.
    RestartExecutor,
    /// That the worker of this name is started.
    Start(String),
    /// That it is stopped, until it is started again.
    Stop(String),
    /// That it is started anew.
    Restart(String),
    /// That it gets this signal.
    Signal(String, i32),
}

impl fmt::Display for Request {
    /// The verb of a sentence: `Restart`, `Send SIGTERM (15) to`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::RestartExecutor | Request::Restart(_) => f.write_str("Restart"),
            Request::Start(_) => f.write_str("Start"),
            Request::Stop(_) => f.write_str("Stop"),
            Request::Signal(_, number) => write!(f, "Send {} to", exit::signal::Named(*number)),
        }
    }
}
