//! What identifies a worker, whatever its name or its place in the list is.

use std::fmt;

/// Identifies one worker of a group or roster. No other worker ever gets the same id, also when this one
/// is gone. Ids are in the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(crate) u32);

impl Id {
    /// The id as a number, for what can keep nothing else with it, like epoll(7).
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The id that has this [number](Id::number).
    pub const fn of_number(number: u32) -> Id {
        Id(number)
    }

    /// The id of the member of a new group that has this place, from 0 on; `None`: there are no so many.
    pub fn nth(place: usize) -> Option<Id> {
        u32::try_from(place).ok().map(Id)
    }

    /// All ids, from the first on: a new group gives them to its members in this order.
    pub(crate) fn all() -> impl Iterator<Item = Id> {
        (0..).map(Id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_and_back() {
        for number in [0, 1, 77, u32::MAX] {
            assert_eq!(Id::of_number(number).number(), number);
            assert_eq!(Id(number).to_string(), number.to_string());
        }
    }
}
