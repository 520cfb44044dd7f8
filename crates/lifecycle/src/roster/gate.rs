//! Whether all have been ready, as it is announced once.

use std::collections::BTreeSet;

use crate::group::Id;

/// Who has to become ready before it can be said that all are.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Whether it is to be announced, and has not been.
    pub(super) announces: bool,
    /// Those that have never been ready. Who is stopped by request is not waited for.
    awaited: BTreeSet<Id>,
}

impl Gate {
    /// It is waited for this child.
    pub(super) fn wait_for(&mut self, id: Id) {
        self.awaited.insert(id);
    }

    /// Whether there is nobody to wait for, and that is to be announced now.
    #[must_use]
    pub(super) fn waits_for_nobody(&mut self) -> bool {
        self.awaited.is_empty() && std::mem::take(&mut self.announces)
    }

    /// It is not waited for this child any more. Says whether it was the last one, and that is to be announced now.
    #[must_use]
    pub(super) fn lets_through(&mut self, id: Id) -> bool {
        let last = self.awaited.remove(&id) && self.awaited.is_empty();
        last && std::mem::take(&mut self.announces)
    }
}
