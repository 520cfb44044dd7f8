//! Stories in virtual time: what happens when, and what must be done about it.

use proc_spawn::{ErrorText, Exit, Failure, Panic};

use super::*;
use crate::backoff::Backoff;
use crate::policy::{StartPolicy, StopPolicy};
use crate::restart::{Ends, Restart, RestartPolicy};

mod laws;

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn restarting(interval: u64) -> Policy {
    with(RestartPolicy::after(seconds(interval)))
}

fn with(restart: RestartPolicy) -> Policy {
    Policy { restart, ..Policy::default() }
}

fn stopping(stop: StopPolicy) -> Policy {
    Policy { stop, ..Policy::default() }
}

fn code(code: i32) -> RunEnd {
    RunEnd::Exited(Exit::Code(code))
}

fn signal(signal: i32) -> RunEnd {
    RunEnd::Exited(Exit::Signal { signal, core: false, panic: None })
}

fn returned(permanent: bool) -> RunEnd {
    let error = ErrorText::new(&std::fmt::Error);
    RunEnd::Exited(Exit::Error(Failure { error, permanent, code: 1 }))
}

/// An event without its times, which the story has.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Started,
    Ready,
    More(u64),
    Ended(RunEnd),
    Pause,
    Quit,
    QuitWithin(u64),
    /// Nothing: only time passes.
    Nothing,
}

impl Told {
    pub(super) fn event(&self, now: Instant) -> Option<Event> {
        Some(match self.clone() {
            Started => Event::Started,
            Ready => Event::Ready,
            More(by) => Event::Extended(seconds(by)),
            Ended(end) => Event::Ended { end, at: now },
            Pause => Event::Pause,
            Quit => Event::QuitRequested { within: None },
            QuitWithin(within) => Event::QuitRequested { within: Some(seconds(within)) },
            Nothing => return None,
        })
    }
}

use Told::*;

/// Plays `story`, in seconds, and compares what the machine did. Deadlines pass by themselves.
#[track_caller]
fn check(policy: Policy, story: &[(u64, Told)], expected: &[&str]) {
    let start = Instant::now(); // An origin only: time in here is what the story says.
    let mut machine = Machine::new(policy, 0);
    let mut done = Vec::new();
    for (second, told) in story {
        let now = start + seconds(*second);
        while let Some(due) = machine.deadline().filter(|due| *due <= now) {
            note(&mut done, due - start, machine.step(Event::DeadlinePassed, due));
        }
        if let Some(event) = told.event(now) {
            note(&mut done, now - start, machine.step(event, now));
        }
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
        Action::Finish(Outcome::GaveUp(why, end)) => format!("GaveUp, {end}: {why}"),
        Action::Terminate { by: StopBy::Quit, remaining } => format!("Ask {remaining:?}"),
        Action::Terminate { by: StopBy::Signal(number), .. } => format!("Signal {number}"),
        Action::Spawn | Action::Kill => format!("{action:?}"),
    };
    done.push(format!("{}s {text}", elapsed.as_secs_f64()));
}

// Starting and restarting.

#[test]
fn a_crash_is_followed_by_a_start_after_the_interval() {
    check(
        restarting(5),
        &[
            (0, Started),
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
        &[(0, Started), (1, Ready), (3, Ended(code(0))), (9, Quit)],
        &["0s Spawn", "3s Ended, exited with code 0"],
    );
}

#[test]
fn without_a_policy_nothing_is_started_again() {
    check(
        Policy::default(),
        &[(0, Started), (1, Ready), (3, Ended(code(3))), (99, Quit)],
        &["0s Spawn", "3s Ended, exited with code 3"],
    );
}

#[test]
fn an_interval_beyond_the_clock_waits_for_ever() {
    check(
        with(RestartPolicy::after(Duration::MAX)),
        &[(0, Started), (1, Ready), (2, Ended(code(1))), (1 << 40, Quit)],
        &["0s Spawn", "1099511627776s Quit"],
    );
}

/// Case: RST-18
#[test]
fn what_crashes_at_once_again_and_again_is_held_back() {
    let slow = Backoff::default().floor(seconds(1));
    let policy = |backoff| with(RestartPolicy::new(Restart::OnFailure).backoff(backoff));
    // The first one is at once; what crashes at once again waits.
    let crashes = [(0, Started), (0, Ended(code(1))), (0, Ended(code(1))), (0, Nothing)];
    let again = [(1, Ended(code(1))), (1, Nothing), (2, Quit)];
    let expected = ["0s Spawn", "0s Spawn", "1s Spawn", "2s Spawn", "2s Ask Some(10s)"];
    check(policy(slow), &[&crashes[..], &again[..]].concat(), &expected);
    // One that has lived long enough comes back at once, and so does the next.
    let lived = [(7, Ended(code(1))), (7, Ended(code(1))), (7, Nothing), (8, Quit)];
    let story = [&crashes[..], &lived[..]].concat();
    let expected = ["0s Spawn", "0s Spawn", "1s Spawn", "7s Spawn", "7s Spawn", "8s Ask Some(10s)"];
    check(policy(slow), &story, &expected);
    let none = Backoff::default().floor(Duration::ZERO);
    let expected = ["0s Spawn", "0s Spawn", "0s Spawn", "0s Ask Some(10s)"];
    check(policy(none), &[&crashes[..], &[(0, Quit)]].concat(), &expected);
}

/// Case: RST-19
#[test]
fn a_delay_is_what_it_is_also_below_the_floor() {
    let ms = Duration::from_millis;
    let start = Instant::now();
    let due = |interval| {
        let mut machine = Machine::new(with(RestartPolicy::after(interval)), 0);
        let mut now = start;
        machine.step(Event::Started, now);
        let mut waited = Vec::new();
        for _ in 0..3 {
            machine.step(Event::Ended { end: code(1), at: now }, now);
            let due = machine.deadline().unwrap();
            waited.push(due - now);
            now = due;
            machine.step(Event::DeadlinePassed, now);
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
        machine.step(Event::Started, start);
        machine.step(Event::Ready, start);
        // It counts from when it happened, not from when it was seen.
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
        (0, Started),
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
        (0, Started),
        (0, Ended(code(1))),  // 1 s
        (20, Ended(code(1))), // 2 s: it lived long, but was never ready
        (22, Nothing),
    ];
    check(policy, &never_ready, &["0s Spawn", "1s Spawn", "22s Spawn"]);
}

/// Cases: RST-20, RST-22
#[test]
fn more_restarts_than_the_limit_allows_are_given_up() {
    let often: Vec<_> = std::iter::once((0, Started))
        .chain((1..=6).map(|second| (second, Ended(code(1)))))
        .collect();
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
    let seldom: Vec<_> = std::iter::once((0, Started))
        .chain((1..=6).map(|n| (n * 5, Ended(code(1)))))
        .chain([(31, Quit)])
        .collect();
    let limited = RestartPolicy::after(Duration::ZERO).limit(3, seconds(10));
    let mut machine = Machine::new(with(limited), 0);
    let start = Instant::now();
    for (second, told) in &seldom {
        let now = start + seconds(*second);
        while let Some(due) = machine.deadline().filter(|due| *due <= now) {
            machine.step(Event::DeadlinePassed, due);
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
        &[(0, Started), (0, Ended(failed())), (1, Ended(failed()))],
        &[
            "0s Spawn",
            "1s Spawn",
            "1s GaveUp, could not be started: an error occurred when formatting an argument: \
             more than 1 restart within 60s",
        ],
    );
}

/// Cases: RST-10, RST-35
#[test]
fn a_permanent_failure_is_not_tried_again() {
    check(
        restarting(1),
        &[(0, Started), (0, Ready), (1, Ended(returned(false))), (3, Ended(returned(true)))],
        &[
            "0s Spawn",
            "2s Spawn",
            "3s GaveUp, returned an error: an error occurred when formatting an argument: such a \
             failure is permanent",
        ],
    );
}

/// Cases: RST-08, RST-09
#[test]
fn prevented_ends_beat_forced_ones_and_those_the_policy() {
    let always = RestartPolicy::new(Restart::Always).prevent(Ends::codes([78]));
    check(
        with(always),
        &[(0, Started), (1, Ended(code(78)))],
        &["0s Spawn", "1s GaveUp, exited with code 78: such an end prevents a restart"],
    );
    let never = RestartPolicy::new(Restart::Never).force(Ends::codes([75]));
    check(
        with(never),
        &[(0, Started), (1, Ended(code(75))), (1, Nothing), (2, Ended(code(1)))],
        &["0s Spawn", "1s Spawn", "2s Ended, exited with code 1"],
    );
    let both = RestartPolicy::new(Restart::Never).force(Ends::codes([7])).prevent(Ends::codes([7]));
    check(
        with(both),
        &[(0, Started), (1, Ended(code(7)))],
        &["0s Spawn", "1s GaveUp, exited with code 7: such an end prevents a restart"],
    );
}

/// The table of causes and policies, as systemd.service(5) has it.
///
/// Cases: RST-01, RST-02, RST-03, RST-04, RST-05, RST-06, RST-07, RST-11, RST-12
#[test]
fn the_table_of_causes_and_policies() {
    let policies = [
        Restart::Never,
        Restart::Always,
        Restart::OnSuccess,
        Restart::OnFailure,
        Restart::OnAbnormal,
    ];
    let panic = Panic { message: "boom".into(), place: String::new() };
    let causes = [
        ("code 0", code(0)),
        ("code 3, listed", code(3)),
        ("SIGTERM, listed", signal(15)),
        ("code 1", code(1)),
        ("error", returned(false)),
        ("SIGKILL", signal(9)),
        ("panic", RunEnd::Exited(Exit::Panic(panic))),
        ("not ready", RunEnd::NotReady { after: seconds(1) }),
        ("not started", RunEnd::NotStarted(ErrorText::new(&std::fmt::Error))),
        ("unknown", RunEnd::Exited(Exit::Unknown)),
    ];
    let mut table = String::new();
    for (name, end) in causes {
        table += &format!("{name:16}");
        for restart in policies {
            let listed = Ends::codes([3]).and(Ends::signals([15]));
            let policy = RestartPolicy::new(restart).success(listed);
            let again = policy.verdict(&end) == Verdict::Again;
            table += if again { " yes" } else { "  - " };
        }
        table += "\n";
    }
    //                never always success failure abnormal
    let expected = "\
code 0            -  yes yes  -   -
code 3, listed    -  yes yes  -   -
SIGTERM, listed   -  yes yes  -   -
code 1            -  yes  -  yes  -
error             -  yes  -  yes  -
SIGKILL           -  yes  -  yes yes
panic             -  yes  -  yes yes
not ready         -  yes  -  yes yes
not started       -  yes  -  yes yes
unknown           -  yes  -  yes  -
";
    let trimmed: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_eq!(trimmed, expected);
}

/// Case: RST-26
#[test]
fn a_start_by_hand_does_not_wait() {
    check(
        restarting(86_400),
        &[(0, Started), (0, Ready), (1, Ended(code(1))), (2, Started), (2, Ready), (9, Quit)],
        &["0s Spawn", "2s Spawn", "9s Ask Some(10s)"],
    );
}

#[test]
fn a_first_run_that_must_launch_is_not_tried_again() {
    let policy = Policy { must_launch: true, ..restarting(5) };
    check(
        policy.clone(),
        &[(0, Started), (1, Ended(code(78))), (50, Quit)],
        &["0s Spawn", "1s NotLaunched, exited with code 78"],
    );
    check(
        policy.clone(),
        &[(0, Started), (31, Ended(signal(9))), (50, Quit)],
        &["0s Spawn", "30s Kill", "31s NotLaunched, was not ready within 30s and was killed"],
    );
    // Later ones are, also when they do not get as far.
    check(
        policy,
        &[(0, Started), (1, Ready), (2, Ended(code(1))), (8, Ended(code(78))), (14, Quit)],
        &["0s Spawn", "7s Spawn", "13s Spawn", "14s Ask Some(10s)"],
    );
}

// Becoming ready.

#[test]
fn a_child_that_is_not_ready_in_time_is_killed_and_counts_as_failed() {
    check(
        restarting(5),
        &[(0, Started), (31, Ended(signal(9))), (40, Ready), (41, Quit)],
        &["0s Spawn", "30s Kill", "36s Spawn", "41s Ask Some(10s)"],
    );
}

/// Case: HS-21
#[test]
fn a_start_may_be_extended_up_to_its_bound() {
    let start =
        StartPolicy { timeout: seconds(5), extend_up_to: Some(seconds(12)), ..Default::default() };
    let policy = Policy { start, ..Policy::default() };
    check(
        policy.clone(),
        &[(0, Started), (4, More(5)), (8, More(2)), (20, Ended(signal(9)))],
        &["0s Spawn", "10s Kill", "20s Ended, was not ready within 10s and was killed"],
    );
    check(
        policy,
        &[(0, Started), (4, More(5)), (8, More(5)), (11, More(99)), (20, Ended(signal(9)))],
        &["0s Spawn", "12s Kill", "20s Ended, was not ready within 12s and was killed"],
    );
    // Unless told otherwise, ten times the time-out.
    let start = StartPolicy { timeout: seconds(1), ..StartPolicy::default() };
    check(
        Policy { start, ..Policy::default() },
        &[(0, Started), (0, More(99)), (20, Nothing)],
        &["0s Spawn", "10s Kill"],
    );
}

/// Case: HS-19
#[test]
fn ready_twice_is_ready_once() {
    check(
        Policy::default(),
        &[(0, Started), (1, Ready), (2, Ready), (99, Quit), (99, Ended(code(0)))],
        &["0s Spawn", "99s Ask Some(10s)", "99s Quit, exited with code 0"],
    );
}

// Stopping.

/// Case: STOP-02
#[test]
fn a_child_that_will_not_stop_is_killed_when_its_grace_is_over() {
    check(
        Policy::default(),
        &[(0, Started), (0, Ready), (1, Quit), (30, Ended(signal(9)))],
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
            &[(0, Started), (0, Ready), (1, Quit), (1, Ended(signal(9)))],
            &["0s Spawn", "1s Kill", "1s Quit, was killed 0ns after it was asked to quit"],
        );
    }
}

/// Case: STOP-04
#[test]
fn a_grace_without_end_waits_until_somebody_asks_again_in_a_hurry() {
    check(
        stopping(StopPolicy::grace(Duration::MAX)),
        &[(0, Started), (0, Ready), (1, Quit), (1 << 30, QuitWithin(2)), (1 << 31, Nothing)],
        &["0s Spawn", "1s Ask None", "1073741826s Kill"],
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
        &[(0, Started), (0, Ready), (1, Quit), (9, Ended(signal(9)))],
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
        &[(0, Started), (0, Ready), (1, QuitWithin(3)), (9, Ended(signal(9)))],
        &[
            "0s Spawn",
            "1s Signal 2",
            "3s Signal 15",
            "4s Kill",
            "9s Quit, was killed 3s after it was asked to quit",
        ],
    );
}

#[test]
fn who_asks_may_leave_less_time_but_never_more() {
    check(
        Policy::default(),
        &[(0, Started), (0, Ready), (1, QuitWithin(5)), (2, QuitWithin(1)), (9, Nothing)],
        &["0s Spawn", "1s Ask Some(5s)", "3s Kill"],
    );
    check(
        Policy::default(),
        &[(0, Started), (0, Ready), (1, QuitWithin(99)), (2, Quit), (5, Ended(code(0)))],
        &["0s Spawn", "1s Ask Some(10s)", "5s Quit, exited with code 0"],
    );
}

/// Case: STOP-15
#[test]
fn a_stop_may_be_extended_up_to_its_bound_if_it_may_at_all() {
    let story = |mores: &[(u64, u64)]| {
        let mut story = vec![(0, Started), (0, Ready), (1, Quit)];
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
    // A hurry is not extended.
    let mut hurried = story(&[]);
    hurried.insert(3, (2, QuitWithin(1)));
    hurried.insert(4, (2, More(50)));
    check(extendable(), &hurried, &["0s Spawn", "1s Ask Some(10s)", "3s Kill"]);
}

#[test]
fn the_steps_after_one_that_is_extended_keep_their_time() {
    let stop =
        StopPolicy::grace(seconds(2)).then(StopBy::Signal(15), seconds(3)).extend_up_to(seconds(9));
    check(
        stopping(stop),
        &[(0, Started), (0, Ready), (0, Quit), (1, More(4)), (99, Nothing)],
        &["0s Spawn", "0s Ask Some(5s)", "5s Signal 15", "8s Kill"],
    );
}

/// Case: STOP-11
#[test]
fn a_quit_during_the_start_stops_what_was_started() {
    check(
        restarting(1),
        &[(0, Started), (1, Quit), (2, Ready), (3, Ended(code(1))), (9, Ready)],
        &["0s Spawn", "1s Ask Some(10s)", "3s Quit, exited with code 1"],
    );
}

/// Case: RST-25
#[test]
fn a_quit_between_two_runs_ends_it_at_once() {
    check(
        restarting(100),
        &[(0, Started), (0, Ready), (1, Ended(code(1))), (2, Quit), (300, Started)],
        &["0s Spawn", "2s Quit"],
    );
}

/// Case: QUIT-12
#[test]
fn a_quit_before_the_start_starts_nothing() {
    check(restarting(1), &[(0, Quit), (1, Started)], &["0s Quit"]);
}

#[test]
fn a_quit_while_a_late_child_dies_starts_no_other() {
    check(
        restarting(5),
        &[(0, Started), (31, Quit), (32, Ended(signal(9))), (99, Quit)],
        &["0s Spawn", "30s Kill", "32s Quit, was not ready within 30s and was killed"],
    );
}

#[test]
fn a_pause_stops_it_until_it_is_started_again() {
    check(
        restarting(5),
        &[
            (0, Started),
            (0, Ready),
            (1, Pause),
            (2, Pause),
            (3, Ended(code(1))),
            (50, Nothing),
            (60, Started),
            (61, Ready),
            (62, Ended(code(1))),
            (63, Pause),
            (99, Quit),
        ],
        &["0s Spawn", "1s Ask Some(10s)", "60s Spawn", "99s Quit"],
    );
    // Killed for it, or for being late: it is the same.
    check(
        restarting(5),
        &[(0, Started), (0, Ready), (1, Pause), (20, Pause), (21, Ended(signal(9))), (22, Started)],
        &["0s Spawn", "1s Ask Some(10s)", "11s Kill", "22s Spawn"],
    );
    check(
        restarting(5),
        &[(0, Started), (31, Pause), (32, Ended(signal(9))), (90, Nothing), (99, Started)],
        &["0s Spawn", "30s Kill", "99s Spawn"],
    );
}

#[test]
fn a_quit_ends_a_pause() {
    check(
        restarting(5),
        &[(0, Started), (0, Ready), (1, Pause), (2, Quit), (3, Ended(code(0))), (9, Started)],
        &["0s Spawn", "1s Ask Some(10s)", "3s Quit, exited with code 0"],
    );
}

#[test]
fn leftovers_have_the_time_that_the_child_had() {
    let start = Instant::now();
    let mut machine = Machine::new(Policy::default(), 0);
    let at = |s| start + seconds(s);
    machine.step(Event::Started, start);
    machine.step(Event::Ready, start);
    assert_eq!(machine.leftovers_until(at(5)), Some(at(15)), "a crash: a grace of their own");
    machine.step(Event::QuitRequested { within: None }, at(6));
    assert_eq!(machine.leftovers_until(at(9)), Some(at(16)), "a stop: what is left of it");
    machine.step(Event::DeadlinePassed, at(16));
    assert_eq!(machine.leftovers_until(at(16)), Some(at(16)), "killed: nothing");
}
