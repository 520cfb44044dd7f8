//! Workers that depend on each other, as a state machine: who may start, who must go first.
//!
//! Each worker has a machine of its own, which decides about that worker alone. The group decides
//! about their order: it owns no process and no clock, is told what happened to whom, and answers
//! what is to be asked of whom. A [roster](crate::Roster) asks it.

mod dependencies;
mod events;
mod id;
mod regrouping;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use policy::limit;
use policy::{EndWhen, Strategy};

pub use dependencies::Unit;
pub use events::{Happened, Order};
pub use id::Id;

/// What the group knows of one worker.
#[derive(Clone, Debug, Default)]
pub struct Member {
    /// The workers that must be ready, or have ended well, before this one is started.
    pub after: BTreeSet<Id>,
    /// It is not started again when the others are.
    pub temporary: bool,
    /// Its end may end them all.
    pub significant: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// No process, and one is wanted as soon as it may be.
    Wanted,
    /// No process, until the group starts again.
    Held,
    /// No process, until its delay is over.
    Delayed,
    Starting,
    Ready,
    /// Told to pause, or to quit while the others go on, or being stopped by request.
    Stopping,
    /// No process, by request, until somebody asks for one.
    Stopped,
    /// Told to quit, as all are.
    Quitting,
    /// Nothing more will come of it.
    Over {
        well: bool,
    },
}

impl Standing {
    fn runs(self) -> bool {
        matches!(
            self,
            Standing::Starting | Standing::Ready | Standing::Stopping | Standing::Quitting
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Other workers are being stopped, to be started again together with `with`, whose run has ended.
    /// With [`Strategy::RestForOne`] they are those after it in the list.
    Regrouping {
        with: Id,
    },
    Quitting,
}

/// A member of the group, and what has become of it.
#[derive(Debug)]
struct Place {
    member: Member,
    state: Standing,
    /// It was started at least once.
    ran: bool,
    /// Somebody has asked for its start, and that run has not been ready, nor failed.
    asked: bool,
}

impl Place {
    fn new(member: Member) -> Place {
        Place { member, state: Standing::Wanted, ran: false, asked: false }
    }
}

/// The workers of a list, as far as their order goes.
#[derive(Debug)]
pub struct Group {
    /// By id, which is the order of the list, too.
    places: BTreeMap<Id, Place>,
    strategy: Strategy,
    end_when: EndWhen,
    phase: Phase,
    /// Whether the order of the members matters: by the strategy, or since one is to start after another.
    ordered: bool,
    limit: Option<limit::RestartLimit>,
    restarts: limit::RestartLog,
    /// The limit that was exceeded.
    gave_up: Option<limit::RestartLimit>,
}

impl Group {
    /// A group that waits for [`Happened::Begin`]. Its members have the first ids, in their order.
    pub fn new(members: Vec<Member>, strategy: Strategy, end_when: EndWhen) -> Group {
        let ordered = strategy != Strategy::OneForOne
            || members.iter().any(|member| !member.after.is_empty());
        Group {
            places: std::iter::zip(Id::all(), members.into_iter().map(Place::new)).collect(),
            strategy,
            end_when,
            phase: Phase::Running,
            ordered,
            limit: None,
            restarts: limit::RestartLog::default(),
            gave_up: None,
        }
    }

    /// Limits the restarts of all members together: when there are more, all are stopped.
    pub fn restart_limit(self, limit: Option<limit::RestartLimit>) -> Group {
        Group { limit, ..self }
    }

    /// The limit that was exceeded, for which all are being stopped or have been; `None`: none was.
    pub fn gave_up(&self) -> Option<limit::RestartLimit> {
        self.gave_up
    }

    /// Whether all are to stop for good: nobody is started any more.
    pub fn quits(&self) -> bool {
        self.phase == Phase::Quitting
    }

    /// Who is started again when one is.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds a member at the end of the list. The caller then tells the group so by [`Happened::Added`],
    /// which starts the member when it may be.
    pub fn add(&mut self, id: Id, member: Member) {
        self.ordered |= !member.after.is_empty();
        self.places.insert(id, Place::new(member));
    }

    /// Forgets a member that is over. Members that were to start after it do not wait for it any more.
    pub fn remove(&mut self, id: Id) {
        self.places.remove(&id);
        for place in self.places.values_mut() {
            place.member.after.remove(&id);
        }
    }

    /// The workers that are to start after this one, and are not over.
    pub fn dependents(&self, id: Id) -> Vec<Id> {
        let waits = |place: &Place| {
            place.member.after.contains(&id) && !matches!(place.state, Standing::Over { .. })
        };
        self.places.iter().filter(|(_, place)| waits(place)).map(|(id, _)| *id).collect()
    }

    /// What was said of this worker.
    pub fn member(&self, worker: Id) -> &Member {
        &self.places[&worker].member
    }

    /// Whether this worker is not started again when the others are.
    pub fn is_temporary(&self, worker: Id) -> bool {
        self.places[&worker].member.temporary
    }

    /// Decides what is to be asked of whom, in this order.
    pub fn on(&mut self, happened: Happened, now: Instant) -> Vec<Order> {
        let all_were_told = self.phase == Phase::Quitting && happened != Happened::Quit;
        match happened {
            Happened::Begin | Happened::Added(_) | Happened::Removed => (),
            Happened::Ready(worker) => self.ready(worker),
            Happened::Failed(worker) => self.failed(worker, now),
            Happened::Due(worker) => self.due(worker),
            Happened::Paused(worker) => self.paused(worker),
            Happened::Stopping(worker) => self.stopping(worker),
            Happened::Stopped(worker) => self.stopped(worker),
            Happened::Asked(worker) => self.asked(worker),
            Happened::Over { worker, well } => self.over(worker, well),
            Happened::Quit => self.quit(),
        }
        let mut orders = Vec::new();
        loop {
            let phase = self.phase;
            match phase {
                // Among thousands that do not depend on each other nobody else needs a look.
                Phase::Running if !self.ordered && happened != Happened::Begin => {
                    if let Happened::Due(id) | Happened::Added(id) | Happened::Asked(id) = happened
                    {
                        self.start(id, &mut orders);
                    }
                }
                Phase::Running => self.start_whom_we_may(&mut orders),
                Phase::Regrouping { with } => {
                    self.start_bystanders(with, &mut orders);
                    self.stop_the_others(with, &mut orders);
                }
                Phase::Quitting if !self.ordered && all_were_told => {
                    if let Some(worker) = happened.worker() {
                        self.stop(worker, &mut orders);
                    }
                }
                Phase::Quitting => self.stop_all(&mut orders),
            }
            // The call above may have changed the phase: a regrouping is over, or all are to quit. Then
            // decide again.
            if self.phase == phase {
                return orders;
            }
        }
    }

    fn at(&mut self, worker: Id) -> &mut Place {
        self.places.get_mut(&worker).expect("who is asked about is of the group")
    }

    fn ids(&self) -> Vec<Id> {
        self.places.keys().copied().collect()
    }

    fn ready(&mut self, worker: Id) {
        let place = self.at(worker);
        if place.state == Standing::Starting {
            place.state = Standing::Ready;
            place.asked = false;
        }
    }

    fn failed(&mut self, worker: Id, now: Instant) {
        let place = self.at(worker);
        place.state = Standing::Delayed;
        place.asked = false;
        let is_restart = match self.phase {
            Phase::Running => true,
            // A worker that was to be stopped for the regrouping anyway comes back with the others: all
            // of that is one restart, and was counted.
            Phase::Regrouping { with } => !self.goes_with(worker, with),
            Phase::Quitting => false,
        };
        if is_restart
            && let Some(limit) = self.limit
            && !self.restarts.allow(now, limit)
        {
            self.gave_up = Some(limit);
            self.phase = Phase::Quitting;
        }
        // The end of a temporary worker stops nobody else.
        if self.strategy == Strategy::OneForOne || self.places[&worker].member.temporary {
            return;
        }
        self.phase = match self.phase {
            Phase::Running => Phase::Regrouping { with: worker },
            // This worker is `with`, or stands before it in the list. All after this worker go down, and
            // wait until it is due; an earlier `with` is among them.
            Phase::Regrouping { with } if !self.goes_with(worker, with) => {
                Phase::Regrouping { with: worker }
            }
            phase @ (Phase::Regrouping { .. } | Phase::Quitting) => phase,
        };
    }

    fn due(&mut self, worker: Id) {
        if self.places[&worker].state == Standing::Delayed {
            self.at(worker).state = Standing::Wanted;
        }
    }

    fn paused(&mut self, worker: Id) {
        // A worker without a process became `Held` as soon as `stop_the_others` ordered the pause.
        if self.places[&worker].state == Standing::Stopping {
            let regroups = matches!(self.phase, Phase::Regrouping { .. });
            self.at(worker).state = if regroups { Standing::Held } else { Standing::Wanted };
        }
    }

    /// The only place that sets [`Standing::Over`], whether the worker's machine or the group has decided
    /// it: all that follows from that is decided here.
    fn over(&mut self, worker: Id, well: bool) {
        if matches!(self.places[&worker].state, Standing::Over { .. }) {
            return;
        }
        self.at(worker).state = Standing::Over { well };
        // Where workers are started again together, all are needed: when one has failed for good, all
        // quit.
        let broken = !well && self.strategy != Strategy::OneForOne;
        if self.phase != Phase::Quitting && (broken || self.is_ended_by(worker)) {
            self.phase = Phase::Quitting;
        }
        // The regrouping waited for this worker, which does not come any more: the others start without
        // it.
        if self.phase == (Phase::Regrouping { with: worker }) {
            self.regroup_is_over();
        }
    }

    fn quit(&mut self) {
        self.phase = Phase::Quitting;
        // Workers that were told to quit may have less time now: as `Stopping` they are told again.
        for place in self.places.values_mut().filter(|place| place.state == Standing::Quitting) {
            place.state = Standing::Stopping;
        }
    }

    fn is_ended_by(&self, worker: Id) -> bool {
        let significant = self.places[&worker].member.significant;
        match self.end_when {
            EndWhen::AllAreOver => false,
            EndWhen::AnySignificant => significant,
            EndWhen::AllSignificant => {
                let mut all = self.places.values().filter(|place| place.member.significant);
                significant && all.all(|place| matches!(place.state, Standing::Over { .. }))
            }
        }
    }

    fn start_whom_we_may(&mut self, orders: &mut Vec<Order>) {
        self.give_up_the_hopeless(orders);
        for worker in self.ids() {
            if self.phase == Phase::Running && self.may_start(worker) {
                self.start(worker, orders);
            }
        }
    }

    /// Gives up the workers without a process that are to start after one that has failed for good. Those
    /// that have a process go on.
    fn give_up_the_hopeless(&mut self, orders: &mut Vec<Order>) {
        let lost = |place: &Place| place.state == Standing::Over { well: false };
        // Most often nobody is lost, and there may be thousands.
        if !self.places.values().any(lost) {
            return;
        }
        // Giving one up may make another hopeless, so look again until nothing changes.
        loop {
            let before = orders.len();
            for worker in self.ids() {
                let place = &self.places[&worker];
                let down = matches!(place.state, Standing::Wanted | Standing::Delayed);
                let after = &place.member.after;
                if down && !place.asked && after.iter().any(|other| lost(&self.places[other])) {
                    self.over(worker, false);
                    orders.push(Order::Quit(worker));
                }
            }
            if orders.len() == before {
                return;
            }
        }
    }

    fn start(&mut self, worker: Id, orders: &mut Vec<Order>) {
        if self.places[&worker].state == Standing::Wanted {
            self.at(worker).state = Standing::Starting;
            self.at(worker).ran = true;
            orders.push(Order::Start(worker));
        }
    }

    /// Whether those that come after it may start.
    fn is_up(&self, worker: Id) -> bool {
        matches!(self.places[&worker].state, Standing::Ready | Standing::Over { well: true })
    }
}

#[cfg(test)]
mod tests;
