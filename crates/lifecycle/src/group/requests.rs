//! What somebody has asked of one worker, and what that means for the order.
//!
//! A stop by request is nobody's failure: it stops no other worker and ends no group, and what starts others again
//! leaves the worker alone. A start by request waits for those before it only as long as they are on their way up by
//! themselves, as systemd's `After=` does (systemd.unit(5)): whoever is over, or stopped by request, is not waited
//! for, nor who waits for such a one, since nobody brings them up.

use std::collections::BTreeSet;

use super::{Group, Id, Order, Phase, Place, Standing};

impl Group {
    /// By request a worker is being stopped, and has a process.
    pub(super) fn stopping(&mut self, worker: Id) {
        self.at(worker).state = Standing::Stopping;
    }

    /// By request a worker has no process, and none is wanted.
    pub(super) fn stopped(&mut self, worker: Id) {
        self.at(worker).state = Standing::Stopped;
        // The regrouping waited for this worker: the others start without it.
        if self.phase == (Phase::Regrouping { with: worker }) {
            self.regroup_is_over();
        }
    }

    /// By request a worker that has no process is to have one.
    pub(super) fn asked(&mut self, worker: Id) {
        let place = self.at(worker);
        place.asked = true;
        place.state = Standing::Wanted;
    }

    /// Starts those that somebody has asked for during a regrouping that does not concern them.
    pub(super) fn start_bystanders(&mut self, with: Id, orders: &mut Vec<Order>) {
        for worker in self.ids() {
            let concerned = worker == with || self.goes_with(worker, with);
            if self.places[&worker].asked && !concerned && self.may_start(worker) {
                self.start(worker, orders);
            }
        }
    }

    /// Whether a worker without a process need not wait for those before it.
    pub(super) fn may_start(&self, worker: Id) -> bool {
        let Place { member, state, asked, .. } = &self.places[&worker];
        if *state != Standing::Wanted {
            return false;
        }
        let mut awaited = member.after.iter().filter(|other| !self.is_up(**other)).peekable();
        if awaited.peek().is_none() || !asked {
            return awaited.peek().is_none();
        }
        let away = self.away();
        awaited.all(|other| away.contains(other))
    }

    /// Those that do not come up by themselves: by request, for good, or since they wait for one of these.
    fn away(&self) -> BTreeSet<Id> {
        let mut away = BTreeSet::new();
        // One may make another wait, so look again until nothing changes.
        loop {
            let before = away.len();
            for (id, place) in &self.places {
                let is_away = match place.state {
                    Standing::Stopped | Standing::Over { well: false } => true,
                    Standing::Wanted | Standing::Delayed => {
                        !place.asked && place.member.after.iter().any(|other| away.contains(other))
                    }
                    Standing::Held
                    | Standing::Starting
                    | Standing::Ready
                    | Standing::Stopping
                    | Standing::Quitting
                    | Standing::Over { well: true } => false,
                };
                away.extend(is_away.then_some(*id));
            }
            if away.len() == before {
                return away;
            }
        }
    }
}
