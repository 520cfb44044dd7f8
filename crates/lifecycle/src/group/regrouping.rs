//! Those that go down together: who, in which order, and when they may start again.

use policy::Strategy;

use super::{Group, Id, Order, Phase, Place, Standing};

impl Group {
    /// Whether a worker has to go down when `with` is started again.
    pub(super) fn goes_with(&self, worker: Id, with: Id) -> bool {
        match self.strategy {
            Strategy::OneForOne => false,
            Strategy::OneForAll => worker != with,
            Strategy::RestForOne => worker > with,
        }
    }

    /// Stops the workers that go down with `with`, one after the other, the last one first. When all are
    /// down and `with` is due, all may start.
    pub(super) fn stop_the_others(&mut self, with: Id, orders: &mut Vec<Order>) {
        for worker in self.ids().into_iter().rev() {
            if !self.goes_with(worker, with) {
                continue;
            }
            match self.places[&worker].state {
                // This worker is being stopped: the one before it in the list is told when this one has
                // ended.
                Standing::Stopping | Standing::Quitting => return,
                Standing::Starting | Standing::Ready => {
                    self.at(worker).state = Standing::Stopping;
                    orders.push(self.stop_for_now(worker));
                    return;
                }
                // A temporary worker that has run and has no process is not started again with the
                // others, so it is over. One that has never run, or that somebody has asked for, is held below,
                // like any other.
                Standing::Delayed | Standing::Wanted if self.is_done_with(worker) => {
                    self.over(worker, true);
                    orders.push(Order::Quit(worker));
                    if self.phase == Phase::Quitting {
                        return;
                    }
                }
                Standing::Delayed => {
                    self.at(worker).state = Standing::Held;
                    orders.push(Order::Pause(worker));
                }
                Standing::Wanted => self.at(worker).state = Standing::Held,
                Standing::Held | Standing::Stopped | Standing::Over { .. } => (),
            }
        }
        if self.places[&with].state == Standing::Wanted {
            self.regroup_is_over();
        }
    }

    fn is_done_with(&self, worker: Id) -> bool {
        let place = &self.places[&worker];
        place.member.temporary && place.ran && !place.asked
    }

    fn stop_for_now(&self, worker: Id) -> Order {
        let place = &self.places[&worker];
        if place.member.temporary && !place.asked {
            Order::Quit(worker)
        } else {
            Order::Pause(worker)
        }
    }

    pub(super) fn regroup_is_over(&mut self) {
        self.phase = Phase::Running;
        for place in self.places.values_mut().filter(|place| place.state == Standing::Held) {
            place.state = Standing::Wanted;
        }
    }

    /// The last one first: all at once, or in an ordered group one after the other. Those that are stopped by request
    /// are over at once.
    pub(super) fn stop_all(&mut self, orders: &mut Vec<Order>) {
        for (worker, place) in self.places.iter_mut().rev() {
            if place.state == Standing::Stopped {
                place.stop(*worker, orders);
            }
        }
        for (worker, place) in self.places.iter_mut().rev() {
            let runs = place.state.runs();
            place.stop(*worker, orders);
            if self.ordered && runs {
                return;
            }
        }
    }

    /// Tells this worker alone to quit, in a group without order: there all others were told at once
    /// before.
    pub(super) fn stop(&mut self, worker: Id, orders: &mut Vec<Order>) {
        self.at(worker).stop(worker, orders);
    }
}

impl Place {
    /// Tells a worker to quit, unless it was told so or is over. A worker that was told to pause is told
    /// too, so that it stops for good.
    fn stop(&mut self, worker: Id, orders: &mut Vec<Order>) {
        if !matches!(self.state, Standing::Over { .. } | Standing::Quitting) {
            self.state = Standing::Quitting;
            orders.push(Order::Quit(worker));
        }
    }
}
