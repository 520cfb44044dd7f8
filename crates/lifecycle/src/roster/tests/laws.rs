//! What holds for every story of a roster, whatever comes in whatever order.

mod memory;
mod story;
mod telling;

use std::collections::BTreeSet;

use proptest::prelude::{Just, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::*;
use crate::random::stories;
use memory::{HARD, SOFT};
use policy::{RecyclePolicy, Share};
use story::{Real, Story};

proptest! {
    #![proptest_config(stories())]

    /// Whatever happens in whatever order: nobody has two processes; nobody is started after all were told
    /// to stop, nor sooner after another than the stagger says; who is told to stop or killed has a process,
    /// and is killed once; each id means one child for ever, which is finished once; readiness is announced
    /// at most once; who was stopped by request is not started until somebody asks for it, and whoever was asked for is
    /// started unless something later was asked; what is due has something done; time alone brings everything to
    /// rest; those of a set have the indices from 1 to the number that is wanted, or are on their way out; and after a
    /// quit all are finished when every process that was killed has ended.
    ///
    /// Cases: FLT-I1, FLT-I2, FLT-I4, CC-23
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
        story in prop::collection::vec((0..8u64, 0..8usize, 0..29u8), 0..60),
        in_set in 0..4usize,
        (away, percent) in (0..3u32, any::<bool>()),
        age in prop::option::of(1..30u64),
        is_hard in any::<bool>(),
        rests in any::<bool>(),
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
        let mut roster = Roster::new(group, vec![Arc::clone(&policy); count], 0)
            .start_stagger(stagger)
            .announces_ready(announces);
        let of_set: Vec<_> = roster.ids().skip(count - in_set.min(count)).collect();
        let template = Member { after: BTreeSet::from([Id(0)]), ..Member::default() };
        let away = if percent { Share::Percent(25) } else { Share::Count(away) };
        let set = roster.set(of_set, template, policy);
        roster.max_unavailable(set, away);
        if let Some(age) = age {
            let policy = RecyclePolicy::default().age(seconds(age)).jobs(9).memory(SOFT).jitter(50);
            roster.recycle(set, policy.min_age(seconds(age / 2)));
        }
        roster.memory_hard_limit(set, is_hard.then_some(HARD));
        let start = Instant::now();
        let real = roster.ids().map(|id| (id, Real::default())).collect();
        let mut play = Story {
            roster, real, start, now: start, stagger, last_spawn: None, quit: false, announced: false,
            leaving: BTreeSet::new(), away, unsettled: BTreeSet::new(), before: Vec::new(),
        };
        play.on(RosterEvent::Begin)?;
        let mut second = 0;
        for (wait, who, what) in story {
            second += wait;
            play.until(second)?;
            play.tell(who, what)?;
        }
        prop_assert!(!play.announced || announces);
        if rests {
            play.rest(&mut second)?;
        }
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
