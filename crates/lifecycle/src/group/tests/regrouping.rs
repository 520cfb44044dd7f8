//! Stories of restarts that take others with them.

use super::*;

/// Case: RST-28
#[test]
fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    check(
        group(chain(3), Strategy::OneForAll),
        &[
            (Begin, "+0"),
            (Ready(Id(0)), "+1"),
            (Ready(Id(1)), "+2"),
            (Ready(Id(2)), ""),
            (Failed(Id(1)), "-2"),
            (Paused(Id(2)), "-0"),
            (Due(Id(1)), ""), // 0 is not down yet.
            (Paused(Id(0)), "+0"),
            (Ready(Id(0)), "+1"),
            (Ready(Id(1)), "+2"),
        ],
    );
    check(
        group(plain(3), Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(Id(1)), "-2"),
            (Paused(Id(2)), "-0"),
            (Paused(Id(0)), ""), // 1 is not due yet.
            (Due(Id(1)), "+0 +1 +2"),
        ],
    );
}

/// Case: RST-29
#[test]
fn rest_for_one_restarts_only_those_after_it() {
    check(
        group(plain(4), Strategy::RestForOne),
        &[
            (Begin, "+0 +1 +2 +3"),
            (Ready(Id(0)), ""),
            (Failed(Id(1)), "-3"),
            (Paused(Id(3)), "-2"),
            (Paused(Id(2)), ""),
            (Due(Id(1)), "+1 +2 +3"),
            (Failed(Id(3)), ""),
            (Due(Id(3)), "+3"),
        ],
    );
}

/// Case: RST-30
#[test]
fn one_that_fails_while_the_group_starts_again_makes_it_start_again() {
    check(
        group(chain(3), Strategy::OneForAll),
        &[
            (Begin, "+0"),
            (Ready(Id(0)), "+1"),
            (Failed(Id(1)), "-0"),
            (Paused(Id(0)), ""),
            (Due(Id(1)), "+0"),
            (Ready(Id(0)), "+1"),
            (Failed(Id(1)), "-0"),
            (Paused(Id(0)), ""),
            (Due(Id(1)), "+0"),
        ],
    );
    // Two at once are one regrouping, for the first of them.
    check(
        group(plain(3), Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(Id(0)), "-2"),
            (Failed(Id(2)), "-2 -1"), // It ended by itself: no delay of its own is waited for.
            (Due(Id(0)), ""),
            (Paused(Id(2)), ""),
            (Paused(Id(1)), "+0 +1 +2"),
        ],
    );
}

/// Cases: FLT-I1, RST-29
#[test]
fn an_earlier_one_that_fails_during_a_restart_becomes_the_first_of_it() {
    check(
        group(plain(4), Strategy::RestForOne),
        &[
            (Begin, "+0 +1 +2 +3"),
            (Failed(Id(2)), "-3"),
            (Failed(Id(0)), ""), // 3 is on its way, and 1 has its turn.
            (Paused(Id(3)), "-2 -1"),
            (Due(Id(0)), ""),
            (Paused(Id(1)), "+0 +1 +2 +3"),
        ],
    );
    // Also when the delay of the first that failed is over already, and when nobody is left to be
    // stopped.
    check(
        group(plain(3), Strategy::RestForOne),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(Id(1)), "-2"),
            (Due(Id(1)), ""),
            (Failed(Id(0)), ""),
            (Paused(Id(2)), ""),
            (Due(Id(0)), "+0 +1 +2"),
        ],
    );
    // A worker that goes down anyway, and a temporary one, which takes nobody with it, change nothing.
    let mut members = plain(4);
    members[0].temporary = true;
    check(
        group(members, Strategy::RestForOne),
        &[
            (Begin, "+0 +1 +2 +3"),
            (Failed(Id(1)), "-3"),
            (Failed(Id(2)), ""),
            (Failed(Id(0)), ""),
            (Due(Id(0)), ""),
            (Paused(Id(3)), "-2"),
            (Due(Id(1)), "+0 +1 +2 +3"),
        ],
    );
}

/// Case: RST-31
#[test]
fn a_temporary_bystander_is_not_started_again() {
    let mut members = plain(3);
    members[2].temporary = true;
    check(
        group(members, Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(Id(0)), "x2"),
            (over(Id(2)), "-1"),
            (Paused(Id(1)), ""),
            (Due(Id(0)), "+0 +1"),
        ],
    );
}

#[test]
fn the_failure_of_a_temporary_one_does_not_touch_the_others() {
    let mut members = plain(2);
    members[0].temporary = true;
    let group = group(members, Strategy::OneForAll);
    assert_eq!([0, 1].map(|worker| group.is_temporary(Id(worker))), [true, false]);
    check(
        group,
        &[
            (Begin, "+0 +1"),
            (Failed(Id(0)), ""),
            (Due(Id(0)), "+0"),
            (Failed(Id(1)), "x0"),
            (over(Id(0)), ""),
        ],
    );
}

/// Case: RST-31
#[test]
fn a_temporary_one_that_waits_for_another_is_not_started_again_either() {
    let mut members = plain(3);
    members[2] = Member { after: [Id(0)].into(), temporary: true, ..Member::default() };
    check(
        group(members.clone(), Strategy::RestForOne),
        &[
            (Begin, "+0 +1"),
            (Ready(Id(0)), "+2"),
            (Failed(Id(2)), ""),
            (Failed(Id(0)), "x2 -1"),
            (Paused(Id(1)), ""),
            (Due(Id(0)), "+0 +1"),
            (Ready(Id(0)), ""),
        ],
    );
    // A temporary worker that has not had its first run yet has it.
    check(
        group(members, Strategy::RestForOne),
        &[
            (Begin, "+0 +1"),
            (Failed(Id(0)), "-1"),
            (Paused(Id(1)), ""),
            (Due(Id(0)), "+0 +1"),
            (Ready(Id(0)), "+2"),
        ],
    );
}
