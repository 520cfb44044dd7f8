//! What the next runs of workers are where they are to be others, and how a newer list comes into force in the loop.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use capture::Recording;
use control::service;
use lifecycle::{Id, Phase, Request, RosterChange, SetId, roll};
use logging::LoggingConfig;
use policy::{Leftovers, Policy};
use proc_spawn::Spawn;

use super::change::{Renewal, SetChange};
use super::goals::Goal;
use super::newcomers::Newcomer;
use super::refused::RequestError;
use super::requests::{Count, Scaling, Wants};
use super::shared::Makes;
use super::{Loop, Worker};
use crate::error::WorkersError;
use crate::spec::{MOST_OF_SET, NewerSet};

/// What the next runs of a worker are.
pub(super) struct Next {
    spawn: Spawn,
    /// `None`: its output is kept as before.
    recording: Option<Option<Recording>>,
    leftovers: Leftovers,
    /// Of which list it is.
    revision: u64,
    /// A roll has to take it first: until then it is started as it was.
    awaits_roll: bool,
    /// What it was before is kept until this has proved good.
    may_revert: bool,
}

/// A worker that stays, and what it will be.
pub(super) struct Renewed {
    id: Id,
    policy: Arc<Policy>,
    next: Next,
    of_set: bool,
    is_other: bool,
    levels: Option<LoggingConfig>,
}

/// A change, with all that it takes.
pub(super) struct Prepared {
    pub(super) version: u64,
    pub(super) removed: BTreeSet<Id>,
    pub(super) kept: Vec<Renewed>,
    pub(super) newcomers: Vec<Newcomer>,
    pub(super) sets: Vec<SetChange>,
    /// Those that come to sets that there are, by the place of the set.
    pub(super) made: BTreeMap<usize, BTreeMap<u32, Box<Worker>>>,
    /// What is other, for people.
    pub(super) lines: Vec<String>,
}

/// What the loop says to a change.
pub(super) enum Applied {
    /// It is in force, and so many that listen were told.
    Done { goals: Vec<Goal>, told: usize },
    /// Workers are missing that it takes.
    Wants(Box<Prepared>, Wants),
}

impl Makes {
    /// What a worker that stays will be.
    pub(super) fn renewal(&mut self, renewal: Renewal) -> Result<Renewed, WorkersError> {
        let Renewal { id, plan, what, levels, of_set } = renewal;
        let (leftovers, policy) = (plan.policy.leftovers, Arc::clone(&plan.policy));
        let (spawn, recording) = self.next_of(plan, what.capture)?;
        let is_other = what.any();
        let next = Next {
            spawn,
            recording,
            leftovers,
            revision: 0,
            awaits_roll: false,
            may_revert: is_other && of_set,
        };
        Ok(Renewed { id, policy, next, of_set, is_other, levels })
    }
}

impl Worker {
    /// The next run begins: it is what it is to be by now.
    pub(super) fn renew(&mut self) {
        let Some(next) = self.next.take_if(|next| !next.awaits_roll) else { return };
        let Next { spawn, recording, leftovers, revision, may_revert, .. } = *next;
        let (spawn, recording) = self.slot.renew(spawn, recording, leftovers);
        // What has not proved good is nothing to come back to.
        if may_revert && self.old.is_none() {
            let (awaits_roll, may_revert, revision) = (false, false, self.revision);
            let old = Next { spawn, recording, leftovers, revision, awaits_roll, may_revert };
            self.old = Some(Box::new(old));
        }
        self.revision = revision;
    }

    /// Says how many its set is to have, to the runs that begin from now on, whatever they are.
    pub(super) fn set_count(&mut self, count: u32) {
        self.slot.set_count(count);
        for next in self.next.iter_mut().chain(&mut self.old) {
            next.spawn.set_count(count);
        }
    }

    /// What it will be as soon as it starts again, or else what it is.
    pub(super) fn spawn_to_be(&self) -> (&Spawn, Option<&Recording>) {
        let now = self.slot.recording();
        match self.next.as_deref().filter(|next| !next.awaits_roll) {
            Some(next) => {
                let recording = next.recording.as_ref().map_or(now, Option::as_ref);
                (&next.spawn, recording)
            }
            None => (self.slot.spawn(), now),
        }
    }
}

impl Loop {
    /// Has a change come into force, as a whole.
    pub(super) fn apply(&mut self, mut prepared: Box<Prepared>) -> Result<Applied, RequestError> {
        if self.roster.is_quitting() {
            return Err(RequestError::Stopping);
        }
        if self.version != prepared.version {
            return Err(RequestError::Stale);
        }
        if let Some(wants) = self.still_wanted(&prepared)? {
            return Ok(Applied::Wants(prepared, wants));
        }
        self.version += 1;
        self.revision += 1;
        for line in &prepared.lines {
            log::info!("reloads: {line}");
        }
        self.desk.events.reloaded(&match prepared.lines.is_empty() {
            true => "the list is as it was".to_owned(),
            false => prepared.lines.join("; "),
        });
        let mut goals: Vec<Goal> = prepared.removed.iter().copied().map(Goal::Gone).collect();
        let changes = self.roster.remove_all(&prepared.removed, Instant::now());
        self.carry_out_all(changes);
        // Those that a roll has not come to yet, as the list before had it.
        let mixed: BTreeSet<usize> = (0..self.sets.len()).filter(|at| self.is_mixed(*at)).collect();
        let mut same = Vec::new();
        for renewed in prepared.kept {
            if !renewed.is_other {
                same.push(renewed.id);
            }
            goals.extend(self.renew(renewed));
        }
        for change in prepared.sets {
            let made = prepared.made.remove(&change.at).unwrap_or_default();
            let is_mixed = mixed.contains(&change.at);
            goals.extend(self.change_set(change, made, is_mixed)?);
        }
        goals.extend(self.let_come(prepared.newcomers)?);
        let told = same.iter().filter_map(|id| self.workers.get(id));
        let told = told.filter(|worker| worker.slot.reload()).count();
        Ok(Applied::Done { goals, told })
    }

    /// Workers that a change takes and that have not been made.
    fn still_wanted(&self, prepared: &Prepared) -> Result<Option<Wants>, RequestError> {
        for SetChange { at, newer, others, to } in &prepared.sets {
            let Some(newer) = newer else { continue };
            let (name, id) = (&self.sets[*at].name, self.sets[*at].id);
            let surge = match others.is_empty() {
                true => 0,
                false => self.roster.surge_of(id, &newer.plan.roll),
            };
            let count = self.roster.wanted(id).max(*to);
            let last = count.saturating_add(surge.max(self.roster.extra(id)));
            if MOST_OF_SET < last {
                let (set, count) = (name.clone(), i64::from(last));
                return Err(RequestError::Count { set, count, most: MOST_OF_SET });
            }
            let missing = self.roster.missing(id, last);
            let made = prepared.made.get(at);
            let is_made = |number| made.is_some_and(|made| made.contains_key(number));
            if !missing.iter().all(is_made) {
                let policy =
                    Arc::new(Policy { must_launch: false, ..(*newer.plan.policy).clone() });
                let needs = self.needs();
                return Ok(Some(Wants { set: *at, policy, numbers: missing, count: *to, needs }));
            }
        }
        Ok(None)
    }

    /// A worker that stays is from its next run on what it is to be.
    fn renew(&mut self, renewed: Renewed) -> Option<Goal> {
        let Renewed { id, policy, mut next, of_set, is_other, levels } = renewed;
        let machine = self.roster.machine(id)?;
        // What its stop waits for now has the times that it had.
        if machine.phase() != Phase::Stopping {
            let must_launch = machine.policy().must_launch;
            let policy = match policy.must_launch == must_launch {
                true => policy,
                false => Arc::new(Policy { must_launch, ..(*policy).clone() }),
            };
            self.roster.set_policy(id, policy);
        }
        let stays = self.roster.is_kept(id);
        // One that a failure of others does not start again is not replaced by a roll either.
        let is_rolled = self.roster.member(id).is_some_and(|member| !member.temporary);
        let worker = self.workers.get_mut(&id)?;
        next.revision = self.revision;
        next.awaits_roll = of_set && is_other && stays && is_rolled;
        next.may_revert &= next.awaits_roll;
        match worker.next.take().filter(|before| !before.awaits_roll) {
            // It was compared with what it is to be as soon as it starts again, which is not lost.
            Some(before) => {
                next.recording = next.recording.or(before.recording);
                next.may_revert |= !is_other && before.may_revert;
            }
            None if !is_other => worker.revision = self.revision,
            None => (),
        }
        if let Some(levels) = levels {
            worker.slot.instruct(&surroundings::reload::Instruction::Levels(Cow::Owned(levels)));
        }
        worker.next = Some(Box::new(next));
        if of_set || !is_other || !stays {
            return None;
        }
        self.request(id, Request::Restart).ok()
    }

    fn change_set(
        &mut self,
        change: SetChange,
        mut made: BTreeMap<u32, Box<Worker>>,
        is_mixed: bool,
    ) -> Result<Vec<Goal>, RequestError> {
        let SetChange { at, newer, others, to } = change;
        let (name, id) = (self.sets[at].name.clone(), self.sets[at].id);
        let Some(newer) = newer else {
            self.roster.drop_set(id, true);
            self.scale(&name, Count::To(0), made)?;
            // From here on its name is nobody's.
            self.sets[at].dropped = true;
            return Ok(vec![Goal::Set { set: id, count: 0 }]);
        };
        let NewerSet { plan, count, .. } = *newer;
        let policy = Policy { must_launch: false, ..(*plan.policy).clone() };
        self.roster.amend_set(id, Arc::new(policy));
        self.roster.drop_set(id, false);
        self.roster.max_unavailable(id, plan.max_unavailable);
        self.roster.recycle(id, plan.recycle.clone());
        self.roster.memory_hard_limit(id, plan.memory_hard_limit);
        let set = &mut self.sets[at];
        (set.configured, set.dropped, set.then) = (count, false, None);
        (set.roll, set.recycle, set.pid_file_of) = (plan.roll, plan.recycle, plan.pid_file_of);
        set.memory_hard_limit = plan.memory_hard_limit;
        let wanted = self.roster.wanted(id);
        let mut goals = Vec::new();
        if !others.is_empty() || self.roster.rolling(id).is_some() && is_mixed {
            let policy = self.sets[at].roll.clone();
            let rolled = self.roster.renew(id, &others, policy, Instant::now());
            let mut rolled = rolled.map_err(|_| RequestError::Stopping)?;
            // That the one before is over is told of that one.
            let ended = roll::Step::Ended(roll::End::Superseded);
            if rolled.changes.first() == Some(&RosterChange::Rolled(id, ended)) {
                self.rolled(id, ended);
                rolled.changes.remove(0);
            }
            for (number, id) in rolled.added {
                if let Some(worker) = made.remove(&number) {
                    self.enter(id, worker);
                }
            }
            // Of those that are over, or were stopped, there is none to be replaced.
            let ends = |change: &RosterChange| {
                matches!(change, RosterChange::Rolled(_, roll::Step::Ended(_)))
            };
            if self.roster.rolling(id).is_some() || rolled.changes.iter().any(ends) {
                let set = &mut self.sets[at];
                set.rolls += 1;
                goals.push(Goal::Rolled { set: at, roll: set.rolls });
                log::info!("set {name} is rolled");
                self.desk.events.rolls(&name, "is rolled");
            }
            self.carry_out_all(rolled.changes);
        }
        if to < wanted && self.roster.rolling(id).is_some() {
            self.sets[at].then = Some(to);
        } else if to != wanted {
            self.scale(&name, Count::To(to), made)?;
            if others.is_empty() {
                goals.push(Goal::Set { set: id, count: to });
            }
        }
        Ok(goals)
    }

    /// Whether some of a set are to be taken by a roll.
    fn is_mixed(&self, at: usize) -> bool {
        let awaits = |worker: &Worker| worker.next.as_ref().is_some_and(|next| next.awaits_roll);
        let mut places = self.roster.places(self.sets[at].id);
        places.any(|(_, id)| self.workers.get(&id).is_some_and(|worker| awaits(worker)))
    }

    /// A roll has come to a worker that is to be another: from now on it is.
    pub(super) fn roll_takes(&mut self, id: Id) {
        let worker = self.workers.get_mut(&id);
        if let Some(next) = worker.and_then(|worker| worker.next.as_mut()) {
            next.awaits_roll = false;
        }
    }

    /// A worker has proved good.
    pub(super) fn has_settled(&mut self, id: Id) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.old = None;
        }
    }

    /// A roll is over: a bad one is again what it was, if that is wanted, and those that it has not taken stay what they
    /// are. Another roll in its place sees to all of them.
    pub(super) fn roll_is_over(&mut self, set: SetId, end: roll::End) {
        if end == roll::End::Superseded {
            return;
        }
        let bad = if let roll::End::Bad { id, .. } = end { Some(id) } else { None };
        let places: Vec<Id> = self.roster.places(set).map(|(_, id)| id).collect();
        let wanted = self.roster.wanted(set);
        let kept = self.sets.iter_mut().find(|kept| kept.id == set);
        let (reverts, then, name) = kept.map_or((false, None, String::new()), |kept| {
            let then = kept.then.take();
            if end != roll::End::Done && then.is_some() {
                // The number was not reached: the next list that says it is to have it done.
                kept.configured = wanted;
            }
            (kept.roll.on_bad.reverts(), then, kept.name.clone())
        });
        let mut reverted = None;
        for id in places {
            let Some(worker) = self.workers.get_mut(&id) else { continue };
            match end {
                // What the roll had no need to replace (it was stopped, or is over) is what the list says when it starts.
                roll::End::Done => worker.next.iter_mut().for_each(|next| next.awaits_roll = false),
                roll::End::Bad { .. }
                | roll::End::Stalled { .. }
                | roll::End::Cancelled
                | roll::End::Superseded
                | roll::End::Quit => drop(worker.next.take_if(|next| next.awaits_roll)),
            }
            let old = worker.old.take();
            if Some(id) == bad && reverts && old.is_some() {
                (worker.next, reverted) = (old, Some(id));
            }
        }
        if let Some(id) = reverted {
            log::warn!("worker {} is what it was before", self.name_of(id));
            let _ = self.request(id, Request::Restart);
        }
        if let Some(to) = then.filter(|_| end == roll::End::Done) {
            // There are fewer: nobody has to be made.
            let _: Result<Scaling, _> = self.scale(&name, Count::To(to), BTreeMap::new());
        }
    }

    /// Has those workers know that listen for it. Says how many there are; if it is only a look, they are not told.
    pub(super) fn tell_who_listens(&self, only_look: bool) -> usize {
        let workers = self.workers.values();
        let told = workers.filter(|worker| match only_look {
            true => worker.slot.reloads(),
            false => worker.slot.reload(),
        });
        told.count()
    }
}

/// What is told of a list that was read anew.
pub(crate) fn told(reloaded: &super::reload::Reloaded) -> service::Reloaded {
    service::Reloaded {
        changes: reloaded.changes.clone(),
        told: u32::try_from(reloaded.told).unwrap_or(u32::MAX),
    }
}
