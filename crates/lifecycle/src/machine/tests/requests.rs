//! What is asked of one child, in every phase.

use super::*;

fn watched() -> Policy {
    Policy { watchdog: Some(WatchdogPolicy::after(seconds(8))), ..restarting(5) }
}

/// A machine that has been told this, in seconds from now on.
fn after(story: &[(u64, Told)]) -> (Machine, Instant) {
    let start = Instant::now();
    let mut machine = Machine::new(watched(), 0);
    let mut now = start;
    for (second, told) in story {
        now = start + seconds(*second);
        if let Some(event) = told.event(now) {
            machine.step(event, now);
        }
        if let Ask(request) = told {
            machine.request(*request, now).unwrap();
        }
    }
    (machine, now)
}

/// Each row of the table that stands in the documentation is what the machine does, and there is no phase without one.
///
/// Case: CTL-16
#[test]
fn every_pair_of_phase_and_request_has_the_answer_that_is_documented() {
    use Request::{Restart, Start as Begin, Stop};
    let late = Event::DeadlinePassed;
    let look = || (0, Silent(1));
    let hangs = [(0, Start), (0, Ready), look(), look(), look(), (0, Looked(Found::Hangs))];
    let rows: [(&str, &[(u64, Told)]); 16] = [
        ("idle", &[]),
        ("starting", &[(0, Start)]),
        ("running", &[(0, Start), (0, Ready)]),
        ("not_ready", &[(0, Start), (0, Ready), (0, NotReady)]),
        ("waiting", &[(0, Start), (0, Ended(code(1)))]),
        ("due", &[(0, Start), (0, Ended(code(1))), (9, Nothing)]),
        ("due, by request", &[(0, Ask(Begin))]),
        ("stopping, late in its start", &[(0, Start), (99, Nothing)]),
        ("stopping, as a failure", &[(0, Start), (0, Ready)]),
        ("stopping, since it hangs", &hangs),
        ("stopping, to pause", &[(0, Start), (0, Pause)]),
        ("stopping, by request", &[(0, Start), (0, Ask(Stop))]),
        ("stopping, to restart", &[(0, Start), (0, Ask(Restart))]),
        ("stopping, for good", &[(0, Start), (0, Quit)]),
        ("stopped", &[(0, Ask(Stop))]),
        ("finished", &[(0, Start), (0, Ended(code(0)))]),
    ];
    let documented = include_str!("../requests.rs");
    let table = documented.lines().filter(|line| line.starts_with("/// | ")).count();
    assert_eq!(table, rows.len() + 1, "rows of the table, and its head");
    for (name, story) in rows {
        let mut row = format!("/// | {name} |");
        for request in [Stop, Begin, Restart] {
            let (mut machine, now) = after(story);
            if machine.deadline().is_some_and(|due| due <= now) {
                machine.step(late.clone(), now);
            }
            if name.ends_with("failure") {
                machine.fail(Fault::Outgrown, now).unwrap();
            }
            let before = (machine.phase(), format!("{:?}", machine.state));
            assert_eq!(name.split(',').next(), Some(before.0.to_string().as_str()));
            let answer = machine.request(request, now);
            let after = (machine.phase(), format!("{:?}", machine.state));
            row += &match answer {
                Ok((answer, step)) => {
                    let changes = matches!(answer, Answer::Begun | Answer::Done);
                    let is_other = before != after;
                    assert_eq!(changes, is_other, "{name} {request:?}: {answer:?}");
                    assert_eq!(step.entered, (before.0 != after.0).then_some(after.0));
                    assert_eq!(answer == Answer::Done, changes && after.0 == Phase::Stopped);
                    format!(" {answer} |")
                }
                Err(Refused::Ending) => " ending |".to_owned(),
                Err(refused) => panic!("{name} {request:?}: {refused:?}"),
            };
        }
        assert!(documented.lines().any(|line| line == row), "not in the table: {row}");
    }
}

/// Case: CC-23
#[test]
fn what_is_stopped_by_request_comes_back_by_request_alone() {
    use Request::{Start as Begin, Stop};
    check(
        restarting(5),
        &[
            (0, Start),
            (1, Ready),
            (2, Ask(Stop)),
            (2, Ask(Stop)),
            (3, Ended(signal(15))),
            (50, Start),
            (60, Ask(Begin)),
            (61, Ended(code(1))),
            // While it waits for its delay.
            (62, Ask(Stop)),
            (99, Start),
            (99, Quit),
        ],
        &[
            "0s Spawn",
            "2s begun",
            "2s Ask Some(10s)",
            "2s joined",
            "60s begun",
            "60s Spawn",
            "62s done",
            "99s Quit, stopped before",
        ],
    );
    // When it is ending by itself just now, and when it is killed for being late.
    let dying = [(0, Start), (1, Ready), (2, Died), (3, Ask(Stop)), (4, Ended(code(1)))];
    let late = [(0, Start), (31, Ask(Stop)), (32, Ended(signal(9)))];
    let last = [(99, Nothing), (99, Quit)];
    let expected = ["0s Spawn", "3s begun", "99s Quit, stopped before"];
    check(restarting(5), &[&dying[..], &last].concat(), &expected);
    let expected = ["0s Spawn", "30s Kill", "31s begun", "99s Quit, stopped before"];
    check(restarting(5), &[&late[..], &last].concat(), &expected);
}

/// The child is stopped as its policy says, and its end is nobody's failure, however it comes.
///
/// Case: CC-27
#[test]
fn a_restart_has_no_delay_and_counts_for_nothing() {
    use Request::Restart;
    let policy = || with(RestartPolicy::after(seconds(5)).limit(0, seconds(1000)));
    check(
        policy(),
        &[
            (0, Start),
            (1, Ready),
            (2, Ask(Restart)),
            (3, Ask(Restart)),
            (20, Ended(signal(9))),
            (21, Ask(Restart)),
            (22, Ended(code(0))),
            (23, Ended(code(1))),
        ],
        &[
            "0s Spawn",
            "2s begun",
            "2s Ask Some(10s)",
            "3s joined",
            "12s Kill",
            "20s Spawn",
            "21s begun",
            "21s Ask Some(10s)",
            "22s Spawn",
            "23s GaveUp, exited with code 1: more than 0 restarts within 1000s",
        ],
    );
    // A run that was not ready, and need not be before it is started again.
    let must = Policy { must_launch: true, ..policy() };
    check(
        must,
        &[(0, Start), (1, Ask(Restart)), (2, Ended(code(1))), (40, Ended(signal(9)))],
        &[
            "0s Spawn",
            "1s begun",
            "1s Ask Some(10s)",
            "2s Spawn",
            "32s Kill",
            "40s NotLaunched, was not ready within 30s and was killed",
        ],
    );
}

/// Case: CTL-12
#[test]
fn the_later_request_wins() {
    use Request::{Restart, Start as Begin, Stop};
    let run = [(0, Start), (0, Ready)];
    let end = [(9, Ended(code(0))), (9, Nothing), (20, Quit)];
    let story = |asked: &[(u64, Told)]| [&run[..], asked, &end].concat();
    let asked = ["0s Spawn", "1s begun", "1s Ask Some(10s)"];
    let check = |requests: &[(u64, Told)], expected: &[&str]| {
        check(restarting(5), &story(requests), &[&asked[..], expected].concat());
    };
    let comes_back = ["9s Spawn", "20s Ask Some(10s)"];
    let started = [&["2s begun"][..], &comes_back].concat();
    check(&[(1, Ask(Stop)), (2, Ask(Begin))], &started);
    check(&[(1, Ask(Stop)), (2, Ask(Restart))], &started);
    check(&[(1, Ask(Restart)), (2, Ask(Stop))], &["2s begun", "20s Quit, stopped before"]);
    let joined = [&["2s joined"][..], &comes_back].concat();
    check(&[(1, Ask(Restart)), (2, Ask(Begin))], &joined);
    let thrice = ["2s begun", "3s begun", "20s Quit, stopped before"];
    check(&[(1, Ask(Stop)), (2, Ask(Begin)), (3, Ask(Stop))], &thrice);
    // A quit wins over all of them.
    check(&[(1, Ask(Restart)), (2, Quit)], &["9s Quit, exited with code 0"]);
}

#[test]
fn a_start_comes_instead_of_the_delay_and_of_the_end() {
    use Request::{Start as Begin, Stop};
    let limited = || with(RestartPolicy::after(seconds(5)).limit(1, seconds(1000)));
    // The restarts that were counted did not take place.
    let story: Vec<_> = [(1, Ended(code(1))), (2, Ask(Begin)), (3, Ended(code(1))), (4, Ask(Stop))]
        .into_iter()
        .chain([(5, Ask(Begin)), (6, Ended(code(1))), (12, Ended(code(1)))])
        // It has given up, and begins anew.
        .chain([(20, Ask(Begin)), (21, Ended(code(1))), (27, Ended(code(1)))])
        .collect();
    check(
        limited(),
        &[&[(0, Start)][..], &story].concat(),
        &[
            "0s Spawn",
            "2s begun",
            "2s Spawn",
            "4s done",
            "5s begun",
            "5s Spawn",
            "11s Spawn",
            "12s GaveUp, exited with code 1: more than 1 restart within 1000s",
            "20s begun",
            "20s Spawn",
            "26s Spawn",
            "27s GaveUp, exited with code 1: more than 1 restart within 1000s",
        ],
    );
    // What has ended at once twice in a row does so for the first time again.
    let slow = Backoff::default().floor(seconds(1));
    let policy = RestartPolicy::new(Restart::OnFailure).backoff(slow);
    let short = |at| (at, Ended(code(1)));
    check(
        with(policy),
        &[
            (0, Start),
            short(0),
            short(0),
            (1, Nothing),
            (1, Ended(code(0))),
            (1, Ask(Begin)),
            short(1),
            (1, Nothing),
        ],
        &[
            "0s Spawn",
            "0s Spawn",
            "1s Spawn",
            "1s Ended, exited with code 0",
            "1s begun",
            "1s Spawn",
            "1s Spawn",
        ],
    );
    // The delay is the first again, and the floor counts anew.
    let slow = Backoff::exponential(seconds(1), 4.0).cap(seconds(99));
    let policy = RestartPolicy::new(Restart::OnFailure).backoff(slow);
    let crash = |at| (at, Ended(code(1)));
    check(
        with(policy),
        &[
            (0, Start),
            crash(0),
            crash(1),
            (9, Ended(code(0))),
            (9, Ask(Begin)),
            crash(9),
            (10, Nothing),
        ],
        &[
            "0s Spawn",
            "1s Spawn",
            "5s Spawn",
            "9s Ended, exited with code 0",
            "9s begun",
            "9s Spawn",
            "10s Spawn",
        ],
    );
}

#[test]
fn who_looks_on_sees_why_it_is_to_be_started() {
    let (mut machine, now) = after(&[(0, Start), (0, Ended(code(1)))]);
    let due = machine.deadline().unwrap();
    machine.step(Event::DeadlinePassed, due);
    assert!(!machine.is_asked_for());
    machine.request(Request::Start, now).unwrap();
    assert!(machine.is_asked_for());
    machine.step(Event::Start, now);
    assert!(!machine.is_asked_for() && !machine.is_pausing());
    machine.request(Request::Restart, now).unwrap();
    assert!(machine.is_pausing(), "it comes back");
    machine.request(Request::Stop, now).unwrap();
    assert!(!machine.is_pausing());
}

#[test]
fn a_refusal_says_why() {
    let refused = [Refused::Unknown, Refused::Ending, Refused::Quitting, Refused::Launching];
    let texts = [
        "there is no such child",
        "it is being stopped for good",
        "all are being stopped",
        "it is still being started for the first time",
    ];
    assert_eq!(refused.map(|refused| refused.to_string()), texts);
}
