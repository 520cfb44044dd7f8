//! Stories of sets whose children are replaced one after another.

use super::*;
use Request::Stop;
use policy::{RollPolicy, Share};

fn set(count: u32, away: Share) -> Roster {
    let members = vec![Member::default(); count as usize];
    let group = Group::new(members, Strategy::OneForOne, EndWhen::AllAreOver);
    let mut roster = Roster::new(group, each(policy(), count as usize), 0);
    let ids: Vec<_> = roster.ids().collect();
    let set = roster.set(ids, Member::default(), Arc::new(policy()));
    roster.max_unavailable(set, away);
    roster
}

/// A set of which all are ready.
pub(super) fn ready(count: u32, away: Share) -> Play {
    let mut play = Play::new(set(count, away));
    play.tell(0, Begin);
    for id in 0..count {
        play.tell(0, Ready(id));
    }
    play.changes.clear();
    play
}

pub(super) fn roll() -> RollPolicy {
    RollPolicy::default()
}

#[track_caller]
pub(super) fn tells(play: &mut Play, second: u64, told: Told, expected: &[&str]) {
    play.tell(second, told);
    assert_eq!(std::mem::take(&mut play.changes), expected);
}

/// Cases: PL-50
#[test]
fn one_after_another_from_the_highest() {
    let mut play = ready(3, Share::Count(1));
    tells(&mut play, 1, Roll(roll()), &["1 roll", "1 take 2", "1 ?2 for 10s"]);
    tells(&mut play, 2, Code(2, 0), &["2 2 due", "2 +2"]);
    tells(&mut play, 3, Ready(2), &["3 2 running", "3 settled 2", "3 take 1", "3 ?1 for 10s"]);
    assert_eq!(play.roster.rolling(SetId(0)), Some(roll::Progress { done: 1, total: 3 }));
    tells(&mut play, 4, Code(1, 0), &["4 1 due", "4 +1"]);
    tells(&mut play, 5, Ready(1), &["5 1 running", "5 settled 1", "5 take 0", "5 ?0 for 10s"]);
    tells(&mut play, 6, Code(0, 0), &["6 0 due", "6 +0"]);
    tells(&mut play, 7, Ready(0), &["7 0 running", "7 settled 0", "7 end Done"]);
    assert_eq!(play.roster.rolling(SetId(0)), None);
    assert_eq!(play.roster.deadline(), None);
}

/// Case: PL-30
#[test]
fn those_that_are_not_ready_come_first_and_cost_nothing() {
    let mut play = ready(4, Share::Count(1));
    play.tell(1, Code(0, 1));
    play.tell(1, Code(1, 1));
    play.changes.clear();
    let free = ["2 roll", "2 free 1", "2 1 due", "2 free 0", "2 0 due", "2 +1", "2 +0"];
    tells(&mut play, 2, Roll(roll()), &free);
    tells(&mut play, 3, Ready(1), &["3 1 running", "3 settled 1"]);
    // Only now nobody is missed.
    let next = ["4 0 running", "4 settled 0", "4 take 3", "4 ?3 for 10s"];
    tells(&mut play, 4, Ready(0), &next);
}

/// Case: PL-32
#[test]
fn who_is_killed_beside_it_is_waited_for() {
    let mut play = ready(3, Share::Count(1));
    play.tell(1, Roll(roll()));
    play.tell(2, Code(2, 0));
    play.tell(3, Ready(2));
    play.tell(4, Code(1, 0));
    play.changes.clear();
    // One that is new already.
    tells(&mut play, 5, Code(2, 9), &["5 2 waiting"]);
    tells(&mut play, 6, Ready(1), &["6 1 running", "6 settled 1"]);
    tells(&mut play, 11, Nothing, &["10 2 due", "10 +2"]);
    tells(&mut play, 12, Ready(2), &["12 2 running", "12 take 0", "12 ?0 for 10s"]);
    // One that was to be replaced anyway is replaced now.
    let mut play = ready(3, Share::Count(1));
    play.tell(1, Roll(roll()));
    play.changes.clear();
    tells(&mut play, 3, Code(0, 9), &["3 0 waiting", "3 free 0", "3 0 due", "3 +0"]);
}

/// Case: PL-33
#[test]
fn one_that_ends_before_it_is_ready_is_tried_again_and_then_bad() {
    let mut play = ready(2, Share::Count(1));
    play.tell(1, Roll(roll()));
    play.tell(2, Code(1, 0));
    play.changes.clear();
    tells(&mut play, 3, Code(1, 1), &["3 1 waiting", "3 1 due", "3 +1"]);
    tells(&mut play, 4, Code(1, 1), &["4 1 waiting", "4 end Bad { id: Id(1), index: 2 }"]);
    // The other one is as it was, and the bad one is kept by its policy.
    assert_eq!(play.roster.phase(Id(0)), Some(Phase::Running));
    tells(&mut play, 10, Nothing, &["9 1 due", "9 +1"]);
    // A good one heals without hands.
    tells(&mut play, 11, Roll(roll()), &["11 roll", "11 free 1", "11 ?1 for 10s"]);
    tells(&mut play, 12, Code(1, 0), &["12 1 due", "12 +1"]);
    tells(&mut play, 13, Ready(1), &["13 1 running", "13 settled 1", "13 take 0", "13 ?0 for 10s"]);
}

/// Case: PL-34
#[test]
fn one_that_ends_before_it_has_settled_is_bad() {
    let mut play = ready(2, Share::Count(1));
    play.tell(1, Roll(roll().settle(seconds(5))));
    play.tell(2, Code(1, 0));
    tells(
        &mut play,
        3,
        Ready(1),
        &["1 roll", "1 take 1", "1 ?1 for 10s", "2 1 due", "2 +1", "3 1 running"],
    );
    tells(&mut play, 7, Code(1, 1), &["7 1 waiting", "7 end Bad { id: Id(1), index: 2 }"]);
    assert_eq!(play.roster.phase(Id(0)), Some(Phase::Running));

    let mut play = ready(2, Share::Count(1));
    play.tell(1, Roll(roll().settle(seconds(5)).pause(seconds(3))));
    play.tell(2, Code(1, 0));
    play.tell(3, Ready(1));
    play.changes.clear();
    tells(&mut play, 20, Nothing, &["8 settled 1", "11 take 0", "11 ?0 for 10s"]);
}

/// Cases: PL-36, PL-44
#[test]
fn one_that_hangs_is_killed_at_its_grace_and_a_standstill_ends_it() {
    let mut play = ready(2, Share::Count(1));
    play.tell(1, Roll(roll().stall(seconds(60))));
    play.changes.clear();
    tells(&mut play, 12, Nothing, &["11 !1"]);
    tells(&mut play, 12, Code(1, 9), &["12 1 due", "12 +1"]);
    // It never says that it is ready: its own time is over before that of the roll.
    tells(&mut play, 43, Nothing, &["42 !1"]);
    tells(&mut play, 43, Died(1), &[]);
    let stalled = ["61 end Stalled { id: Some(Id(1)) }"];
    tells(&mut play, 90, Nothing, &stalled);
}

/// Case: PL-39
#[test]
fn a_cancelled_roll_finishes_the_one_in_hand() {
    let mut play = ready(3, Share::Count(1));
    play.tell(1, Roll(roll()));
    play.changes.clear();
    tells(&mut play, 2, Cancel, &["2 cancel 0 of 3"]);
    tells(&mut play, 3, Code(2, 0), &["3 2 due", "3 +2"]);
    tells(&mut play, 4, Ready(2), &["4 2 running", "4 settled 2", "4 end Cancelled"]);
    tells(&mut play, 5, Cancel, &["5 no roll"]);
}

/// Cases: PL-40, PL-45, PL-48
#[test]
fn a_second_is_refused_and_a_quit_ends_it_at_once() {
    let mut play = ready(2, Share::Count(1));
    play.tell(1, Roll(roll()));
    play.changes.clear();
    tells(&mut play, 1, Roll(roll()), &["1 Rolling(Progress { done: 0, total: 2 })"]);
    tells(&mut play, 2, Quit(None), &["2 ?0 for 10s", "2 end Quit"]);
    tells(&mut play, 3, Roll(roll()), &["3 Quitting"]);
    let group = Group::new(vec![Member::default(); 2], Strategy::OneForAll, EndWhen::AllAreOver);
    let mut roster = Roster::new(group, each(policy(), 2), 0);
    let ids: Vec<_> = roster.ids().collect();
    let set = roster.set(ids, Member::default(), Arc::new(policy()));
    let refused = roster.roll(set, roll(), Instant::now());
    assert_eq!(refused, Err(roll::Refused::Strategy(Strategy::OneForAll)));
}

/// Case: PL-42
#[test]
fn who_comes_meanwhile_is_new_and_who_goes_is_not_replaced() {
    let mut play = ready(3, Share::Count(1));
    play.tell(1, Roll(roll()));
    play.changes.clear();
    let more = ["2 from 3 new 4 3 new 5 4", "2 +3", "2 +4"];
    tells(&mut play, 2, Scale(5), &more);
    play.tell(3, Ready(3));
    play.tell(3, Ready(4));
    play.tell(4, Code(2, 0));
    play.changes.clear();
    tells(&mut play, 5, Ready(2), &["5 2 running", "5 settled 2", "5 take 1", "5 ?1 for 10s"]);
    assert_eq!(play.roster.rolling(SetId(0)), Some(roll::Progress { done: 1, total: 3 }));
    let none =
        ["6 from 5", "6 ?4 for 10s", "6 ?3 for 10s", "6 ?2 for 10s", "6 ?0 for 10s", "6 end Done"];
    tells(&mut play, 6, Scale(0), &none);
}

/// Cases: PL-51, PL-54
#[test]
fn those_beside_come_first_and_leave_last() {
    let mut play = ready(2, Share::Count(0));
    let begin = ["1 roll new 3 2", "1 +2"];
    tells(&mut play, 1, Roll(roll().surge(Share::Count(1))), &begin);
    tells(&mut play, 2, Ready(2), &["2 2 running", "2 take 1", "2 ?1 for 10s"]);
    tells(&mut play, 3, Code(1, 0), &["3 1 due", "3 +1"]);
    tells(&mut play, 4, Ready(1), &["4 1 running", "4 settled 1", "4 take 0", "4 ?0 for 10s"]);
    tells(&mut play, 5, Code(0, 0), &["5 0 due", "5 +0"]);
    let last = ["6 0 running", "6 settled 0", "6 end Done", "6 ?2 for 10s"];
    tells(&mut play, 6, Ready(0), &last);
    tells(&mut play, 7, Code(2, 0), &["7 2 stopped", "7 -2"]);
}

/// Case: PL-52
#[test]
fn if_those_beside_do_not_come_nobody_is_touched() {
    let mut play = ready(2, Share::Count(1));
    play.tell(1, Roll(roll().surge(Share::Percent(50))));
    play.tell(2, Code(2, 1));
    play.changes.clear();
    let bad = ["3 2 waiting", "3 end Bad { id: Id(2), index: 3 }", "3 2 stopped", "3 -2"];
    tells(&mut play, 3, Code(2, 1), &bad);
}

/// Case: PL-53
#[test]
fn one_beside_that_dies_comes_again_before_the_next_is_taken() {
    let mut play = ready(2, Share::Count(0));
    play.tell(1, Roll(roll().surge(Share::Count(1))));
    play.tell(2, Ready(2));
    play.tell(3, Code(1, 0));
    play.changes.clear();
    tells(&mut play, 4, Code(2, 9), &["4 2 waiting", "4 2 due", "4 +2"]);
    tells(&mut play, 5, Ready(1), &["5 1 running", "5 settled 1"]);
    tells(&mut play, 6, Ready(2), &["6 2 running", "6 take 0", "6 ?0 for 10s"]);
}

/// When a roll ends badly those beside stand in for the bad one until it comes back.
#[test]
fn those_beside_stay_while_they_are_needed() {
    let mut play = ready(2, Share::Count(0));
    play.tell(1, Roll(roll().surge(Share::Count(1)).tries(1)));
    play.tell(2, Ready(2));
    play.tell(3, Code(1, 0));
    play.changes.clear();
    tells(&mut play, 4, Code(1, 1), &["4 1 waiting", "4 end Bad { id: Id(1), index: 2 }"]);
    tells(&mut play, 10, Nothing, &["9 1 due", "9 +1"]);
    tells(&mut play, 11, Ready(1), &["11 1 running", "11 ?2 for 10s"]);
    // When there are to be more they are there already.
    let mut play = ready(1, Share::Count(0));
    play.tell(1, Roll(roll().surge(Share::Count(1)).tries(1)));
    play.tell(2, Ready(1));
    play.tell(3, Code(0, 0));
    play.changes.clear();
    tells(&mut play, 4, Scale(2), &["4 from 1 new 3 2", "4 +2"]);
}

/// Case: PL-43
#[test]
fn parts_are_of_what_is_wanted_now() {
    let mut play = ready(8, Share::Percent(25));
    let two = ["1 roll", "1 take 7", "1 ?7 for 10s", "1 take 6", "1 ?6 for 10s"];
    tells(&mut play, 1, Roll(roll()), &two);
    let mut play = ready(3, Share::Percent(25));
    tells(&mut play, 1, Roll(roll()), &["1 roll", "1 take 2", "1 ?2 for 10s"]);
}

/// Case: PL-49
#[test]
fn who_is_over_or_stopped_is_left_alone() {
    let mut play = ready(3, Share::Count(1));
    play.tell(1, Code(0, 0));
    play.tell(1, Ask(Stop, 1));
    play.tell(1, Code(1, 0));
    play.changes.clear();
    // Nobody is there whom it could be.
    tells(&mut play, 2, Roll(roll()), &["2 roll"]);
    tells(&mut play, 3, Cancel, &["3 cancel 0 of 1", "3 end Cancelled"]);
}

/// One that is dead does not settle, and a long time to settle is no standstill.
///
/// Cases: PL-34, PL-44
#[test]
fn a_dead_one_settles_no_more_and_settling_is_no_standstill() {
    let mut play = ready(2, Share::Count(1));
    play.tell(1, Roll(roll().settle(seconds(5))));
    play.tell(2, Code(1, 0));
    play.tell(3, Ready(1));
    play.tell(4, Died(1));
    play.changes.clear();
    tells(&mut play, 15, Nothing, &[]);
    tells(&mut play, 16, Code(1, 9), &["16 1 waiting", "16 end Bad { id: Id(1), index: 2 }"]);

    let mut play = ready(1, Share::Count(1));
    play.tell(1, Roll(roll().settle(seconds(20)).stall(seconds(5))));
    play.tell(2, Code(0, 0));
    play.tell(3, Ready(0));
    play.changes.clear();
    tells(&mut play, 30, Nothing, &["23 settled 0", "23 end Done"]);
}

/// Case: PL-53
#[test]
fn one_beside_that_dies_again_and_again_ends_it() {
    let mut play = ready(2, Share::Count(0));
    play.tell(1, Roll(roll().surge(Share::Count(1))));
    play.tell(2, Ready(2));
    play.tell(3, Code(2, 1));
    play.tell(4, Ready(2));
    play.changes.clear();
    let bad = ["5 2 waiting", "5 end Bad { id: Id(2), index: 3 }", "5 2 stopped", "5 -2"];
    tells(&mut play, 5, Code(2, 1), &bad);
}

/// Those that come meanwhile have to settle, too, if they were beside.
///
/// Case: PL-42
#[test]
fn one_beside_that_is_wanted_now_settles_like_the_others() {
    let mut play = ready(2, Share::Count(0));
    play.tell(1, Roll(roll().surge(Share::Count(1)).settle(seconds(10))));
    play.tell(2, Ready(2));
    play.tell(3, Scale(3));
    play.changes.clear();
    tells(&mut play, 4, Ready(3), &["4 3 running"]);
    tells(&mut play, 15, Nothing, &["12 settled 2", "14 take 1", "14 ?1 for 10s"]);
}

/// One that an earlier roll has left beside, and that is wanted now, is replaced like the others.
#[test]
fn one_that_was_left_beside_is_replaced() {
    let mut play = ready(1, Share::Count(0));
    play.tell(1, Roll(roll().surge(Share::Count(1)).tries(1)));
    play.tell(2, Ready(1));
    play.tell(3, Code(0, 0));
    play.tell(4, Code(0, 1));
    play.changes.clear();
    let first = ["5 roll", "5 free 0", "5 0 due", "5 +0"];
    tells(&mut play, 5, Roll(roll()), &first);
    let next = ["6 0 running", "6 settled 0", "6 take 1", "6 ?1 for 10s"];
    tells(&mut play, 6, Ready(0), &next);
}

/// Those beside stand in for nobody who does not come back by himself.
#[test]
fn those_beside_leave_though_one_is_over() {
    let never = Policy { restart: RestartPolicy::new(Restart::Never), ..policy() };
    let members = vec![Member::default(); 2];
    let group = Group::new(members, Strategy::OneForOne, EndWhen::AllAreOver);
    let mut roster = Roster::new(group, each(never.clone(), 2), 0);
    let ids: Vec<_> = roster.ids().collect();
    let set = roster.set(ids, Member::default(), Arc::new(never));
    roster.max_unavailable(set, Share::Count(0));
    let mut play = Play::new(roster);
    play.tell(0, Begin);
    play.tell(0, Ready(0));
    play.tell(0, Ready(1));
    play.tell(1, Roll(roll().surge(Share::Count(1)).tries(1)));
    play.tell(2, Ready(2));
    play.tell(3, Code(1, 0));
    play.changes.clear();
    let bad = ["4 x1", "4 end Bad { id: Id(1), index: 2 }", "4 ?2 for 10s"];
    tells(&mut play, 4, Code(1, 1), &bad);
}

/// One that comes in the middle of a roll stands in for nobody before it has settled, however often it fails; and the roll
/// does not wait for it.
#[test]
fn one_that_comes_meanwhile_has_to_settle_too() {
    let mut play = ready(2, Share::Count(0));
    // Nobody may be away, and nobody comes beside: it waits for somebody who is there as well.
    tells(&mut play, 1, Roll(roll().settle(seconds(10)).stall(seconds(900))), &["1 roll"]);
    play.tell(2, Scale(3));
    play.roster.max_unavailable(SetId(0), Share::Count(1));
    play.changes.clear();
    tells(&mut play, 3, Ready(2), &["3 2 running"]);
    tells(&mut play, 4, Code(2, 1), &["4 2 waiting"]);
    tells(&mut play, 9, Nothing, &["9 2 due", "9 +2"]);
    tells(&mut play, 10, Ready(2), &["10 2 running"]);
    tells(&mut play, 19, Nothing, &[]);
    tells(&mut play, 20, Nothing, &["20 take 1", "20 ?1 for 10s"]);
    tells(&mut play, 21, Code(1, 0), &["21 1 due", "21 +1"]);
    tells(&mut play, 22, Ready(1), &["22 1 running"]);
    let next = ["32 settled 1", "32 take 0", "32 ?0 for 10s"];
    tells(&mut play, 32, Nothing, &next);
    tells(&mut play, 33, Code(0, 0), &["33 0 due", "33 +0"]);
    tells(&mut play, 34, Ready(0), &["34 0 running"]);
    tells(&mut play, 44, Nothing, &["44 settled 0", "44 end Done"]);
}
