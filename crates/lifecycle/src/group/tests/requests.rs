//! Stories of workers that somebody stops and starts.

use super::*;

/// Members of which each is to start after those with these numbers.
fn members(after: &[&[u32]]) -> Vec<Member> {
    let member = |after: &&[u32]| Member {
        after: after.iter().map(|id| Id(*id)).collect(),
        ..Member::default()
    };
    after.iter().map(member).collect()
}

/// Who has not started yet goes on waiting, and who runs goes on running.
#[test]
fn those_after_one_that_is_stopped_wait_or_run_on() {
    let three = |after: [&[u32]; 3]| group(members(&after), Strategy::OneForOne);
    check(
        three([&[], &[0], &[1]]),
        &[
            (Begin, "+0"),
            (Ready(Id(0)), "+1"),
            (Stopping(Id(0)), ""),
            (Stopped(Id(0)), ""),
            (Ready(Id(1)), "+2"),
            (Failed(Id(1)), ""),
            (Due(Id(1)), ""), // 0 is not back yet.
            (Asked(Id(0)), "+0"),
            (Ready(Id(0)), "+1"),
        ],
    );
    check(
        three([&[], &[0], &[0]]),
        &[
            (Begin, "+0"),
            (Stopping(Id(0)), ""),
            (Asked(Id(1)), ""), // 0 is not gone yet, and may come back.
            (Stopped(Id(0)), "+1"),
            (Failed(Id(1)), ""),
            (Due(Id(1)), ""), // Nobody has asked for this start.
            (Asked(Id(0)), "+0"),
            (Asked(Id(2)), ""), // 0 is on its way.
            (Ready(Id(0)), "+1 +2"),
        ],
    );
    // Nor for one that waits for it itself.
    check(
        three([&[], &[0], &[1]]),
        &[(Begin, "+0"), (Asked(Id(2)), ""), (Stopped(Id(0)), "+2"), (Asked(Id(1)), "+1")],
    );
    // Nor for one that is lost.
    check(
        three([&[], &[0], &[0]]),
        &[(Begin, "+0"), (lost(Id(0)), "x1 x2"), (Asked(Id(1)), "+1"), (Asked(Id(0)), "+0")],
    );
}

/// One that was asked for is on its way, whoever it would have waited for by itself.
#[test]
fn several_that_are_asked_for_start_in_their_order() {
    check(
        group(members(&[&[], &[], &[0, 1], &[2]]), Strategy::OneForOne),
        &[
            (Begin, "+0 +1"),
            (Stopping(Id(0)), ""),
            (Stopped(Id(0)), ""),
            (Asked(Id(3)), "+3"), // 2 waits for 0.
            (Stopped(Id(3)), ""),
            (Asked(Id(2)), ""),
            (Asked(Id(3)), ""),
            (Ready(Id(1)), "+2"),
            (Ready(Id(2)), "+3"),
        ],
    );
}

/// Case: RST-28
#[test]
fn one_that_is_stopped_stays_so_when_the_others_start_again() {
    check(
        group(plain(3), Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Stopping(Id(1)), ""),
            (Failed(Id(0)), "-2"),
            (Paused(Id(2)), ""), // 1 is not gone.
            (Due(Id(0)), ""),
            (Stopped(Id(1)), "+0 +2"),
            (Failed(Id(2)), "-0"),
            (Asked(Id(1)), ""), // With the others.
            (Paused(Id(0)), ""),
            (Due(Id(2)), "+0 +1 +2"),
            (Quit, "x2"),
        ],
    );
}

#[test]
fn a_regrouping_for_one_that_is_stopped_takes_place_without_it() {
    check(
        group(plain(3), Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(Id(0)), "-2"),
            (Paused(Id(2)), "-1"),
            (Stopped(Id(0)), "+2"),
            (Paused(Id(1)), "+1"),
            (Asked(Id(0)), "+0"),
        ],
    );
}

/// Whoever does not go down with the others is started at once.
#[test]
fn a_restart_by_request_beside_a_regrouping_does_not_wait_for_it() {
    check(
        group(plain(3), Strategy::RestForOne),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(Id(1)), "-2"),
            (Stopping(Id(0)), ""),
            (Asked(Id(0)), "+0"),
            (Asked(Id(1)), ""), // 2 is not down yet.
            (Paused(Id(2)), "+1 +2"),
        ],
    );
}

#[test]
fn a_temporary_one_is_started_when_somebody_asks_for_it() {
    let mut members = plain(2);
    members[1].temporary = true;
    check(
        group(members, Strategy::OneForAll),
        &[
            (Begin, "+0 +1"),
            (Stopping(Id(1)), ""),
            (Stopped(Id(1)), ""),
            (Failed(Id(0)), ""),
            (Asked(Id(1)), ""),
            (Due(Id(0)), "+0 +1"),
            (Failed(Id(0)), "-1"), // It has not been ready since.
            (Paused(Id(1)), ""),
            (Due(Id(0)), "+0 +1"),
            (Ready(Id(1)), ""),
            (Failed(Id(0)), "x1"),
            (over(Id(1)), ""),
            (Due(Id(0)), "+0"),
            (Asked(Id(1)), "+1"),
            (Failed(Id(1)), ""),
            (Failed(Id(0)), "x1"),
        ],
    );
}

#[test]
fn a_significant_one_that_is_stopped_ends_nobody() {
    let mut members = plain(2);
    members[0].significant = true;
    for end_when in [EndWhen::AnySignificant, EndWhen::AllSignificant] {
        check(
            Group::new(members.clone(), Strategy::OneForOne, end_when),
            &[
                (Begin, "+0 +1"),
                (Stopping(Id(0)), ""),
                (Stopped(Id(0)), ""),
                (over(Id(1)), ""),
                (Asked(Id(0)), "+0"),
                (over(Id(0)), ""),
            ],
        );
    }
}

/// In a group with an order, too.
#[test]
fn who_is_stopped_is_over_at_once_when_all_quit() {
    check(
        group(chain(3), Strategy::OneForOne),
        &[
            (Begin, "+0"),
            (Ready(Id(0)), "+1"),
            (Ready(Id(1)), "+2"),
            (Stopping(Id(0)), ""),
            (Stopped(Id(0)), ""),
            (Stopping(Id(1)), ""),
            (Quit, "x0 x2"),
            (Asked(Id(1)), ""), // It is gone, and had to be started again.
            (over(Id(2)), "x1"),
        ],
    );
}
