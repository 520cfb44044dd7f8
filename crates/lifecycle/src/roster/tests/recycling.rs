//! Stories of children that are replaced because of their age.

use super::*;
use policy::{RecyclePolicy, RollPolicy, Share};

/// A set of which all have been ready since second 0, for 100 seconds each.
fn ready(count: u32) -> Play {
    let members = vec![Member::default(); count as usize];
    let group = Group::new(members, Strategy::OneForOne, EndWhen::AllAreOver);
    let mut roster = Roster::new(group, each(policy(), count as usize), 0);
    let ids: Vec<_> = roster.ids().collect();
    let set = roster.set(ids, Member::default(), Arc::new(policy()));
    roster.max_unavailable(set, Share::Count(1));
    roster.recycle(set, RecyclePolicy::default().age(seconds(100)).jitter(0));
    let mut play = Play::new(roster);
    play.tell(0, Begin);
    for id in 0..count {
        play.tell(0, Ready(id));
    }
    play.changes.clear();
    play
}

#[track_caller]
fn tells(play: &mut Play, second: u64, told: Told, expected: &[&str]) {
    play.tell(second, told);
    assert_eq!(std::mem::take(&mut play.changes), expected);
}

/// Cases: PL-56, WRK-11
#[test]
fn those_that_are_due_together_go_one_after_another() {
    let mut play = ready(3);
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(100)));
    tells(&mut play, 100, Nothing, &["100 recycle 0 after 100s", "100 ?0 for 10s"]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 2);
    tells(&mut play, 101, Code(0, 0), &["101 0 due", "101 +0"]);
    // That one is due again in its time, and no sooner.
    let next = ["102 0 running", "102 recycle 1 after 100s", "102 ?1 for 10s"];
    tells(&mut play, 102, Ready(0), &next);
    tells(&mut play, 103, Code(1, 0), &["103 1 due", "103 +1"]);
    let next = ["104 1 running", "104 recycle 2 after 100s", "104 ?2 for 10s"];
    tells(&mut play, 104, Ready(1), &next);
    tells(&mut play, 105, Code(2, 0), &["105 2 due", "105 +2"]);
    tells(&mut play, 106, Ready(2), &["106 2 running"]);
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(202)));
}

/// Cases: PL-61, PL-67
#[test]
fn one_that_ends_while_it_is_due_is_a_new_one_and_who_is_not_ready_is_never_taken() {
    let mut play = ready(3);
    play.tell(99, Code(2, 1));
    play.changes.clear();
    // Nobody else may go while one is away.
    tells(&mut play, 100, Nothing, &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 2);
    tells(&mut play, 101, Code(0, 1), &["101 0 waiting"]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 1);
    tells(&mut play, 106, Nothing, &["104 2 due", "104 +2", "106 0 due", "106 +0"]);
    tells(&mut play, 107, Ready(2), &["107 2 running"]);
    let next = ["108 0 running", "108 recycle 1 after 100s", "108 ?1 for 10s"];
    tells(&mut play, 108, Ready(0), &next);
}

/// A roll replaces them anyway, and none is taken by both.
#[test]
fn a_roll_comes_first() {
    let mut play = ready(2);
    play.tell(99, Roll(RollPolicy::default()));
    play.tell(101, Code(1, 0));
    play.changes.clear();
    tells(
        &mut play,
        102,
        Ready(1),
        &["102 1 running", "102 settled 1", "102 take 0", "102 ?0 for 10s"],
    );
    tells(&mut play, 103, Code(0, 0), &["103 0 due", "103 +0"]);
    tells(&mut play, 104, Ready(0), &["104 0 running", "104 settled 0", "104 end Done"]);
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(202)));
    tells(&mut play, 105, Quit(None), &["105 ?1 for 10s", "105 ?0 for 10s"]);
    tells(&mut play, 300, Code(0, 0), &["115 !0", "115 !1", "300 x0"]);
}
