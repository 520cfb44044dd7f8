//! What may be asked of a pool while it runs: by the threads of its program, and by the control socket.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use lifecycle::group;
use lifecycle::{Id, Refused, Request};
use policy::{Policy, Problems};

use super::goals::Goal;
use super::refused::RequestError;
use super::shared::Shared;
use super::{Loop, Worker};
use crate::spec::{self, AlonePlan, MOST_OF_SET, WorkerStartInfo};

/// How many a set is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    To(u32),
    /// So many more or fewer than there were to be.
    By(i32),
}

/// How many workers there will be, and how many of them with captured output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) workers: usize,
    pub(super) captured: usize,
    pub(super) watched: usize,
}

/// What the loop has made of a wish for other workers.
pub(super) enum Scaling {
    Done(Goal),
    Wants(Wants),
}

/// Workers of a set that are to be made elsewhere.
pub(super) struct Wants {
    /// The place of the set.
    pub(super) set: usize,
    pub(super) policy: Arc<Policy>,
    pub(super) numbers: Vec<u32>,
    /// How many there are to be.
    pub(super) count: u32,
    pub(super) needs: Needs,
}

impl Shared {
    /// Has a set have so many. Whoever asks makes the workers, in his own thread.
    pub(super) fn scale(&self, set: &str, count: Count) -> Result<Goal, RequestError> {
        let mut makes = self.makes();
        let mut made = BTreeMap::new();
        loop {
            let (name, recorder) = (set.to_owned(), makes.recorder.clone());
            let scale = move |pool: &mut Loop| {
                pool.record_with(recorder);
                pool.scale(&name, count, made)
            };
            match self.call(scale)?? {
                Scaling::Done(goal) => return Ok(goal),
                Scaling::Wants(wants) => made = makes.make(wants)?,
            }
        }
    }
}

impl Shared {
    /// Puts one more worker on the list. Whoever asks makes it, in his own thread.
    pub(super) fn add(&self, worker: WorkerStartInfo) -> Result<Goal, RequestError> {
        let mut makes = self.makes();
        let plan = makes.planner.alone(worker)?;
        let (name, path) = (plan.worker.name.clone(), plan.worker.pid_filename.clone());
        let needs =
            self.call(move |pool| pool.has_room_for(&name, &path).map(|()| pool.needs()))??;
        let is_watched = plan.worker.policy.watchdog.is_some();
        makes.make_room(needs, 1, plan.worker.capture.is_some(), is_watched)?;
        // Nobody waits for its first start but who asks for it.
        let policy = Arc::new(Policy { must_launch: false, ..(*plan.worker.policy).clone() });
        let AlonePlan { worker, after, temporary, significant } = plan;
        let worker = makes.worker(worker)?;
        let member = group::Member { after: BTreeSet::new(), temporary, significant };
        let recorder = makes.recorder.clone();
        self.call(move |pool| {
            pool.record_with(recorder);
            pool.add(worker, policy, member, &after)
        })?
    }
}

impl Loop {
    /// Whether a worker of this name and pid file could come.
    fn has_room_for(&self, name: &str, pid_filename: &Path) -> Result<(), RequestError> {
        let mut problems = Problems::new();
        let sets = self.sets.iter().filter(|set| !set.dropped).map(|set| set.name.as_str());
        let of_set = sets.filter(|set| {
            let number = name.strip_prefix(set).and_then(|rest| rest.strip_prefix('-'));
            name == *set || number.is_some_and(spec::is_number)
        });
        if let Some(set) = of_set.into_iter().next() {
            problems.add("name", name, format!("is of the set `{set}`; give another name"));
        }
        let text = pid_filename.to_string_lossy();
        for set in self.sets.iter().filter(|set| !set.dropped) {
            let is_that = |number: &u32| (set.pid_file_of)(*number) == pid_filename;
            if let Some(number) = surroundings::check::numbers_in(&text).find(is_that) {
                let reason =
                    format!("is that of number {number} of `{}`; give another file", set.name);
                problems.add("pid_filename", &text, reason);
            }
        }
        for (id, worker) in &self.workers {
            let leaves = if self.roster.leaves(*id) { ", which is on its way out" } else { "" };
            if worker.record.name() == name {
                let reason = format!("is the name of another worker{leaves}; give another name");
                problems.add("name", name, reason);
            } else if worker.pid_filename == pid_filename {
                let other = worker.record.name();
                let reason = format!("is the pid file of `{other}`{leaves}; give another file");
                problems.add("pid_filename", pid_filename.display(), reason);
            }
        }
        problems.or(()).map_err(RequestError::Options)
    }

    pub(super) fn add(
        &mut self,
        worker: Box<Worker>,
        policy: Arc<Policy>,
        mut member: group::Member,
        after: &[String],
    ) -> Result<Goal, RequestError> {
        if self.roster.is_quitting() {
            return Err(RequestError::Stopping);
        }
        member.after = self.ids_of(after)?;
        self.version += 1;
        let (id, changes) = self.roster.add(member, policy, Instant::now());
        self.enter(id, worker);
        self.carry_out_all(changes);
        Ok(Goal::Ready { id, after: 0 })
    }

    /// The workers of these names, and those of the sets of these names.
    pub(super) fn ids_of(&self, names: &[String]) -> Result<BTreeSet<Id>, RequestError> {
        let mut ids = BTreeSet::new();
        for name in names {
            let set = self.sets.iter().find(|set| set.name == *name && !set.dropped);
            match set {
                Some(set) => {
                    let stay = |(_, id): &(u32, Id)| !self.roster.leaves(*id);
                    let stay = self.roster.places(set.id).filter(stay);
                    ids.extend(stay.map(|(_, id)| id));
                }
                None => {
                    ids.insert(self.find(name)?);
                }
            }
        }
        Ok(ids)
    }

    /// Takes note of a worker that the roster knows.
    pub(super) fn enter(&mut self, id: Id, worker: Box<Worker>) {
        if !worker.pid_filename.as_os_str().is_empty() {
            let _ = slot::leave_pid_files([worker.pid_filename.as_path()]);
        }
        let recording = worker.slot.recording();
        let tells = recording.is_some_and(|recording| recording.capture().tells_last_lines());
        self.status.add(id, worker.record.name(), tells);
        self.workers.insert(id, worker);
    }

    pub(super) fn scale(
        &mut self,
        name: &str,
        count: Count,
        mut made: BTreeMap<u32, Box<Worker>>,
    ) -> Result<Scaling, RequestError> {
        let found = self.set(name)?;
        let set = self.sets[found].id;
        let before = self.roster.wanted(set);
        let count = match count {
            Count::To(count) => i64::from(count),
            Count::By(by) => i64::from(before) + i64::from(by),
        };
        let wanted = u32::try_from(count).ok().filter(|count| *count <= MOST_OF_SET);
        let wanted = wanted.ok_or_else(|| RequestError::Count {
            set: name.to_owned(),
            count,
            most: MOST_OF_SET,
        })?;
        if self.roster.is_quitting() {
            return Err(RequestError::Stopping);
        }
        let numbers = self.roster.missing(set, wanted + self.roster.extra(set));
        if !numbers.iter().all(|number| made.contains_key(number)) {
            return Ok(Scaling::Wants(self.wants(found, numbers, wanted)));
        }
        self.version += 1;
        // Whoever asks for a number now wants that, whatever a roll was to lead to.
        self.sets[found].then = None;
        let scaled = self.roster.scale(set, wanted, Instant::now());
        let scaled = scaled.map_err(|_| RequestError::Stopping)?;
        let from = scaled.from;
        if from != wanted {
            log::info!("set {name} is to have {wanted} workers, and had {from}");
            self.desk.events.scaled(name, from, wanted);
        }
        let added: Vec<(Id, Box<Worker>)> = scaled
            .added
            .into_iter()
            .filter_map(|(number, id)| Some((id, made.remove(&number)?)))
            .collect();
        for (id, worker) in added {
            self.enter(id, worker);
        }
        if from != wanted {
            let members: Vec<Id> = self.roster.places(set).map(|(_, id)| id).collect();
            for id in members {
                if let Some(worker) = self.workers.get_mut(&id) {
                    worker.set_count(wanted);
                }
            }
        }
        self.carry_out_all(scaled.changes);
        Ok(Scaling::Done(Goal::Set { set, count: wanted }))
    }

    pub(super) fn wants(&self, set: usize, numbers: Vec<u32>, count: u32) -> Wants {
        let policy = self.roster.policy_of(self.sets[set].id);
        Wants { set, policy, numbers, count, needs: self.needs() }
    }

    /// What those take that are on the list.
    pub(super) fn needs(&self) -> Needs {
        let captured = self.workers.values().filter(|worker| worker.slot.recording().is_some());
        let captured = captured.count();
        let machines = self.roster.ids().filter_map(|id| self.roster.machine(id));
        let watched = machines.filter(|machine| machine.policy().watchdog.is_some()).count();
        Needs { workers: self.workers.len(), captured, watched }
    }

    pub(super) fn find(&self, name: &str) -> Result<Id, RequestError> {
        let found = self.workers.iter().find(|(_, worker)| worker.record.name() == name);
        found.map(|(id, _)| *id).ok_or_else(|| RequestError::NoSuchWorker { name: name.to_owned() })
    }

    /// Asks for something of one worker, and says when it is so.
    pub(super) fn request(&mut self, id: Id, request: Request) -> Result<Goal, RequestError> {
        let run = self.run_of(id);
        let (answer, changes) = match self.roster.request(id, request, Instant::now()) {
            Ok(taken) => taken,
            Err(refused) => return Err(self.refused(id, refused)),
        };
        self.carry_out_all(changes);
        let after = if answer.has_changed_something() { run } else { run.saturating_sub(1) };
        Ok(match request {
            Request::Stop => Goal::Stopped(id),
            Request::Start | Request::Restart => Goal::Ready { id, after },
        })
    }

    fn refused(&self, id: Id, refused: Refused) -> RequestError {
        let name = self.workers.get(&id).map(|worker| worker.record.name().to_owned());
        let name = name.unwrap_or_default();
        if refused == Refused::Unknown {
            RequestError::NoSuchWorker { name }
        } else if refused == Refused::Quitting {
            RequestError::Stopping
        } else {
            RequestError::Leaving { name }
        }
    }

    /// Takes a worker off the list.
    pub(super) fn remove(&mut self, name: &str) -> Result<Goal, RequestError> {
        let id = self.find(name)?;
        if let Some((set, _)) = self.roster.set_of(id) {
            let set = self.sets.iter().find(|other| other.id == set);
            let set = set.map(|set| set.name.clone()).unwrap_or_default();
            return Err(RequestError::OfSet { name: name.to_owned(), set });
        }
        if self.roster.is_quitting() {
            return Err(RequestError::Stopping);
        }
        self.version += 1;
        match self.roster.remove(id, Instant::now()) {
            Ok(changes) => self.carry_out_all(changes),
            Err(dependents) => {
                let named = |id: &Id| Some(self.workers.get(id)?.record.name().to_owned());
                let dependents = dependents.iter().filter_map(named).collect();
                return Err(RequestError::Needed { name: name.to_owned(), dependents });
            }
        }
        Ok(Goal::Gone(id))
    }

    pub(super) fn send(&self, id: Id, signal: i32) -> Result<(), RequestError> {
        let worker = self.workers.get(&id);
        let name = worker.map(|worker| worker.record.name().to_owned()).unwrap_or_default();
        let Some(child) = worker.and_then(|worker| worker.slot.child()) else {
            let phase = worker.map(|worker| worker.record.phase().to_string());
            return Err(RequestError::NoProcess { name, phase: phase.unwrap_or_default() });
        };
        child.signal(signal).map_err(|source| RequestError::Signal { name, signal, source })
    }

    /// Reads the letters of other threads.
    pub(super) fn look_at_letters(&mut self) {
        let shared = Arc::clone(&self.shared);
        for letter in shared.letters() {
            letter(self);
        }
    }
}
