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

    /// One after the other, the last one first; then all that are down may start.
    pub(super) fn stop_the_others(&mut self, with: Id, orders: &mut Vec<Order>) {
        for worker in self.ids().into_iter().rev() {
            if !self.goes_with(worker, with) {
                continue;
            }
            match self.places[&worker].state {
                // Whoever is being stopped is waited for before the one before it is.
                Standing::Stopping | Standing::Quitting => return,
                Standing::Starting | Standing::Ready => {
                    self.at(worker).state = Standing::Stopping;
                    orders.push(self.stop_for_now(worker));
                    return;
                }
                // It has no process, and is not to get one by itself; a temporary one gets none with
                // the others, unless it has not had its own yet.
                Standing::Delayed | Standing::Wanted
                    if self.places[&worker].member.temporary && self.places[&worker].ran =>
                {
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
                Standing::Held | Standing::Over { .. } => (),
            }
        }
        if self.places[&with].state == Standing::Wanted {
            self.regroup_is_over();
        }
    }

    pub(super) fn stop_for_now(&self, worker: Id) -> Order {
        if self.places[&worker].member.temporary {
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

    /// The last one first: all at once, or in an ordered group one after the other.
    pub(super) fn stop_all(&mut self, orders: &mut Vec<Order>) {
        for (worker, place) in self.places.iter_mut().rev() {
            let runs = place.state.runs();
            place.stop(*worker, orders);
            if self.ordered && runs {
                return;
            }
        }
    }

    /// One alone, when all others were told before.
    pub(super) fn stop(&mut self, worker: Id, orders: &mut Vec<Order>) {
        self.at(worker).stop(worker, orders);
    }
}

impl Place {
    /// One that was told to pause is told again: a quit makes it for good.
    fn stop(&mut self, worker: Id, orders: &mut Vec<Order>) {
        if !matches!(self.state, Standing::Over { .. } | Standing::Quitting) {
            self.state = Standing::Quitting;
            orders.push(Order::Quit(worker));
        }
    }
}
