//! When another run follows, and after what delay.

use super::*;
use policy::CountFrom;

#[test]
fn a_crash_is_followed_by_a_start_after_the_interval() {
    check(
        restarting(5),
        &[
            (0, Start),
            (0, Ready),
            (3, Ended(signal(9))),
            (9, Ready),
            (20, Quit),
            (21, Ended(code(0))),
        ],
        &["0s Spawn", "8s Spawn", "20s Ask Some(10s)", "21s Quit, exited with code 0"],
    );
}

#[test]
fn code_0_ends_it_whatever_the_interval() {
    check(
        restarting(5),
        &[(0, Start), (1, Ready), (3, Ended(code(0))), (9, Quit)],
        &["0s Spawn", "3s Ended, exited with code 0"],
    );
}

#[test]
fn without_a_policy_nothing_is_started_again() {
    check(
        Policy::default(),
        &[(0, Start), (1, Ready), (3, Ended(code(3))), (99, Quit)],
        &["0s Spawn", "3s Ended, exited with code 3"],
    );
}

#[test]
fn an_interval_beyond_the_clock_waits_for_ever() {
    check(
        with(RestartPolicy::after(Duration::MAX)),
        &[(0, Start), (1, Ready), (2, Ended(code(1))), (1 << 40, Quit)],
        &["0s Spawn", "1099511627776s Quit"],
    );
}

/// Case: RST-18
#[test]
fn what_crashes_at_once_again_and_again_is_held_back() {
    let slow = Backoff::default().floor(seconds(1));
    let policy = |backoff| with(RestartPolicy::new(Restart::OnFailure).backoff(backoff));
    // The first restart is at once; a child that crashes at once again waits.
    let crashes = [(0, Start), (0, Ended(code(1))), (0, Ended(code(1))), (0, Nothing)];
    let again = [(1, Ended(code(1))), (1, Nothing), (2, Quit)];
    let expected = ["0s Spawn", "0s Spawn", "1s Spawn", "2s Spawn", "2s Ask Some(10s)"];
    check(policy(slow), &[&crashes[..], &again[..]].concat(), &expected);
    // A child that has lived long enough comes back at once, and so does the next.
    let lived = [(7, Ended(code(1))), (7, Ended(code(1))), (7, Nothing), (8, Quit)];
    let story = [&crashes[..], &lived[..]].concat();
    let expected = ["0s Spawn", "0s Spawn", "1s Spawn", "7s Spawn", "7s Spawn", "8s Ask Some(10s)"];
    check(policy(slow), &story, &expected);
    // A run that was as long as the floor is long enough.
    let story = [(0, Start), (1, Ended(code(1))), (1, Ended(code(1))), (1, Nothing)];
    check(policy(slow), &story, &["0s Spawn", "1s Spawn", "1s Spawn"]);
    let none = Backoff::default().floor(Duration::ZERO);
    let expected = ["0s Spawn", "0s Spawn", "0s Spawn", "0s Ask Some(10s)"];
    check(policy(none), &[&crashes[..], &[(0, Quit)]].concat(), &expected);
}

/// Zero for a floor means that a crash may be followed by a start at once, not that a start which fails
/// at once may burn a core.
///
/// Case: RST-18
#[test]
fn what_cannot_be_started_is_held_back_without_a_floor_too() {
    let backoff = Backoff::default().floor(Duration::ZERO);
    let mut machine = Machine::new(with(RestartPolicy::new(Restart::Always).backoff(backoff)), 0);
    let mut now = Instant::now();
    let mut waits = |end: &dyn Fn() -> RunEnd, times: usize| {
        let mut waited = Vec::new();
        for _ in 0..times {
            pass(&mut machine, now);
            machine.step(Event::Start, now);
            machine.step(Event::Ended { end: end(), at: now }, now);
            let due = machine.deadline().unwrap();
            waited.push(due.duration_since(now).as_millis());
            now = due;
        }
        waited
    };
    let refused = || RunEnd::NotStarted(ErrorText::new(&std::io::Error::from_raw_os_error(24)));
    let crashed = || code(1);
    assert_eq!(waits(&refused, 12), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000]);
    assert_eq!(waits(&crashed, 3), [0, 0, 0]);
    assert_eq!(waits(&refused, 2), [1, 2], "anew");
}

/// Case: RST-19
#[test]
fn a_delay_is_what_it_is_also_below_the_floor() {
    let ms = Duration::from_millis;
    let start = Instant::now();
    let due = |interval| {
        let mut machine = Machine::new(with(RestartPolicy::after(interval)), 0);
        let mut now = start;
        machine.step(Event::Start, now);
        let mut waited = Vec::new();
        for _ in 0..3 {
            machine.step(Event::Ended { end: code(1), at: now }, now);
            let due = machine.deadline().unwrap();
            waited.push(due - now);
            now = due;
            pass(&mut machine, now);
        }
        waited
    };
    assert_eq!(due(ms(50)), [ms(50), ms(50), ms(50)]);
    assert_eq!(due(ms(0)), [ms(0), ms(100), ms(100)]);
}

/// Case: RST-17
#[test]
fn a_delay_counts_from_the_end_or_the_start() {
    let start = Instant::now();
    let due = |from| {
        let backoff = Backoff::constant(seconds(5)).count_from(from);
        let restart = RestartPolicy::new(Restart::Always).backoff(backoff);
        let mut machine = Machine::new(with(restart), 0);
        machine.step(Event::Start, start);
        machine.step(Event::Ready, start);
        // An end counts from when it happened, not from when it was seen.
        let ended = Event::Ended { end: code(1), at: start + seconds(3) };
        machine.step(ended, start + seconds(4));
        machine.deadline().map(|due| due - start)
    };
    assert_eq!(due(CountFrom::End), Some(seconds(8)));
    assert_eq!(due(CountFrom::Start), Some(seconds(5)));
}

/// Case: RST-15
#[test]
fn a_run_that_was_ready_and_long_starts_the_delays_anew() {
    let backoff = Backoff::exponential(seconds(1), 2.0).reset_after(seconds(10));
    let policy = with(RestartPolicy::new(Restart::OnFailure).backoff(backoff));
    let ready_for_ten = [
        (0, Start),
        (0, Ready),
        (1, Ended(code(1))), // 1 s, back at 2
        (2, Ready),
        (3, Ended(code(1))), // 2 s, back at 5
        (5, Ready),
        (15, Ended(code(1))), // 1 s again, back at 16
        (16, Nothing),
    ];
    check(policy.clone(), &ready_for_ten, &["0s Spawn", "2s Spawn", "5s Spawn", "16s Spawn"]);
    let never_ready = [
        (0, Start),
        (0, Ended(code(1))),  // 1 s
        (20, Ended(code(1))), // 2 s: it lived long, but was never ready
        (22, Nothing),
    ];
    check(policy, &never_ready, &["0s Spawn", "1s Spawn", "22s Spawn"]);
}

/// Cases: FLT-H11, RST-06
#[test]
fn after_an_end_that_counts_as_success_the_delays_begin_anew() {
    let backoff = Backoff::exponential(seconds(1), 2.0);
    let always = |restart| RestartPolicy::new(restart).backoff(backoff).success(Ends::codes([3]));
    for well in [code(0), code(3)] {
        check(
            with(always(Restart::Always)),
            &[
                (0, Start),
                (0, Ended(code(1))),      // 1 s
                (1, Ended(code(1))),      // 2 s
                (3, Ended(well.clone())), // 1 s
                (4, Ended(well.clone())), // 1 s
                (5, Ended(code(1))),      // 2 s, as after the first
                (7, Nothing),
            ],
            &["0s Spawn", "1s Spawn", "3s Spawn", "4s Spawn", "5s Spawn", "7s Spawn"],
        );
    }
    check(
        with(always(Restart::OnFailure)),
        &[(0, Start), (1, Ended(code(3)))],
        &["0s Spawn", "1s Ended, exited with code 3, which counts as success"],
    );
    check(
        with(always(Restart::OnFailure)),
        &[(0, Start), (1, Quit), (2, Ended(code(3)))],
        &["0s Spawn", "1s Ask Some(10s)", "2s Quit, exited with code 3, which counts as success"],
    );
}

/// Case: RST-26
#[test]
fn a_start_by_hand_does_not_wait() {
    check(
        restarting(86_400),
        &[(0, Start), (0, Ready), (1, Ended(code(1))), (2, Start), (2, Ready), (9, Quit)],
        &["0s Spawn", "2s Spawn", "9s Ask Some(10s)"],
    );
}
