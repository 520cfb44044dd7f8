//! Stories of groups: what happens to whom, and what is asked of whom.

use std::time::Duration;

use super::*;
use Happened::*;

mod laws;
mod regrouping;
mod requests;

fn plain(count: usize) -> Vec<Member> {
    vec![Member::default(); count]
}

/// Members of which each is to start after the one before it.
fn chain(count: u32) -> Vec<Member> {
    let member = |index: u32| Member {
        after: index.checked_sub(1).map(Id).into_iter().collect(),
        ..Member::default()
    };
    (0..count).map(member).collect()
}

fn over(worker: Id) -> Happened {
    Over { worker, well: true }
}

fn lost(worker: Id) -> Happened {
    Over { worker, well: false }
}

/// Plays `story` and compares what was asked after each line of it.
#[track_caller]
fn check(group: Group, story: &[(Happened, &str)]) {
    let story: Vec<_> =
        story.iter().map(|(happened, expected)| (0, *happened, *expected)).collect();
    check_in_time(group, &story);
}

/// The same with a second for each line.
#[track_caller]
fn check_in_time(mut group: Group, story: &[(u64, Happened, &str)]) {
    let start = Instant::now(); // An origin only: time in here is what the story says.
    for (line, (second, happened, expected)) in story.iter().enumerate() {
        let now = start + Duration::from_secs(*second);
        let orders: Vec<_> = group.on(*happened, now).iter().map(text).collect();
        assert_eq!(orders.join(" "), *expected, "after line {line}, {happened:?}: {group:?}");
    }
}

fn text(order: &Order) -> String {
    match order {
        Order::Start(worker) => format!("+{worker}"),
        Order::Pause(worker) => format!("-{worker}"),
        Order::Quit(worker) => format!("x{worker}"),
    }
}

fn group(members: Vec<Member>, strategy: Strategy) -> Group {
    Group::new(members, strategy, EndWhen::default())
}

/// Case: WRK-02
#[test]
fn one_for_one_leaves_the_others_alone() {
    check(
        group(plain(3), Strategy::OneForOne),
        &[
            (Begin, "+0 +1 +2"),
            (Ready(Id(0)), ""),
            (Ready(Id(1)), ""),
            (Failed(Id(1)), ""),
            (Due(Id(1)), "+1"),
            (lost(Id(2)), ""),
            (over(Id(0)), ""),
            (Quit, "x1"),
        ],
    );
}

/// Case: STOP-01
#[test]
fn without_an_order_all_are_stopped_at_once() {
    check(
        group(plain(3), Strategy::OneForOne),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(Id(1)), ""),
            (Quit, "x2 x1 x0"),
            (over(Id(1)), ""),
            (Quit, "x2 x0"), // There may be less time now.
            (over(Id(2)), ""),
        ],
    );
}

/// A worker that is added after the quit, or whose machine wants another run in spite of it, is told to
/// quit when the group hears of that.
#[test]
fn who_wants_another_process_in_a_quit_is_told_once_more() {
    let mut quitting = group(plain(3), Strategy::OneForOne);
    let later = Id(3);
    let now = Instant::now();
    quitting.on(Begin, now);
    quitting.on(Quit, now);
    quitting.add(later, Member::default());
    check(
        quitting,
        &[
            (Failed(Id(1)), "x1"),
            (Added(later), "x3"),
            (Ready(Id(2)), ""),
            (over(Id(1)), ""),
            (Quit, "x3 x2 x0"),
        ],
    );
}

/// Case: WRK-22
#[test]
fn a_worker_starts_when_those_before_it_are_ready() {
    check(
        group(chain(3), Strategy::OneForOne),
        &[
            (Begin, "+0"),
            (Ready(Id(0)), "+1"),
            (Failed(Id(0)), ""), // Who runs already goes on.
            (Ready(Id(1)), "+2"),
            (Failed(Id(1)), ""),
            (Due(Id(1)), ""), // 0 is not back yet.
            (Due(Id(0)), "+0"),
            (Ready(Id(0)), "+1"),
            // In reverse order, one after the other.
            (Quit, "x2"),
            (over(Id(2)), "x1"),
            (over(Id(1)), "x0"),
            (over(Id(0)), ""),
        ],
    );
}

#[test]
fn who_waits_for_one_that_is_done_starts_and_for_one_that_is_lost_never() {
    check(
        group(chain(3), Strategy::OneForOne),
        &[(Begin, "+0"), (over(Id(0)), "+1"), (lost(Id(1)), "x2")],
    );
    check(group(chain(4), Strategy::OneForOne), &[(Begin, "+0"), (lost(Id(0)), "x1 x2 x3")]);
}

/// OTP's intensity and period, over all of them.
///
/// Case: RST-20
#[test]
fn more_restarts_than_all_together_may_have_stop_them_all() {
    let limited = |members, strategy| {
        let limit = limit::RestartLimit { times: 2, window: Duration::from_secs(10) };
        group(members, strategy).restart_limit(Some(limit))
    };
    check_in_time(
        limited(plain(3), Strategy::OneForOne),
        &[
            (0, Begin, "+0 +1 +2"),
            (1, Failed(Id(0)), ""),
            (1, Due(Id(0)), "+0"),
            (2, Failed(Id(1)), ""),
            (2, Due(Id(1)), "+1"),
            (12, Failed(Id(2)), ""), // The first does not count any more.
            (12, Due(Id(2)), "+2"),
            (12, Failed(Id(0)), "x2 x1 x0"),
            (12, over(Id(0)), ""),
        ],
    );
    // In a group with an order one after the other; and nobody comes back.
    check_in_time(
        limited(chain(2), Strategy::OneForOne),
        &[
            (0, Begin, "+0"),
            (0, Failed(Id(0)), ""),
            (1, Due(Id(0)), "+0"),
            (1, Ready(Id(0)), "+1"),
            (1, Failed(Id(1)), ""),
            (2, Due(Id(1)), "+1"),
            (2, Failed(Id(0)), "x1"),
            (2, Due(Id(0)), ""),
            (3, over(Id(1)), "x0"),
        ],
    );
    // Those that come back together are one restart, also when two have ended at once.
    check_in_time(
        limited(plain(3), Strategy::OneForAll),
        &[
            (0, Begin, "+0 +1 +2"),
            (1, Failed(Id(0)), "-2"),
            (1, Failed(Id(1)), ""),
            (1, Paused(Id(2)), "-1"),
            (1, Paused(Id(1)), ""),
            (1, Due(Id(0)), "+0 +1 +2"),
            (2, Failed(Id(2)), "-1"),
            (2, Failed(Id(0)), ""),
            (2, Paused(Id(1)), "-0"),
            (2, Paused(Id(0)), ""),
            (2, Due(Id(2)), "+0 +1 +2"),
            (3, Failed(Id(1)), "x2"),
        ],
    );
    // A worker that fails while all are being stopped does not count as a restart.
    let mut stopped = limited(chain(3), Strategy::OneForOne);
    let now = Instant::now();
    for happened in [
        Begin,
        Ready(Id(0)),
        Ready(Id(1)),
        Ready(Id(2)),
        Quit,
        Failed(Id(0)),
        Failed(Id(1)),
        Failed(Id(0)),
    ] {
        stopped.on(happened, now);
    }
    assert_eq!(stopped.gave_up(), None);
}

/// Case: RST-32
#[test]
fn significant_workers_end_them_all() {
    let mut members = plain(3);
    members[0].significant = true;
    members[1].significant = true;
    let with = |end_when| Group::new(members.clone(), Strategy::OneForOne, end_when);
    check(
        with(EndWhen::AnySignificant),
        &[(Begin, "+0 +1 +2"), (over(Id(2)), ""), (over(Id(1)), "x0")],
    );
    check(
        with(EndWhen::AllSignificant),
        &[(Begin, "+0 +1 +2"), (over(Id(1)), ""), (over(Id(0)), "x2")],
    );
    check(with(EndWhen::AllAreOver), &[(Begin, "+0 +1 +2"), (over(Id(1)), ""), (over(Id(0)), "")]);
}

/// The end of a significant worker ends all, also where the group has decided that it is over.
///
/// Cases: FLT-I2, RST-32
#[test]
fn a_significant_one_that_can_never_run_ends_them_all() {
    let mut members = plain(3);
    members[1] = Member { after: [Id(0)].into(), significant: true, ..Member::default() };
    let with =
        |members: &[Member], end_when| Group::new(members.to_vec(), Strategy::OneForOne, end_when);
    check(
        with(&members, EndWhen::AnySignificant),
        &[(Begin, "+0 +2"), (lost(Id(0)), "x1 x2"), (over(Id(1)), ""), (over(Id(2)), "")],
    );
    // Also if the worker is lost while it waits for its delay; as long as it runs, it goes on.
    check(
        with(&members, EndWhen::AnySignificant),
        &[
            (Begin, "+0 +2"),
            (Ready(Id(0)), "+1"),
            (lost(Id(0)), ""),
            (Failed(Id(1)), "x1 x2"),
            (over(Id(1)), ""),
            (over(Id(2)), ""),
        ],
    );
    members[2].significant = true;
    check(
        with(&members, EndWhen::AllSignificant),
        &[(Begin, "+0 +2"), (lost(Id(0)), "x1"), (over(Id(1)), ""), (over(Id(2)), "")],
    );
    check(
        with(&[members[0].clone(), members[1].clone(), Member::default()], EndWhen::AllSignificant),
        &[(Begin, "+0 +2"), (lost(Id(0)), "x1 x2")],
    );
    // A temporary worker that goes because of another's failure, and has no process just then.
    let mut members = plain(2);
    members[1] = Member { temporary: true, significant: true, ..Member::default() };
    check(
        Group::new(members, Strategy::OneForAll, EndWhen::AnySignificant),
        &[
            (Begin, "+0 +1"),
            (Failed(Id(1)), ""),
            (Failed(Id(0)), "x1 x0"),
            (over(Id(1)), ""),
            (over(Id(0)), ""),
        ],
    );
}

/// Case: RST-24
#[test]
fn a_group_that_has_lost_one_is_given_up() {
    check(
        group(plain(3), Strategy::OneForAll),
        &[(Begin, "+0 +1 +2"), (lost(Id(1)), "x2"), (over(Id(2)), "x0"), (over(Id(0)), "")],
    );
}

#[test]
fn a_quit_during_a_regrouping_stops_what_is_left() {
    check(
        group(plain(3), Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(Id(1)), "-2"),
            (Quit, "x2"),
            (over(Id(2)), "x1 x0"),
            (over(Id(1)), ""),
            (over(Id(0)), ""),
        ],
    );
}

#[test]
fn the_one_that_is_waited_for_may_be_lost() {
    check(
        group(plain(2), Strategy::RestForOne),
        &[(Begin, "+0 +1"), (Failed(Id(0)), "-1"), (Paused(Id(1)), ""), (over(Id(0)), "+1")],
    );
}
