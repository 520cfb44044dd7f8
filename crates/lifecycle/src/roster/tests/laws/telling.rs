//! What may happen in a story, by number.

use proptest::prop_assert;
use proptest::test_runner::TestCaseError;

use super::super::*;
use super::story::{Real, SET, Story};
use policy::{RollPolicy, Share};

impl Story {
    pub(super) fn tell(&mut self, who: usize, what: u8) -> Result<(), TestCaseError> {
        self.before = self.roster.places(SET).collect();
        let ids: Vec<_> = self.real.keys().copied().collect();
        let id = ids[who % ids.len()];
        let alive = self.real[&id].alive;
        match what {
            0 | 1 if alive => self.child(id, Event::Ready),
            2 if alive => self.child(id, Event::Extended(seconds(7))),
            3 if alive => {
                let real = self.real.entry(id).or_default();
                (real.ready, real.dead) = (false, true);
                self.child(id, Event::Died)
            }
            4 | 5 => self.end(id, 1),
            6 => self.end(id, 0),
            // Old news.
            7 if !alive => self.child(id, Event::Ready),
            8 if !self.quit => {
                let after = ids.iter().filter(|id| self.roster.machine(**id).is_some());
                let after = after.take(who % 2).copied().collect();
                let member =
                    Member { after, temporary: who.is_multiple_of(3), ..Member::default() };
                let (id, changes) = self.roster.add(member, Arc::new(policy()), self.now);
                prop_assert!(self.real.insert(id, Real::default()).is_none(), "{id} again");
                self.carry_out(changes)
            }
            9 => match self.roster.remove(id, self.now) {
                Ok(changes) => {
                    self.leaving.insert(id);
                    self.carry_out(changes)
                }
                Err(_) => Ok(()),
            },
            10 => self.ask(id, Request::Stop),
            11 => self.ask(id, Request::Start),
            12 => self.ask(id, Request::Restart),
            13 | 14 => self.scale(u32::try_from(who).expect("it is small")),
            15 | 16 => {
                let who = u32::try_from(who).expect("it is small");
                let policy = RollPolicy::default()
                    .surge(Share::Count(who % 3))
                    .tries(1 + who % 2)
                    .settle(seconds(u64::from(who / 3)))
                    .pause(seconds(u64::from(who / 4)));
                self.roll(policy)
            }
            17 => match self.roster.cancel_roll(SET, self.now) {
                Some((_, changes)) => self.carry_out(changes),
                None => Ok(()),
            },
            26 if alive => self.child(id, Event::NotReady),
            // It hangs, or is stopped.
            27 | 28 if alive => {
                (0..3).try_for_each(|_| self.child(id, Event::Silent { looks: 1 }))?;
                let found = if what == 27 { Found::Hangs } else { Found::Stopped };
                self.child(id, Event::Looked(found))
            }
            24 | 25 => {
                let bits = who as u32 + 1;
                let numbers = (1..8).filter(|number| bits >> (number % 4) & 1 == 1).collect();
                let policy = RollPolicy::default().surge(Share::Count(bits % 2));
                self.renew(numbers, policy.settle(seconds(u64::from(bits / 3))))
            }
            18 | 19 => self.on(RosterEvent::JobsDone { id, jobs: 9 }).map(drop),
            20..=23 => self.seen_memory(id, who, what == 23),
            _ => Ok(()),
        }
    }
}
