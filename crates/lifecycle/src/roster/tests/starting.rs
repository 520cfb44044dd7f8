//! Stories of starts, of restarts and of the end.

use policy::{StartPolicy, StopPolicy};

use super::*;

/// Case: WRK-02
#[test]
fn each_is_started_again_after_its_own_delay() {
    check(
        roster(&[&[], &[]]),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Code(1, 3), &["2 1 waiting"]),
            (4, Refused(0), &["4 0 waiting"]),
            (20, Nothing, &["7 1 due", "7 +1", "9 0 due", "9 +0"]),
            (21, Code(1, 0), &["21 x1"]),
            (22, Ready(0), &["22 0 running"]),
            (30, Quit(None), &["30 ?0 for 10s"]),
            (31, Code(0, 0), &["31 x0"]),
        ],
    );
}

/// One after the other, each when its turn has come; a quit leaves those that have not had theirs where
/// they are.
///
/// Case: STOP-16
#[test]
fn starts_take_turns_and_a_quit_ends_the_queue() {
    check(
        roster(&[&[], &[], &[], &[]]).start_stagger(seconds(3)),
        &[
            (0, Begin, &["0 +0"]),
            (2, Nothing, &[]),
            (4, Nothing, &["3 +1"]),
            (5, Quit(Some(2)), &["5 x3", "5 x2", "5 ?1 for 1.8s", "5 ?0 for 1.8s"]),
            (6, Code(0, 0), &["6 x0"]),
            // There is less time than was said: a child that is quitting is told again, by word.
            (6, Quit(Some(0)), &["6 ?1 for 0s", "6 !1"]),
            (7, Code(1, 0), &["7 x1"]),
        ],
    );
}

/// What a dead child's process has left is ended first; until then nobody kills the child for being late.
///
/// Case: FLT-I3
#[test]
fn the_dead_miss_no_deadline() {
    let policy =
        Policy { start: StartPolicy { timeout: seconds(3), ..StartPolicy::default() }, ..policy() };
    let group = || Group::new(members(&[&[]]), Strategy::OneForOne, EndWhen::AllAreOver);
    let roster = || Roster::new(group(), vec![Arc::new(policy.clone())], 0);
    check(
        roster(),
        &[
            (0, Begin, &["0 +0"]),
            (1, Died(0), &[]),
            (5, Nothing, &[]),
            (6, Code(0, 1), &["6 0 waiting"]),
            (12, Nothing, &["11 0 due", "11 +0"]),
        ],
    );
    check(roster(), &[(0, Begin, &["0 +0"]), (5, Nothing, &["3 !0"])]);
}

/// Cases: WRK-22, HS-22
#[test]
fn it_is_announced_once_that_all_have_been_ready_and_one_that_fails_stops_them_all() {
    check(
        roster(&[&[], &[0]]).announces_ready(true),
        &[
            (0, Begin, &["0 +0"]),
            (1, Ready(0), &["1 0 running", "1 +1"]),
            (2, Ready(1), &["2 1 running", "2 all ready"]),
            (3, Code(1, 1), &["3 1 waiting"]),
            (9, Nothing, &["8 1 due", "8 +1"]),
            (9, Ready(1), &["9 1 running"]),
        ],
    );
    let must = Policy { must_launch: true, ..policy() };
    let group = Group::new(members(&[&[], &[]]), Strategy::OneForOne, EndWhen::AllAreOver);
    check(
        Roster::new(group, each(must, 2), 0).announces_ready(true),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Code(1, 1), &["2 x1", "2 launch failed", "2 ?0 for 10s"]),
            (3, Code(0, 0), &["3 x0"]),
        ],
    );
}

/// Case: RST-20
#[test]
fn who_was_one_too_many_is_named() {
    let group = Group::new(members(&[&[], &[]]), Strategy::OneForOne, EndWhen::AllAreOver)
        .restart_limit(Some(RestartLimit { times: 1, window: seconds(60) }));
    check(
        Roster::new(group, each(policy(), 2), 0),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Code(0, 1), &["1 0 waiting"]),
            (
                2,
                Code(1, 7),
                &[
                    "2 1 waiting",
                    "2 more than 1 restart within 60s: 1 exited with code 7",
                    "2 x1",
                    "2 x0",
                ],
            ),
        ],
    );
}

/// The children do nothing that they are asked: only time passes.
#[test]
fn a_stop_ends_without_anybody_saying_a_word() {
    let policy = Policy { stop: StopPolicy::grace(seconds(4)), ..policy() };
    let group = Group::new(members(&[&[]]), Strategy::OneForOne, EndWhen::AllAreOver);
    check(
        Roster::new(group, vec![Arc::new(policy)], 0),
        &[
            (0, Begin, &["0 +0"]),
            (1, Quit(None), &["1 ?0 for 4s"]),
            (9, Nothing, &["5 !0"]),
            (9, Code(0, 0), &["9 x0"]),
        ],
    );
}

/// A child that waits for its turn has nothing to stop when all are started again together.
#[test]
fn those_that_have_not_had_their_turn_are_started_again_with_the_others() {
    let group = Group::new(members(&[&[], &[], &[]]), Strategy::OneForAll, EndWhen::AllAreOver);
    check(
        Roster::new(group, each(policy(), 3), 0).start_stagger(seconds(3)),
        &[
            (0, Begin, &["0 +0"]),
            (1, Code(0, 1), &["1 0 waiting"]),
            (20, Nothing, &["6 0 due", "6 +0", "9 +1", "12 +2"]),
        ],
    );
}

/// A child that comes after one that is over is started if that one ended as it should, and given up
/// otherwise.
#[test]
fn who_comes_after_one_that_is_over_is_judged_by_its_end() {
    let never = Policy { restart: RestartPolicy::new(Restart::Never), ..policy() };
    let two = || Group::new(members(&[&[], &[0]]), Strategy::OneForOne, EndWhen::AllAreOver);
    let roster = || Roster::new(two(), each(never.clone(), 2), 0);
    check(roster(), &[(0, Begin, &["0 +0"]), (1, Code(0, 0), &["1 x0", "1 +1"])]);
    check(roster(), &[(0, Begin, &["0 +0"]), (1, Code(0, 3), &["1 x0", "1 x1"])]);
    // A temporary child counts as done, however it ended.
    let mut both = members(&[&[], &[0]]);
    both[0].temporary = true;
    let group = Group::new(both, Strategy::OneForOne, EndWhen::AllAreOver);
    check(
        Roster::new(group, each(never, 2), 0),
        &[(0, Begin, &["0 +0"]), (1, Code(0, 3), &["1 x0", "1 +1"])],
    );
}

#[test]
fn those_that_run_are_stopped_before_all_are_started_again() {
    let group = Group::new(members(&[&[], &[]]), Strategy::OneForAll, EndWhen::AllAreOver);
    check(
        Roster::new(group, each(policy(), 2), 0),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(1), &["1 1 running"]),
            (2, Code(0, 1), &["2 0 waiting", "2 ?1 for 10s"]),
            (3, Code(1, 0), &["3 1 idle"]),
            (20, Nothing, &["7 0 due", "7 +0", "7 +1"]),
        ],
    );
}
