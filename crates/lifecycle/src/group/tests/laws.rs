//! What holds for every story of a group, whatever comes in whatever order.

use proptest::prelude::{Just, any, prop, prop_assert, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

use super::{Strategy, *};
use crate::random::stories;

/// What a worker really does, played as the pool would play it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Real {
    Idle,
    Starting,
    Ready,
    Delayed,
    Pausing,
    Quitting,
    Over { well: bool },
}

fn index(worker: Id) -> usize {
    worker.0 as usize
}

/// A group, and what its workers really do.
struct Play {
    group: Group,
    members: Vec<Member>,
    /// Whether every failure is a restart: nobody comes back with others, nor is stopped by them.
    alone: bool,
    limit: Option<limit::RestartLimit>,
    real: Vec<Real>,
    /// How often each was started.
    starts: Vec<u32>,
    /// When runs failed, and others were to follow.
    failures: Vec<Instant>,
    now: Instant,
    quit: bool,
    strategy: Strategy,
    end_when: EndWhen,
    /// How many things have happened.
    step: u32,
    /// Each failure that calls for a restart: who, at which step, and who ran or had run by then.
    restarts: Vec<(usize, u32, Vec<bool>)>,
    /// At which step each was started last.
    started: Vec<u32>,
}

impl Play {
    /// What happens to a worker now, if anything can.
    fn what(&mut self, worker: usize, what: u8) -> Option<Happened> {
        let id = Id(worker as u32);
        let (real, happened) = match (self.real[worker], what) {
            (Real::Starting, 0) => (Real::Ready, Ready(id)),
            (Real::Starting | Real::Ready, 1) => (Real::Delayed, Failed(id)),
            (Real::Starting | Real::Ready, 2) => (Real::Over { well: true }, over(id)),
            (Real::Starting | Real::Ready, 3) => (Real::Over { well: false }, lost(id)),
            // A worker is due once, and then waits for the group's order.
            (Real::Delayed, _) => (Real::Idle, Due(id)),
            (Real::Pausing, _) => (Real::Idle, Paused(id)),
            (Real::Quitting, _) => (Real::Over { well: true }, over(id)),
            _ => return None,
        };
        self.real[worker] = real;
        Some(happened)
    }

    /// Tells the group, does what it wants, and looks at the laws.
    fn tell(&mut self, happened: Happened) -> Result<(), TestCaseError> {
        let mut next = vec![happened];
        while let Some(happened) = next.pop() {
            self.quit |= happened == Quit;
            self.step += 1;
            self.note_restart(happened);
            let orders = self.group.on(happened, self.now);
            self.limit_holds(happened)?;
            for order in orders {
                next.extend(self.obey(order)?);
            }
        }
        // Nothing is wanted when nothing has happened.
        if let Some(worker) = self.real.iter().position(|real| *real != Real::Delayed) {
            let wanted = self.group.on(Due(Id(worker as u32)), self.now);
            prop_assert!(wanted.is_empty(), "{wanted:?} for nothing: {:?}", self.group);
        }
        Ok(())
    }

    fn note_restart(&mut self, happened: Happened) {
        let Failed(worker) = happened else { return };
        let worker = index(worker);
        if !self.members[worker].temporary || self.strategy == Strategy::OneForOne {
            let ran = self.starts.iter().map(|starts| *starts > 0).collect();
            self.restarts.push((worker, self.step, ran));
        }
    }

    /// Whether somebody's end has ended them all, or has made the group useless.
    fn is_ended(&self) -> bool {
        let over = |worker: usize| matches!(self.real[worker], Real::Over { .. });
        let mut significant =
            (0..self.real.len()).filter(|worker| self.members[*worker].significant);
        let by_significant = match self.end_when {
            EndWhen::AllAreOver => false,
            EndWhen::AnySignificant => significant.any(over),
            EndWhen::AllSignificant => {
                significant.clone().next().is_some() && significant.all(over)
            }
        };
        let lost = self.real.contains(&Real::Over { well: false });
        by_significant || self.strategy != Strategy::OneForOne && lost
    }

    /// Lets everything happen that goes by itself: delays end, workers that were told to stop do so, and
    /// those that were started become ready.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        let moves = |real: &Real| !matches!(real, Real::Idle | Real::Ready | Real::Over { .. });
        while let Some(worker) = self.real.iter().position(moves) {
            let happened = self.what(worker, 0).expect("it moves by itself");
            self.tell(happened)?;
        }
        Ok(())
    }

    /// When nothing moves any more: everybody runs or is over; what was ended is over, whole; and
    /// a restart has brought back all that it should, and nobody else.
    fn restarts_are_over(&self) -> Result<(), TestCaseError> {
        let over = |worker: usize| matches!(self.real[worker], Real::Over { .. });
        if self.is_ended() || self.quit {
            prop_assert!((0..self.real.len()).all(over), "{:?} {:?}", self.real, self.group);
            return Ok(());
        }
        for (worker, real) in self.real.iter().enumerate() {
            prop_assert!(*real == Real::Ready || over(worker), "{:?} {:?}", self.real, self.group);
        }
        for (failed, step, ran) in &self.restarts {
            for worker in (0..self.real.len()).filter(|worker| !over(*worker)) {
                let goes = match self.strategy {
                    Strategy::OneForOne => worker == *failed,
                    Strategy::OneForAll => true,
                    Strategy::RestForOne => *failed <= worker,
                };
                let bystander = self.members[worker].temporary && worker != *failed;
                let again = *step < self.started[worker];
                if goes && bystander {
                    prop_assert!(!ran[worker], "temporary {worker} after {failed}'s failure");
                } else if goes {
                    prop_assert!(again, "{worker} not after {failed}'s failure");
                }
            }
        }
        Ok(())
    }

    /// Never more restarts than the limit allows, and no giving up before.
    fn limit_holds(&mut self, happened: Happened) -> Result<(), TestCaseError> {
        if matches!(happened, Failed(_)) && !self.quit {
            self.failures.push(self.now);
        }
        let Some(limit) = self.limit else {
            prop_assert!(self.group.gave_up().is_none());
            return Ok(());
        };
        let counts = |then: &&Instant| self.now.duration_since(**then) <= limit.window;
        let failures = self.failures.iter().filter(counts).count();
        if self.group.gave_up().is_some() && !self.quit {
            prop_assert!(failures > limit.times as usize, "too early");
            self.quit = true;
        }
        if self.alone {
            prop_assert!(self.quit || failures <= limit.times as usize, "too late");
        }
        Ok(())
    }

    /// Does what the group wants; says what follows from it at once.
    fn obey(&mut self, order: Order) -> Result<Option<Happened>, TestCaseError> {
        let (Order::Start(id) | Order::Pause(id) | Order::Quit(id)) = order;
        let worker = index(id);
        let (real, follows) = match (order, self.real[worker]) {
            (Order::Start(_), Real::Idle) => {
                self.may_start(worker)?;
                (Real::Starting, None)
            }
            (Order::Pause(_), Real::Delayed) => (Real::Idle, Some(Paused(id))),
            (Order::Pause(_), Real::Starting | Real::Ready) => (Real::Pausing, None),
            (Order::Quit(_), Real::Idle | Real::Delayed) => {
                (Real::Over { well: true }, Some(over(id)))
            }
            (Order::Quit(_), Real::Starting | Real::Ready | Real::Pausing) => {
                (Real::Quitting, None)
            }
            (Order::Quit(_), real @ (Real::Quitting | Real::Over { .. })) => (real, None),
            (Order::Start(_) | Order::Pause(_), real) => {
                return Err(TestCaseError::fail(format!("{order:?} of one that is {real:?}")));
            }
        };
        self.real[worker] = real;
        Ok(follows)
    }

    fn may_start(&mut self, worker: usize) -> Result<(), TestCaseError> {
        prop_assert!(!self.quit, "a start after the quit");
        for other in &self.members[worker].after {
            let up = matches!(self.real[index(*other)], Real::Ready | Real::Over { well: true });
            prop_assert!(up, "{worker} before {other}: {:?}", self.real);
        }
        self.starts[worker] += 1;
        self.started[worker] = self.step;
        // Each restart brings nobody back more than once.
        if let Some(limit) = self.limit.filter(|limit| limit.window == Duration::MAX) {
            prop_assert!(self.starts[worker] <= limit.times + 1);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(stories())]

    /// Whatever happens in whatever order: nobody is started who runs, or before those it comes
    /// after are ready; no more restarts than the limit allows, and no giving up before; after a
    /// quit nobody is started; nothing is wanted when nothing has happened. When nothing moves any
    /// more, whoever is not over runs, a restart has brought back everything from the earliest one
    /// that failed, and a group that somebody's end has ended, or that can never be whole, is over.
    /// And when all were told to quit and have, everybody is over.
    ///
    /// Cases: FLT-I1, FLT-I2
    #[test]
    fn the_laws_hold_for_every_story(
        strategy in prop_oneof![
            Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)
        ],
        end_when in prop_oneof![
            Just(EndWhen::AllAreOver), Just(EndWhen::AnySignificant), Just(EndWhen::AllSignificant)
        ],
        limit in prop::option::of((0..4u32, prop::option::of(1..60u64))),
        flags in prop::collection::vec((any::<bool>(), any::<bool>(), any::<u8>()), 1..5),
        story in prop::collection::vec((0..10u64, 0..5usize, 0..4u8), 0..40),
    ) {
        let members: Vec<_> = flags.iter().enumerate().map(|(index, (temporary, significant, bits))| {
            let after = (0..index as u32).filter(|other| bits & (1 << other) != 0).map(Id).collect();
            Member { after, temporary: *temporary, significant: *significant }
        }).collect();
        let limit = limit.map(|(times, window)| limit::RestartLimit {
            times,
            window: window.map_or(Duration::MAX, Duration::from_secs),
        });
        let count = members.len();
        let mut play = Play {
            group: Group::new(members.clone(), strategy, end_when).restart_limit(limit),
            members,
            alone: strategy == Strategy::OneForOne && end_when == EndWhen::AllAreOver,
            limit,
            real: vec![Real::Idle; count],
            starts: vec![0; count],
            failures: Vec::new(),
            now: Instant::now(),
            quit: false,
            strategy,
            end_when,
            step: 0,
            restarts: Vec::new(),
            started: vec![0; count],
        };
        play.tell(Begin)?;
        for (wait, worker, what) in story {
            play.now += Duration::from_secs(wait);
            if let Some(happened) = play.what(worker % count, what) {
                play.tell(happened)?;
            }
        }
        play.settle()?;
        play.restarts_are_over()?;
        // A group that has given up has told all to quit already.
        if play.group.gave_up().is_none() {
            play.tell(Quit)?;
        }
        while let Some(worker) = play.real.iter().position(|real| *real == Real::Quitting) {
            let happened = play.what(worker, 0);
            play.tell(happened.expect("one that was asked to quit ends"))?;
        }
        let all_over = play.real.iter().all(|real| matches!(real, Real::Over { .. }));
        prop_assert!(all_over, "{:?} {:?}", play.real, play.group);
    }
}
