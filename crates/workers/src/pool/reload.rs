//! A newer list takes the place of the one in force: it is read, compared and checked by the thread of who asks, and
//! taken by the loop in one piece.

use std::collections::BTreeMap;
use std::mem::replace;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, TryLockError};

use super::change::{Change, compare};
use super::goals::Goal;
use super::newcomers::Newcomer;
use super::refused::RequestError;
use super::renewal::{Applied, Prepared};
use super::requests::Wants;
use super::shared::{Makes, Shared};
use super::{Loop, Worker};
use crate::spec::{self, Listed, NewerSet};
use policy::Policy;

/// Deep enough for what reads a list, which is the application's own, and for what makes workers.
pub(super) const RELOAD_STACK: usize = 1 << 20;

/// What came of a reload.
pub(crate) struct Reloaded {
    /// What is other, a line each.
    pub(crate) changes: Vec<String>,
    /// How many workers that listen were told.
    pub(crate) told: usize,
    /// What it leads to.
    pub(super) goal: Goal,
}

impl Shared {
    /// Has the list that the option reads take the place of the one in force; if it is only a look, it is only compared.
    pub(super) fn reload(&self, only_look: bool) -> Result<Reloaded, RequestError> {
        match self.reloading.try_lock() {
            Ok(_one) => self.read_and_apply(only_look),
            // What was read then was the application's own, and has panicked.
            Err(TryLockError::Poisoned(poisoned)) => {
                let _one = poisoned.into_inner();
                self.read_and_apply(only_look)
            }
            Err(TryLockError::WouldBlock) => Err(RequestError::Reloading),
        }
    }

    fn read_and_apply(&self, only_look: bool) -> Result<Reloaded, RequestError> {
        let source = self.makes().options.source.clone();
        let Some(source) = source else {
            let told = self.call(move |pool| pool.tell_who_listens(only_look))?;
            // This process may listen itself.
            return match told > 0 || surroundings::reload::has_listeners() {
                false => Err(RequestError::NotReloadable),
                true => Ok(Reloaded { changes: Vec::new(), told, goal: Goal::All(Vec::new()) }),
            };
        };
        // Nobody is held up meanwhile: it is the application's own.
        let list = match catch_unwind(AssertUnwindSafe(|| source.read())) {
            Ok(Ok(list)) => list,
            Ok(Err(error)) => {
                return Err(RequestError::NoList { why: exit::ErrorText::new(&*error).chain() });
            }
            Err(panic) => {
                // What was thrown may panic when it is dropped.
                std::mem::forget(panic);
                let why = "the function that reads it has panicked".to_owned();
                return Err(RequestError::NoList { why });
            }
        };
        let mut makes = self.makes();
        let change = self.compare(&makes, list)?;
        let changes: Vec<String> = change.parts().iter().map(ToString::to_string).collect();
        let (goal, told) = match only_look {
            true => (Goal::All(Vec::new()), 0),
            false => self.apply_by(&mut makes, change)?,
        };
        Ok(Reloaded { changes, told, goal })
    }

    /// The same in a thread, for who has asked by a signal: the log has what came of it. If one is under way, there is one
    /// more after it.
    pub(super) fn reload_beside(self: &Arc<Shared>) {
        if self.reloads.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let shared = Arc::clone(self);
        let reload = move || {
            loop {
                let asked = shared.reloads.load(Ordering::Acquire);
                // One that somebody has asked for meanwhile may have read the list before its change.
                let one = shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
                // What each of a set runs may be said by the application, too.
                let reloaded = catch_unwind(AssertUnwindSafe(|| shared.read_and_apply(false)));
                drop(one);
                tell(reloaded.unwrap_or_else(|panic| {
                    std::mem::forget(panic);
                    let why = "what the application says of it has panicked".to_owned();
                    Err(RequestError::NoList { why })
                }));
                // Whatever was asked meanwhile is asked of what may have been read before.
                let order = (Ordering::AcqRel, Ordering::Acquire);
                if shared.reloads.compare_exchange(asked, 0, order.0, order.1).is_ok() {
                    return;
                }
            }
        };
        if let Err(error) = helper_thread::spawn("reload", RELOAD_STACK, reload) {
            self.reloads.store(0, Ordering::Release);
            log::error!("cannot start the thread that reloads: {error}");
        }
    }

    /// What a list would change.
    pub(super) fn plan(&self, list: Vec<Listed>) -> Result<Change, RequestError> {
        let makes = self.makes();
        self.compare(&makes, list)
    }

    /// Has a change come into force, if nothing has changed since it was made.
    pub(super) fn apply(&self, change: Change) -> Result<Goal, RequestError> {
        let mut makes = self.makes();
        Ok(self.apply_by(&mut makes, change)?.0)
    }

    fn compare(&self, makes: &Makes, list: Vec<Listed>) -> Result<Change, RequestError> {
        let view = self.call(|pool| pool.view())?;
        let newer = spec::newer(list, makes.options.clone())?;
        compare(view, newer, &makes.planner, makes.options.strategy_of_all())
    }

    fn apply_by(&self, makes: &mut Makes, change: Change) -> Result<(Goal, usize), RequestError> {
        let Change { version, planner, removed, kept, added, sets, new_sets, parts } = change;
        let before = replace(&mut makes.planner, planner);
        let apply = || {
            let known = self.call(|pool| pool.sets.len())?;
            let mut prepared = Box::new(Prepared {
                version,
                removed,
                kept: kept.into_iter().map(|it| makes.renewal(it)).collect::<Result<_, _>>()?,
                newcomers: Vec::new(),
                sets,
                made: BTreeMap::new(),
                lines: parts.iter().map(ToString::to_string).collect(),
            });
            for (place, set) in new_sets.into_iter().enumerate() {
                prepared.newcomers.push(self.new_set(makes, known + place, set)?);
            }
            for newcomer in added {
                let needs = self.call(|pool| pool.needs())?;
                let is_watched = newcomer.plan.policy.watchdog.is_some();
                makes.make_room(needs, 1, newcomer.plan.capture.is_some(), is_watched)?;
                let policy = Policy { must_launch: false, ..(*newcomer.plan.policy).clone() };
                let worker = makes.worker(*newcomer.plan)?;
                let (policy, order) = (Arc::new(policy), newcomer.order);
                prepared.newcomers.push(Newcomer::Worker { worker, policy, order });
            }
            loop {
                let recorder = makes.recorder.clone();
                let apply = move |pool: &mut Loop| {
                    pool.record_with(recorder);
                    pool.apply(prepared)
                };
                match self.call(apply)?? {
                    Applied::Done { goals, told } => return Ok((Goal::All(goals), told)),
                    Applied::Wants(again, wants) => {
                        prepared = again;
                        let set = wants.set;
                        prepared.made.insert(set, makes.make(wants)?);
                    }
                }
            }
        };
        // What each of a set runs is said by the application, and may panic.
        let applied = catch_unwind(AssertUnwindSafe(apply));
        if !matches!(applied, Ok(Ok(_))) {
            makes.planner = before;
        }
        applied.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn new_set(
        &self,
        makes: &mut Makes,
        at: usize,
        set: NewerSet,
    ) -> Result<Newcomer, RequestError> {
        let needs = self.call(|pool| pool.needs())?;
        let policy = Arc::new(Policy { must_launch: false, ..(*set.plan.policy).clone() });
        let numbers = (1..=set.count).collect();
        let wants =
            Wants { set: at, policy: Arc::clone(&policy), numbers, count: set.count, needs };
        let made: BTreeMap<u32, Box<Worker>> = makes.make(wants)?;
        Ok(Newcomer::Set { set: Box::new(set), policy, made })
    }
}

fn tell(reloaded: Result<Reloaded, RequestError>) {
    match reloaded {
        // What is other is told by whoever has changed it.
        Ok(Reloaded { changes, told, .. }) if changes.is_empty() => {
            log::info!("reloaded: the list is as it was, and {told} workers were told");
        }
        Ok(Reloaded { told, .. }) => log::info!("reloaded; {told} workers were told"),
        Err(error) => {
            let why = exit::ErrorText::new(&error).chain();
            log::error!("not reloaded, and all stays as it is: {why}");
        }
    }
}
