//! Stories of rolls: whom they wait for.

use policy::Share;

use super::rolling::{ready, roll, tells};
use super::*;

/// Those beside come first: nobody is taken before they have settled, however many may be away.
#[test]
fn nobody_is_taken_before_those_beside_have_settled() {
    let mut play = ready(2, Share::Count(1));
    let surge = roll().surge(Share::Count(1)).settle(seconds(10));
    tells(&mut play, 1, Roll(surge.clone()), &["1 roll new 3 2", "1 +2"]);
    tells(&mut play, 2, Ready(2), &["2 2 running"]);
    tells(&mut play, 11, Nothing, &[]);
    play.tell(12, Nothing);
    assert_eq!(play.changes[0], "12 take 1");
}

/// One that was beside and is on its way out is asked to come back for the next roll, and has to settle in that.
#[test]
fn one_that_comes_back_beside_has_to_settle_again() {
    let mut play = ready(2, Share::Count(0));
    let surge = roll().surge(Share::Count(1)).settle(seconds(10));
    play.tell(1, Roll(surge.clone()));
    play.tell(2, Ready(2));
    play.tell(3, Cancel);
    assert_eq!(play.changes.last().unwrap(), "3 ?2 for 10s");
    play.changes.clear();
    tells(&mut play, 4, Roll(surge), &["4 roll"]);
    tells(&mut play, 5, Code(2, 0), &["5 2 due", "5 +2"]);
    tells(&mut play, 6, Ready(2), &["6 2 running"]);
    tells(&mut play, 15, Nothing, &[]);
    play.tell(16, Nothing);
    assert_eq!(play.changes[0], "16 take 1");
}

/// A roll is over when as many as are wanted are there, and not while one that was replaced comes back.
#[test]
fn a_roll_waits_for_one_that_has_ended_since() {
    let mut play = ready(2, Share::Count(1));
    play.tell(1, Roll(roll()));
    play.tell(2, Code(1, 0));
    play.tell(3, Ready(1));
    play.tell(4, Code(0, 0));
    play.tell(5, Code(1, 1));
    play.changes.clear();
    tells(&mut play, 6, Ready(0), &["6 0 running", "6 settled 0"]);
    tells(&mut play, 10, Nothing, &["10 1 due", "10 +1"]);
    tells(&mut play, 11, Ready(1), &["11 1 running", "11 end Done"]);
}

/// What is temporary is not replaced, and nothing comes beside for it.
#[test]
fn a_roll_of_what_is_temporary_replaces_nobody() {
    let members = vec![Member { temporary: true, ..Member::default() }; 2];
    let group = Group::new(members, Strategy::OneForOne, EndWhen::AllAreOver);
    let mut roster = Roster::new(group, each(policy(), 2), 0);
    let ids: Vec<_> = roster.ids().collect();
    roster.set(ids, Member::default(), Arc::new(policy()));
    let mut play = Play::new(roster);
    play.tell(0, Begin);
    play.tell(0, Ready(0));
    play.tell(0, Ready(1));
    play.changes.clear();
    let surge = roll().surge(Share::Count(1));
    tells(&mut play, 1, Roll(surge), &["1 roll", "1 end Done"]);
}

/// One beside that has settled and ends is started again at once, and has to settle anew before the next is taken.
#[test]
fn one_beside_that_ends_comes_again_and_settles_again() {
    let mut play = ready(2, Share::Count(0));
    play.tell(1, Roll(roll().surge(Share::Count(1)).settle(seconds(10))));
    play.tell(2, Ready(2));
    play.tell(12, Nothing);
    assert_eq!(play.changes.last().unwrap(), "12 ?1 for 10s");
    play.changes.clear();
    tells(&mut play, 13, Code(2, 1), &["13 2 waiting", "13 2 due", "13 +2"]);
    tells(&mut play, 14, Code(1, 0), &["14 1 due", "14 +1"]);
    tells(&mut play, 15, Ready(1), &["15 1 running"]);
    tells(&mut play, 20, Ready(2), &["20 2 running"]);
    tells(&mut play, 25, Nothing, &["25 settled 1"]);
    tells(&mut play, 29, Nothing, &[]);
    tells(&mut play, 30, Nothing, &["30 take 0", "30 ?0 for 10s"]);
}

/// Who was stopped by request does not come back by itself, and nobody waits for it.
#[test]
fn a_roll_does_not_wait_for_who_was_stopped() {
    let mut play = ready(2, Share::Count(2));
    play.tell(1, Ask(Request::Stop, 1));
    play.tell(2, Code(1, 0));
    play.changes.clear();
    tells(&mut play, 3, Roll(roll()), &["3 roll", "3 take 0", "3 ?0 for 10s"]);
    tells(&mut play, 4, Code(0, 0), &["4 0 due", "4 +0"]);
    tells(&mut play, 5, Ready(0), &["5 0 running", "5 settled 0", "5 end Done"]);
}
