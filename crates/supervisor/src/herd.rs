//! The end of processes that multiply: who is killed one by one is replaced meanwhile, so all that
//! can be seen are stopped first, until nobody new is seen.

use std::collections::BTreeSet;

use rustix::process::Signal;

use crate::tree::{self, Seen};

/// How often is looked in a turn. A fork bomb below a limit has at most so many new processes as the
/// limit has room, and one that was stopped makes no more; the rest has its turn later, so that
/// whoever looks gets on with other things.
const ROUNDS: usize = 16;

/// How many are looked at in a round.
pub(crate) const MOST: usize = 4096;

/// Those that were stopped.
#[derive(Debug, Default)]
pub(crate) struct Herd(BTreeSet<Seen>);

impl Herd {
    /// Stops what `find` finds, until it finds nobody new twice (the list of children may leave one out
    /// while another one ends, proc_pid_task_children(5)); then kills them all. Says how many there
    /// were at last.
    pub(crate) fn end(&mut self, mut find: impl FnMut() -> Vec<Seen>) -> usize {
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            let found = find();
            let new: Vec<Seen> =
                found.iter().filter(|seen| !self.0.contains(seen)).copied().collect();
            for seen in &new {
                tree::signal(seen, Signal::STOP);
            }
            self.0 = found.into_iter().collect();
            quiet = if new.is_empty() { quiet + 1 } else { 0 };
            if self.0.is_empty() || quiet == 2 {
                for seen in &self.0 {
                    tree::signal(seen, Signal::KILL);
                }
                return self.0.len();
            }
        }
        self.0.len()
    }
}
