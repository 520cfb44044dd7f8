//! Stories in virtual time: what happens when, and what must be done about it.

use proc_spawn::Exit;
use proptest::prelude::*;

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn restarting(interval: u64) -> Policy {
    Policy { restart_interval: Some(seconds(interval)), ..Policy::default() }
}

fn ended(code: i32) -> Told {
    Ended(RunEnd::Exited(Exit::Code(code)))
}

fn killed() -> Told {
    Ended(RunEnd::Exited(Exit::Signal { signal: 9, core: false, panic: None }))
}

/// An event without its times, which the story has.
#[derive(Clone, Debug)]
enum Told {
    Started,
    Ready,
    Ended(RunEnd),
    Quit,
    QuitWithin(u64),
}

impl Told {
    fn event(&self, now: Instant) -> Event {
        match self.clone() {
            Started => Event::Started,
            Ready => Event::Ready,
            Ended(end) => Event::Ended { end, at: now },
            Quit => Event::QuitRequested { within: None },
            QuitWithin(s) => Event::QuitRequested { within: Some(seconds(s)) },
        }
    }
}

/// Plays `story` and compares what the machine did. Deadlines pass by themselves.
#[track_caller]
fn check(policy: Policy, story: &[(u64, Told)], expected: &[&str]) {
    let start = Instant::now(); // An origin only: time in here is what the story says.
    let mut machine = Machine::new(policy);
    let mut done = Vec::new();
    for (second, told) in story {
        let now = start + seconds(*second);
        while let Some(due) = machine.deadline().filter(|due| *due <= now) {
            note(&mut done, due - start, machine.step(Event::DeadlinePassed, due));
        }
        note(&mut done, now - start, machine.step(told.event(now), now));
    }
    assert_eq!(done, expected);
}

fn note(done: &mut Vec<String>, elapsed: Duration, action: Action) {
    let text = match action {
        Action::Nothing => return,
        Action::Finish(Outcome::Quit(None)) => "Quit".to_owned(),
        Action::Finish(Outcome::Quit(Some(end))) => format!("Quit, {end}"),
        Action::Finish(Outcome::Ended(end)) => format!("Ended, {end}"),
        Action::Finish(Outcome::NotLaunched(end)) => format!("NotLaunched, {end}"),
        Action::Terminate { remaining } => format!("Terminate {remaining:?}"),
        Action::Spawn | Action::Kill => format!("{action:?}"),
    };
    done.push(format!("{}s {text}", elapsed.as_secs()));
}

use Told::*;

#[test]
fn a_crash_is_followed_by_a_start_after_the_interval() {
    check(
        restarting(5),
        &[(0, Started), (0, Ready), (3, killed()), (9, Ready), (20, Quit), (21, ended(0))],
        &["0s Spawn", "8s Spawn", "20s Terminate Some(10s)", "21s Quit, exited with code 0"],
    );
}

#[test]
fn code_0_ends_it_whatever_the_interval() {
    check(
        restarting(5),
        &[(0, Started), (1, Ready), (3, ended(0)), (9, Quit)],
        &["0s Spawn", "3s Ended, exited with code 0"],
    );
}

#[test]
fn without_an_interval_nothing_is_started_again() {
    check(
        Policy::default(),
        &[(0, Started), (1, Ready), (3, ended(3)), (99, Quit)],
        &["0s Spawn", "3s Ended, exited with code 3"],
    );
}

#[test]
fn an_interval_of_zero_means_at_once() {
    check(
        restarting(0),
        &[
            (0, Started),
            (1, Ready),
            (3, ended(1)),
            (3, Ready),
            (4, ended(1)),
            (4, Ready),
            (5, Quit),
        ],
        &["0s Spawn", "3s Spawn", "4s Spawn", "5s Terminate Some(10s)"],
    );
}

#[test]
fn an_interval_beyond_the_clock_waits_for_ever() {
    let policy = Policy { restart_interval: Some(Duration::MAX), ..Policy::default() };
    check(
        policy,
        &[(0, Started), (1, Ready), (2, ended(1)), (1 << 40, Quit)],
        &["0s Spawn", "1099511627776s Quit"],
    );
}

/// Case: STOP-02
#[test]
fn a_child_that_will_not_stop_is_killed_when_its_grace_is_over() {
    check(
        Policy { grace: seconds(10), ..Policy::default() },
        &[(0, Started), (0, Ready), (1, Quit), (30, killed())],
        &[
            "0s Spawn",
            "1s Terminate Some(10s)",
            "11s Kill",
            "30s Quit, was killed 10s after it was asked to quit",
        ],
    );
}

/// Case: STOP-03
#[test]
fn a_grace_of_zero_kills_at_once() {
    check(
        Policy { grace: Duration::ZERO, ..Policy::default() },
        &[(0, Started), (0, Ready), (1, Quit), (1, killed())],
        &[
            "0s Spawn",
            "1s Terminate Some(0ns)",
            "1s Kill",
            "1s Quit, was killed 0ns after it was asked to quit",
        ],
    );
}

#[test]
fn who_asks_may_leave_less_time_but_never_more() {
    check(
        Policy::default(),
        &[(0, Started), (0, Ready), (1, QuitWithin(5)), (2, QuitWithin(1)), (9, killed())],
        &[
            "0s Spawn",
            "1s Terminate Some(5s)",
            "3s Kill",
            "9s Quit, was killed 10s after it was asked to quit",
        ],
    );
    check(
        Policy::default(),
        &[(0, Started), (0, Ready), (1, QuitWithin(99)), (2, Quit), (5, ended(0))],
        &["0s Spawn", "1s Terminate Some(10s)", "5s Quit, exited with code 0"],
    );
}

/// Case: STOP-11
#[test]
fn a_quit_during_the_start_stops_what_was_started() {
    check(
        restarting(1),
        &[(0, Started), (1, Quit), (2, Ready), (3, ended(1)), (9, Ready)],
        &["0s Spawn", "1s Terminate Some(10s)", "3s Quit, exited with code 1"],
    );
}

#[test]
fn a_quit_between_two_runs_ends_it_at_once() {
    check(
        restarting(100),
        &[(0, Started), (0, Ready), (1, ended(1)), (2, Quit), (300, Started)],
        &["0s Spawn", "2s Quit"],
    );
}

#[test]
fn a_quit_before_the_start_starts_nothing() {
    check(restarting(1), &[(0, Quit), (1, Started)], &["0s Quit"]);
}

#[test]
fn a_child_that_is_not_ready_in_time_is_killed_and_counts_as_failed() {
    check(
        Policy { start_timeout: seconds(30), ..restarting(5) },
        &[(0, Started), (31, killed()), (40, Ready), (41, Quit)],
        &["0s Spawn", "30s Kill", "36s Spawn", "41s Terminate Some(10s)"],
    );
}

#[test]
fn a_quit_while_a_late_child_dies_starts_no_other() {
    check(
        restarting(5),
        &[(0, Started), (31, Quit), (32, killed()), (99, Quit)],
        &["0s Spawn", "30s Kill", "32s Quit, was killed 10s after it was asked to quit"],
    );
}

#[test]
fn a_first_run_that_must_launch_is_not_tried_again() {
    let policy = Policy { must_launch: true, ..restarting(5) };
    check(
        policy,
        &[(0, Started), (1, ended(78)), (50, Quit)],
        &["0s Spawn", "1s NotLaunched, exited with code 78"],
    );
    check(
        policy,
        &[(0, Started), (31, killed()), (50, Quit)],
        &["0s Spawn", "30s Kill", "31s NotLaunched, was not ready within 30s and was killed"],
    );
    // Later ones are, also when they do not get as far as their entry.
    check(
        policy,
        &[(0, Started), (1, Ready), (2, ended(1)), (8, ended(78)), (14, Quit)],
        &["0s Spawn", "7s Spawn", "13s Spawn", "14s Terminate Some(10s)"],
    );
}

#[test]
fn a_delay_counts_from_the_end_and_not_from_its_being_seen() {
    let start = Instant::now();
    let mut machine = Machine::new(restarting(5));
    machine.step(Event::Started, start);
    machine.step(Event::Ready, start);
    let end = RunEnd::Exited(Exit::Code(1));
    machine.step(Event::Ended { end, at: start + seconds(3) }, start + seconds(7));
    assert_eq!(machine.deadline(), Some(start + seconds(8)));
}

fn any_told() -> impl Strategy<Value = Told> {
    prop_oneof![
        Just(Started),
        Just(Ready),
        (0..3i32).prop_map(ended),
        Just(Quit),
        (0..20u64).prop_map(QuitWithin),
    ]
}

proptest! {
    /// Whatever comes in whatever order: never two runs at once, no start after a quit, every run
    /// that was begun is ended before the finish, and nothing is due in the past.
    #[test]
    fn the_laws_hold_for_every_story(
        story in prop::collection::vec((0..40u64, any_told()), 0..40),
        interval in prop::option::of(0..9u64),
        must_launch: bool,
    ) {
        let restart_interval = interval.map(seconds);
        let policy = Policy { restart_interval, must_launch, ..Policy::default() };
        let start = Instant::now();
        let mut now = start;
        let mut machine = Machine::new(policy);
        let (mut alive, mut quit, mut finished) = (false, false, false);
        for (wait, told) in story {
            now += seconds(wait);
            // What cannot happen is not told: a process that does not run does not end.
            if matches!(told, Ended(_) | Ready) && !alive {
                continue;
            }
            // Deadlines pass by themselves, one after the other; then comes what is told.
            let mut told = Some(told.event(now));
            loop {
                let due = machine.deadline().filter(|due| *due <= now);
                let Some((event, at)) = due
                    .map(|due| (Event::DeadlinePassed, due))
                    .or_else(|| told.take().map(|event| (event, now)))
                else {
                    break;
                };
                let ends = matches!(event, Event::Ended { .. });
                quit |= matches!(event, Event::QuitRequested { .. });
                let runs = machine.runs();
                let action = machine.step(event, at);
                alive &= !ends;
                match action {
                    Action::Spawn => {
                        prop_assert!(!alive && !quit && !finished);
                        prop_assert_eq!(machine.runs(), runs + 1);
                        alive = true;
                    }
                    Action::Terminate { .. } | Action::Kill => prop_assert!(alive && !finished),
                    Action::Finish(_) => {
                        prop_assert!(!alive && !finished);
                        finished = true;
                    }
                    Action::Nothing => (),
                }
                prop_assert!(machine.deadline().is_none_or(|due| at <= due));
                prop_assert_eq!(machine.finished(), finished);
            }
        }
    }
}
