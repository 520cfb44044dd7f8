//! Stories of groups: what happens to whom, and what is asked of whom.

use proptest::prelude::{Just, ProptestConfig, any, prop, prop_assert, prop_oneof, proptest};

use super::{Strategy, *};
use Happened::*;

fn plain(count: usize) -> Vec<Member> {
    vec![Member::default(); count]
}

/// Each after the one before it.
fn chain(count: usize) -> Vec<Member> {
    let member = |index: usize| Member {
        after: index.checked_sub(1).into_iter().collect(),
        ..Member::default()
    };
    (0..count).map(member).collect()
}

fn over(worker: usize) -> Happened {
    Over { worker, well: true }
}

fn lost(worker: usize) -> Happened {
    Over { worker, well: false }
}

/// Plays `story` and compares what was asked after each line of it.
#[track_caller]
fn check(mut group: Group, story: &[(Happened, &str)]) {
    for (line, (happened, expected)) in story.iter().enumerate() {
        let orders: Vec<_> = group.on(*happened).iter().map(text).collect();
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
            (Ready(0), ""),
            (Ready(1), ""),
            (Failed(1), ""),
            (Due(1), "+1"),
            (lost(2), ""),
            (over(0), ""),
            (Quit, "x1"),
        ],
    );
}

/// Case: STOP-01
#[test]
fn without_an_order_all_are_stopped_at_once() {
    check(
        group(plain(3), Strategy::OneForOne),
        &[(Begin, "+0 +1 +2"), (Failed(1), ""), (Quit, "x0 x1 x2"), (over(1), "x0 x2")],
    );
}

/// Case: WRK-22
#[test]
fn a_worker_starts_when_those_before_it_are_ready() {
    check(
        group(chain(3), Strategy::OneForOne),
        &[
            (Begin, "+0"),
            (Ready(0), "+1"),
            (Failed(0), ""), // Who runs already goes on.
            (Ready(1), "+2"),
            (Failed(1), ""),
            (Due(1), ""), // 0 is not back yet.
            (Due(0), "+0"),
            (Ready(0), "+1"),
            // In reverse order, one after the other.
            (Quit, "x2"),
            (over(2), "x1"),
            (over(1), "x0"),
            (over(0), ""),
        ],
    );
}

#[test]
fn who_waits_for_one_that_is_done_starts_and_for_one_that_is_lost_never() {
    check(group(chain(3), Strategy::OneForOne), &[(Begin, "+0"), (over(0), "+1"), (lost(1), "x2")]);
    check(group(chain(4), Strategy::OneForOne), &[(Begin, "+0"), (lost(0), "x1 x2 x3")]);
}

/// Case: RST-28
#[test]
fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    check(
        group(chain(3), Strategy::OneForAll),
        &[
            (Begin, "+0"),
            (Ready(0), "+1"),
            (Ready(1), "+2"),
            (Ready(2), ""),
            (Failed(1), "-2"),
            (Paused(2), "-0"),
            (Due(1), ""), // 0 is not down yet.
            (Paused(0), "+0"),
            (Ready(0), "+1"),
            (Ready(1), "+2"),
        ],
    );
    check(
        group(plain(3), Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(1), "-2"),
            (Paused(2), "-0"),
            (Paused(0), ""), // 1 is not due yet.
            (Due(1), "+0 +1 +2"),
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
            (Ready(0), ""),
            (Failed(1), "-3"),
            (Paused(3), "-2"),
            (Paused(2), ""),
            (Due(1), "+1 +2 +3"),
            (Failed(3), ""),
            (Due(3), "+3"),
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
            (Ready(0), "+1"),
            (Failed(1), "-0"),
            (Paused(0), ""),
            (Due(1), "+0"),
            (Ready(0), "+1"),
            (Failed(1), "-0"),
            (Paused(0), ""),
            (Due(1), "+0"),
        ],
    );
    // Two at once are one regrouping, for the first of them.
    check(
        group(plain(3), Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(0), "-2"),
            (Failed(2), "-2 -1"), // It ended by itself: no delay of its own is waited for.
            (Due(0), ""),
            (Paused(2), ""),
            (Paused(1), "+0 +1 +2"),
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
            (Failed(0), "x2"),
            (over(2), "-1"),
            (Paused(1), ""),
            (Due(0), "+0 +1"),
        ],
    );
}

/// Case: RST-32
#[test]
fn significant_workers_end_them_all() {
    let mut members = plain(3);
    members[0].significant = true;
    members[1].significant = true;
    let with = |end_when| Group::new(members.clone(), Strategy::OneForOne, end_when);
    check(with(EndWhen::AnySignificant), &[(Begin, "+0 +1 +2"), (over(2), ""), (over(1), "x0")]);
    check(with(EndWhen::AllSignificant), &[(Begin, "+0 +1 +2"), (over(1), ""), (over(0), "x2")]);
    check(with(EndWhen::AllAreOver), &[(Begin, "+0 +1 +2"), (over(1), ""), (over(0), "")]);
}

/// Case: RST-24
#[test]
fn a_group_that_has_lost_one_is_given_up() {
    check(
        group(plain(3), Strategy::OneForAll),
        &[(Begin, "+0 +1 +2"), (lost(1), "x2"), (over(2), "x0"), (over(0), "")],
    );
}

#[test]
fn a_quit_during_a_regrouping_stops_what_is_left() {
    check(
        group(plain(3), Strategy::OneForAll),
        &[
            (Begin, "+0 +1 +2"),
            (Failed(1), "-2"),
            (Quit, "x2"),
            (over(2), "x1 x0"),
            (over(1), "x0"),
            (over(0), ""),
        ],
    );
}

#[test]
fn the_one_that_is_waited_for_may_be_lost() {
    check(
        group(plain(2), Strategy::RestForOne),
        &[(Begin, "+0 +1"), (Failed(0), "-1"), (Paused(1), ""), (over(0), "+1")],
    );
}

/// Case: CFG-08
#[test]
fn cycles_and_strangers_are_named() {
    let names = ["a", "b", "c", "d"].map(str::to_owned);
    let after =
        |lists: [&[&str]; 4]| lists.map(|list| list.iter().map(|n| (*n).to_owned()).collect());
    let texts = |lists| {
        let mut problems = Problems::new();
        resolve(&mut problems, &names, &after(lists), false);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(texts([&[], &["a"], &["a", "b"], &["c"]]), [""; 0]);
    assert_eq!(
        texts([&["d"], &["a"], &["b"], &["c", "a"]]),
        ["workers.after `a after d after a`: each of these waits for the next for ever; \
          leave one `after` out"]
    );
    assert_eq!(
        texts([&["a"], &[], &["x"], &[]]),
        [
            "workers[2].after `x`: is no worker of the list; known are `a`, `b`, `c`, `d`",
            "workers.after `a after a`: each of these waits for the next for ever; leave one \
             `after` out"
        ]
    );
}

#[test]
fn in_order_each_comes_after_the_one_before_it() {
    let names = ["a", "b", "c"].map(str::to_owned);
    let mut problems = Problems::new();
    let after = resolve(&mut problems, &names, &[vec![], vec![], vec![]], true);
    assert_eq!(after, [BTreeSet::new(), BTreeSet::from([0]), BTreeSet::from([1])]);
    assert_eq!(problems.iter().count(), 0);
    resolve(&mut problems, &names, &[vec!["c".into()], vec![], vec![]], true);
    assert!(problems.to_string().contains("`a after c after b after a`"), "{problems}");
}

/// What a worker really does, played as the pool would play it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Real {
    Idle,
    Starting,
    Ready,
    Delayed,
    Pausing,
    Quitting,
    Over,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: nobody is started who runs, or before those it comes
    /// after are ready; after a quit nobody is started; and when everything that can happen has
    /// happened, everybody is over.
    #[test]
    fn the_laws_hold_for_every_story(
        strategy in prop_oneof![
            Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)
        ],
        end_when in prop_oneof![
            Just(EndWhen::AllAreOver), Just(EndWhen::AnySignificant), Just(EndWhen::AllSignificant)
        ],
        flags in prop::collection::vec((any::<bool>(), any::<bool>(), any::<u8>()), 1..5),
        story in prop::collection::vec((0..5usize, 0..4u8), 0..40),
    ) {
        let members: Vec<_> = flags.iter().enumerate().map(|(index, (temporary, significant, bits))| {
            let after = (0..index).filter(|other| bits & (1 << other) != 0).collect();
            Member { after, temporary: *temporary, significant: *significant }
        }).collect();
        let count = members.len();
        let mut group = Group::new(members.clone(), strategy, end_when);
        let mut real = vec![Real::Idle; count];
        let mut well = vec![true; count];
        let mut quit = false;
        let endless = std::iter::once(None)
            .chain(story.into_iter().map(Some))
            .chain(std::iter::repeat_n(Some((usize::MAX, 0)), 20 * count + 1));
        for step in endless {
            let happened = match step {
                None => Begin,
                // The end of the story: a quit, and then everything ends that was asked to.
                Some((usize::MAX, _)) if !quit => { quit = true; Quit }
                Some((usize::MAX, _)) => {
                    let Some(worker) = real.iter().position(|state| *state == Real::Quitting) else { continue };
                    real[worker] = Real::Over;
                    Over { worker, well: true }
                }
                Some((worker, what)) => {
                    let worker = worker % count;
                    match (real[worker], what) {
                        (Real::Starting, 0) => { real[worker] = Real::Ready; Ready(worker) }
                        (Real::Starting | Real::Ready, 1) => { real[worker] = Real::Delayed; Failed(worker) }
                        (Real::Starting | Real::Ready, 2) => { real[worker] = Real::Over; over(worker) }
                        (Real::Starting | Real::Ready, 3) => {
                            real[worker] = Real::Over;
                            well[worker] = false;
                            lost(worker)
                        }
                        (Real::Delayed, _) => Due(worker),
                        (Real::Pausing, _) => { real[worker] = Real::Idle; Paused(worker) }
                        (Real::Quitting, _) => { real[worker] = Real::Over; over(worker) }
                        _ => continue,
                    }
                }
            };
            let mut next = vec![happened];
            while let Some(happened) = next.pop() {
                for order in group.on(happened) {
                    match order {
                        Order::Start(worker) => {
                            prop_assert!(!quit, "a start after the quit");
                            prop_assert!(matches!(real[worker], Real::Idle | Real::Delayed), "{real:?}");
                            for other in &members[worker].after {
                                let up = real[*other] == Real::Ready || (real[*other] == Real::Over && well[*other]);
                                prop_assert!(up, "{worker} before {other}: {real:?}");
                            }
                            real[worker] = Real::Starting;
                        }
                        Order::Pause(worker) => match real[worker] {
                            Real::Delayed => { real[worker] = Real::Idle; next.push(Paused(worker)); }
                            Real::Starting | Real::Ready => real[worker] = Real::Pausing,
                            Real::Idle | Real::Pausing | Real::Quitting | Real::Over => {
                                prop_assert!(false, "pause of {:?}", real[worker]);
                            }
                        },
                        Order::Quit(worker) => match real[worker] {
                            Real::Idle | Real::Delayed => { real[worker] = Real::Over; next.push(over(worker)); }
                            Real::Starting | Real::Ready | Real::Pausing => real[worker] = Real::Quitting,
                            Real::Quitting | Real::Over => (),
                        },
                    }
                }
            }
        }
        prop_assert!(real.iter().all(|state| *state == Real::Over), "{real:?} {group:?}");
    }
}
