//! Which signals request quit, and what a second one does.

use std::hint::spin_loop;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use crate::program::{Program, Signal};

/// Case: QUIT-11
#[test]
fn term_and_int_request_quit() {
    for (signal, reason) in [(Signal::TERM, "SIGTERM (15)"), (Signal::INT, "SIGINT (2)")] {
        let program = Program::start(&["rounds"]);
        program.expect("starting");
        program.expect("ready");
        program.signal(signal);
        program.expect(&format!("asked: {reason}"));
        program.ended_well();
    }
}

/// Case: QUIT-11
#[test]
fn a_second_signal_ends_the_process_at_once() {
    for (second, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let program = Program::start(&["answer", "install"]);
        program.expect("ready");
        program.signal(Signal::TERM);
        program.expect("asked: SIGTERM (15)");
        program.signal(second);
        assert_eq!(program.ended().code(), Some(code));
    }
}

/// Case: QUIT-11
#[test]
fn a_request_by_other_means_is_no_first_signal() {
    let mut program = Program::start(&["answer-after-request"]);
    program.expect("asked: stop");
    program.signal(Signal::TERM);
    program.expect_alive();
    program.signal(Signal::TERM);
    assert_eq!(program.ended().code(), Some(143));
}

/// Installing twice would arm and fire the second-signal rule in one and the same signal.
#[test]
fn installing_again_changes_nothing() {
    for how in ["install-again", "install-from-many-threads"] {
        let mut program = Program::start(&["answer", how]);
        program.expect("ready");
        program.signal(Signal::TERM);
        program.expect("asked: SIGTERM (15)");
        program.expect_alive();
        program.signal(Signal::TERM);
        assert_eq!(program.ended().code(), Some(143), "{how}");
    }
}

#[test]
fn a_second_signal_can_be_ignored() {
    for how in ["ignore", "ignore-then-install", "end-then-ignore"] {
        let mut program = Program::start(&["answer", how]);
        program.expect("ready");
        program.signal(Signal::TERM);
        program.expect("asked: SIGTERM (15)");
        for signal in [Signal::TERM, Signal::INT, Signal::TERM] {
            program.signal(signal);
            program.expect_alive();
        }
        program.hang_up();
        program.ended_well();
    }
}

#[test]
fn the_rule_about_a_second_signal_can_be_made_stricter_later() {
    let mut program = Program::start(&["answer", "ignore-then-end"]);
    program.expect("ready");
    program.signal(Signal::TERM);
    program.expect("asked: SIGTERM (15)");
    program.expect_alive();
    program.signal(Signal::TERM);
    assert_eq!(program.ended().code(), Some(143));
}

#[test]
fn other_signals_request_quit_when_chosen() {
    let program = Program::start(&["answer", "hangup-too"]);
    program.expect("ready");
    program.signal(Signal::HUP);
    program.expect("asked: SIGHUP (1)");
    program.signal(Signal::HUP);
    assert_eq!(program.ended().code(), Some(129));
}

#[test]
fn signals_that_were_not_chosen_keep_their_default() {
    let program = Program::start(&["rounds"]);
    program.expect("starting");
    program.expect("ready");
    program.signal(Signal::USR1);
    assert_eq!(program.ended().signal(), Some(10));
}

/// Case: QUIT-12
#[test]
fn a_signal_during_the_set_up_is_seen_at_the_first_look() {
    let mut program = Program::start(&["first-look"]);
    program.expect("ready");
    program.signal(Signal::TERM);
    program.tell("go on");
    program.expect("rounds: 0");
    program.ended_well();
}

/// A handler is put in place in several steps. A signal between two of them must not be swallowed:
/// it ends the process (too early for quit) or requests quit, and the sleep that follows ends. The
/// moment is hunted: later after an end, earlier after a quit.
///
/// Case: QUIT-12
#[test]
fn a_signal_at_any_moment_of_install_is_obeyed() {
    let (mut moment, mut step) = (Duration::ZERO, 100 * MICROSECOND);
    let mut was_late = false;
    for _ in 0..150 {
        let program = Program::start(&["rounds"]);
        program.expect("starting");
        let at = Instant::now() + moment;
        while Instant::now() < at {
            spin_loop();
        }
        program.signal(Signal::TERM);
        let mut said = Vec::new();
        while let Some(line) = program.next_line() {
            said.push(line);
        }
        let status = program.ended();
        let late = status.success() && said.last().is_some_and(|line| line.starts_with("asked"));
        assert!(late || status.signal() == Some(15), "{status}, {said:?}");

        step = if late == was_late { step * 3 / 2 } else { step / 2 };
        step = step.clamp(MICROSECOND, 100 * MICROSECOND);
        moment = if late { moment.saturating_sub(step) } else { moment + step };
        was_late = late;
    }
}

const MICROSECOND: Duration = Duration::from_micros(1);

/// Case: QUIT-13
#[test]
fn a_signal_is_a_reason_and_gets_its_deadline_by_a_request() {
    let program = Program::start(&["reason"]);
    program.expect("ready");
    program.signal(Signal::TERM);
    program.ended_well();
}
