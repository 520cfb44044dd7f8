//! Workers that depend on each other, as a state machine: who may start, who must go first.
//!
//! Each worker has a machine of its own, which decides about that worker alone. The group decides
//! about their order: it owns no process and no clock, is told what happened to whom, and answers
//! what is to be asked of whom. The loop that acts is [`pool`](crate::pool).

mod dependencies;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use crate::limit::{RestartLimit, RestartLog};
use serde::{Deserialize, Serialize};

pub use dependencies::resolve;

/// Who is started again when one worker is: OTP's strategies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Only that one.
    #[default]
    OneForOne,
    /// All of them: the others are stopped in reverse order, and all started in order.
    OneForAll,
    /// That one and those after it in the list. If an earlier one fails meanwhile, those after it.
    RestForOne,
}

/// Whose end ends them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndWhen {
    /// Everybody's: the workers are over when all are.
    #[default]
    AllAreOver,
    /// The first significant one's.
    AnySignificant,
    /// The last significant one's.
    AllSignificant,
}

impl fmt::Display for EndWhen {
    /// As in a configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EndWhen::AllAreOver => "all-are-over",
            EndWhen::AnySignificant => "any-significant",
            EndWhen::AllSignificant => "all-significant",
        })
    }
}

/// What the group knows of one worker.
#[derive(Clone, Debug, Default)]
pub struct Member {
    /// Those that must be ready before it is started.
    pub after: BTreeSet<usize>,
    /// It is not started again when the others are.
    pub temporary: bool,
    /// Its end may end them all.
    pub significant: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
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

impl State {
    fn runs(self) -> bool {
        matches!(self, State::Starting | State::Ready | State::Stopping | State::Quitting)
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The group is to start.
    Begin,
    /// This worker is ready.
    Ready(usize),
    /// This worker's run is over, and its own machine wants another, after a delay.
    Failed(usize),
    /// That delay is over.
    Due(usize),
    /// This worker has been paused, and has no process.
    Paused(usize),
    /// Nothing more will come of this worker: it is done, has quit, or was given up.
    Over {
        /// Which.
        worker: usize,
        /// Whether that is as it should be.
        well: bool,
    },
    /// All are to stop for good.
    Quit,
}

/// What is to be asked of a worker's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That it starts.
    Start(usize),
    /// That it stops, for now.
    Pause(usize),
    /// That it stops for good.
    Quit(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Some are being stopped, to be started again together with this one, the first of them in a
    /// strategy that goes by the list.
    Regrouping {
        with: usize,
    },
    Quitting,
}

/// The workers of a list, as far as their order goes.
#[derive(Debug)]
pub struct Group {
    members: Vec<Member>,
    states: Vec<State>,
    /// Whether each was started at least once.
    ran: Vec<bool>,
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
    /// A group that waits for [`Happened::Begin`].
    pub fn new(members: Vec<Member>, strategy: Strategy, end_when: EndWhen) -> Group {
        let (states, ran) = (vec![State::Wanted; members.len()], vec![false; members.len()]);
        let ordered = strategy != Strategy::OneForOne
            || members.iter().any(|member| !member.after.is_empty());
        Group {
            members,
            states,
            ran,
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

    /// Whether this worker is not started again when the others are.
    pub fn is_temporary(&self, worker: usize) -> bool {
        self.members[worker].temporary
    }

    /// Decides what is to be asked of whom, in this order.
    pub fn on(&mut self, happened: Happened, now: Instant) -> Vec<Order> {
        match happened {
            Happened::Begin => (),
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
                    if let Happened::Due(worker) = happened {
                        self.start(worker, &mut orders);
                    }
                }
                Phase::Running => self.start_whom_we_may(&mut orders),
                Phase::Regrouping { with } => self.stop_the_others(with, &mut orders),
                Phase::Quitting => self.stop_all(&mut orders),
            }
            // What is ordered may be the end of a restart, or of them all.
            if self.phase == phase {
                return orders;
            }
        }
    }

    fn ready(&mut self, worker: usize) {
        if self.states[worker] == State::Starting {
            self.states[worker] = State::Ready;
        }
    }

    fn failed(&mut self, worker: usize, now: Instant) {
        self.states[worker] = State::Delayed;
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
        if self.strategy == Strategy::OneForOne || self.members[worker].temporary {
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

    fn due(&mut self, worker: usize) {
        if self.states[worker] == State::Delayed {
            self.states[worker] = State::Wanted;
        }
    }

    fn paused(&mut self, worker: usize) {
        // One that had no process was held as soon as that was asked of it.
        if self.states[worker] == State::Stopping {
            let regroups = matches!(self.phase, Phase::Regrouping { .. });
            self.states[worker] = if regroups { State::Held } else { State::Wanted };
        }
    }

    /// The only way to be over, whoever decides it: what follows from it follows from here.
    fn over(&mut self, worker: usize, well: bool) {
        if matches!(self.states[worker], State::Over { .. }) {
            return;
        }
        self.states[worker] = State::Over { well };
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
        for state in &mut self.states {
            if *state == State::Quitting {
                *state = State::Stopping;
            }
        }
    }

    fn is_ended_by(&self, worker: usize) -> bool {
        let over = |index: usize| matches!(self.states[index], State::Over { .. });
        match self.end_when {
            EndWhen::AllAreOver => false,
            EndWhen::AnySignificant => self.members[worker].significant,
            EndWhen::AllSignificant => {
                let significant = |index: &usize| self.members[*index].significant;
                self.members[worker].significant
                    && (0..self.members.len()).filter(significant).all(over)
            }
        }
    }

    fn start_whom_we_may(&mut self, orders: &mut Vec<Order>) {
        self.give_up_the_hopeless(orders);
        for worker in 0..self.members.len() {
            let up = || self.members[worker].after.iter().all(|other| self.is_up(*other));
            if self.phase == Phase::Running && self.states[worker] == State::Wanted && up() {
                self.start(worker, orders);
            }
        }
    }

    /// Those without a process that are to come after one that will never be. Who runs goes on.
    fn give_up_the_hopeless(&mut self, orders: &mut Vec<Order>) {
        let lost = |state: &State| *state == State::Over { well: false };
        // Most often nobody is lost, and there may be thousands.
        if !self.states.iter().any(lost) {
            return;
        }
        // Giving one up may make another hopeless, so look again until nothing changes.
        loop {
            let before = orders.len();
            for worker in 0..self.members.len() {
                let down = matches!(self.states[worker], State::Wanted | State::Delayed);
                let after = &self.members[worker].after;
                if down && after.iter().any(|other| lost(&self.states[*other])) {
                    self.over(worker, false);
                    orders.push(Order::Quit(worker));
                }
            }
            if orders.len() == before {
                return;
            }
        }
    }

    fn start(&mut self, worker: usize, orders: &mut Vec<Order>) {
        if self.states[worker] == State::Wanted {
            self.states[worker] = State::Starting;
            self.ran[worker] = true;
            orders.push(Order::Start(worker));
        }
    }

    /// Whether those that come after it may start.
    fn is_up(&self, worker: usize) -> bool {
        matches!(self.states[worker], State::Ready | State::Over { well: true })
    }

    /// Whether a worker has to go down when `with` is started again.
    fn goes_with(&self, worker: usize, with: usize) -> bool {
        match self.strategy {
            Strategy::OneForOne => false,
            Strategy::OneForAll => worker != with,
            Strategy::RestForOne => worker > with,
        }
    }

    /// One after the other, the last one first; then all that are down may start.
    fn stop_the_others(&mut self, with: usize, orders: &mut Vec<Order>) {
        for worker in (0..self.members.len()).rev() {
            if !self.goes_with(worker, with) {
                continue;
            }
            match self.states[worker] {
                // Whoever is being stopped is waited for before the one before it is.
                State::Stopping | State::Quitting => return,
                State::Starting | State::Ready => {
                    self.states[worker] = State::Stopping;
                    orders.push(self.stop_for_now(worker));
                    return;
                }
                // It has no process, and is not to get one by itself; a temporary one gets none with
                // the others, unless it has not had its own yet.
                State::Delayed | State::Wanted
                    if self.members[worker].temporary && self.ran[worker] =>
                {
                    self.over(worker, true);
                    orders.push(Order::Quit(worker));
                    if self.phase == Phase::Quitting {
                        return;
                    }
                }
                State::Delayed => {
                    self.states[worker] = State::Held;
                    orders.push(Order::Pause(worker));
                }
                State::Wanted => self.states[worker] = State::Held,
                State::Held | State::Over { .. } => (),
            }
        }
        if self.states[with] == State::Wanted {
            self.regroup_is_over();
        }
    }

    fn stop_for_now(&self, worker: usize) -> Order {
        if self.members[worker].temporary { Order::Quit(worker) } else { Order::Pause(worker) }
    }

    fn regroup_is_over(&mut self) {
        self.phase = Phase::Running;
        for state in &mut self.states {
            if *state == State::Held {
                *state = State::Wanted;
            }
        }
    }

    /// The last one first: all at once, or in an ordered group one after the other.
    fn stop_all(&mut self, orders: &mut Vec<Order>) {
        for worker in (0..self.members.len()).rev() {
            let state = self.states[worker];
            // One that was told to pause is told again: a quit makes it for good.
            if !matches!(state, State::Over { .. } | State::Quitting) {
                self.states[worker] = State::Quitting;
                orders.push(Order::Quit(worker));
            }
            if self.ordered && state.runs() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
