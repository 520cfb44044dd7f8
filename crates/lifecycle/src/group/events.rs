//! What a group is told, and what it answers.

use super::Id;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The group is to start.
    Begin,
    /// This worker [has come](super::Group::add) later.
    Added(Id),
    /// A worker [is gone](super::Group::remove), for which others may have waited.
    Removed,
    /// This worker is ready.
    Ready(Id),
    /// This worker's run is over, and its own machine wants another, after a delay.
    Failed(Id),
    /// That delay is over.
    Due(Id),
    /// This worker has been paused, and has no process.
    Paused(Id),
    /// This worker is being stopped by request, and has a process.
    Stopping(Id),
    /// This worker has no process, by request, until somebody asks for one.
    Stopped(Id),
    /// This worker has no process, and somebody has asked for one.
    Asked(Id),
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

impl Happened {
    /// To which worker it has happened; `None` if it is about all.
    pub(super) fn worker(self) -> Option<Id> {
        match self {
            Happened::Begin | Happened::Removed | Happened::Quit => None,
            Happened::Added(worker)
            | Happened::Ready(worker)
            | Happened::Failed(worker)
            | Happened::Due(worker)
            | Happened::Paused(worker)
            | Happened::Stopping(worker)
            | Happened::Stopped(worker)
            | Happened::Asked(worker)
            | Happened::Over { worker, .. } => Some(worker),
        }
    }
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
