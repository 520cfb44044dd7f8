//! Whether workers get on: what their timers tell.

use std::io;
use std::time::Instant;

use lifecycle::Id;

use super::{Loop, Worker};
use crate::wait::{Waiter, Wake};

impl Loop {
    /// Nothing was heard of this worker for too long.
    pub(super) fn look_at_silence(&mut self, id: Id) {
        let worker = self.workers.get_mut(&id);
        let silent = worker.and_then(|worker| worker.slot.hear_silence(Instant::now()));
        self.hear(id, silent.into_iter().collect());
        self.watch(id);
    }
}

impl Worker {
    /// Waits for the silence of this worker, or no more, as `wanted` says.
    pub(super) fn watch_silence(
        &mut self,
        id: Id,
        wanted: bool,
        waiter: &Waiter,
    ) -> io::Result<()> {
        if wanted == self.watches_silence {
            return Ok(());
        }
        self.watches_silence = wanted;
        let Some(timer) = self.slot.timer() else { return Ok(()) };
        match wanted {
            true => waiter.watch(timer, Wake::Silent(id)),
            false => {
                waiter.forget(timer);
                Ok(())
            }
        }
    }
}
