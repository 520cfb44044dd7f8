//! What a keeper is told, and what it answers.

use std::time::Instant;

use crate::machine::{Event, Step};
use policy::RunEnd;

/// What happened, or what is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum KeeperEvent {
    /// The child is to be started.
    Begin,
    /// This happened to the child: it has said so, it is dead, or its start has failed.
    Child(Event),
    /// The child has ended, and was reaped. Its run is over when what it has left is gone
    /// ([`LeftoversGone`](KeeperEvent::LeftoversGone)), unless that is to be
    /// [kept](policy::Leftovers::Keep).
    Reaped {
        /// How it ended.
        end: RunEnd,
        /// When.
        at: Instant,
    },
    /// Nothing is left of the run.
    LeftoversGone,
    /// So many more signals have come of the kind that a person sends by a key: SIGINT, SIGQUIT. The first
    /// one may be the request to stop itself; one after it says that somebody is in a hurry.
    Hurried(usize),
    /// The child is to stop for good. To be told again whenever `by` may have changed: it may leave less
    /// time, and never more.
    Quit {
        /// When it has to be over; `None`: as its policy says.
        by: Option<Instant>,
        /// Whether the request itself is a signal that [`Hurried`](KeeperEvent::Hurried) counts too, in
        /// an event before or after this one.
        in_hurry: bool,
    },
    /// The time told by [`Keeper::deadline`](crate::Keeper::deadline) has come.
    DeadlinePassed,
}

/// What has changed, and what is to be done about it.
#[derive(Clone, Debug, PartialEq)]
pub enum KeeperChange {
    /// The child has made a step, which is to be carried out.
    Stepped(Step),
    /// The child is ready for the first time: the starter is to be told so. Told once.
    Launched,
    /// The start takes longer than the starter knows: it is to be told that there will be an answer by then.
    Extended {
        /// When the answer is due: a little later than the child's own deadline.
        by: Instant,
    },
    /// Somebody is in a hurry: [`HURRY`](crate::HURRY) are left at most. The step comes next.
    Hurried,
}
