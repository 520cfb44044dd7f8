//! What somebody waits for after a request: that it is so.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use lifecycle::{Id, Outcome, Phase, SetId};

use super::{Loop, RequestError, Shared};

/// What is to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The set has so many, all ready, and nobody else.
    Set { set: SetId, count: u32 },
    /// This roll of the set at this place is done.
    Rolled { set: usize, roll: u64 },
    /// It is ready, in a run after this one.
    Ready { id: Id, after: u64 },
    /// It has no process, by request.
    Stopped(Id),
    /// It is not on the list any more.
    Gone(Id),
    /// All of these.
    All(Vec<Goal>),
}

/// How far that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Reached,
    /// These are not so far.
    Waits(Vec<String>),
    /// All others are, and these do not come by themselves.
    Never(Vec<String>),
}

/// Somebody who waits, for as long as he does.
pub(super) struct Waiting {
    goal: Goal,
    to: Sender<Result<(), WaitError>>,
    alive: Weak<()>,
}

/// A request that is in force, whether or not somebody waits for what it leads to. Dropping it takes nothing back.
#[derive(Clone)]
pub struct Pending {
    pub(super) shared: Arc<Shared>,
    pub(super) goal: Goal,
}

/// Why it is not as was asked for. The request stays in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time is over: these are not so far.
    #[error("not yet: {}", list(.missing))]
    TimedOut {
        /// Each with its phase, or why it does not run.
        missing: Vec<String>,
    },
    /// These will not come by themselves: they have ended for good, or were stopped by request.
    #[error("it will not be so: {}", list(.missing))]
    Never {
        /// Each with its phase, or why it does not run.
        missing: Vec<String>,
    },
    /// The pool is over, or all its workers are being stopped.
    #[error("the pool is over, or ends")]
    Over,
}

/// The first ten, and how many more there are.
fn list(missing: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = missing.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match missing.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Pending {
    /// Waits until it is so: for at most `limit`, or `None` for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`WaitError`]: it is not, and who is missing.
    pub fn wait(&self, limit: impl Into<Option<Duration>>) -> Result<(), WaitError> {
        let (to, done) = channel();
        let alive = Arc::new(());
        let waiting = Waiting { goal: self.goal.clone(), to, alive: Arc::downgrade(&alive) };
        self.shared.call(|pool| pool.waiting.push(waiting)).map_err(|_| WaitError::Over)?;
        let answer = match limit.into() {
            Some(limit) => done.recv_timeout(limit),
            None => done.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match answer {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Disconnected) => return Err(WaitError::Over),
            Err(RecvTimeoutError::Timeout) => (),
        }
        let goal = self.goal.clone();
        match self.shared.call(move |pool| pool.progress(&goal)) {
            Ok(Progress::Reached) => Ok(()),
            Ok(Progress::Waits(missing)) => Err(WaitError::TimedOut { missing }),
            Ok(Progress::Never(missing)) => Err(WaitError::Never { missing }),
            Err(RequestError::Over | _) => Err(WaitError::Over),
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({:?})", self.goal)
    }
}

impl Loop {
    /// Tells those who wait for something that is so now, or will not be.
    pub(super) fn answer_who_waits(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|waiting| {
            if waiting.alive.strong_count() == 0 {
                return false;
            }
            let answer = match self.progress(&waiting.goal) {
                Progress::Reached => Ok(()),
                _ if self.roster.is_quitting() => Err(WaitError::Over),
                Progress::Never(missing) => Err(WaitError::Never { missing }),
                Progress::Waits(_) => return true,
            };
            let _ = waiting.to.send(answer);
            false
        });
        self.waiting = waiting;
    }

    fn progress(&self, goal: &Goal) -> Progress {
        let mut waits = Vec::new();
        let mut never = Vec::new();
        match *goal {
            Goal::Set { set, count } => {
                let wanted = self.roster.wanted(set);
                if wanted != count {
                    return Progress::Never(vec![format!("somebody wants {wanted} meanwhile")]);
                }
                for (index, id) in self.roster.places(set) {
                    match self.phase(id) {
                        Some(Phase::Running) if index <= wanted => (),
                        Some(Phase::Finished) if index <= wanted && self.is_done(id) => (),
                        Some(Phase::Finished | Phase::Stopped) if index <= wanted => {
                            never.push(self.tell(id));
                        }
                        _ => waits.push(self.tell(id)),
                    }
                }
            }
            Goal::Rolled { set, roll } => return self.roll_progress(set, roll),
            Goal::Ready { id, after } => match self.phase(id) {
                Some(Phase::Running) if self.run_of(id) > after => (),
                Some(Phase::Finished) if self.run_of(id) > after && self.is_done(id) => (),
                None | Some(Phase::Finished | Phase::Stopped) => never.push(self.tell(id)),
                Some(_) => waits.push(self.tell(id)),
            },
            Goal::Stopped(id) => match self.phase(id) {
                None | Some(Phase::Stopped | Phase::Finished) => (),
                // Somebody has asked for its start since.
                Some(Phase::Running | Phase::NotReady | Phase::Starting | Phase::Due) => {
                    never.push(self.tell(id));
                }
                Some(_) => waits.push(self.tell(id)),
            },
            Goal::Gone(id) => {
                if self.phase(id).is_some() {
                    waits.push(self.tell(id));
                }
            }
            Goal::All(ref goals) => {
                for goal in goals {
                    match self.progress(goal) {
                        Progress::Reached => (),
                        Progress::Waits(some) => waits.extend(some),
                        Progress::Never(some) => never.extend(some),
                    }
                }
            }
        }
        match (waits.is_empty(), never.is_empty()) {
            (true, true) => Progress::Reached,
            (true, false) => Progress::Never(never),
            (false, _) => Progress::Waits(waits),
        }
    }

    fn phase(&self, id: Id) -> Option<Phase> {
        Some(self.roster.machine(id)?.phase())
    }

    pub(super) fn run_of(&self, id: Id) -> u64 {
        self.workers.get(&id).map_or(0, |worker| worker.slot.run())
    }

    /// Whether it has ended as it should, and is not needed any more.
    fn is_done(&self, id: Id) -> bool {
        let outcome = self.workers.get(&id).and_then(|worker| worker.outcome.as_deref());
        matches!(outcome, Some(Outcome::Ended(end)) if end.is_success())
    }

    /// Its name, and what is with it.
    fn tell(&self, id: Id) -> String {
        let Some(worker) = self.workers.get(&id) else { return "a worker that is gone".to_owned() };
        let name = worker.record.name();
        match (&worker.outcome, self.phase(id)) {
            (Some(outcome), Some(Phase::Finished)) => format!("{name} {outcome}"),
            (_, Some(Phase::NotReady)) => format!("{name} not ready"),
            (_, Some(phase)) => format!("{name} {phase}"),
            (_, None) => format!("{name} gone"),
        }
    }
}
