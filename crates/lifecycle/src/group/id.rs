//! Whom one speaks of, whatever its name or place is.

use std::fmt;

/// One worker of a group or roster, for its life: never that of another, also when it is gone. Their order
/// is that of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(crate) u32);

impl Id {
    /// As a number, for who can keep nothing else, like epoll(7).
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The one that has this [number](Id::number).
    pub const fn of_number(number: u32) -> Id {
        Id(number)
    }

    /// The first ones, in the order in which they are given.
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
