//! Workers that depend on each other, as a state machine: who may start, who must go first.
//!
//! Each worker has a machine of its own, which decides about that worker alone. The group decides
//! about their order: it owns no process and no clock, is told what happened to whom, and answers
//! what is to be asked of whom. A [roster](crate::Roster) asks it.

mod dependencies;
mod events;
mod id;
mod regrouping;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use policy::{EndWhen, RestartLimit, RestartLog, Strategy};

pub use dependencies::resolve;
pub use events::{Happened, Order};
pub use id::Id;

/// What the group knows of one worker.
#[derive(Clone, Debug, Default)]
pub struct Member {
    /// Those that must be ready before it is started.
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
    /// Told to pause, or to quit while the others go on.
    Stopping,
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
    /// Some are being stopped, to be started again together with this one, the first of them in a
    /// strategy that goes by the list.
    Regrouping {
        with: Id,
    },
    Quitting,
}

/// One of them, and what has become of it.
#[derive(Debug)]
struct Place {
    member: Member,
    state: Standing,
    /// It was started at least once.
    ran: bool,
}

/// The workers of a list, as far as their order goes.
#[derive(Debug)]
pub struct Group {
    /// By id, which is the order of the list, too.
    places: BTreeMap<Id, Place>,
    strategy: Strategy,
    end_when: EndWhen,
    phase: Phase,
    /// Whether somebody's place in the list means something.
    ordered: bool,
    limit: Option<RestartLimit>,
    restarts: RestartLog,
    /// The limit that was exceeded.
    gave_up: Option<RestartLimit>,
}

impl Group {
    /// A group that waits for [`Happened::Begin`]. Its members have the first ids, in their order.
    pub fn new(members: Vec<Member>, strategy: Strategy, end_when: EndWhen) -> Group {
        let ordered = strategy != Strategy::OneForOne
            || members.iter().any(|member| !member.after.is_empty());
        let place = |member| Place { member, state: Standing::Wanted, ran: false };
        Group {
            places: std::iter::zip(Id::all(), members.into_iter().map(place)).collect(),
            strategy,
            end_when,
            phase: Phase::Running,
            ordered,
            limit: None,
            restarts: RestartLog::default(),
            gave_up: None,
        }
    }

    /// Stops all when there are more restarts than that, whoever's they are.
    pub fn restart_limit(self, limit: Option<RestartLimit>) -> Group {
        Group { limit, ..self }
    }

    /// The limit that was exceeded, from when all are stopped for it.
    pub fn gave_up(&self) -> Option<RestartLimit> {
        self.gave_up
    }

    /// Whether all are to stop for good: nobody is started any more.
    pub fn quits(&self) -> bool {
        self.phase == Phase::Quitting
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Takes one more, at the end of the list. It is to be told of as [`Happened::Added`].
    pub fn add(&mut self, id: Id, member: Member) {
        self.ordered |= !member.after.is_empty();
        self.places.insert(id, Place { member, state: Standing::Wanted, ran: false });
    }

    /// Forgets one that is over. Nobody comes after it any more.
    pub fn remove(&mut self, id: Id) {
        self.places.remove(&id);
        for place in self.places.values_mut() {
            place.member.after.remove(&id);
        }
    }

    /// Those that come after this worker, and are not over.
    pub fn dependents(&self, id: Id) -> Vec<Id> {
        let waits = |place: &Place| {
            place.member.after.contains(&id) && !matches!(place.state, Standing::Over { .. })
        };
        self.places.iter().filter(|(_, place)| waits(place)).map(|(id, _)| *id).collect()
    }

    /// Whether this worker is not started again when the others are.
    pub fn is_temporary(&self, worker: Id) -> bool {
        self.places[&worker].member.temporary
    }

    /// Decides what is to be asked of whom, in this order.
    pub fn on(&mut self, happened: Happened, now: Instant) -> Vec<Order> {
        let all_were_told = self.phase == Phase::Quitting && happened != Happened::Quit;
        match happened {
            Happened::Begin | Happened::Added(_) => (),
            Happened::Ready(worker) => self.ready(worker),
            Happened::Failed(worker) => self.failed(worker, now),
            Happened::Due(worker) => self.due(worker),
            Happened::Paused(worker) => self.paused(worker),
            Happened::Over { worker, well } => self.over(worker, well),
            Happened::Quit => self.quit(),
        }
        let mut orders = Vec::new();
        loop {
            let phase = self.phase;
            match phase {
                // Among thousands that do not depend on each other nobody else needs a look.
                Phase::Running if !self.ordered && happened != Happened::Begin => {
                    if let Happened::Due(worker) | Happened::Added(worker) = happened {
                        self.start(worker, &mut orders);
                    }
                }
                Phase::Running => self.start_whom_we_may(&mut orders),
                Phase::Regrouping { with } => self.stop_the_others(with, &mut orders),
                Phase::Quitting if !self.ordered && all_were_told => {
                    if let Some(worker) = happened.worker() {
                        self.stop(worker, &mut orders);
                    }
                }
                Phase::Quitting => self.stop_all(&mut orders),
            }
            // What is ordered may be the end of a restart, or of them all.
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
        if self.places[&worker].state == Standing::Starting {
            self.at(worker).state = Standing::Ready;
        }
    }

    fn failed(&mut self, worker: Id, now: Instant) {
        self.at(worker).state = Standing::Delayed;
        let is_restart = match self.phase {
            Phase::Running => true,
            // One that was to be stopped anyway comes back with the others: that is one restart.
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
        // A temporary one takes nobody with it.
        if self.strategy == Strategy::OneForOne || self.places[&worker].member.temporary {
            return;
        }
        self.phase = match self.phase {
            Phase::Running => Phase::Regrouping { with: worker },
            // Whoever it takes with it goes down too, and is waiting for this one then: the one from
            // before is among them.
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
        // One that had no process was held as soon as that was asked of it.
        if self.places[&worker].state == Standing::Stopping {
            let regroups = matches!(self.phase, Phase::Regrouping { .. });
            self.at(worker).state = if regroups { Standing::Held } else { Standing::Wanted };
        }
    }

    /// The only way to be over, whoever decides it: what follows from it follows from here.
    fn over(&mut self, worker: Id, well: bool) {
        if matches!(self.places[&worker].state, Standing::Over { .. }) {
            return;
        }
        self.at(worker).state = Standing::Over { well };
        // A group that has to be whole cannot be, without one that was given up.
        let broken = !well && self.strategy != Strategy::OneForOne;
        if self.phase != Phase::Quitting && (broken || self.is_ended_by(worker)) {
            self.phase = Phase::Quitting;
        }
        // Whoever was waited for does not come any more; the others need not stay down.
        if self.phase == (Phase::Regrouping { with: worker }) {
            self.regroup_is_over();
        }
    }

    fn quit(&mut self) {
        self.phase = Phase::Quitting;
        // Those that quit already may have less time now.
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
            let up = || self.places[&worker].member.after.iter().all(|other| self.is_up(*other));
            if self.phase == Phase::Running
                && self.places[&worker].state == Standing::Wanted
                && up()
            {
                self.start(worker, orders);
            }
        }
    }

    /// Those without a process that are to come after one that will never be. Who runs goes on.
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
                let down =
                    matches!(self.places[&worker].state, Standing::Wanted | Standing::Delayed);
                let after = &self.places[&worker].member.after;
                if down && after.iter().any(|other| lost(&self.places[other])) {
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
