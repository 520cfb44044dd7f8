//! What somebody says of the memory of those of the set.

use proptest::prop_assert_eq;
use proptest::test_runner::TestCaseError;

use super::super::*;
use super::story::Story;

/// How many bytes of memory those of the set may have until they are replaced in their turn.
pub(super) const SOFT: u64 = 100;

/// With how many they are stopped at once.
pub(super) const HARD: u64 = 200;

impl Story {
    /// What was seen of another run than the present one changes nothing.
    pub(super) fn seen_memory(
        &mut self,
        id: Id,
        who: usize,
        is_old: bool,
    ) -> Result<(), TestCaseError> {
        let run = self.roster.machine(id).map_or(0, Machine::runs);
        if !is_old {
            let bytes = [SOFT / 2, SOFT + 1, HARD + 1][who % 3];
            return self.on(RosterEvent::Memory { id, run, bytes }).map(drop);
        }
        let before = format!("{:?}", self.roster);
        let run = if who.is_multiple_of(2) { run + 1 } else { run.wrapping_sub(1) };
        self.on(RosterEvent::Memory { id, run, bytes: HARD + 1 })?;
        prop_assert_eq!(before, format!("{:?}", self.roster));
        Ok(())
    }
}
