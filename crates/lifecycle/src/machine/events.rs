//! What a machine is told, and what it answers.

use std::fmt;
use std::time::{Duration, Instant};

use super::Phase;
use super::watching::{Found, Silent, Then};
use policy::RunEnd;
use policy::StopBy;
use policy::limit;

/// What happened to the child, or what is asked of us: the latter in the imperative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The child is to be started: for the first time, again after a [`Pause`](Event::Pause), or
    /// at once instead of after its delay. A start that somebody asked for is no restart: it does not
    /// count against the limit, nor does the restart that it comes instead of. When the delay is over
    /// ([`Phase::Due`]) a start is the restart that was decided.
    Start,
    /// The child is ready, or is so again.
    Ready,
    /// The child, which was ready, says that it cannot do its work just now. It lives on.
    NotReady,
    /// Nothing was heard of the child within the time in which it has to beat: half of it has passed, or a quarter more.
    Silent {
        /// How many looks were due since the last one, or since it has beaten: more than one says that whoever looks was
        /// held up himself.
        looks: u64,
    },
    /// What a [look](Action::Look) at the silent child has found.
    Looked(Found),
    /// The child needs this much more time, from now, for its start or its stop.
    Extended(Duration),
    /// The child is dead, and its run is not over: what it has left is being ended, or the child cannot
    /// be reaped yet. It misses no deadline any more, and nobody asks or kills it. If it is told to quit
    /// now, what it has left has [as long](crate::Machine::allowed_until) as the child would have had.
    Died,
    /// The present run is over, or could not begin.
    Ended {
        /// How.
        end: RunEnd,
        /// When, which may be earlier than now: a delay counts from here.
        at: Instant,
    },
    /// The child is to be stopped until it is started again.
    Pause,
    /// The child is to be stopped for good.
    Quit {
        /// How long the child has, if that is less than its policy gives it.
        within: Option<Duration>,
    },
    /// The time told by [`Machine::deadline`](crate::Machine::deadline) has come.
    DeadlinePassed,
}

/// What an event has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What to do now.
    pub action: Action,
    /// Where the child stands now, if that is somewhere else than before.
    pub entered: Option<Phase>,
    /// How the run ended that is over now, as it [counts](policy::RestartPolicy::judged).
    pub ended: Option<RunEnd>,
}

impl Step {
    /// How it went in the end, if this step says that it is over.
    pub fn outcome(self) -> Option<Outcome> {
        match self.action {
            Action::Finish(outcome) => Some(outcome),
            Action::Nothing
            | Action::Spawn
            | Action::Look
            | Action::Silent(_)
            | Action::Terminate { .. }
            | Action::Kill => None,
        }
    }
}

/// What to do now: exactly one per event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Start the child.
    Spawn,
    /// Tell the child to stop.
    Terminate {
        /// In which way.
        by: StopBy,
        /// How long it has until it is killed; `None`: all the time of the world.
        remaining: Option<Duration>,
    },
    /// Look why the child is silent, and tell by [`Event::Looked`].
    Look,
    /// The child is silent: this is done about it.
    Silent(Silent),
    /// Kill the child.
    Kill,
    /// It is over.
    Finish(Outcome),
}

impl Action {
    /// Whether the child is killed now.
    pub fn kills(&self) -> bool {
        match self {
            Action::Kill => true,
            Action::Silent(silent) => silent.then == Then::Kill,
            Action::Nothing
            | Action::Spawn
            | Action::Look
            | Action::Terminate { .. }
            | Action::Finish(_) => false,
        }
    }
}

/// How it went in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// We were asked to stop. The end of the run that was going on then, if one was.
    Quit(Option<RunEnd>),
    /// We were asked to stop, and it was [stopped by request](Phase::Stopped) before.
    Stopped,
    /// The run ended, and the policy wants no other.
    Ended(RunEnd),
    /// The run ended, and another one was wanted, but there is a reason against it.
    GaveUp(limit::GaveUp, RunEnd),
    /// The first run did not become ready.
    NotLaunched(RunEnd),
}

impl fmt::Display for Outcome {
    /// What fits after "it is over: ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Quit(None) => f.write_str("stopped while it was not running"),
            Outcome::Stopped => f.write_str("it was stopped by request before"),
            Outcome::Quit(Some(end)) if end.is_success() => f.write_str("stopped"),
            Outcome::Quit(Some(end)) => write!(f, "stopped; it {end}"),
            Outcome::Ended(end) => write!(f, "it {end}"),
            Outcome::GaveUp(why, end) => write!(f, "it {end}, and is not started again: {why}"),
            Outcome::NotLaunched(end) => write!(f, "its first run {end}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use exit::Exit;

    use super::*;

    #[test]
    fn an_outcome_is_told_in_words() {
        let end = |code| RunEnd::Exited(Exit::Code(code));
        let cases = [
            (Outcome::Quit(None), "stopped while it was not running"),
            (Outcome::Quit(Some(end(0))), "stopped"),
            (Outcome::Stopped, "it was stopped by request before"),
            (Outcome::Quit(Some(end(3))), "stopped; it exited with code 3"),
            (Outcome::Ended(end(0)), "it exited with code 0"),
            (Outcome::NotLaunched(end(3)), "its first run exited with code 3"),
            (
                Outcome::GaveUp(limit::GaveUp::Permanent, end(3)),
                "it exited with code 3, and is not started again: such a failure is permanent",
            ),
        ];
        for (outcome, text) in cases {
            assert_eq!(outcome.to_string(), text);
        }
    }
}
