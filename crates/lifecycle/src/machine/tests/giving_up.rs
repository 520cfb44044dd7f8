//! When no other run follows, though one would be wanted.

use super::*;

/// Cases: RST-20, RST-22
#[test]
fn more_restarts_than_the_limit_allows_are_given_up() {
    let often: Vec<_> =
        std::iter::once((0, Start)).chain((1..=6).map(|second| (second, Ended(code(1))))).collect();
    let limited = RestartPolicy::after(Duration::ZERO).limit(5, seconds(10));
    check(
        with(limited),
        &often,
        &[
            "0s Spawn",
            "1s Spawn",
            "2s Spawn",
            "3s Spawn",
            "4s Spawn",
            "5s Spawn",
            "6s GaveUp, exited with code 1: more than 5 restarts within 10s",
        ],
    );
    // Spread over more than the window, they do not count together.
    let seldom: Vec<_> = std::iter::once((0, Start))
        .chain((1..=6).map(|n| (n * 5, Ended(code(1)))))
        .chain([(31, Quit)])
        .collect();
    let limited = RestartPolicy::after(Duration::ZERO).limit(3, seconds(10));
    let mut machine = Machine::new(with(limited), 0);
    let start = Instant::now();
    for (second, told) in &seldom {
        let now = start + seconds(*second);
        while let Some(due) = machine.deadline().filter(|due| *due <= now) {
            pass(&mut machine, due);
        }
        machine.step(told.event(now).unwrap(), now);
    }
    assert_eq!(machine.runs(), 7);
}

/// Case: RST-23
#[test]
fn a_start_that_fails_counts_like_a_crash() {
    let failed = || RunEnd::NotStarted(ErrorText::new(&std::fmt::Error));
    check(
        with(RestartPolicy::after(seconds(1)).limit(1, seconds(60))),
        &[(0, Start), (0, Ended(failed())), (1, Ended(failed()))],
        &[
            "0s Spawn",
            "1s Spawn",
            "1s GaveUp, could not be started: an error occurred when formatting an argument: \
             more than 1 restart within 60s",
        ],
    );
}

/// Case: FLT-I4
#[test]
fn a_restart_that_somebody_asked_for_does_not_count_against_the_limit() {
    let limited = || with(RestartPolicy::after(seconds(10)).limit(1, seconds(600)));
    let gave_up = "GaveUp, exited with code 1: more than 1 restart within 600s";
    // Stopped and started again, as often as anybody wants.
    let asked = [(1, Pause), (2, Ended(code(0))), (3, Start), (4, Pause), (5, Ended(code(1)))];
    let again = [(6, Start), (7, Ended(code(1))), (18, Ended(code(1)))];
    check(
        limited(),
        &[&[(0, Start), (0, Ready)], &asked[..], &again[..]].concat(),
        &[
            "0s Spawn",
            "1s Ask Some(10s)",
            "3s Spawn",
            "4s Ask Some(10s)",
            "6s Spawn",
            "17s Spawn",
            &format!("18s {gave_up}"),
        ],
    );
    // Started by hand instead of after its delay: the restart that would have come does not count.
    check(
        limited(),
        &[
            (0, Start),
            (1, Ended(code(1))),
            (2, Start),
            (3, Ended(code(1))),
            (4, Start),
            (5, Ended(code(1))),
            (16, Ended(code(1))),
        ],
        &["0s Spawn", "2s Spawn", "4s Spawn", "15s Spawn", &format!("16s {gave_up}")],
    );
    // Nor does it if the child is paused first.
    check(
        limited(),
        &[(0, Start), (1, Ended(code(1))), (2, Pause), (3, Start), (4, Ended(code(1)))],
        &["0s Spawn", "3s Spawn"],
    );
    // When the delay is over, a start is the restart itself, whoever asks for it.
    let mut machine = Machine::new(limited(), 0);
    let start = Instant::now();
    for second in [0, 11, 22] {
        let now = start + seconds(second);
        machine.step(Event::Start, now);
        machine.step(Event::Ended { end: code(1), at: now + seconds(1) }, now + seconds(1));
    }
    assert_eq!(machine.phase(), Phase::Finished, "{machine:?}");
}

/// Cases: RST-10, RST-35
#[test]
fn a_permanent_failure_is_not_tried_again() {
    check(
        restarting(1),
        &[(0, Start), (0, Ready), (1, Ended(returned(false))), (3, Ended(returned(true)))],
        &[
            "0s Spawn",
            "2s Spawn",
            "3s GaveUp, returned an error: an error occurred when formatting an argument: such a \
             failure is permanent",
        ],
    );
}

/// What a child without the entry, or with another's arguments, says of itself.
///
/// Case: RST-35
#[test]
fn a_set_up_that_would_only_fail_again_is_not_tried_again() {
    let step = SetupError::new("entry", &std::fmt::Error);
    for (step, end) in [(step.clone(), "2s Spawn"), (step.permanent(), "GaveUp")] {
        let failed = RunEnd::Exited(Exit::SetupFailed(step));
        let mut machine = Machine::new(restarting(1), 0);
        let mut done = Vec::new();
        let start = Instant::now();
        for (second, event) in [
            (0, Event::Start),
            (1, Event::Ended { end: failed, at: start + seconds(1) }),
            (2, Event::DeadlinePassed),
            (2, Event::Start),
        ] {
            note(&mut done, seconds(second), machine.step(event, start + seconds(second)).action);
        }
        assert!(done[1].contains(end), "{done:?}");
    }
}

/// Cases: RST-08, RST-09
#[test]
fn prevented_ends_beat_forced_ones_and_those_the_policy() {
    let always = RestartPolicy::new(Restart::Always).prevent(Ends::codes([78]));
    check(
        with(always),
        &[(0, Start), (1, Ended(code(78)))],
        &["0s Spawn", "1s GaveUp, exited with code 78: such an end prevents a restart"],
    );
    let never = RestartPolicy::new(Restart::Never).force(Ends::codes([75]));
    check(
        with(never),
        &[(0, Start), (1, Ended(code(75))), (1, Nothing), (2, Ended(code(1)))],
        &["0s Spawn", "1s Spawn", "2s Ended, exited with code 1"],
    );
    let both = RestartPolicy::new(Restart::Never).force(Ends::codes([7])).prevent(Ends::codes([7]));
    check(
        with(both),
        &[(0, Start), (1, Ended(code(7)))],
        &["0s Spawn", "1s GaveUp, exited with code 7: such an end prevents a restart"],
    );
}

#[test]
fn a_first_run_that_must_launch_is_not_tried_again() {
    let policy = Policy { must_launch: true, ..restarting(5) };
    check(
        policy.clone(),
        &[(0, Start), (1, Ended(code(78))), (50, Quit)],
        &["0s Spawn", "1s NotLaunched, exited with code 78"],
    );
    check(
        policy.clone(),
        &[(0, Start), (31, Ended(signal(9))), (50, Quit)],
        &["0s Spawn", "30s Kill", "31s NotLaunched, was not ready within 30s and was killed"],
    );
    // Later runs are tried again, also when they do not become ready.
    check(
        policy,
        &[(0, Start), (1, Ready), (2, Ended(code(1))), (8, Ended(code(78))), (14, Quit)],
        &["0s Spawn", "7s Spawn", "13s Spawn", "14s Ask Some(10s)"],
    );
}
