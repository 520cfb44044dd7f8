//! Stories of sets of which there are to be more, or fewer.

use super::*;
use Request::{Restart as Again, Stop};

fn set_with(count: u32, policy: &Policy, stagger: u64) -> Roster {
    let members = vec![Member::default(); count as usize];
    let group = Group::new(members, Strategy::OneForOne, EndWhen::AllAreOver);
    let mut roster =
        Roster::new(group, each(policy.clone(), count as usize), 0).start_stagger(seconds(stagger));
    let ids: Vec<_> = roster.ids().collect();
    roster.set(ids, Member::default(), Arc::new(policy.clone()));
    roster
}

fn set(count: u32) -> Roster {
    set_with(count, &policy(), 0)
}

/// Case: PL-12
#[test]
fn the_highest_goes_and_nobody_else_is_touched() {
    check(
        set(3),
        &[
            (0, Begin, &["0 +0", "0 +1", "0 +2"]),
            (1, Ready(2), &["1 2 running"]),
            (1, Code(0, 1), &["1 0 waiting"]),
            (2, Scale(2), &["2 from 3", "2 ?2 for 10s"]),
            // What it is already changes nothing.
            (2, Scale(2), &["2 from 2"]),
            (2, Ask(Again, 2), &["2 Ending"]),
            (3, Code(2, 1), &["3 2 stopped", "3 -2"]),
            (3, Ask(Again, 2), &["3 Unknown"]),
            (4, Scale(3), &["4 from 2 new 3 3", "4 +3"]),
            (9, Nothing, &["6 0 due", "6 +0"]),
        ],
    );
}

/// Who is on his way out comes back under his index, and is not started before he is gone.
///
/// Case: PL-04
#[test]
fn indices_have_no_gap_and_none_is_there_twice() {
    check(
        set(4),
        &[
            (0, Begin, &["0 +0", "0 +1", "0 +2", "0 +3"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Scale(1), &["2 from 4", "2 ?3 for 10s", "2 ?2 for 10s", "2 ?1 for 10s"]),
            (3, Code(3, 0), &["3 3 stopped", "3 -3"]),
            (4, Scale(4), &["4 from 1 new 4 4", "4 +4"]),
            (5, Code(1, 0), &["5 1 due", "5 +1"]),
            (15, Nothing, &["12 !2"]),
            (15, Code(2, 9), &["15 2 due", "15 +2"]),
        ],
    );
}

/// Case: PL-01
#[test]
fn a_set_of_none_waits_for_the_first() {
    let mut play = Play::new(set(0));
    play.tell(0, Begin);
    assert!(!play.roster.is_over());
    assert!(play.changes.is_empty());
    play.tell(1, Scale(2));
    assert_eq!(play.changes, ["1 from 0 new 1 0 new 2 1", "1 +0", "1 +1"]);
    play.tell(2, Code(0, 0));
    play.tell(2, Code(1, 0));
    assert!(play.roster.is_over());
    play.tell(3, Scale(0));
    assert!(!play.roster.is_over(), "there may be more again");
    play.tell(4, Quit(None));
    assert!(play.roster.is_over());
    play.tell(5, Scale(1));
    assert_eq!(play.changes.last().unwrap(), "5 Quitting");
    assert!(Play::new(roster(&[])).roster.is_over(), "nothing was ever to be kept");
}

/// What was taken off the list by hand is no reason to end.
#[test]
fn a_list_of_which_all_were_taken_off_waits() {
    let mut play = Play::new(roster(&[&[]]));
    play.tell(0, Begin);
    play.tell(1, Remove(0));
    play.tell(2, Code(0, 0));
    assert!(!play.roster.is_over());
    play.tell(3, Add(vec![0]));
    assert_eq!(play.changes.last().unwrap(), "3 +1");
    play.tell(4, Code(1, 0));
    assert!(play.roster.is_over());
}

/// Case: PL-08
#[test]
fn one_that_was_given_up_is_not_brought_back_by_a_number() {
    let never = Policy { restart: RestartPolicy::new(Restart::Never), ..policy() };
    check(
        set_with(2, &never, 0),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Code(1, 1), &["1 x1"]),
            (2, Scale(2), &["2 from 2"]),
            (2, Scale(3), &["2 from 2 new 3 2", "2 +2"]),
            (3, Ask(Again, 1), &["3 begun", "3 1 due", "3 +1"]),
            (4, Code(1, 1), &["4 x1"]),
            (5, Scale(1), &["5 from 3", "5 ?2 for 10s", "5 -1"]),
        ],
    );
}

/// Those that have not had their turn never have it.
///
/// Case: PL-16
#[test]
fn who_waits_for_his_turn_goes_without_a_start() {
    check(
        set_with(1, &policy(), 10),
        &[
            (0, Begin, &["0 +0"]),
            (1, Scale(4), &["1 from 1 new 2 1 new 3 2 new 4 3"]),
            (12, Nothing, &["10 +1"]),
            (13, Scale(2), &["13 from 4", "13 3 stopped", "13 -3", "13 2 stopped", "13 -2"]),
            (14, Scale(3), &["14 from 2 new 3 4"]),
            (15, Quit(None), &["15 x4", "15 ?1 for 10s", "15 ?0 for 10s"]),
            (16, Code(0, 0), &["16 x0"]),
            (17, Code(1, 0), &["17 x1"]),
        ],
    );
}

/// Those that go and those that were stopped by request are over when all quit.
#[test]
fn who_leaves_is_gone_when_all_quit() {
    check(
        set(3),
        &[
            (0, Begin, &["0 +0", "0 +1", "0 +2"]),
            (1, Ask(Stop, 0), &["1 begun", "1 ?0 for 10s"]),
            (1, Code(0, 0), &["1 0 stopped"]),
            (2, Scale(2), &["2 from 3", "2 ?2 for 10s"]),
            (3, Quit(None), &["3 x0", "3 ?1 for 10s"]),
            (4, Code(2, 0), &["4 x2", "4 -2"]),
            (5, Code(1, 0), &["5 x1"]),
        ],
    );
}

/// Case: PL-11
#[test]
fn a_storm_of_failures_leaves_as_many_as_were_wanted() {
    let mut play = Play::new(set(3));
    play.tell(0, Begin);
    for second in 1..200 {
        for id in 0..play.roster.ids().last().map_or(0, |id| id.number() + 1) {
            let starting = |machine: &Machine| machine.phase() == Phase::Starting;
            if play.roster.machine(Id(id)).is_some_and(starting) {
                play.tell(second, Code(id, 1));
            }
        }
        play.tell(second, Scale([5, 2, 8, 1, 3][second as usize % 5]));
        let all = play.roster.places(SetId(0)).count();
        assert_eq!(all, play.roster.ids().count());
    }
    play.tell(200, Scale(4));
    play.tell(300, Nothing);
    let indices: Vec<_> = play.roster.places(SetId(0)).map(|(index, _)| index).collect();
    assert_eq!(indices, [1, 2, 3, 4]);
}

/// Whoever waits for one that is taken off the list waits no more.
#[test]
fn who_waits_for_one_that_is_removed_is_started() {
    let members = members(&[&[], &[], &[0, 1]]);
    let group = Group::new(members, Strategy::OneForOne, EndWhen::AllAreOver);
    let mut roster = Roster::new(group, each(policy(), 3), 0);
    roster.set([Id(0), Id(1)], Member::default(), Arc::new(policy()));
    check(
        roster,
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Scale(1), &["2 from 2", "2 ?1 for 10s"]),
            (3, Code(1, 0), &["3 1 stopped", "3 -1", "3 +2"]),
        ],
    );
}

/// Cases: PL-01, WRK-22
#[test]
fn of_a_set_of_none_all_are_ready() {
    let mut roster = set(0).announces_ready(true);
    roster.max_unavailable(SetId(0), policy::Share::Count(1));
    check(
        roster,
        &[
            (0, Begin, &["0 all ready"]),
            (1, Scale(1), &["1 from 0 new 1 0", "1 +0"]),
            (2, Ready(0), &["2 0 running"]),
        ],
    );
}

#[test]
fn who_is_of_a_set_and_where_they_stand_is_told() {
    let mut play = Play::new(set(2));
    assert_eq!(play.roster.set_of(Id(1)), Some((SetId(0), 2)));
    assert_eq!(play.roster.set_of(Id(2)), None);
    play.tell(0, Begin);
    play.tell(1, Ready(0));
    let count = |phase| play.roster.in_phase(SetId(0), phase);
    assert_eq!((count(Phase::Running), count(Phase::Starting), count(Phase::Idle)), (1, 1, 0));
    assert!(!play.roster.is_over());
}
