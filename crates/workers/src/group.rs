//! Workers that depend on each other, as a state machine: who may start, who must go first.
//!
//! Each worker has a machine of its own, which decides about that worker alone. The group decides
//! about their order: it owns no process and no clock, is told what happened to whom, and answers
//! what is to be asked of whom. The loop that acts is [`pool`](crate::pool).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use supervisor::{Problems, RestartLimit, RestartLog};

/// Who is started again when one worker is: OTP's strategies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Only that one.
    #[default]
    OneForOne,
    /// All of them: the others are stopped in reverse order, and all started in order.
    OneForAll,
    /// That one and those after it in the list.
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

/// What the group knows of one worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    /// Those that must be ready before it is started.
    pub(crate) after: BTreeSet<usize>,
    /// It is not started again when the others are.
    pub(crate) temporary: bool,
    /// Its end may end them all.
    pub(crate) significant: bool,
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
pub(crate) enum Happened {
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
        worker: usize,
        /// Whether that is as it should be.
        well: bool,
    },
    /// All are to stop for good.
    Quit,
}

/// What is to be asked of a worker's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
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
    /// Some are being stopped, to be started again together with this one.
    Regrouping {
        with: usize,
    },
    Quitting,
}

/// The workers of a list, as far as their order goes.
#[derive(Debug)]
pub(crate) struct Group {
    members: Vec<Member>,
    states: Vec<State>,
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
    pub(crate) fn new(members: Vec<Member>, strategy: Strategy, end_when: EndWhen) -> Group {
        let states = vec![State::Wanted; members.len()];
        let ordered = strategy != Strategy::OneForOne
            || members.iter().any(|member| !member.after.is_empty());
        Group {
            members,
            states,
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
    pub(crate) fn restart_limit(self, limit: Option<RestartLimit>) -> Group {
        Group { limit, ..self }
    }

    /// The limit that was exceeded, from when all are stopped for it.
    pub(crate) fn gave_up(&self) -> Option<RestartLimit> {
        self.gave_up
    }

    pub(crate) fn is_temporary(&self, worker: usize) -> bool {
        self.members[worker].temporary
    }

    /// Decides what is to be asked of whom, in this order.
    pub(crate) fn on(&mut self, happened: Happened, now: Instant) -> Vec<Order> {
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
        match self.phase {
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
        orders
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
        // The first one of a regrouping is the one that is waited for. A temporary one is nobody's.
        if self.phase == Phase::Running
            && self.strategy != Strategy::OneForOne
            && !self.members[worker].temporary
        {
            self.phase = Phase::Regrouping { with: worker };
        }
    }

    fn due(&mut self, worker: usize) {
        if self.states[worker] == State::Delayed {
            self.states[worker] = State::Wanted;
        }
    }

    fn paused(&mut self, worker: usize) {
        // One that had no process was held as soon as that was asked of it.
        if self.states[worker] == State::Stopping {
            self.states[worker] = State::Held;
        }
    }

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
        // Giving one up may make another hopeless, so look again until nothing changes.
        loop {
            let before = orders.len();
            for worker in 0..self.members.len() {
                if self.states[worker] != State::Wanted {
                    continue;
                }
                let after = &self.members[worker].after;
                if after.iter().any(|other| self.states[*other] == State::Over { well: false }) {
                    // What it is to come after will never be.
                    self.states[worker] = State::Over { well: false };
                    orders.push(Order::Quit(worker));
                } else if after.iter().all(|other| self.is_up(*other)) {
                    self.start(worker, orders);
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
                // It has no process, and is not to get one by itself.
                State::Delayed => {
                    let temporary = self.members[worker].temporary;
                    self.states[worker] =
                        if temporary { State::Over { well: true } } else { State::Held };
                    orders.push(self.stop_for_now(worker));
                }
                State::Wanted => self.states[worker] = State::Held,
                State::Held | State::Over { .. } => (),
            }
        }
        if self.states[with] == State::Wanted {
            self.regroup_is_over();
            self.start_whom_we_may(orders);
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

/// The dependencies of a list by name as indices; adds what is wrong with them.
pub(crate) fn resolve(
    problems: &mut Problems,
    names: &[String],
    after: &[Vec<String>],
    in_order: bool,
) -> Vec<BTreeSet<usize>> {
    let by_name: BTreeMap<&str, usize> =
        names.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut resolved = vec![BTreeSet::new(); names.len()];
    for (index, wanted) in after.iter().enumerate() {
        if in_order {
            resolved[index].extend(index.checked_sub(1));
        }
        for name in wanted {
            match by_name.get(name.as_str()) {
                Some(other) => {
                    resolved[index].insert(*other);
                }
                None => {
                    let known = names.join("`, `");
                    let reason = format!("is no worker of the list; known are `{known}`");
                    problems.add(format!("workers[{index}].after"), name, reason);
                }
            }
        }
    }
    if let Some(cycle) = cycle(&resolved) {
        let path: Vec<_> = cycle.iter().map(|index| names[*index].as_str()).collect();
        let reason = "each of these waits for the next for ever; leave one `after` out";
        problems.add("workers.after", path.join(" after "), reason);
    }
    resolved
}

/// A way through dependencies that comes back to where it began, which stands at both ends.
fn cycle(after: &[BTreeSet<usize>]) -> Option<Vec<usize>> {
    /// Done with, or on the way at this position.
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnTheWay,
        Done,
    }
    fn visit(
        at: usize,
        after: &[BTreeSet<usize>],
        marks: &mut [Mark],
        way: &mut Vec<usize>,
    ) -> Option<Vec<usize>> {
        marks[at] = Mark::OnTheWay;
        way.push(at);
        for next in &after[at] {
            match marks[*next] {
                Mark::Done => (),
                Mark::OnTheWay => {
                    let from = way.iter().position(|step| step == next).unwrap_or(0);
                    let mut cycle = way[from..].to_vec();
                    cycle.push(*next);
                    return Some(cycle);
                }
                Mark::New => {
                    if let Some(cycle) = visit(*next, after, marks, way) {
                        return Some(cycle);
                    }
                }
            }
        }
        way.pop();
        marks[at] = Mark::Done;
        None
    }
    let mut marks = vec![Mark::New; after.len()];
    (0..after.len()).find_map(|start| {
        let new = marks[start] == Mark::New;
        new.then(|| visit(start, after, &mut marks, &mut Vec::new())).flatten()
    })
}

#[cfg(test)]
mod tests;
