//! Sets, as far as a pool knows more of them than the roster; and how a roll is told.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use control::service;
use lifecycle::{Id, Phase, RosterEvent, SetId, roll};
use policy::{Problems, RecyclePolicy, RollPolicy, Share};

use super::goals::{Goal, Progress};
use super::refused::RequestError;
use super::requests::Scaling;
use super::shared::Shared;
use super::{Loop, Worker};
use crate::spec::{MOST_OF_SET, PidFileOf, SetPlan};

/// So many ends of rolls are kept for who waits for one.
const MOST_ENDS: usize = 8;

/// One set.
pub(super) struct KeptSet {
    pub(super) name: String,
    pub(super) id: SetId,
    /// Where the pid files of its workers are.
    pub(super) pid_file_of: PidFileOf,
    /// How it is rolled, where who asks for that says nothing else.
    pub(super) roll: RollPolicy,
    /// How many rolls were begun.
    pub(super) rolls: u64,
    /// How the last ones ended, each with its number, and in words.
    pub(super) rolled: VecDeque<(u64, roll::End, String)>,
    /// When its workers are replaced by themselves.
    pub(super) recycle: RecyclePolicy,
    /// How much memory each may have in any case.
    pub(super) memory_hard_limit: Option<u64>,
    /// How many the list wants: somebody may have asked for another number since.
    pub(super) configured: u32,
    /// A newer list has it no more.
    pub(super) dropped: bool,
    /// How many there are to be when the roll has gone well.
    pub(super) then: Option<u32>,
}

impl KeptSet {
    /// A set of the list, which wants so many.
    pub(super) fn new(id: SetId, plan: SetPlan, configured: u32) -> KeptSet {
        KeptSet {
            name: plan.name,
            id,
            pid_file_of: plan.pid_file_of,
            roll: plan.roll,
            rolls: 0,
            rolled: VecDeque::new(),
            recycle: plan.recycle,
            memory_hard_limit: plan.memory_hard_limit,
            configured,
            dropped: false,
            then: None,
        }
    }
}

/// What somebody wants otherwise than the set's own policy has it.
pub(crate) type Amend = Box<dyn FnOnce(RollPolicy) -> RollPolicy + Send>;

impl Shared {
    /// Begins to replace the workers of a set one after another. Whoever asks makes those beside, in his own thread.
    pub(super) fn roll(&self, set: &str, amend: Amend) -> Result<Goal, RequestError> {
        let name = set.to_owned();
        let (own, max_unavailable) = self.call(move |pool| pool.roll_policy(&name))??;
        // What somebody else has written runs in his thread, and nobody waits for it.
        let policy = amend(own);
        let mut problems = Problems::new();
        policy.check(&mut problems, set, max_unavailable);
        problems.or(()).map_err(RequestError::Options)?;
        let mut makes = self.makes();
        let mut made = BTreeMap::new();
        loop {
            let (name, policy, recorder) = (set.to_owned(), policy.clone(), makes.recorder.clone());
            let roll = move |pool: &mut Loop| {
                pool.record_with(recorder);
                pool.roll(&name, policy, made)
            };
            match self.call(roll)?? {
                Scaling::Done(goal) => return Ok(goal),
                Scaling::Wants(wants) => made = makes.make(wants)?,
            }
        }
    }
}

impl Loop {
    pub(super) fn set(&self, name: &str) -> Result<usize, RequestError> {
        let is_it = |set: &KeptSet| set.name == name && !set.dropped;
        self.sets.iter().position(is_it).ok_or_else(|| {
            let sets = self.sets.iter().filter(|set| !set.dropped);
            let sets = sets.map(|set| set.name.clone()).collect();
            RequestError::NoSuchSet { name: name.to_owned(), sets }
        })
    }

    fn set_of(&mut self, id: SetId) -> Option<&mut KeptSet> {
        self.sets.iter_mut().find(|set| set.id == id)
    }

    /// How a set is rolled, and how many of it may be away.
    fn roll_policy(&self, name: &str) -> Result<(RollPolicy, Share), RequestError> {
        let set = &self.sets[self.set(name)?];
        Ok((set.roll.clone(), self.roster.share_unavailable(set.id)))
    }

    fn roll(
        &mut self,
        name: &str,
        policy: RollPolicy,
        mut made: BTreeMap<u32, Box<Worker>>,
    ) -> Result<Scaling, RequestError> {
        let found = self.set(name)?;
        let id = self.sets[found].id;
        if self.roster.rolling(id).is_none() {
            let wanted = self.roster.wanted(id);
            let surge = self.roster.surge_of(id, &policy).max(self.roster.extra(id));
            let last = wanted.saturating_add(surge);
            if MOST_OF_SET < last {
                let (set, count) = (name.to_owned(), i64::from(last));
                return Err(RequestError::Count { set, count, most: MOST_OF_SET });
            }
            let missing = self.roster.missing(id, last);
            if !missing.iter().all(|number| made.contains_key(number)) {
                return Ok(Scaling::Wants(self.wants(found, missing, wanted)));
            }
        }
        let rolled = self.roster.roll(id, policy, Instant::now()).map_err(|refused| {
            let set = name.to_owned();
            match refused {
                roll::Refused::Rolling(roll::Progress { done, total }) => {
                    RequestError::Rolling { set, done, total }
                }
                roll::Refused::Strategy(strategy) => RequestError::NotAlone { set, strategy },
                roll::Refused::Quitting => RequestError::Stopping,
            }
        })?;
        for (number, id) in rolled.added {
            if let Some(worker) = made.remove(&number) {
                self.enter(id, worker);
            }
        }
        let set = &mut self.sets[found];
        set.rolls += 1;
        let goal = Goal::Rolled { set: found, roll: set.rolls };
        log::info!("set {name} is rolled");
        self.desk.events.rolls(name, "is rolled");
        self.carry_out_all(rolled.changes);
        Ok(Scaling::Done(goal))
    }

    /// Ends a roll when those in hand are replaced.
    pub(super) fn cancel_roll(&mut self, name: &str) -> Result<roll::Progress, RequestError> {
        let id = self.sets[self.set(name)?].id;
        let cancelled = self.roster.cancel_roll(id, Instant::now());
        let not_rolling = || RequestError::NotRolling { set: name.to_owned() };
        let (progress, changes) = cancelled.ok_or_else(not_rolling)?;
        self.carry_out_all(changes);
        Ok(progress)
    }

    /// A roll has come further.
    pub(super) fn rolled(&mut self, id: SetId, step: roll::Step) {
        match step {
            roll::Step::Taken { id, .. } => self.roll_takes(id),
            roll::Step::Settled { id, .. } => self.has_settled(id),
            roll::Step::Ended(_) => (),
        }
        let text = match step {
            roll::Step::Taken { id, .. } => format!("replaces {}", self.name_of(id)),
            roll::Step::Settled { id, progress: roll::Progress { done, total } } => {
                format!("has replaced {}: {done} of {total}", self.name_of(id))
            }
            roll::Step::Ended(end) => self.tell_end(end),
        };
        let Some(set) = self.set_of(id) else { return };
        let name = set.name.clone();
        if let roll::Step::Ended(end) = step {
            if set.rolled.len() == MOST_ENDS {
                set.rolled.pop_front();
            }
            set.rolled.push_back((set.rolls, end, text.clone()));
            match end {
                roll::End::Done
                | roll::End::Cancelled
                | roll::End::Superseded
                | roll::End::Quit => {
                    log::info!("the roll of set {name} is over: {text}");
                }
                roll::End::Bad { .. } | roll::End::Stalled { .. } => {
                    log::error!("the roll of set {name} is over: {text}");
                }
            }
            self.desk.events.rolled(&name, &text);
            self.roll_is_over(id, end);
        } else {
            self.desk.events.rolls(&name, &text);
        }
    }

    fn tell_end(&self, end: roll::End) -> String {
        match end {
            roll::End::Done => "all have been replaced".to_owned(),
            roll::End::Bad { id, .. } => {
                let worker = self.workers.get(&id);
                let end = worker.and_then(|worker| worker.record.last_end());
                let end = end.map_or_else(|| "ended".to_owned(), |end| end.text.clone());
                format!("the new {} {end}; the others are as they were", self.name_of(id))
            }
            roll::End::Stalled { id: Some(id) } => {
                format!("it came no further: {} is not ready", self.name_of(id))
            }
            roll::End::Stalled { id: None } => {
                "it came no further: too few are ready for another to go".to_owned()
            }
            roll::End::Cancelled => "somebody has cancelled it".to_owned(),
            roll::End::Superseded => "a newer list has come".to_owned(),
            roll::End::Quit => "all are being stopped".to_owned(),
        }
    }

    pub(super) fn name_of(&self, id: Id) -> String {
        let worker = self.workers.get(&id);
        worker.map(|worker| worker.record.name().to_owned()).unwrap_or_default()
    }

    /// How far somebody's roll is who waits for it.
    pub(super) fn roll_progress(&self, set: usize, roll: u64) -> Progress {
        let set = &self.sets[set];
        match set.rolled.iter().find(|(number, ..)| *number == roll) {
            Some((_, roll::End::Done, _)) => Progress::Reached,
            Some((_, _, text)) => Progress::Never(vec![text.clone()]),
            None if set.rolls == roll => {
                let roll::Progress { done, total } =
                    self.roster.rolling(set.id).unwrap_or_default();
                Progress::Waits(vec![format!("{done} of {total} are replaced")])
            }
            None => Progress::Never(vec!["many rolls came after it".to_owned()]),
        }
    }

    /// A worker that is ready and has done all the jobs of its run is to be replaced. One that has done them before that
    /// is looked at again when it has said that it is ready.
    pub(super) fn look_at_jobs(&mut self, id: Id) {
        let is_ready = self.roster.machine(id).is_some_and(|machine| machine.is_ready());
        let worker = self.workers.get_mut(&id).filter(|_| is_ready);
        if let Some(jobs) = worker.and_then(|worker| worker.slot.take_jobs_done()) {
            self.on(RosterEvent::JobsDone { id, jobs });
        }
    }

    pub(super) fn recycled(&mut self, id: Id, why: &str, fails: bool) {
        let Loop { workers, desk, .. } = self;
        let Some(worker) = workers.get_mut(&id) else { return };
        let name = worker.record.name();
        let text = match fails {
            true => format!("{why}, and is replaced, as a failure: the third in a row so soon"),
            false => format!("{why}, and is replaced"),
        };
        match fails {
            true => log::warn!("worker {name} {text}"),
            false => log::info!("worker {name} {text}"),
        }
        worker.record.recycled(why, &text, &mut desk.events);
    }

    /// How it stands with the sets.
    pub(crate) fn sets(&self) -> Vec<service::Set> {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let tell = |set: &KeptSet| service::Set {
            name: set.name.clone(),
            wanted: self.roster.wanted(set.id),
            ready: number(self.roster.in_phase(set.id, Phase::Running)),
            there: number(self.roster.places(set.id).count()),
            over: number(
                self.roster.in_phase(set.id, Phase::Stopped)
                    + self.roster.in_phase(set.id, Phase::Finished),
            ),
            due: number(self.roster.due_to_be_recycled(set.id)),
            roll: self
                .roster
                .rolling(set.id)
                .map(|progress| service::Roll { done: progress.done, total: progress.total }),
            // While there is another one it is that which is told.
            rolled: set
                .rolled
                .back()
                .filter(|(number, ..)| *number == set.rolls)
                .map(|(_, _, text)| text.clone()),
        };
        self.sets.iter().filter(|set| !set.dropped).map(tell).collect()
    }
}
