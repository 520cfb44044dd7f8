//! Waiting until a pid file is free.

use std::fs;
use std::io::pipe;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use pidfile::{Error, wait_free};

use crate::bed::{Bed, LIMIT};

#[test]
fn what_nobody_holds_is_free() {
    let bed = Bed::new();
    assert!(wait_free(bed.pid_file(), None, None).unwrap());
    fs::write(bed.pid_file(), "123\n").unwrap();
    assert!(wait_free(bed.pid_file(), None, None).unwrap());
    assert!(wait_free(bed.pid_file(), Some(Duration::ZERO), None).unwrap());
}

#[test]
fn a_wait_ends_when_the_holder_is_killed() {
    let bed = Bed::new();
    let mut holder = bed.holder();
    let waiting = bed.actor("wait");
    waiting.expect_waiting();
    assert_eq!(waiting.line_already_said(), None);
    holder.kill();
    waiting.expect("free: true");
}

/// A pidfd would not tell: the holder lives on.
#[test]
fn a_wait_ends_when_the_holder_releases_and_lives_on() {
    for farewell in ["release", "drop"] {
        let bed = Bed::new();
        let mut holder = bed.holder();
        let waiting = bed.actor("wait");
        waiting.expect_waiting();
        holder.tell(farewell);
        waiting.expect("free: true");
        assert!(holder.is_alive());
    }
}

#[test]
fn a_wait_includes_the_dependent() {
    let bed = Bed::new();
    let mut holder = bed.holder();
    let mut dependent = bed.dependent_of(&holder);
    let waiting = bed.actor("wait");
    waiting.expect_waiting();
    holder.kill();
    assert!(!wait_free(bed.pid_file(), Some(Duration::ZERO), None).unwrap());
    assert_eq!(waiting.line_already_said(), None);
    dependent.kill();
    waiting.expect("free: true");
}

#[test]
fn a_wait_ends_at_its_limit_and_not_before() {
    let bed = Bed::new();
    let _holder = bed.holder();
    for limit in [Duration::ZERO, Duration::from_millis(50)] {
        let start = Instant::now();
        assert!(!wait_free(bed.pid_file(), Some(limit), None).unwrap());
        assert!(limit <= start.elapsed());
    }
}

/// A request comes before a deadline, also before one that has passed.
#[test]
fn who_only_asks_hears_that_he_is_woken() {
    let bed = Bed::new();
    let _holder = bed.holder();
    let (woken, wakes) = pipe().unwrap();
    assert!(!wait_free(bed.pid_file(), Some(Duration::ZERO), Some(woken.as_fd())).unwrap());
    drop(wakes);
    let asked = wait_free(bed.pid_file(), Some(Duration::ZERO), Some(woken.as_fd()));
    assert!(matches!(asked, Err(Error::Interrupted { .. })), "{asked:?}");
}

#[test]
fn a_wait_ends_when_woken_however_long_it_may_last() {
    let bed = Bed::new();
    let _holder = bed.holder();
    let (asked_to_quit, asking) = pipe().unwrap();
    drop(asking);
    for limit in [None, Some(Duration::MAX), Some(LIMIT)] {
        let error = wait_free(bed.pid_file(), limit, Some(asked_to_quit.as_fd())).unwrap_err();
        assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    }
}

#[test]
fn who_came_after_is_not_waited_for() {
    let bed = Bed::new();
    let mut holder = bed.holder();
    let waiting = bed.actor("wait");
    waiting.expect_waiting();
    let mut next = bed.actor("hold-in-turn");
    next.expect_waiting();
    holder.kill();
    next.expect(&format!("held {}", next.pid()));
    waiting.expect("free: true");
    assert!(next.is_alive());
}

#[test]
fn waits_that_are_given_up_share_one_thread() {
    let bed = Bed::new();
    let mut holder = bed.holder();
    let mut actor = bed.actor_with("give-up-waiting", &["20"]);
    actor.expect("2 threads");
    actor.tell("wait");
    holder.kill();
    actor.expect("free: true");
}
