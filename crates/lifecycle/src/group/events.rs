//! What a group goes by, what it is told, and what it answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Id;

/// Who is started again when one worker is: OTP's strategies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Only that one.
    #[default]
    OneForOne,
    /// All of them: the others are stopped in reverse order, and all started in order.
    OneForAll,
    /// That one and those after it in the list. If an earlier one fails meanwhile, those after it.
    RestForOne,
}

/// Whose end ends them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndWhen {
    /// Everybody's: the workers are over when all are.
    #[default]
    AllAreOver,
    /// The first significant one's.
    AnySignificant,
    /// The last significant one's.
    AllSignificant,
}

impl fmt::Display for EndWhen {
    /// As in a configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EndWhen::AllAreOver => "all-are-over",
            EndWhen::AnySignificant => "any-significant",
            EndWhen::AllSignificant => "all-significant",
        })
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The group is to start.
    Begin,
    /// This worker [has come](super::Group::add) later.
    Added(Id),
    /// This worker is ready.
    Ready(Id),
    /// This worker's run is over, and its own machine wants another, after a delay.
    Failed(Id),
    /// That delay is over.
    Due(Id),
    /// This worker has been paused, and has no process.
    Paused(Id),
    /// Nothing more will come of this worker: it is done, has quit, or was given up.
    Over {
        /// Which.
        worker: Id,
        /// Whether that is as it should be.
        well: bool,
    },
    /// All are to stop for good.
    Quit,
}

/// What is to be asked of a worker's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That it starts.
    Start(Id),
    /// That it stops, for now.
    Pause(Id),
    /// That it stops for good.
    Quit(Id),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_end_ends_them_all_is_shown_as_it_is_written() {
        for when in [EndWhen::AllAreOver, EndWhen::AnySignificant, EndWhen::AllSignificant] {
            assert_eq!(serde_yaml::from_str::<EndWhen>(&when.to_string()).unwrap(), when);
        }
    }
}
