//! Both ends in one process.

use std::sync::atomic::AtomicUsize;
use std::sync::{Barrier, Mutex};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};

use super::*;
use crate::Timer;

/// Long enough to pass in no test.
const LONG: Duration = Duration::from_secs(3600);

/// Both ends, of which one has beaten once.
fn both(limit: Duration) -> (Timer, Beat) {
    let (timer, beat) = (Timer::new().unwrap(), Beat::new());
    beat.begin(timer.share().unwrap(), Limits::new(limit), || ());
    (timer, beat)
}

/// Winds the timer up as a beat would with this limit.
fn start(timer: &Timer, limit: Duration) {
    wind_up(timer.as_fd(), first(limit), limit).unwrap();
}

/// When the timer runs out; `None`: it does not run.
fn left(timer: &Timer) -> Option<Duration> {
    sys::left(timer.as_fd()).filter(|left| !left.is_zero())
}

fn wait(timer: &Timer) {
    let timer = timer.as_fd();
    assert_eq!(poll(&mut [PollFd::new(&timer, PollFlags::IN)], None).unwrap(), 1);
}

/// What a thread does that is not the first.
fn elsewhere(what: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(what).join().unwrap());
}

/// What [`alive`] does.
fn alive(beat: &Beat) {
    beat.alive(beat.due.load(Ordering::Relaxed));
}

#[test]
fn silence_is_told_after_half_of_the_limit_and_each_quarter() {
    let timer = Timer::new().unwrap();
    let began = Instant::now();
    start(&timer, Duration::from_millis(400));
    assert_eq!(timer.silences(), 0);
    for (told, ms) in [(1, 200), (2, 300), (3, 400)] {
        wait(&timer);
        assert!(Duration::from_millis(ms) <= began.elapsed(), "{told}");
        assert!(0 < timer.silences());
    }
}

/// Whoever was held up finds more than one.
#[test]
fn who_looks_late_can_tell() {
    let timer = Timer::new().unwrap();
    start(&timer, Duration::from_millis(40));
    let late = Instant::now() + Duration::from_millis(60);
    let other = Timer::new().unwrap();
    start(&other, Duration::from_millis(120));
    wait(&other);
    assert!(late <= Instant::now());
    assert!(timer.silences() >= 4, "at 20, 30, 40, 50 and 60 ms");
}

#[test]
fn a_beat_that_comes_late_takes_the_silence_back() {
    let (timer, beat) = both(LONG);
    let short = Duration::from_millis(10);
    start(&timer, short);
    wait(&timer);
    assert!(!timer.is_wound_up(short));
    beat.due.store(0, Ordering::Relaxed);
    alive(&beat);
    assert!(timer.is_wound_up(short));
    assert_eq!(timer.silences(), 0);
    assert!(left(&timer).is_some_and(|left| LONG / 3 < left));
}

#[test]
fn the_timer_is_wound_up_once_in_an_eighth_of_the_limit() {
    let (timer, beat) = both(LONG);
    // Were it wound up again, it would have more.
    start(&timer, LONG / 2);
    for _ in 0..1000 {
        alive(&beat);
    }
    assert!(left(&timer).is_some_and(|left| left <= LONG / 4));
}

/// Case: WD-03
#[test]
fn more_time_has_a_bound_and_ends_with_the_next_beat() {
    let (timer, beat) = both(LONG);
    let most = Limits::new(LONG).busy_at_most;
    assert_eq!(most, LONG);
    beat.busy_for(Duration::MAX);
    assert!(left(&timer).is_some_and(|left| left <= most));
    let generous = Beat::new();
    let limits = Limits { busy_at_most: 5 * LONG, ..Limits::new(LONG) };
    generous.begin(timer.share().unwrap(), limits, || ());
    generous.busy_for(3 * LONG);
    assert!(left(&timer).is_some_and(|left| 2 * LONG < left && left <= 3 * LONG));
    generous.busy_for(9 * LONG);
    assert!(left(&timer).is_some_and(|left| 4 * LONG < left && left <= 5 * LONG));
    alive(&generous);
    assert!(left(&timer).is_some_and(|left| left <= LONG / 2));
    generous.busy_for(Duration::ZERO);
    assert!(left(&timer).is_some_and(|left| LONG / 3 < left), "never less than the limit");
}

/// Case: PL-75
#[test]
fn who_rests_owes_no_beat_and_waking_up_is_one() {
    let (timer, beat) = both(LONG);
    // What drops it is of the process' own beat.
    std::mem::forget(beat.rest());
    assert_eq!(left(&timer), None);
    std::mem::forget(beat.rest());
    beat.rested();
    assert_eq!(left(&timer), None, "it rests within a rest");
    beat.rested();
    assert!(left(&timer).is_some());
}

#[test]
fn the_rest_of_a_thread_that_owes_nothing_changes_nothing() {
    let (timer, beat) = both(LONG);
    elsewhere(|| {
        std::mem::forget(beat.rest());
        assert!(left(&timer).is_some());
        beat.rested();
    });
    // The one that has beaten last owes, and not the first any more.
    beat.due.store(0, Ordering::Relaxed);
    elsewhere(|| alive(&beat));
    std::mem::forget(beat.rest());
    assert!(left(&timer).is_some());
    beat.rested();
    // The one that rests owes nothing as soon as another beats.
    beat.busy_for(LONG);
    std::mem::forget(beat.rest());
    assert_eq!(left(&timer), None);
    elsewhere(|| alive(&beat));
    assert!(left(&timer).is_some());
}

/// Case: PL-74
#[test]
fn a_descriptor_that_was_closed_ends_the_beats_and_nothing_else() {
    static LOST: AtomicUsize = AtomicUsize::new(0);
    let beat = Beat::new();
    // Where somebody has closed ours, its number may be anything's.
    let null = std::fs::File::open("/dev/null").unwrap();
    beat.begin(null.into(), Limits::new(LONG), || {
        LOST.fetch_add(1, Ordering::Relaxed);
    });
    for _ in 0..3 {
        alive(&beat);
        beat.busy_for(LONG);
        std::mem::forget(beat.rest());
        beat.rested();
    }
    assert_eq!(LOST.load(Ordering::Relaxed), 1, "it is told once");
    assert_eq!(beat.due.load(Ordering::Relaxed), NEVER);
}

/// Whatever threads do at once, the timer runs in the end if and only if the one that owes a beat does not rest.
///
/// Case: WD-08
#[test]
fn threads_that_beat_and_rest_at_once_leave_the_timer_as_it_was_wanted_last() {
    let (timer, beat) = both(LONG);
    let seeds = Mutex::new(1..);
    for round in 0..300 {
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let seed: usize = seeds.lock().unwrap().next().unwrap();
                    barrier.wait();
                    for step in 0..20 {
                        if (seed + step).is_multiple_of(3) {
                            std::mem::forget(beat.rest());
                            beat.rested();
                        } else {
                            beat.busy_for(LONG);
                        }
                    }
                    std::mem::forget(beat.rest());
                });
            }
        });
        // The last one to beat rests now.
        assert_eq!(left(&timer), None, "round {round}");
        beat.busy_for(LONG);
        assert!(left(&timer).is_some(), "round {round}");
    }
}
