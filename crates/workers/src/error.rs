//! What can go wrong with a list of workers.

use std::fmt;

use exit::ErrorText;

use policy::Problems;
use proc_spawn::SpawnError;

use crate::ends::{TooManyRestarts, WorkerEnd};

/// Why workers were not started, or how they failed.
///
/// `Display` is one line, with the causes behind `source()`. `Debug`, which is what a `main` that
/// returns it prints, has all of them, and each wrong option or failed worker on a line of its own.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum WorkersError {
    /// The list or the options are wrong: nothing was started. To a supervisor this is permanent (see
    /// [`init`](crate::init)): a daemon whose entry returns it gives up, whatever its restart policy.
    #[error("{0}")]
    Options(Problems),
    /// This program cannot start itself.
    #[error("no worker can be started")]
    Spawn {
        /// Why.
        source: SpawnError,
    },
    /// So many workers need more descriptors than this process may have.
    #[error(
        "{workers} workers need {need} descriptors, but this process may have {limit} at most; \
         raise the hard limit (RLIMIT_NOFILE, `ulimit -Hn`)"
    )]
    TooManyWorkers {
        /// How many workers there are.
        workers: usize,
        /// How many descriptors they need, with those that are open already, and with what other
        /// pools of this process need.
        need: u64,
        /// The hard limit.
        limit: u64,
    },
    /// The system refused a step; every worker has been let go, and quits.
    #[error("cannot {step}")]
    Io {
        /// What was attempted.
        step: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The output of a worker cannot be captured; nothing was started.
    #[error("the output of worker `{worker}` cannot be captured")]
    Capture {
        /// Whose.
        worker: String,
        /// The file, and why it cannot be opened.
        source: ErrorText,
    },
    /// Workers failed before they were ever ready, and so all were stopped: see
    /// [`ready_when_all`](crate::WorkersOptions::ready_when_all).
    #[error("not all workers became ready: {}", failed_text(.0))]
    NotReady(Vec<WorkerEnd>),
    /// There were too many restarts, and so all were stopped: see
    /// [`restart_limit`](crate::WorkersOptions::restart_limit).
    #[error("gave up: {0}")]
    GaveUp(Box<TooManyRestarts>),
    /// Workers failed, and were not to be started again: see
    /// [`into_result`](crate::WorkersReport::into_result).
    #[error("{}", failed_text(.0))]
    Failed(Vec<WorkerEnd>),
}

impl fmt::Debug for WorkersError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is one sentence is one line")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |f: &mut fmt::Formatter<'_>, what: &str, workers: &[WorkerEnd]| {
            write!(f, "{what}")?;
            workers.iter().try_for_each(|end| write!(f, "\n    {}", one_line(end)))
        };
        match self {
            WorkersError::Options(problems) => write!(f, "{problems:?}"),
            WorkersError::NotReady(workers) if workers.len() > 1 => {
                several(f, "not all workers became ready:", workers)
            }
            WorkersError::Failed(workers) if workers.len() > 1 => {
                several(f, &format!("{} workers failed:", workers.len()), workers)
            }
            other => f.write_str(&one_line(&ErrorText::new(other).chain())),
        }
    }
}

/// Puts on one line what a worker has said at its end, which may have several.
fn one_line(text: &impl fmt::Display) -> String {
    safe_text::escaped(&text.to_string())
}

fn failed_text(workers: &[WorkerEnd]) -> String {
    let texts: Vec<_> = workers.iter().map(one_line).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use capture::LastLines;
    use exit::Exit;
    use lifecycle::Outcome;
    use policy::RunEnd;

    use super::*;

    /// Case: FLT-H7
    #[test]
    fn debug_is_for_people() {
        let mut problems = Problems::new();
        problems.add("workers[0].name", "", "empty; give it a name");
        problems.add("grace", "x", "longer than 100 years");
        assert_eq!(
            format!("{:?}", WorkersError::Options(problems)),
            "2 options are wrong:\n    workers[0].name ``: empty; give it a name\n    grace `x`: \
             longer than 100 years"
        );
        let source = std::io::Error::from_raw_os_error(24);
        let error = WorkersError::Io { step: "create an epoll", source };
        assert_eq!(
            format!("{error:?}"),
            "cannot create an epoll: Too many open files (os error 24)"
        );
        let failed = |name: &str| WorkerEnd {
            name: name.to_owned(),
            runs: 1,
            outcome: Outcome::Ended(RunEnd::Exited(Exit::Code(3))),
            last_lines: LastLines::default(),
            value: None,
        };
        assert_eq!(
            format!("{:?}", WorkersError::Failed(vec![failed("red"), failed("blue")])),
            "2 workers failed:\n    worker `red` exited with code 3\n    worker `blue` exited with \
             code 3"
        );
        let one = WorkersError::Failed(vec![failed("red")]);
        assert_eq!(format!("{one:?}"), one.to_string());
    }
}
