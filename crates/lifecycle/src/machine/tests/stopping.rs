//! A stop, its steps, and what it comes in between.

use super::*;

/// Case: STOP-02
#[test]
fn a_child_that_will_not_stop_is_killed_when_its_grace_is_over() {
    check(
        Policy::default(),
        &[(0, Start), (0, Ready), (1, Quit), (30, Ended(signal(9)))],
        &[
            "0s Spawn",
            "1s Ask Some(10s)",
            "11s Kill",
            "30s Quit, was killed 10s after it was asked to quit",
        ],
    );
}

/// Case: STOP-03
#[test]
fn no_grace_kills_at_once() {
    for stop in [StopPolicy::kill(), StopPolicy::grace(Duration::ZERO)] {
        check(
            stopping(stop),
            &[(0, Start), (0, Ready), (1, Quit), (1, Ended(signal(9)))],
            &["0s Spawn", "1s Kill", "1s Quit, was killed 0ns after it was asked to quit"],
        );
    }
}

/// Case: STOP-04
#[test]
fn a_grace_without_end_waits_until_somebody_asks_again_in_a_hurry() {
    check(
        stopping(StopPolicy::grace(Duration::MAX)),
        &[(0, Start), (0, Ready), (1, Quit), (1 << 30, QuitWithin(2)), (1 << 31, Nothing)],
        &["0s Spawn", "1s Ask None", "1073741824s Ask Some(2s)", "1073741826s Kill"],
    );
}

/// Case: STOP-05
#[test]
fn the_steps_of_a_stop_follow_each_other() {
    let steps = StopPolicy::kill()
        .then(StopBy::Signal(2), seconds(2))
        .then(StopBy::Signal(15), seconds(3))
        .then(StopBy::Quit, seconds(1));
    check(
        stopping(steps.clone()),
        &[(0, Start), (0, Ready), (1, Quit), (9, Ended(signal(9)))],
        &[
            "0s Spawn",
            "1s Signal 2",
            "3s Signal 15",
            "6s Ask Some(1s)",
            "7s Kill",
            "9s Quit, was killed 6s after it was asked to quit",
        ],
    );
    // With less time than they need, the last ones are left out.
    check(
        stopping(steps),
        &[(0, Start), (0, Ready), (1, QuitWithin(3)), (9, Ended(signal(9)))],
        &[
            "0s Spawn",
            "1s Signal 2",
            "3s Signal 15",
            "4s Kill",
            "9s Quit, was killed 3s after it was asked to quit",
        ],
    );
}

/// A child that was told how long it has, and has given others a part of that, is told when it has less.
///
/// Case: FLT-G5
#[test]
fn a_child_that_was_asked_by_word_is_told_of_a_shorter_time_and_no_other() {
    let story =
        [(0, Start), (0, Ready), (1, QuitWithin(50)), (3, QuitWithin(20)), (4, QuitWithin(2))];
    let steps = |by| StopPolicy::kill().then(by, seconds(9)).then(StopBy::Quit, seconds(60));
    check(
        stopping(steps(StopBy::Quit)),
        &story,
        &["0s Spawn", "1s Ask Some(50s)", "3s Ask Some(20s)", "4s Ask Some(2s)"],
    );
    check(stopping(steps(StopBy::Signal(2))), &story, &["0s Spawn", "1s Signal 2"]);
    let late =
        [(0, Start), (0, Ready), (1, QuitWithin(50)), (11, QuitWithin(2)), (12, QuitWithin(5))];
    check(
        stopping(steps(StopBy::Signal(2))),
        &late,
        &["0s Spawn", "1s Signal 2", "10s Ask Some(41s)", "11s Ask Some(2s)"],
    );
}

#[test]
fn who_asks_may_leave_less_time_but_never_more() {
    check(
        Policy::default(),
        &[(0, Start), (0, Ready), (1, QuitWithin(5)), (2, QuitWithin(1)), (9, Nothing)],
        &["0s Spawn", "1s Ask Some(5s)", "2s Ask Some(1s)", "3s Kill"],
    );
    check(
        Policy::default(),
        &[(0, Start), (0, Ready), (1, QuitWithin(99)), (2, Quit), (5, Ended(code(0)))],
        &["0s Spawn", "1s Ask Some(10s)", "5s Quit, exited with code 0"],
    );
}

/// Case: STOP-15
#[test]
fn a_stop_may_be_extended_up_to_its_bound_if_it_may_at_all() {
    let story = |mores: &[(u64, u64)]| {
        let mut story = vec![(0, Start), (0, Ready), (1, Quit)];
        story.extend(mores.iter().map(|(at, by)| (*at, More(*by))));
        story.push((99, Nothing));
        story
    };
    check(
        stopping(StopPolicy::grace(seconds(10))),
        &story(&[(2, 50)]),
        &["0s Spawn", "1s Ask Some(10s)", "11s Kill"],
    );
    let extendable = || stopping(StopPolicy::grace(seconds(10)).extend_up_to(seconds(20)));
    check(extendable(), &story(&[(2, 14)]), &["0s Spawn", "1s Ask Some(10s)", "16s Kill"]);
    check(
        extendable(),
        &story(&[(2, 14), (15, 99)]),
        &["0s Spawn", "1s Ask Some(10s)", "21s Kill"],
    );
    // Less than there is takes nothing away.
    check(extendable(), &story(&[(2, 1)]), &["0s Spawn", "1s Ask Some(10s)", "11s Kill"]);
    // A time that was shortened by a quit is not extended.
    let mut hurried = story(&[]);
    hurried.insert(3, (2, QuitWithin(1)));
    hurried.insert(4, (2, More(50)));
    check(extendable(), &hurried, &["0s Spawn", "1s Ask Some(10s)", "2s Ask Some(1s)", "3s Kill"]);
}

#[test]
fn the_steps_after_one_that_is_extended_keep_their_time() {
    let stop =
        StopPolicy::grace(seconds(2)).then(StopBy::Signal(15), seconds(3)).extend_up_to(seconds(9));
    check(
        stopping(stop),
        &[(0, Start), (0, Ready), (0, Quit), (1, More(4)), (99, Nothing)],
        &["0s Spawn", "0s Ask Some(5s)", "5s Signal 15", "8s Kill"],
    );
}

/// Case: STOP-11
#[test]
fn a_quit_during_the_start_stops_what_was_started() {
    check(
        restarting(1),
        &[(0, Start), (1, Quit), (2, Ready), (3, Ended(code(1))), (9, Ready)],
        &["0s Spawn", "1s Ask Some(10s)", "3s Quit, exited with code 1"],
    );
}

/// Case: RST-25
#[test]
fn a_quit_between_two_runs_ends_it_at_once() {
    check(
        restarting(100),
        &[(0, Start), (0, Ready), (1, Ended(code(1))), (2, Quit), (300, Start)],
        &["0s Spawn", "2s Quit"],
    );
}

/// Case: QUIT-12
#[test]
fn a_quit_before_the_start_starts_nothing() {
    check(restarting(1), &[(0, Quit), (1, Start)], &["0s Quit"]);
}

#[test]
fn a_quit_while_a_late_child_dies_starts_no_other() {
    check(
        restarting(5),
        &[(0, Start), (31, Quit), (32, Ended(signal(9))), (99, Quit)],
        &["0s Spawn", "30s Kill", "32s Quit, was not ready within 30s and was killed"],
    );
}

#[test]
fn a_pause_stops_it_until_it_is_started_again() {
    check(
        restarting(5),
        &[
            (0, Start),
            (0, Ready),
            (1, Pause),
            (2, Pause),
            (3, Ended(code(1))),
            (50, Nothing),
            (60, Start),
            (61, Ready),
            (62, Ended(code(1))),
            (63, Pause),
            (99, Quit),
        ],
        &["0s Spawn", "1s Ask Some(10s)", "60s Spawn", "99s Quit"],
    );
    // Whether the child was killed when its grace was over, or for being late at its start: it is the
    // same.
    check(
        restarting(5),
        &[(0, Start), (0, Ready), (1, Pause), (20, Pause), (21, Ended(signal(9))), (22, Start)],
        &["0s Spawn", "1s Ask Some(10s)", "11s Kill", "22s Spawn"],
    );
    check(
        restarting(5),
        &[(0, Start), (31, Pause), (32, Ended(signal(9))), (90, Nothing), (99, Start)],
        &["0s Spawn", "30s Kill", "99s Spawn"],
    );
}

/// The loop that drives a machine asks it these questions, and no others.
#[test]
fn at_every_moment_it_can_be_told_what_is_going_on() {
    let start = Instant::now();
    let mut machine = Machine::new(restarting(5), 0);
    assert_eq!(*machine.policy(), restarting(5));
    let mut tell = |second: u64, told: &Told| {
        let now = start + seconds(second);
        let step = machine.step(told.event(now).unwrap_or(Event::DeadlinePassed), now);
        let entered = step.entered.map_or("-".to_owned(), |phase| phase.to_string());
        let launched = if machine.launched() { ", launched" } else { "" };
        format!("{entered}: {} run {}{launched}", machine.phase(), machine.runs())
    };
    for (second, told, expected) in [
        (0, Pause, "-: idle run 0"),
        (0, Start, "starting: starting run 1"),
        (1, Ended(code(1)), "waiting: waiting run 1"),
        (6, Nothing, "due: due run 1"),
        (6, Nothing, "-: due run 1"),
        (6, Start, "starting: starting run 2"),
        (7, Ready, "running: running run 2, launched"),
        (7, Ready, "-: running run 2, launched"),
        (8, Pause, "stopping: stopping run 2, launched"),
        (9, Ended(code(0)), "idle: idle run 2, launched"),
        (10, Start, "starting: starting run 3, launched"),
        (11, Ended(code(1)), "waiting: waiting run 3, launched"),
        (16, Nothing, "due: due run 3, launched"),
        (17, Pause, "idle: idle run 3, launched"),
        (18, Start, "starting: starting run 4, launched"),
        (19, Quit, "stopping: stopping run 4, launched"),
        (20, Nothing, "-: stopping run 4, launched"),
        (40, Nothing, "-: stopping run 4, launched"),
        (41, Ended(code(0)), "finished: finished run 4, launched"),
    ] {
        assert_eq!(tell(second, &told), expected, "{told:?} at {second} s");
    }
}

#[test]
fn who_was_killed_is_told_with_how_it_ended_then() {
    for end in [signal(9), code(0)] {
        let mut machine = Machine::new(stopping(StopPolicy::kill()), 0);
        let now = Instant::now();
        machine.step(Event::Start, now);
        machine.step(Event::Quit { within: None }, now);
        let done = machine.step(Event::Ended { end: end.clone(), at: now }, now).action;
        let killed = RunEnd::Killed { after: Duration::ZERO, exit: end.exit() };
        assert_eq!(done, Action::Finish(Outcome::Quit(Some(killed))));
    }
    let error = ErrorText::new(&std::fmt::Error);
    assert_eq!(RunEnd::NotStarted(error).exit(), None);
    assert_eq!(
        signal(9).exit(),
        Some(Exit::Signal { signal: 9, core: false, out_of_memory: false, panic: None })
    );
}

#[test]
fn a_quit_ends_a_pause() {
    check(
        restarting(5),
        &[(0, Start), (0, Ready), (1, Pause), (2, Quit), (3, Ended(code(0))), (9, Start)],
        &["0s Spawn", "1s Ask Some(10s)", "3s Quit, exited with code 0"],
    );
}

#[test]
fn leftovers_have_the_time_that_the_child_had() {
    let start = Instant::now();
    let mut machine = Machine::new(Policy::default(), 0);
    let at = |s| start + seconds(s);
    machine.step(Event::Start, start);
    machine.step(Event::Ready, start);
    assert_eq!(machine.leftovers_until(at(5)), Some(at(15)), "a crash: a grace of their own");
    machine.step(Event::Quit { within: None }, at(6));
    assert_eq!(machine.leftovers_until(at(9)), Some(at(16)), "a stop: what is left of it");
    machine.step(Event::DeadlinePassed, at(16));
    assert_eq!(machine.leftovers_until(at(16)), Some(at(16)), "killed: nothing");
}

/// Such a child was told as killed, because its time was over while what it had left was being ended.
#[test]
fn who_is_dead_misses_no_deadline_and_ended_as_it_did() {
    check(
        restarting(5),
        &[
            (0, Start),
            (1, Ready),
            (2, Died),
            (3, QuitWithin(0)),
            (9, Nothing),
            (10, Quit),
            (11, Ended(code(3))),
        ],
        &["0s Spawn", "11s Quit, exited with code 3"],
    );
    check(
        restarting(5),
        &[(0, Start), (29, Died), (40, Nothing), (41, Ended(code(3))), (50, Nothing)],
        &["0s Spawn", "46s Spawn"],
    );
}

#[test]
fn who_is_dead_gains_no_time_by_what_it_has_said() {
    let (mut machine, now) = (Machine::new(restarting(5), 0), Instant::now());
    for event in [Event::Start, Event::Ready, Event::Died] {
        machine.step(event, now);
    }
    let within = Some(seconds(4));
    assert_eq!(machine.step(Event::Quit { within }, now).action, Action::Nothing);
    machine.step(Event::Extended(seconds(60)), now);
    assert_eq!(machine.leftovers_until(now), Some(now + seconds(4)));
    let grace = now + seconds(4);
    assert_eq!((machine.deadline(), machine.allowed_until()), (None, Some(grace)));
    machine.step(Event::DeadlinePassed, now);
    assert_eq!(machine.leftovers_until(now), Some(now + seconds(4)));
}

/// Whoever keeps it may come late with what was due before it died.
#[test]
fn who_died_before_it_was_ready_is_not_killed_and_gains_no_time() {
    let (mut machine, now) = (Machine::new(restarting(5), 0), Instant::now());
    for event in [Event::Start, Event::Died] {
        machine.step(event, now);
    }
    let until = machine.allowed_until();
    assert_eq!(machine.step(Event::Extended(seconds(60)), now).action, Action::Nothing);
    assert_eq!((machine.allowed_until(), machine.deadline()), (until, None));
    let step = machine.step(Event::DeadlinePassed, now + seconds(60));
    assert_eq!((step.action, machine.phase()), (Action::Nothing, Phase::Starting));
}

/// Its child is told whether it will come back.
#[test]
fn who_is_stopped_to_be_started_again_pauses() {
    for (event, pauses) in [(Event::Pause, true), (Event::Quit { within: None }, false)] {
        let (mut machine, now) = (Machine::new(restarting(5), 0), Instant::now());
        for event in [Event::Start, Event::Ready] {
            machine.step(event, now);
            assert!(!machine.is_pausing());
        }
        machine.step(event, now);
        assert_eq!((machine.phase(), machine.is_pausing()), (Phase::Stopping, pauses));
    }
}
