//! A roll, as it is told: how far it has come, how it ends, and why it does not begin.

use policy::Strategy;

use crate::group::Id;

/// What has come of a roll so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many have been replaced, and have settled.
    pub done: u32,
    /// How many are to be, those that are done among them.
    pub total: u32,
}

/// How a roll has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All have been replaced.
    Done,
    /// The new run of this one was bad: it ended before it was ready as often as it was tried, or before it had settled.
    /// Those that were not replaced go on as they are.
    Bad {
        /// Which.
        id: Id,
        /// Its number in the set.
        index: u32,
    },
    /// Nothing has come further for as long as the policy allows: it was waited for this one.
    Stalled {
        /// Which; `None`: for those to come back that have ended otherwise.
        id: Option<Id>,
    },
    /// Somebody wanted no more of it. Those in hand were brought to their end.
    Cancelled,
    /// [Others](crate::Roster::renew) are to be replaced now.
    Superseded,
    /// All are being stopped.
    Quit,
}

/// What a roll does, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This one is replaced now. `gives_up_one`: it was ready.
    Taken {
        /// Which.
        id: Id,
        /// Whether it was ready.
        gives_up_one: bool,
    },
    /// This one has been replaced, and has settled.
    Settled {
        /// Which.
        id: Id,
        /// How far the roll has come with it.
        progress: Progress,
    },
    /// It is over.
    Ended(End),
}

/// Why a roll does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All are being stopped.
    Quitting,
    /// There is one, which has come so far.
    Rolling(Progress),
    /// One of the group does not restart alone.
    Strategy(Strategy),
}
