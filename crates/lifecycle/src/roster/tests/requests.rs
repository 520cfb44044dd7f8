//! Stories of requests about one child.

use super::*;
use Request::{Restart as Again, Start, Stop};

fn all(strategy: Strategy, count: usize) -> Roster {
    let group = Group::new(vec![Member::default(); count], strategy, EndWhen::AllAreOver);
    Roster::new(group, each(policy(), count), 0)
}

/// It is asked, killed when its grace is over, and left alone, while another is being restarted and a third goes on.
///
/// Cases: CC-23, CTL-11
#[test]
fn one_child_is_stopped_and_started_and_the_others_go_on() {
    check(
        all(Strategy::OneForOne, 3),
        &[
            (0, Begin, &["0 +0", "0 +1", "0 +2"]),
            (1, Ready(1), &["1 1 running"]),
            (2, Ask(Stop, 0), &["2 begun", "2 ?0 for 10s"]),
            (3, Ask(Again, 1), &["3 begun", "3 ?1 for 10s"]),
            (4, Code(1, 0), &["4 1 due", "4 +1"]),
            (13, Ask(Stop, 0), &["12 !0", "13 joined"]),
            (14, Code(0, 9), &["14 0 stopped"]),
            (15, Ask(Stop, 0), &["15 already"]),
            (16, Code(2, 1), &["16 2 waiting"]),
            (17, Ask(Stop, 2), &["17 done", "17 2 stopped"]),
            (99, Ask(Start, 0), &["34 !1", "99 begun", "99 0 due", "99 +0"]),
            (99, Ask(Start, 2), &["99 begun", "99 2 due", "99 +2"]),
            (99, Ask(Start, 2), &["99 joined"]),
        ],
    );
}

/// Case: CC-25
#[test]
fn a_request_that_cannot_be_taken_touches_nobody() {
    check(
        all(Strategy::OneForOne, 2),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ask(Stop, 7), &["1 Unknown"]),
            (1, Ask(Stop, 1), &["1 begun", "1 ?1 for 10s"]),
            (2, Remove(1), &[]),
            (2, Ask(Start, 1), &["2 Ending"]),
            (3, Code(1, 0), &["3 1 stopped", "3 -1"]),
            (3, Ask(Start, 1), &["3 Unknown"]),
            (4, Quit(None), &["4 ?0 for 10s"]),
            (4, Ask(Start, 0), &["4 Quitting"]),
            (4, Ask(Stop, 0), &["4 Quitting"]),
            (4, Ask(Again, 0), &["4 Quitting"]),
            (5, Code(0, 0), &["5 x0"]),
            (5, Ask(Start, 0), &["5 Quitting"]),
        ],
    );
    let mut roster = all(Strategy::OneForOne, 1);
    let refused = roster.request(Id(3), Stop, Instant::now());
    assert_eq!(refused, Err(crate::Refused::Unknown));
}

/// A list of which some are stopped is not over, and all that are stopped are over when it quits.
#[test]
fn the_list_lives_while_one_is_stopped() {
    let mut play = Play::new(all(Strategy::OneForOne, 2));
    play.tell(0, Begin);
    play.tell(1, Ask(Stop, 0));
    play.tell(2, Code(0, 15));
    play.tell(3, Code(1, 0));
    assert_eq!((play.roster.left(), play.roster.deadline()), (1, None));
    play.changes.clear();
    // One that is over begins anew, and counts again.
    play.tell(4, Ask(Start, 1));
    assert_eq!(play.roster.left(), 2);
    play.tell(5, Ask(Again, 1));
    play.tell(6, Quit(None));
    play.tell(7, Code(1, 0));
    assert_eq!(
        play.changes,
        ["4 begun", "4 1 due", "4 +1", "5 begun", "5 ?1 for 10s", "6 x0", "7 x1"]
    );
    assert_eq!(play.roster.left(), 0);
}

/// Case: CC-27
#[test]
fn a_restart_of_one_is_none_of_the_others_and_counts_for_no_limit() {
    let group = Group::new(vec![Member::default(); 2], Strategy::OneForAll, EndWhen::AllAreOver)
        .restart_limit(Some(RestartLimit { times: 0, window: seconds(99) }));
    check(
        Roster::new(group, each(policy(), 2), 0),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ask(Again, 0), &["1 begun", "1 ?0 for 10s"]),
            (2, Ask(Again, 0), &["2 joined"]),
            (3, Code(0, 3), &["3 0 due", "3 +0"]),
            (4, Ask(Stop, 1), &["4 begun", "4 ?1 for 10s"]),
            (5, Code(1, 3), &["5 1 stopped"]),
            (6, Ask(Again, 1), &["6 begun", "6 1 due", "6 +1"]),
        ],
    );
}

/// One that waits for others, or for its turn, has nothing to stop; and who is asked for has the next turn.
#[test]
fn a_start_by_request_comes_before_those_that_wait_for_their_turn() {
    check(
        roster(&[&[], &[], &[], &[0]]).start_stagger(seconds(3)),
        &[
            (0, Begin, &["0 +0"]),
            (1, Ask(Stop, 1), &["1 done", "1 1 stopped"]),
            (1, Ask(Stop, 3), &["1 done", "1 3 stopped"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Ask(Start, 3), &["2 begun", "2 3 due"]),
            (2, Ask(Start, 1), &["2 begun", "2 1 due"]),
            (20, Nothing, &["3 +3", "6 +1", "9 +2"]),
        ],
    );
}

#[test]
fn who_is_stopped_while_it_waits_for_its_turn_has_none() {
    check(
        roster(&[&[], &[], &[], &[]]).start_stagger(seconds(3)),
        &[
            (0, Begin, &["0 +0"]),
            (1, Ask(Start, 2), &["1 begun", "1 2 due"]),
            (1, Ask(Stop, 2), &["1 done", "1 2 stopped"]),
            (1, Ask(Stop, 1), &["1 done", "1 1 stopped"]),
            (20, Nothing, &["3 +3"]),
        ],
    );
}

#[test]
fn what_a_group_starts_again_leaves_those_alone_that_are_stopped() {
    check(
        all(Strategy::OneForAll, 3),
        &[
            (0, Begin, &["0 +0", "0 +1", "0 +2"]),
            (1, Ask(Stop, 1), &["1 begun", "1 ?1 for 10s"]),
            (2, Code(0, 1), &["2 0 waiting", "2 ?2 for 10s"]),
            (3, Code(2, 0), &["3 2 idle"]),
            (8, Code(1, 0), &["7 0 due", "8 1 stopped", "8 +0", "8 +2"]),
            // Whoever is being stopped with the others and is not wanted any more.
            (9, Code(0, 1), &["9 0 waiting", "9 ?2 for 10s"]),
            (9, Ask(Stop, 2), &["9 begun"]),
            (10, Code(2, 0), &["10 2 stopped"]),
            // Nothing is waited for when the one that has failed is stopped, too.
            (11, Ask(Stop, 0), &["11 done", "11 0 stopped"]),
            (50, Ask(Start, 1), &["50 begun", "50 1 due", "50 +1"]),
        ],
    );
}

#[test]
fn all_are_ready_without_those_that_are_stopped_and_with_those_that_are_asked_for() {
    let three = || all(Strategy::OneForOne, 3).announces_ready(true);
    check(
        three(),
        &[
            (0, Begin, &["0 +0", "0 +1", "0 +2"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Ask(Stop, 1), &["2 begun", "2 ?1 for 10s"]),
            (3, Code(1, 1), &["3 1 stopped"]),
            (4, Ask(Start, 1), &["4 begun", "4 1 due", "4 +1"]),
            (5, Ready(2), &["5 2 running"]),
            (6, Ready(1), &["6 1 running", "6 all ready"]),
        ],
    );
    check(
        three(),
        &[
            (0, Begin, &["0 +0", "0 +1", "0 +2"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Ready(2), &["2 2 running"]),
            (3, Ask(Stop, 1), &["3 begun", "3 ?1 for 10s", "3 all ready"]),
            (4, Code(1, 1), &["4 1 stopped"]),
            (5, Ask(Start, 1), &["5 begun", "5 1 due", "5 +1"]),
            (6, Ready(1), &["6 1 running"]),
        ],
    );
    // One that was ready before is not waited for again.
    check(
        all(Strategy::OneForOne, 2).announces_ready(true),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Ask(Again, 0), &["2 begun", "2 ?0 for 10s"]),
            (3, Code(0, 0), &["3 0 due", "3 +0"]),
            (4, Ready(1), &["4 1 running", "4 all ready"]),
        ],
    );
    // Nor is it said of a list that is being stopped.
    let group = Group::new(vec![Member::default(); 2], Strategy::OneForOne, EndWhen::AllAreOver)
        .restart_limit(Some(RestartLimit { times: 0, window: seconds(99) }));
    let many = "3 more than 0 restarts within 99s: 0 exited with code 1";
    check(
        Roster::new(group, each(policy(), 2), 0).announces_ready(true),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(0), &["1 0 running"]),
            (1, Ask(Again, 1), &["1 begun", "1 ?1 for 10s"]),
            (3, Code(0, 1), &["3 0 waiting", many, "3 x0"]),
            (4, Code(1, 0), &["4 x1"]),
        ],
    );
    // One that is taken off is not waited for either.
    check(
        three(),
        &[
            (0, Begin, &["0 +0", "0 +1", "0 +2"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Ready(2), &["2 2 running"]),
            (3, Remove(1), &["3 ?1 for 10s", "3 all ready"]),
            (4, Code(1, 0), &["4 1 stopped", "4 -1"]),
        ],
    );
}

/// A child is killed for not being ready in time, and somebody asks before it has ended.
#[test]
fn a_request_about_one_that_was_late_decides_what_follows() {
    let late: [(u64, Told, &[&str]); 2] = [(0, Begin, &["0 +0"]), (31, Nothing, &["30 !0"])];
    for (request, then) in [(Stop, &["33 0 stopped"][..]), (Again, &["33 0 due", "33 +0"])] {
        let mut story = late.to_vec();
        story.push((32, Ask(request, 0), &["32 begun"]));
        story.push((33, Code(0, 9), then));
        check(all(Strategy::OneForAll, 1), &story);
    }
}
