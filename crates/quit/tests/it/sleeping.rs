//! The sleep that ends when asked, and not before its time otherwise.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use quit::{QuitToken, Reason, Slept};

use crate::background::background;
use crate::program::{Program, Signal};

const HOUR: Duration = Duration::from_secs(3600);

/// The shortest of several, since a busy machine makes single ones late: what always rounds up to a
/// step of a second, or of ten milliseconds, is seen.
///
/// Case: QUIT-01
#[test]
fn a_sleep_is_not_shorter_and_not_rounded() {
    let token = QuitToken::new().unwrap();
    for (time, rounded) in [(500, 10_000), (7_300, 10_000), (50_000, 1_000_000)] {
        let (time, rounded) = (Duration::from_micros(time), Duration::from_micros(rounded));
        let shortest = (0..20)
            .map(|_| {
                let start = Instant::now();
                assert_eq!(token.sleep(time), Slept::Elapsed);
                start.elapsed()
            })
            .min();
        assert!(shortest.is_some_and(|shortest| time <= shortest && shortest < rounded));
    }
}

/// Case: QUIT-01
#[test]
fn steps_do_not_change_the_total() {
    let token = QuitToken::new().unwrap();
    let total = Duration::from_millis(25);
    let shortest = (0..10)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(token.sleep_in_steps(total, Duration::from_millis(10)), Slept::Elapsed);
            let elapsed = start.elapsed();
            assert!(total <= elapsed);
            elapsed
        })
        .min();
    assert!(shortest < Some(Duration::from_millis(30)), "the last step is cut: {shortest:?}");
}

/// Case: QUIT-02
#[test]
fn a_signal_wakes_a_sleeper() {
    let program = Program::start(&["rounds"]);
    program.expect("starting");
    program.expect("ready");
    program.signal(Signal::TERM);
    program.expect("asked: SIGTERM (15)");
    program.ended_well();
}

/// Case: QUIT-02
#[test]
fn one_signal_wakes_a_hundred_threads() {
    let program = Program::start(&["crowd"]);
    program.expect("ready");
    program.signal(Signal::TERM);
    program.expect("woken: 100");
    program.ended_well();
}

/// Case: QUIT-04
#[test]
fn sleepers_never_wake_for_nothing() {
    let program = Program::start(&["idle"]);
    program.expect("nobody woke");
    program.ended_well();
}

/// Signals of the program's own interrupt `poll`; the sleep neither ends nor starts again.
///
/// Case: QUIT-01
#[test]
fn handlers_of_others_do_not_end_a_sleep() {
    let program = Program::start(&["interrupted"]);
    program.expect("ready");
    while !program.spoke("slept") {
        program.signal(Signal::USR1);
        thread::yield_now();
    }
    program.ended_well();
}

#[test]
fn zero_means_at_once_and_the_longest_time_waits_for_quit() {
    let token = QuitToken::new().unwrap();
    assert_eq!(token.sleep(Duration::ZERO), Slept::Elapsed);
    assert_eq!(token.sleep_in_steps(Duration::ZERO, Duration::ZERO), Slept::Elapsed);

    let sleepers = [Duration::MAX, HOUR, Duration::from_secs(u64::from(u32::MAX))].map(|time| {
        let token = token.clone();
        background(move || token.sleep(time))
    });
    token.request(Reason::Stop);
    for sleeper in sleepers {
        assert_eq!(sleeper.ended(), Slept::Quit);
    }
    for time in [Duration::ZERO, HOUR, Duration::MAX] {
        assert_eq!(token.sleep(time), Slept::Quit);
        assert_eq!(token.sleep_in_steps(time, time), Slept::Quit);
        assert!(token.sleep_in_steps_until(time, time, || false).was_cut_short());
    }
}

#[test]
fn a_step_looks_where_nothing_wakes() {
    let token = QuitToken::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stop = folder.path().join("stop");
    let looks = Cell::new(0);
    let slept = token.sleep_in_steps_until(HOUR, Duration::from_millis(1), || {
        looks.set(looks.get() + 1);
        if looks.get() == 3 {
            std::fs::write(&stop, "").unwrap();
        }
        stop.exists()
    });
    assert_eq!((slept, looks.get()), (Slept::Quit, 3));
    assert!(!token.requested(), "the condition is not a quit of the token");
}

/// Some try must do, since a busy machine makes single steps late.
#[test]
fn a_condition_is_asked_after_each_step() {
    let token = QuitToken::new().unwrap();
    let (total, step) = (Duration::from_millis(20), Duration::from_millis(2));
    let looks = || {
        let looks = Cell::new(0);
        let look = || looks.replace(looks.get() + 1) == usize::MAX;
        assert_eq!(token.sleep_in_steps_until(total, step, look), Slept::Elapsed);
        assert!(looks.get() <= 11, "it looked {} times", looks.get());
        looks.get()
    };
    assert!((0..100).any(|_| 5 < looks()));
}

#[test]
fn a_condition_is_asked_before_the_first_and_after_the_last_step() {
    let token = QuitToken::new().unwrap();
    assert_eq!(token.sleep_in_steps_until(HOUR, HOUR, || true), Slept::Quit);

    let looks = Cell::new(0);
    let mut second_look = || looks.replace(looks.get() + 1) == 1;
    let slept = token.sleep_in_steps_until(Duration::from_millis(1), HOUR, &mut second_look);
    assert_eq!(slept, Slept::Quit);
}

#[test]
fn a_quit_wakes_a_stepped_sleep_in_the_middle_of_a_step() {
    let token = QuitToken::new().unwrap();
    let sleeper = {
        let token = token.clone();
        background(move || token.sleep_in_steps(HOUR, HOUR))
    };
    token.request(Reason::Stop);
    assert_eq!(sleeper.ended(), Slept::Quit);
}

#[test]
fn without_descriptors_it_still_sleeps_and_the_rest_says_why_not() {
    let program = Program::start_with_few_descriptors("no-descriptors");
    program.expect("done");
    program.ended_well();
}

/// After a plain fork two processes share the pipe: the quit of one must not end the other's sleep,
/// nor make it spin.
#[test]
fn a_bell_rung_by_another_process_is_not_believed() {
    let program = Program::start(&["false-alarm"]);
    program.expect("asked: SIGTERM (15)");
    program.ended_well();
}

#[test]
fn everything_but_signals_works_without_install() {
    Program::start(&["without-install"]).ended_well();
}
