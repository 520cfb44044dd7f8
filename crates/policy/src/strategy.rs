//! What holds for several together.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who is started again when one worker is: OTP's strategies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Only that one.
    #[default]
    OneForOne,
    /// All of them: the others are stopped in reverse order, and all started in order.
    OneForAll,
    /// That one and those after it in the list. If a worker before it fails while they are being stopped,
    /// all after that worker.
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

impl fmt::Display for Strategy {
    /// As in a configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Strategy::OneForOne => "one-for-one",
            Strategy::OneForAll => "one-for-all",
            Strategy::RestForOne => "rest-for-one",
        })
    }
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
