//! How a run ended, seen from who started it.

use std::fmt;
use std::time::Duration;

use exit::signal::Named;
use exit::{CODE_ERROR, ErrorText, Exit};
use serde::{Deserialize, Serialize};

use crate::duration::rounded;
use crate::memory::MemoryUse;

/// How one run of a child ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunEnd {
    /// It ended by itself, or by somebody else's doing.
    Exited(Exit),
    /// The same, with a code or signal that [counts as success](crate::RestartPolicy::success).
    Succeeded(Exit),
    /// A signal from outside asked it to quit, as `kill` does by hand, and it did: what follows is what
    /// would follow its exit.
    QuitBySignal {
        /// The signal.
        signal: i32,
        /// How it ended then.
        exit: Exit,
    },
    /// It could not be started.
    NotStarted(ErrorText),
    /// It was not ready in time, and we killed it.
    NotReady {
        /// How long was waited.
        after: Duration,
        /// Whether it had to say itself that it is ready ([`Readiness::Told`](crate::Readiness::Told)).
        #[serde(default)]
        to_tell: bool,
    },
    /// It was still there when its grace was over, and we killed it.
    Killed {
        /// Its grace.
        after: Duration,
        /// How it ended then, if the system could tell.
        exit: Option<Exit>,
    },
    /// It did not say for so long that it gets on, and we ended it: see [`WatchdogPolicy`](crate::WatchdogPolicy).
    Hung {
        /// How long it was silent.
        after: Duration,
        /// How it ended then, if the system could tell.
        exit: Option<Exit>,
    },
    /// It was replaced as soon as it could be, as were the two before it: see
    /// [`RecyclePolicy::min_age`](crate::RecyclePolicy::min_age).
    Outgrown {
        /// How it ended then, if the system could tell.
        exit: Option<Exit>,
    },
    /// It had more memory than a process of its set may have in any case, and was stopped at once.
    Memory {
        /// How much.
        used: MemoryUse,
        /// How it ended then, if the system could tell.
        exit: Option<Exit>,
    },
}

impl RunEnd {
    /// Whether the run went well: it exited by itself, with code 0 or in a way that counts as success.
    pub fn is_success(&self) -> bool {
        match self {
            RunEnd::Exited(exit) | RunEnd::QuitBySignal { exit, .. } => exit.is_success(),
            RunEnd::Succeeded(_) => true,
            RunEnd::NotStarted(_)
            | RunEnd::NotReady { .. }
            | RunEnd::Killed { .. }
            | RunEnd::Hung { .. }
            | RunEnd::Outgrown { .. }
            | RunEnd::Memory { .. } => false,
        }
    }

    /// Whether the same would only happen again: see
    /// `proc_spawn::Entries::permanent_if`.
    pub fn is_permanent(&self) -> bool {
        self.exited().is_some_and(Exit::is_permanent)
    }

    /// The run's end as an exit code: the process' own, 128 and the signal's number, or 1 where
    /// there is neither.
    pub fn code(&self) -> i32 {
        let Some(exit) = self.exited() else { return CODE_ERROR };
        let code = exit.code().or_else(|| exit.signal().map(|signal| 128 + signal));
        // Without the value that was asked for a run with code 0 has not gone well.
        code.filter(|code| *code != 0 || self.is_success()).unwrap_or(CODE_ERROR)
    }

    /// How the process ended, if that was not our doing.
    pub fn exited(&self) -> Option<&Exit> {
        match self {
            RunEnd::Exited(exit) | RunEnd::QuitBySignal { exit, .. } | RunEnd::Succeeded(exit) => {
                Some(exit)
            }
            RunEnd::NotStarted(_)
            | RunEnd::NotReady { .. }
            | RunEnd::Killed { .. }
            | RunEnd::Hung { .. }
            | RunEnd::Outgrown { .. }
            | RunEnd::Memory { .. } => None,
        }
    }

    /// How the process ended, whosever doing that was.
    pub fn exit(self) -> Option<Exit> {
        match self {
            RunEnd::Exited(exit) | RunEnd::QuitBySignal { exit, .. } | RunEnd::Succeeded(exit) => {
                Some(exit)
            }
            RunEnd::NotStarted(_) | RunEnd::NotReady { .. } => None,
            RunEnd::Killed { exit, .. }
            | RunEnd::Hung { exit, .. }
            | RunEnd::Outgrown { exit }
            | RunEnd::Memory { exit, .. } => exit,
        }
    }
}

impl fmt::Display for RunEnd {
    /// On one line: what a child said of its own end (an error, a panic) is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&safe_text::escaped(&self.sentence()))
    }
}

impl RunEnd {
    fn sentence(&self) -> String {
        match self {
            RunEnd::Exited(exit) => exit.to_string(),
            RunEnd::QuitBySignal { signal, exit } => {
                let reason = Named(*signal);
                format!("was asked to quit by {reason} from outside, and {exit}")
            }
            RunEnd::Succeeded(exit) => format!("{exit}, which counts as success"),
            RunEnd::NotStarted(error) => format!("could not be started: {}", error.chain()),
            RunEnd::NotReady { after, to_tell } => {
                let why = match to_tell {
                    true => " (`ready: told`: it did not say so itself)",
                    false => "",
                };
                format!("was not ready within {:?} and was killed{why}", rounded(*after))
            }
            RunEnd::Outgrown { exit } => {
                let how = unless_well(exit.as_ref());
                format!("was replaced as soon as it could be, the third in a row{how}")
            }
            RunEnd::Memory { used, exit } => {
                format!("had {used}, and was stopped at once{}", unless_well(exit.as_ref()))
            }
            RunEnd::Hung { after, .. } => {
                format!("did not say for {:?} that it gets on, and was ended", rounded(*after))
            }
            RunEnd::Killed { after, .. } => {
                format!("was killed {:?} after it was asked to quit", rounded(*after))
            }
        }
    }
}

fn unless_well(exit: Option<&Exit>) -> String {
    let exit = exit.filter(|exit| !exit.is_success());
    exit.map(|exit| format!(", and {exit}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use exit::{CODE_SETUP, Failure, NoValue, Panic, SetupError};

    use super::*;

    const USED: MemoryUse = MemoryUse { bytes: 3 << 30, limit: 1 << 30 };

    #[test]
    fn the_exit_is_given_whosever_doing_it_was() {
        let exit = Exit::Code(3);
        let after = Duration::from_secs(1);
        for end in [
            RunEnd::Exited(exit.clone()),
            RunEnd::Succeeded(exit.clone()),
            RunEnd::QuitBySignal { signal: 15, exit: exit.clone() },
            RunEnd::Killed { after, exit: Some(exit.clone()) },
            RunEnd::Outgrown { exit: Some(exit.clone()) },
            RunEnd::Memory { used: USED, exit: Some(exit.clone()) },
            RunEnd::Hung { after, exit: Some(exit.clone()) },
        ] {
            assert_eq!(end.exit(), Some(exit.clone()));
        }
        for end in
            [RunEnd::NotReady { after, to_tell: false }, RunEnd::Killed { after, exit: None }]
        {
            assert_eq!(end.exit(), None);
        }
    }

    #[test]
    fn an_end_has_a_code_a_verdict_and_a_sentence() {
        let after = Duration::from_micros(1_500_400);
        let error = || ErrorText::new(&fmt::Error);
        let returned = |permanent, code| Exit::Error(Failure { error: error(), permanent, code });
        let setup = SetupError::new("entry", &fmt::Error);
        let panic = Panic { message: "boom".into(), place: "a.rs:1".into() };
        let format = "an error occurred when formatting an argument";
        let killed = |exit| RunEnd::Killed { after, exit };
        let forged = Panic { message: "a\nb\x1b[2J".into(), place: "a.rs:1".into() };
        assert_eq!(
            RunEnd::Exited(Exit::Panic(forged)).to_string(),
            "panicked: a\\nb\\x1b[2J, at a.rs:1"
        );
        let (success, permanent) = ((true, false), (false, true));
        let neither = (false, false);
        let cases = [
            (RunEnd::Exited(Exit::Code(0)), 0, success, "exited with code 0"),
            (RunEnd::Exited(Exit::Code(3)), 3, neither, "exited with code 3"),
            (
                RunEnd::Succeeded(Exit::Code(3)),
                3,
                success,
                "exited with code 3, which counts as success",
            ),
            (RunEnd::Exited(returned(false, 69)), 69, neither, "returned an error: {}"),
            (RunEnd::Exited(returned(true, 1)), 1, permanent, "returned an error: {}"),
            (RunEnd::Exited(Exit::Panic(panic)), 101, neither, "panicked: boom, at a.rs:1"),
            (
                RunEnd::Exited(Exit::Signal {
                    signal: 9,
                    core: false,
                    out_of_memory: false,
                    panic: None,
                }),
                137,
                neither,
                "was ended by SIGKILL",
            ),
            (
                RunEnd::Exited(Exit::SetupFailed(setup.clone())),
                CODE_SETUP,
                neither,
                "could not be set up: entry: {}",
            ),
            (
                RunEnd::Exited(Exit::SetupFailed(setup.permanent())),
                CODE_SETUP,
                permanent,
                "could not be set up: entry: {}",
            ),
            (
                RunEnd::QuitBySignal { signal: 15, exit: Exit::Code(0) },
                0,
                success,
                "was asked to quit by SIGTERM (15) from outside, and exited with code 0",
            ),
            (
                RunEnd::Exited(Exit::NoValue(NoValue::Missing)),
                1,
                neither,
                "exited with code 0, and without the value that was asked for",
            ),
            (RunEnd::Exited(Exit::Unknown), 1, neither, "ended with a status that nobody can tell"),
            (RunEnd::NotStarted(error()), 1, neither, "could not be started: {}"),
            (
                RunEnd::Outgrown { exit: Some(Exit::Code(0)) },
                1,
                neither,
                "was replaced as soon as it could be, the third in a row",
            ),
            (
                RunEnd::Outgrown { exit: Some(Exit::Code(3)) },
                1,
                neither,
                "was replaced as soon as it could be, the third in a row, and exited with code 3",
            ),
            (
                RunEnd::Memory { used: USED, exit: Some(Exit::Code(0)) },
                1,
                neither,
                "had 3 GiB of memory, of at most 1 GiB, and was stopped at once",
            ),
            (
                RunEnd::Memory { used: USED, exit: Some(Exit::Code(3)) },
                1,
                neither,
                "had 3 GiB of memory, of at most 1 GiB, and was stopped at once, and exited with code 3",
            ),
            (
                RunEnd::Hung { after, exit: Some(Exit::Code(0)) },
                1,
                neither,
                "did not say for 1.5s that it gets on, and was ended",
            ),
            (
                RunEnd::NotReady { after, to_tell: false },
                1,
                neither,
                "was not ready within 1.5s and was killed",
            ),
            (
                RunEnd::NotReady { after, to_tell: true },
                1,
                neither,
                "was not ready within 1.5s and was killed (`ready: told`: it did not say so itself)",
            ),
            // A run that we have killed has not gone well, whatever the child says at last.
            (killed(None), 1, neither, "was killed 1.5s after it was asked to quit"),
            (killed(Some(Exit::Code(0))), 1, neither, "was killed 1.5s after it was asked to quit"),
        ];
        for (end, code, (success, permanent), text) in cases {
            assert_eq!(end.to_string(), text.replace("{}", format));
            assert_eq!(end.code(), code, "{end}");
            assert_eq!((end.is_success(), end.is_permanent()), (success, permanent), "{end}");
        }
    }
}
