//! Stories of children that come later, or are taken off the list.

use super::*;

#[test]
fn who_comes_later_has_a_new_id_and_who_is_taken_off_is_forgotten_when_it_has_ended() {
    check(
        roster(&[&[], &[]]),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Add(vec![0]), &["2 new 2", "2 +2"]),
            (2, Add(vec![1]), &["2 new 3"]),
            (3, Remove(1), &["3 needed by 3"]),
            (3, Remove(3), &["3 3 stopped", "3 -3"]),
            (3, Remove(3), &[]),
            (4, Remove(1), &["4 ?1 for 10s"]),
            (5, Code(1, 0), &["5 1 stopped", "5 -1"]),
            (6, Ready(1), &[]),
            (7, Add(vec![]), &["7 new 4", "7 +4"]),
            (8, Quit(None), &["8 ?4 for 10s"]),
            // In a list with an order one after the other.
            (9, Code(4, 0), &["9 x4", "9 ?2 for 10s"]),
            (9, Code(2, 0), &["9 x2", "9 ?0 for 10s"]),
            (9, Code(0, 0), &["9 x0"]),
        ],
    );
}

#[test]
fn who_was_taken_off_is_forgotten_and_nobody_else() {
    let mut play = Play::new(roster(&[&[], &[]]));
    play.tell(0, Begin);
    play.tell(1, Remove(1));
    assert_eq!(play.roster.ids().count(), 2);
    play.tell(2, Code(1, 0));
    assert_eq!(play.roster.ids().collect::<Vec<_>>(), [Id(0)]);
    assert!(play.roster.machine(Id(1)).is_none());
    assert_eq!((play.roster.group.len(), play.roster.left()), (1, 1));
    assert!(!play.roster.group.is_empty());
    play.tell(3, Remove(0));
    play.tell(4, Code(0, 0));
    assert!(play.roster.group.is_empty());
}

/// A child that was never ready does not keep "all are ready" from being announced once it is off the
/// list.
#[test]
fn all_are_ready_without_those_that_were_taken_off() {
    check(
        roster(&[&[], &[]]).announces_ready(true),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Remove(1), &["1 ?1 for 10s"]),
            (2, Code(1, 0), &["2 1 stopped", "2 -1"]),
            (3, Ready(0), &["3 0 running", "3 all ready"]),
        ],
    );
}
