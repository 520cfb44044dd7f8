//! Roles that wait, in one or many threads.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{never, select};
use quit::{QuitToken, Reason, Slept};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{say, say_asked};

const SIGUSR1: i32 = 10;

/// Many threads sleep, in every way; one signal wakes them all.
pub(crate) fn crowd() {
    quit::install().expect("there are descriptors");
    let hour = Duration::from_secs(3600);
    let sleepers: Vec<_> = (0..100)
        .map(|number| {
            thread::spawn(move || match number % 4 {
                0 => quit::sleep(hour),
                1 => quit::sleep(Duration::MAX),
                2 => quit::sleep_in_steps(hour, hour),
                _ => quit::sleep_in_steps_until(hour, hour, || false),
            })
        })
        .collect();
    say("ready");
    let woken = sleepers
        .into_iter()
        .map(|sleeper| sleeper.join().expect("it does not panic"))
        .filter(|slept| slept.was_cut_short())
        .count();
    say(&format!("woken: {woken}"));
}

/// A handler of the program's own runs during the sleep, again and again.
pub(crate) fn interrupted() {
    let handled = Arc::new(AtomicUsize::new(0));
    signal_hook::flag::register_usize(SIGUSR1, Arc::clone(&handled), 1)
        .expect("SIGUSR1 can be caught");
    say("ready");
    let time = Duration::from_millis(300);
    let start = Instant::now();
    let slept = quit::sleep(time);
    let elapsed = start.elapsed();
    assert_eq!(slept, Slept::Elapsed);
    assert!(time <= elapsed, "it ended after {elapsed:?}");
    assert_eq!(handled.load(Ordering::SeqCst), 1, "no signal came during the sleep");
    say("slept");
}

/// The channel: several threads, several clones, one signal.
pub(crate) fn receiver() {
    quit::install().expect("there are descriptors");
    let receiver = quit::receiver().expect("a thread can be started");
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            let quit = receiver.clone();
            thread::spawn(move || {
                let work = never::<()>();
                select! {
                    recv(work) -> _ => panic!("nobody sends"),
                    recv(quit) -> told => assert!(told.is_err(), "a message was sent"),
                }
                assert!(quit::quit_requested(), "the flag comes first");
            })
        })
        .collect();
    assert!(receiver.try_recv().is_err_and(|error| error.is_empty()), "it is ready too early");
    say("ready");
    for waiter in waiters {
        waiter.join().expect("it does not panic");
    }
    // It stays so for ever, also for a receiver that is made later.
    for late in [receiver.clone(), quit::receiver().expect("the thread was started")] {
        for _ in 0..3 {
            assert!(late.try_recv().is_err_and(|error| error.is_disconnected()));
        }
    }
    say_asked();
}

/// A child token of the process: it quits by the process's signal, the process not by the child's.
pub(crate) fn child_token() {
    quit::install().expect("there are descriptors");
    let process = QuitToken::process();
    let alone = process.child().expect("there are descriptors");
    let with_us = process.child().expect("there are descriptors");
    let grandchild = with_us.child().expect("there are descriptors");

    alone.request(Reason::Scale);
    assert!(alone.requested() && !with_us.requested() && !quit::quit_requested());
    assert_eq!(quit::sleep(Duration::ZERO), Slept::Elapsed);

    let sleeper = {
        let token = grandchild.clone();
        thread::spawn(move || token.sleep(Duration::MAX))
    };
    let receiver = grandchild.receiver().expect("the thread was started");
    say("ready");
    assert_eq!(sleeper.join().expect("it does not panic"), Slept::Quit);
    assert!(receiver.recv().is_err());
    assert!(readable(&with_us) && readable(&grandchild));
    assert!(with_us.requested() && quit::quit_requested());
    assert_eq!(with_us.reason(), quit::reason());
    assert_eq!(grandchild.reason(), quit::reason());
    assert_eq!(alone.reason(), Some(Reason::Scale));

    // A token that is made after the quit: it is requested from the start.
    let late = grandchild.child().expect("there are descriptors");
    assert!(late.requested() && readable(&late));
    assert!(late.receiver().expect("the thread was started").recv().is_err());
    say_asked();
}

/// Whether it becomes readable within ten seconds.
fn readable(token: &QuitToken) -> bool {
    let descriptor = token.descriptor().expect("it was made with the token");
    let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
    let mut waited_for = [PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)];
    poll(&mut waited_for, Some(&limit)).expect("no handler runs here") == 1
}
