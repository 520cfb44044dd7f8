//! What follows from silence, and from words that it is ready and not.

use super::Told::*;
use super::*;

/// A limit of 8 s: looks are due 4, 6 and 8 s after the last beat.
fn watched(watchdog: WatchdogPolicy) -> Policy {
    Policy { watchdog: Some(watchdog), ..restarting(5) }
}

fn within_8() -> WatchdogPolicy {
    WatchdogPolicy::after(seconds(8)).abort_grace(seconds(3))
}

/// Cases: WD-01, PL-71
#[test]
fn one_that_hangs_is_aborted_and_killed_after_its_grace_and_that_is_one_failure() {
    let looks = [(0, Start), (1, Ready), (5, Silent(1)), (7, Silent(1)), (9, Silent(1))];
    let expected = ["0s Spawn", "9s Look", "9s Hangs: Abort, told", "12s Kill", "20s Spawn"];
    let story = [&looks[..], &[(9, Looked(Found::Hangs)), (15, Ended(signal(9))), (20, Nothing)]];
    check(watched(within_8()), &story.concat(), &expected);
    // One that goes upon SIGABRT, and one that exits as if nothing were wrong, have failed all the same.
    for end in [signal(6), code(0)] {
        let story = [&looks[..], &[(9, Looked(Found::Hangs)), (10, Ended(end)), (15, Nothing)]];
        let expected = ["0s Spawn", "9s Look", "9s Hangs: Abort, told", "15s Spawn"];
        check(watched(within_8()), &story.concat(), &expected);
    }
    let at_once = within_8().abort_grace(Duration::ZERO);
    let story = [&looks[..], &[(9, Looked(Found::Hangs)), (9, Ended(signal(9))), (14, Nothing)]];
    let expected = ["0s Spawn", "9s Look", "9s Hangs: Kill, told", "14s Spawn"];
    check(watched(at_once), &story.concat(), &expected);
    let never = Policy { restart: RestartPolicy::default(), ..watched(within_8()) };
    let story = [&looks[..], &[(9, Looked(Found::Uninterruptible)), (12, Ended(signal(9)))]];
    let expected = [
        "0s Spawn",
        "9s Look",
        "9s Uninterruptible: Abort, told",
        "12s Kill",
        "12s Ended, did not say for 8s that it gets on, and was ended",
    ];
    check(never, &story.concat(), &expected);
}

/// Its end counts against the limit, has the delay of a failure and the cause of its own.
///
/// Case: PL-78
#[test]
fn a_hang_counts_as_a_failure_of_its_own_cause() {
    let policy = Policy {
        restart: RestartPolicy::after(seconds(5)).limit(0, seconds(60)),
        ..watched(within_8())
    };
    let story = [
        (0, Start),
        (1, Ready),
        (5, Silent(1)),
        (7, Silent(1)),
        (9, Silent(1)),
        (9, Looked(Found::Hangs)),
        (10, Ended(signal(6))),
    ];
    let expected = [
        "0s Spawn",
        "9s Look",
        "9s Hangs: Abort, told",
        "10s GaveUp, did not say for 8s that it gets on, and was ended: more than 0 restarts within 60s",
    ];
    check(policy, &story, &expected);
    let mut machine = Machine::new(watched(within_8()), 0);
    let start = Instant::now(); // An origin only.
    let mut step = |second, event| machine.step(event, start + seconds(second));
    step(0, Event::Start);
    step(1, Event::Ready);
    step(5, Event::Silent { looks: 1 });
    step(7, Event::Silent { looks: 1 });
    step(9, Event::Silent { looks: 1 });
    assert_eq!(step(9, Event::Looked(Found::Hangs)).entered, Some(Phase::Stopping));
    let at = start + seconds(10);
    let ended = step(10, Event::Ended { end: signal(6), at }).ended;
    assert_eq!(ended, Some(RunEnd::Hung { after: seconds(8), exit: signal(6).exit() }));
}

/// Cases: WD-02, PL-68
#[test]
fn who_beats_in_time_is_left_alone_and_nobody_looks_before_it_is_ready_or_when_it_stops() {
    // A beat puts the next look off by half of the limit.
    let story = [
        (0, Start),
        (0, Silent(1)),
        (0, Looked(Found::Hangs)),
        (1, Ready),
        (5, Silent(1)),
        (7, Silent(1)),
        (12, Silent(1)),
        (14, Silent(1)),
        (19, Silent(1)),
        (21, Silent(1)),
        (23, Quit),
        (23, Silent(1)),
        (23, Looked(Found::Hangs)),
        (24, Ended(code(0))),
    ];
    check(
        watched(within_8()),
        &story,
        &["0s Spawn", "23s Ask Some(10s)", "24s Quit, exited with code 0"],
    );
    // One that has beaten while it was looked at.
    let story = [
        (0, Start),
        (1, Ready),
        (5, Silent(1)),
        (7, Silent(1)),
        (9, Silent(1)),
        (9, Looked(Found::Beats)),
        (11, Silent(1)),
        (13, Silent(1)),
    ];
    check(watched(within_8()), &story, &["0s Spawn", "9s Look"]);
    check(restarting(5), &story, &["0s Spawn"]);
}

/// Whoever finds more than one look due was held up himself: stopped and continued, or with the machine.
///
/// Case: PL-69
#[test]
fn who_was_late_himself_begins_anew() {
    let on_time = |from: u64, looks: u64| (0..looks).map(move |look| (from + 2 * look, Silent(1)));
    let mut story = vec![(0, Start), (1, Ready), (5, Silent(1)), (7, Silent(1)), (11, Silent(2))];
    // All of its time passes once more.
    story.extend(on_time(13, 4));
    story.push((100, Silent(40)));
    story.extend(on_time(102, 5));
    story.push((110, Looked(Found::Late)));
    story.extend(on_time(112, 4));
    // It has beaten.
    story.push((124, Silent(1)));
    story.extend(on_time(126, 2));
    let expected = [
        "0s Spawn",
        "11s Late: Anew",
        "100s Late: Anew",
        "110s Look",
        "110s Late: Anew",
        "128s Look",
    ];
    check(watched(within_8()), &story, &expected);
}

/// Case: PL-70
#[test]
fn one_that_is_stopped_is_told_once_and_killed_only_if_that_is_wanted() {
    let looks = |from: u64, to: u64| (from..=to).step_by(2).map(|second| (second, Silent(1)));
    let looked = |second| [(second, Looked(Found::Stopped))];
    let mut first = vec![(0, Start), (1, Ready)];
    first.extend(looks(5, 9).chain(looked(9)));
    let kills = within_8().when_stopped(WhenStopped::Kill);
    let story = [&first[..], &[(10, Ended(signal(9))), (15, Nothing)]].concat();
    let expected = ["0s Spawn", "9s Look", "9s Stopped: Kill, told", "15s Spawn"];
    check(watched(kills), &story, &expected);
    // It is still stopped; then it goes on and beats, and is stopped again.
    let mut story = first;
    story.extend(looks(11, 19).chain(looked(19)));
    story.extend(looks(33, 37).chain(looked(37)));
    let expected = [
        "0s Spawn",
        "9s Look",
        "9s Stopped: Anew, told",
        "19s Look",
        "19s Stopped: Anew",
        "37s Look",
        "37s Stopped: Anew, told",
    ];
    check(watched(within_8()), &story, &expected);
}

/// Case: PL-73
#[test]
fn one_that_is_starved_has_more_time_up_to_a_cap() {
    let mut story = vec![(0, Start), (1, Ready), (5, Silent(1)), (7, Silent(1)), (9, Silent(1))];
    let mut expected = vec!["0s Spawn".to_owned()];
    for look in 0..9 {
        let second = 9 + 2 * look;
        if look > 0 {
            story.push((second, Silent(1)));
        }
        story.push((second, Looked(Found::Starved)));
        expected.push(format!("{second}s Look"));
        expected.push(match look {
            0 => format!("{second}s Starved: Wait, told"),
            8 => format!("{second}s Starved: Abort, told"),
            _ => format!("{second}s Starved: Wait"),
        });
    }
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    check(watched(within_8()), &story, &expected);
}

/// What was asked for meanwhile is done, and the end is what it was.
#[test]
fn what_is_asked_of_one_that_is_being_ended_is_done() {
    let hung = [
        (0, Start),
        (1, Ready),
        (5, Silent(1)),
        (7, Silent(1)),
        (9, Silent(1)),
        (9, Looked(Found::Hangs)),
    ];
    let begin = ["0s Spawn", "9s Look", "9s Hangs: Abort, told"];
    let said = "did not say for 8s that it gets on, and was ended";
    let cases = [
        (vec![(10, Quit), (11, Ended(signal(6)))], vec![format!("11s Quit, {said}")]),
        (
            vec![(10, Quit), (13, Ended(signal(9)))],
            vec!["12s Kill".to_owned(), format!("13s Quit, {said}")],
        ),
        (vec![(10, Ask(Request::Stop)), (11, Ended(signal(6)))], vec!["10s begun".to_owned()]),
        (
            vec![(10, Ask(Request::Restart)), (11, Ended(signal(6)))],
            vec!["10s begun".to_owned(), "11s Spawn".to_owned()],
        ),
    ];
    for (then, expected) in cases {
        let expected: Vec<_> =
            begin.into_iter().chain(expected.iter().map(String::as_str)).collect();
        check(watched(within_8()), &[&hung[..], &then].concat(), &expected);
    }
    // It gets no more time, and a second run has a time of its own.
    let story = [
        &hung[..],
        &[(10, More(60)), (12, Ended(signal(9))), (18, Ready), (22, Silent(1)), (24, Silent(1))],
    ];
    let expected = [&begin[..], &["12s Kill", "17s Spawn"]].concat();
    check(watched(within_8()), &story.concat(), &expected);
}

/// Case: WD-06
#[test]
fn one_that_is_not_ready_lives_on_and_is_watched() {
    let mut machine = Machine::new(watched(within_8()), 0);
    let start = Instant::now(); // An origin only.
    let mut step = |second, event| {
        let step = machine.step(event, start + seconds(second));
        (step.entered, machine.is_ready(), machine.beats_within().is_some())
    };
    step(0, Event::Start);
    assert_eq!(step(1, Event::NotReady), (None, false, false), "it was not ready before");
    assert_eq!(step(1, Event::Ready), (Some(Phase::Running), true, true));
    assert_eq!(step(2, Event::NotReady), (Some(Phase::NotReady), false, true));
    assert_eq!(step(2, Event::NotReady), (None, false, true));
    assert_eq!(step(3, Event::Ready), (Some(Phase::Running), true, true));
    assert_eq!(step(3, Event::Ready), (None, true, true));
    assert_eq!(step(4, Event::NotReady), (Some(Phase::NotReady), false, true));
    let ended = Event::Ended { end: code(1), at: start + seconds(5) };
    assert_eq!(step(5, ended), (Some(Phase::Waiting), false, false));
    step(10, Event::DeadlinePassed);
    step(10, Event::Start);
    assert_eq!(step(11, Event::Ready).0, Some(Phase::Running), "the next run is another one");
}

/// The child goes by what it was told when it began.
///
/// Case: PL-72
#[test]
fn another_limit_holds_from_the_next_run_on() {
    let mut machine = Machine::new(watched(within_8()), 0);
    let start = Instant::now(); // An origin only.
    machine.step(Event::Start, start);
    machine.step(Event::Ready, start);
    let shorter = WatchdogPolicy::after(seconds(2));
    machine.set_policy(Arc::new(watched(shorter)));
    assert_eq!(machine.beats_within(), Some(seconds(8)));
    machine.step(Event::Ended { end: code(1), at: start }, start);
    machine.step(Event::Start, start + seconds(5));
    machine.step(Event::Ready, start + seconds(5));
    assert_eq!(machine.beats_within(), Some(seconds(2)));
}
