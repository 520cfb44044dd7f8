//! Where a child stands, for who looks on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a child stands: what its machine has decided, not what can be guessed from what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// There is no process: it was not started yet, or is paused until somebody starts it.
    Idle,
    /// There is a process that is not ready yet.
    Starting,
    /// It is ready.
    Running,
    /// It was ready, runs, and says that it cannot do its work just now.
    NotReady,
    /// There is no process, and one will be started when a delay is over.
    Waiting,
    /// There is no process, and the delay is over, or somebody has asked for a start: one will be started when it is
    /// its turn.
    Due,
    /// It was told to stop, or was killed, and its end has not been seen.
    Stopping,
    /// There is no process, since somebody has [asked](crate::Request::Stop) for that, until somebody asks for a start.
    Stopped,
    /// Nothing more will be done.
    Finished,
}

impl fmt::Display for Phase {
    /// The name that it has in files, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Idle => "idle",
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::NotReady => "not_ready",
            Phase::Waiting => "waiting",
            Phase::Due => "due",
            Phase::Stopping => "stopping",
            Phase::Stopped => "stopped",
            Phase::Finished => "finished",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_called_the_same_everywhere() {
        for phase in [
            Phase::Idle,
            Phase::Starting,
            Phase::Running,
            Phase::NotReady,
            Phase::Waiting,
            Phase::Due,
            Phase::Stopping,
            Phase::Stopped,
            Phase::Finished,
        ] {
            let name: String =
                serde_yaml::from_str(&serde_yaml::to_string(&phase).unwrap()).unwrap();
            assert_eq!(name, phase.to_string());
        }
    }
}
