//! What holds for every story of a keeper, whatever comes in whatever order.

use proptest::prelude::{any, prop, prop_assert, proptest};
use proptest::test_runner::TestCaseError;

use super::*;
use crate::machine::{Found, Refused, Then};
use crate::random::stories;

/// What the child really does, by what was asked of it.
#[derive(Debug, Default)]
struct Real {
    alive: bool,
    killed: bool,
    finished: bool,
    launched: bool,
    quit: bool,
    /// Until when the starter was told to wait for an answer.
    answer_by: Option<Instant>,
    /// When all is over at the latest, since somebody is in a hurry.
    hurried_until: Option<Instant>,
    leftovers_until: Option<Instant>,
    /// A restart was asked for, and has not been seen.
    restarts: bool,
}

struct Story {
    keeper: Keeper,
    real: Real,
    now: Instant,
}

impl Story {
    fn on(&mut self, event: KeeperEvent) -> Result<(), TestCaseError> {
        self.real.quit |= matches!(event, KeeperEvent::Quit { .. });
        let waited = self.keeper.awaits_leftovers();
        let changes = self.keeper.on(event, self.now);
        self.carry_out(changes, waited)
    }

    fn restart(&mut self) -> Result<(), TestCaseError> {
        let waited = self.keeper.awaits_leftovers();
        match self.keeper.restart(self.now) {
            Ok((_, changes)) => {
                prop_assert!(!self.real.quit && self.real.launched && !self.real.finished);
                self.real.restarts = true;
                self.carry_out(changes, waited)
            }
            Err(Refused::Launching) => {
                prop_assert!(!self.real.launched, "it is ready");
                Ok(())
            }
            Err(refused) => {
                prop_assert!(self.real.quit || self.real.finished, "{refused}");
                Ok(())
            }
        }
    }

    fn carry_out(&mut self, changes: Vec<KeeperChange>, waited: bool) -> Result<(), TestCaseError> {
        for change in changes {
            match change {
                KeeperChange::Stepped(step) => self.step(&step)?,
                KeeperChange::Launched => {
                    prop_assert!(!self.real.launched, "told twice");
                    self.real.launched = true;
                }
                KeeperChange::Extended { by } => {
                    prop_assert!(!self.real.launched, "nobody waits any more");
                    prop_assert!(self.real.answer_by.is_none_or(|told| told < by), "no news");
                    self.real.answer_by = Some(by);
                }
                KeeperChange::Hurried => {
                    prop_assert!(self.real.quit, "nobody has asked at all");
                    let until = self.now + HURRY;
                    let before = self.real.hurried_until;
                    self.real.hurried_until = Some(before.map_or(until, |at| at.min(until)));
                }
            }
        }
        let keeper = &self.keeper;
        let phase = keeper.machine().phase();
        // It is being stopped, or what is left of it is.
        let waits = self.real.restarts && !self.real.quit;
        prop_assert!(!waits || phase == Phase::Stopping, "a restart waits: {phase}");
        prop_assert!(keeper.deadline().is_none_or(|due| self.now <= due), "due in the past");
        prop_assert!(!keeper.awaits_leftovers() || keeper.deadline().is_none());
        prop_assert!(keeper.is_launched() == self.real.launched);
        let starts = keeper.machine().phase() == Phase::Starting;
        if let (false, true, Some(due), Some(told)) =
            (self.real.launched, starts, keeper.machine().deadline(), self.real.answer_by)
        {
            prop_assert!(due <= told, "it has longer than its starter knows");
        }
        if waited && keeper.awaits_leftovers() && self.real.leftovers_until.is_some() {
            let until = keeper.leftovers_until();
            prop_assert!(until.is_some() && until <= self.real.leftovers_until, "more time");
        }
        self.real.leftovers_until = keeper.leftovers_until();
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let real = &mut self.real;
        let nothing = step.action == Action::Nothing && step.entered.is_none();
        prop_assert!(!real.finished || nothing, "after its end: {step:?}");
        match &step.action {
            Action::Spawn => {
                prop_assert!(!real.alive && !real.quit, "it is started");
                prop_assert!(!self.keeper.awaits_leftovers(), "beside what another has left");
                (real.alive, real.killed, real.restarts) = (true, false, false);
                real.answer_by = real.answer_by.or(self.keeper.machine().deadline());
            }
            Action::Terminate { .. } | Action::Look => {
                prop_assert!(real.alive, "it is asked");
            }
            Action::Silent(silent) if silent.then != Then::Kill => {
                prop_assert!(real.alive && !real.killed, "it is ended");
            }
            Action::Kill | Action::Silent(_) => {
                prop_assert!(real.alive && !real.killed, "it is killed");
                real.killed = true;
            }
            Action::Finish(_) => {
                prop_assert!(!real.alive, "it is given up alive");
                prop_assert!(!real.restarts || real.quit, "a restart is lost");
                real.finished = true;
            }
            Action::Nothing => (),
        }
        Ok(())
    }

    /// Lets all happen that is due until `end`.
    fn until(&mut self, end: Instant) -> Result<(), TestCaseError> {
        let mut left = 1_000;
        while let Some(due) = self.keeper.deadline().filter(|due| *due <= end) {
            left -= 1;
            prop_assert!(left > 0, "it does not come to rest: {:?}", self.keeper);
            self.now = self.now.max(due);
            self.on(KeeperEvent::DeadlinePassed)?;
        }
        self.now = end;
        Ok(())
    }

    fn die(&mut self, code: i32) -> Result<(), TestCaseError> {
        if !std::mem::take(&mut self.real.alive) {
            return Ok(());
        }
        self.on(KeeperEvent::Reaped { end: RunEnd::Exited(Exit::Code(code)), at: self.now })
    }

    fn tell(&mut self, what: u8, much: u64) -> Result<(), TestCaseError> {
        let alive = self.real.alive;
        match what {
            0 | 1 if alive => self.on(KeeperEvent::Child(Event::Ready)),
            2 if alive => self.on(KeeperEvent::Child(Event::Extended(seconds(much)))),
            3 | 4 => self.die(1),
            5 => self.die(0),
            6 | 7 => self.on(KeeperEvent::LeftoversGone),
            8 => self.on(KeeperEvent::Hurried(1)),
            10 | 11 => self.restart(),
            12 if alive => self.on(KeeperEvent::Child(Event::NotReady)),
            13 if alive => {
                for _ in 0..3 {
                    self.on(KeeperEvent::Child(Event::Silent { looks: 1 }))?;
                }
                self.on(KeeperEvent::Child(Event::Looked(Found::Hangs)))
            }
            9 if much.is_multiple_of(4) => {
                let by = Some(self.now + seconds(much));
                self.on(KeeperEvent::Quit { by, in_hurry: much.is_multiple_of(8) })
            }
            _ => Ok(()),
        }
    }
}

proptest! {
    #![proptest_config(stories())]

    /// Whatever happens in whatever order: there is one process at a time, and none beside what another one
    /// has left, nor after somebody has asked to stop; it is killed once, and never given up alive; its
    /// starter is told once that it is ready, and never waits for less than the child has; what is left never
    /// gains time; a restart that was asked for follows, unless somebody asks to stop; a hurry is over in its time;
    /// and after a quit nothing is left to do when the process has ended.
    #[test]
    fn the_laws_hold_for_every_story(
        must_launch in any::<bool>(),
        keep in any::<bool>(),
        grows in any::<bool>(),
        story in prop::collection::vec((0..8u64, 0..14u8, 0..40u64), 0..40),
        within in prop::option::of(0..20u64),
    ) {
        let leftovers = if keep { Leftovers::Keep } else { Leftovers::Kill };
        let extend_up_to = grows.then(|| seconds(60));
        let start = StartPolicy { timeout: seconds(20), extend_up_to, ..StartPolicy::default() };
        let watchdog = Some(WatchdogPolicy::after(seconds(8)));
        let policy = Policy { must_launch, leftovers, start, watchdog, ..policy() };
        let now = Instant::now();
        let mut play = Story { keeper: keeper(policy), real: Real::default(), now };
        play.on(KeeperEvent::Begin)?;
        for (wait, what, much) in story {
            play.until(play.now + seconds(wait))?;
            play.tell(what, much)?;
            let killed = play.real.killed || play.keeper.awaits_leftovers();
            let late = play.real.hurried_until.is_some_and(|until| until < play.now);
            prop_assert!(!late || !play.real.alive || killed, "it has outlived a hurry");
        }
        let by = within.map(|within| play.now + seconds(within));
        play.on(KeeperEvent::Quit { by, in_hurry: false })?;
        // The child does nothing about it.
        play.until(play.now + seconds(100))?;
        prop_assert!(play.real.killed || !play.real.alive, "{:?}", play.keeper);
        play.die(9)?;
        play.on(KeeperEvent::LeftoversGone)?;
        prop_assert!(play.real.finished, "{:?}", play.keeper);
        prop_assert!(play.keeper.deadline().is_none());
    }
}
