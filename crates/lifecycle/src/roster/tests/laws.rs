//! What holds for every story of a roster, whatever comes in whatever order.

use std::collections::BTreeMap;

use proptest::prelude::{Just, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

use super::*;
use crate::random::stories;

/// What a child really does, by what was asked of it.
#[derive(Clone, Copy, Debug, Default)]
struct Real {
    alive: bool,
    killed: bool,
    finished: bool,
}

struct Story {
    roster: Roster,
    real: BTreeMap<Id, Real>,
    start: Instant,
    now: Instant,
    stagger: Duration,
    last_spawn: Option<Instant>,
    /// Since when nobody may be started any more.
    quit: bool,
    announced: bool,
}

impl Story {
    fn on(&mut self, event: RosterEvent) -> Result<(), TestCaseError> {
        self.quit |= matches!(event, RosterEvent::Quit { .. });
        let changes = self.roster.on(event, self.now);
        self.carry_out(changes)
    }

    fn carry_out(&mut self, changes: Vec<RosterChange>) -> Result<(), TestCaseError> {
        for change in changes {
            match change {
                RosterChange::Stepped(id, step) => self.step(id, step)?,
                RosterChange::Ready => {
                    prop_assert!(!self.announced, "announced twice");
                    self.announced = true;
                }
                RosterChange::LaunchFailed | RosterChange::GaveUp { .. } => self.quit = true,
            }
        }
        // The end of a child may have made the group quit, too.
        self.quit |= self.roster.group.quits();
        let real = |real: &&Real| !real.finished;
        prop_assert_eq!(self.roster.left(), self.real.values().filter(real).count());
        for id in self.roster.ids() {
            let machine = self.roster.machine(id).expect("it is on the list");
            let runs =
                matches!(machine.phase(), Phase::Starting | Phase::Running | Phase::Stopping);
            prop_assert_eq!(runs, self.real[&id].alive, "{} {:?}", id, machine);
        }
        Ok(())
    }

    fn step(&mut self, id: Id, step: Step) -> Result<(), TestCaseError> {
        let real = self.real.get_mut(&id).expect("nobody else is spoken of");
        prop_assert!(!real.finished, "{id} after its end: {step:?}");
        match step.action {
            Action::Spawn => {
                prop_assert!(!real.alive && !self.quit, "{id} is started");
                let since = self.last_spawn.map(|last| self.now - last);
                prop_assert!(since.is_none_or(|since| self.stagger <= since), "too soon");
                self.last_spawn = Some(self.now);
                *real = Real { alive: true, ..Real::default() };
            }
            Action::Terminate { .. } => prop_assert!(real.alive, "{id} is asked"),
            Action::Kill => {
                prop_assert!(real.alive && !real.killed, "{id} is killed");
                real.killed = true;
            }
            Action::Finish(_) => {
                prop_assert!(!real.alive, "{id} is given up alive");
                real.finished = true;
            }
            Action::Nothing => (),
        }
        Ok(())
    }

    /// Lets all happen that is due until `second`.
    fn until(&mut self, second: u64) -> Result<(), TestCaseError> {
        let end = self.start + seconds(second);
        let mut left = 10_000;
        while let Some(due) = self.roster.deadline().filter(|due| *due <= end) {
            left -= 1;
            prop_assert!(left > 0, "it does not come to rest: {:?}", self.roster);
            self.now = self.now.max(due);
            self.on(RosterEvent::DeadlinePassed)?;
        }
        self.now = end;
        Ok(())
    }

    fn end(&mut self, id: Id, code: i32) -> Result<(), TestCaseError> {
        let real = self.real.get_mut(&id).expect("nobody else is spoken of");
        if std::mem::take(&mut real.alive) {
            let end = RunEnd::Exited(Exit::Code(code));
            let at = self.now;
            self.on(RosterEvent::Child(id, Event::Ended { end, at }))?;
        }
        Ok(())
    }

    fn tell(&mut self, who: usize, what: u8) -> Result<(), TestCaseError> {
        let ids: Vec<_> = self.real.keys().copied().collect();
        let id = ids[who % ids.len()];
        let alive = self.real[&id].alive;
        match what {
            0 | 1 if alive => self.on(RosterEvent::Child(id, Event::Ready)),
            2 if alive => self.on(RosterEvent::Child(id, Event::Extended(seconds(7)))),
            3 if alive => self.on(RosterEvent::Child(id, Event::Died)),
            4 | 5 => self.end(id, 1),
            6 => self.end(id, 0),
            // Old news.
            7 if !alive => self.on(RosterEvent::Child(id, Event::Ready)),
            8 if !self.quit => {
                let after = ids.iter().filter(|id| self.roster.machine(**id).is_some());
                let after = after.take(who % 2).copied().collect();
                let member =
                    Member { after, temporary: who.is_multiple_of(3), ..Member::default() };
                let (id, changes) = self.roster.add(member, Arc::new(policy()), 0, self.now);
                prop_assert!(self.real.insert(id, Real::default()).is_none(), "{id} again");
                self.carry_out(changes)
            }
            9 => match self.roster.remove(id, self.now) {
                Ok(changes) => self.carry_out(changes),
                Err(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

proptest! {
    #![proptest_config(stories())]

    /// Whatever happens in whatever order: nobody has two processes; nobody is started after all were told
    /// to stop, nor sooner after another than the stagger says; who is told to stop or killed has a process,
    /// and is killed once; each id means one child for ever, which is finished once; readiness is announced
    /// at most once; time alone brings everything to rest; and after a quit all are finished when every
    /// process that was killed has ended.
    ///
    /// Cases: FLT-I1, FLT-I2, FLT-I4
    #[test]
    fn the_laws_hold_for_every_story(
        strategy in prop_oneof![
            Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)
        ],
        end_when in prop_oneof![Just(EndWhen::AllAreOver), Just(EndWhen::AnySignificant)],
        limit in prop::option::of((0..4u32, 1..60u64)),
        stagger in 0..3u64,
        announces in any::<bool>(),
        must_launch in any::<bool>(),
        flags in prop::collection::vec((any::<bool>(), any::<bool>(), any::<u8>()), 1..5),
        story in prop::collection::vec((0..8u64, 0..8usize, 0..10u8), 0..40),
        within in prop::option::of(0..20u64),
    ) {
        let members: Vec<_> = flags.iter().enumerate().map(|(index, (temporary, significant, bits))| {
            let after = (0..index as u32).filter(|other| bits & (1 << other) != 0).map(Id).collect();
            Member { after, temporary: *temporary, significant: *significant }
        }).collect();
        let count = members.len();
        let limit = limit.map(|(times, window)| RestartLimit { times, window: seconds(window) });
        let group = Group::new(members, strategy, end_when).restart_limit(limit);
        let policy = Arc::new(Policy { must_launch, ..policy() });
        let stagger = seconds(stagger);
        let roster = Roster::new(group, vec![policy; count], 0)
            .start_stagger(stagger)
            .announces_ready(announces);
        let start = Instant::now();
        let real = roster.ids().map(|id| (id, Real::default())).collect();
        let mut play = Story {
            roster, real, start, now: start, stagger, last_spawn: None, quit: false, announced: false,
        };
        play.on(RosterEvent::Begin)?;
        let mut second = 0;
        for (wait, who, what) in story {
            second += wait;
            play.until(second)?;
            play.tell(who, what)?;
        }
        prop_assert!(!play.announced || announces);
        let by = within.map(|within| play.now + seconds(within));
        play.on(RosterEvent::Quit { by })?;
        // Each child in its turn is asked, does nothing, and is killed.
        for _ in 0..=play.real.len() {
            second += 100;
            play.until(second)?;
            let killed = play.real.iter().filter(|(_, real)| real.killed && real.alive);
            for id in killed.map(|(id, _)| *id).collect::<Vec<_>>() {
                play.end(id, 9)?;
            }
        }
        // A child of which it was told that it has died is not killed: it ends here.
        for id in play.real.keys().copied().collect::<Vec<_>>() {
            play.end(id, 0)?;
        }
        for _ in 0..=play.real.len() {
            second += 100;
            play.until(second)?;
            for id in play.real.keys().copied().collect::<Vec<_>>() {
                play.end(id, 0)?;
            }
        }
        prop_assert_eq!(play.roster.left(), 0, "{:?}", play.roster);
        prop_assert_eq!(play.roster.deadline(), None);
    }
}
