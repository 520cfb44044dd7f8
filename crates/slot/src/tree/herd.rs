//! The end of processes that multiply. Were they killed one by one, the others would replace them
//! meanwhile. So all that can be seen are stopped first, until nobody new is seen.

use std::collections::BTreeSet;
use std::io;

use rustix::process::Signal;

use super::{Seen, look, signal};

/// How many rounds of looking make a turn. A fork bomb under a limit has at most as many new processes as
/// the limit leaves room for, and one that was stopped makes no more. What is left has its turn later, so
/// that the caller gets on with other things.
const ROUNDS: usize = 16;

/// How many are looked at in a round.
pub const MOST: usize = 4096;

/// Those that were stopped, and have not been seen dead. Dropping it kills them: nobody is left stopped.
#[derive(Debug, Default)]
pub struct Herd(BTreeSet<Seen>);

impl Drop for Herd {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Herd {
    /// Whether nobody is stopped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn kill(&self) {
        for seen in &self.0 {
            signal(seen, Signal::KILL);
        }
    }

    /// Stops what `find` finds, until it finds nobody new twice (the list of children may leave one out
    /// while another one ends, proc_pid_task_children(5)); then kills them all. Whether nobody is left, as far
    /// as can be known: where the system does not let us look, somebody may be.
    pub fn end(&mut self, mut find: impl FnMut() -> io::Result<Vec<Seen>>) -> bool {
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            // A dying process is still there, but shows its environment no more, so `find` may miss it.
            // It stays here until it is seen dead.
            self.0.retain(|seen| !look(seen.pid).is_ok_and(|found| found != Some(*seen)));
            let mut is_new = false;
            let Ok(found) = find() else { return false };
            for seen in found {
                if self.0.insert(seen) {
                    signal(&seen, Signal::STOP);
                    is_new = true;
                }
            }
            quiet = if is_new { 0 } else { quiet + 1 };
            if quiet == 2 {
                self.kill();
                return self.0.is_empty();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command};

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    /// A failed look was taken for "nobody is left", and what was left lived on.
    ///
    /// Case: FLT-F1
    #[test]
    fn where_nobody_can_be_looked_at_somebody_may_be_left() {
        let mut herd = Herd::default();
        assert!(herd.end(|| Ok(Vec::new())));
        assert!(!herd.end(|| Err(rustix::io::Errno::MFILE.into())));
    }

    /// One more process is found in each round, so that the turn ends with all of them stopped; then the
    /// herd is dropped.
    ///
    /// Case: FLT-F1
    #[test]
    fn a_herd_that_is_given_up_is_not_left_stopped() {
        let mut sleepers: Vec<Child> = (0..ROUNDS).map(|_| sleeper()).collect();
        let mut found = sleepers.iter().map(|child| look(child.id()));
        let mut herd = Herd::default();
        let mut next = || found.next().unwrap_or(Ok(None));
        assert!(!herd.end(|| Ok(next()?.into_iter().collect())));
        assert_eq!(herd.0.len(), ROUNDS);
        drop(herd);
        for child in &mut sleepers {
            assert_eq!(child.wait().unwrap().signal(), Some(9));
        }
    }
}
