//! What a roster is told, and what it answers.

use std::fmt;
use std::time::{Duration, Instant};

use super::sets::SetId;
use crate::group::Id;
use crate::machine::{Event, Step};
use crate::roll;
use policy::limit;
use policy::{MemoryUse, RunEnd};

/// What happened, or what is asked of all.
#[derive(Clone, Debug, PartialEq)]
pub enum RosterEvent {
    /// They are to be started.
    Begin,
    /// This happened to one of them, or is asked of it.
    Child(Id, Event),
    /// A run has done all the jobs that its set allows it, which only it can know. It is replaced in its turn, once it
    /// has been ready for [as long as a run is at least](policy::RecyclePolicy::min_age). Of one that is not ready, or
    /// of no set whose children are replaced, that is nothing.
    JobsDone {
        /// Which.
        id: Id,
        /// How many.
        jobs: u64,
    },
    /// Somebody has [looked](crate::Roster::to_look_at) how much memory a run has. One that has more than it may have is
    /// replaced as one that has done its jobs; one that has less again, and has not been replaced yet, goes on. One that
    /// has more than it may have in any case is stopped at once, whoever is away, and that is a failure. Of another run
    /// than the present one, or of one that is not ready, that is nothing.
    Memory {
        /// Which.
        id: Id,
        /// Which run of it was looked at.
        run: u64,
        /// How many bytes.
        bytes: u64,
    },
    /// The time told by [`Roster::deadline`](crate::Roster::deadline) has come. One thing is done that is
    /// due, so that whoever carries it out can look at what else has happened; the deadline says whether
    /// there is more.
    DeadlinePassed,
    /// All are to stop for good. Told again it may leave less time, and never more.
    Quit {
        /// When all have to be over: each child has a little less, so that nobody is killed while it still stops others
        /// in time. `None`: as their policies say.
        by: Option<Instant>,
    },
}

/// Which of its limits a run has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgrown {
    /// It has been ready for so long.
    Age(Duration),
    /// It has done so many jobs.
    Jobs(u64),
    /// It has so much memory.
    Memory(MemoryUse),
}

impl fmt::Display for Outgrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outgrown::Age(age) => {
                // A limit with jitter has nanoseconds, which nobody wants to read.
                let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
                write!(f, "has been ready for {:?}", Duration::from_millis(millis))
            }
            Outgrown::Jobs(1) => f.write_str("has done 1 job"),
            Outgrown::Jobs(jobs) => write!(f, "has done {jobs} jobs"),
            Outgrown::Memory(used) => write!(f, "has {used}"),
        }
    }
}

/// What has changed, and what is to be done about it.
#[derive(Clone, Debug, PartialEq)]
pub enum RosterChange {
    /// This child has made a step, which is to be carried out.
    Stepped(Id, Step),
    /// This child, which was taken off the list, is gone, and nothing more is said of it. Whoever has carried that out
    /// [lets it go](crate::Roster::let_go).
    Removed(Id),
    /// This child is replaced though nothing is wrong with it.
    Recycled {
        /// Which.
        id: Id,
        /// Why.
        why: Outgrown,
        /// Whether that counts as a failure, since it is the third in a row so soon.
        fails: bool,
    },
    /// This child is stopped, as a failure, since it has more memory than it may have in any case.
    TooMuchMemory(Id, MemoryUse),
    /// A roll of this set has come further.
    Rolled(SetId, roll::Step),
    /// All have been ready now: told once.
    Ready,
    /// A child that had to become ready has not: all are being stopped.
    LaunchFailed,
    /// There were too many restarts of all together: all are being stopped.
    GaveUp {
        /// The limit.
        limit: limit::RestartLimit,
        /// Whose restart was one too many.
        id: Id,
        /// How its last run had ended.
        end: RunEnd,
    },
}
