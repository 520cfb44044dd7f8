//! Roles that are asked to stop.

use std::thread;
use std::time::{Duration, Instant};

use quit::{Reason, Request, SecondSignal, Signals, Slept};

use crate::{hear, say, say_asked};

const SIGHUP: i32 = 1;
const SIGTERM: i32 = 15;

/// A service as users write it.
pub(crate) fn rounds() {
    say("starting");
    quit::install().expect("there are descriptors");
    say("ready");
    while !quit::quit_requested() {
        quit::sleep(Duration::from_secs(3600));
    }
    say_asked();
}

/// Installs as told, then goes on after the quit and repeats what it hears.
pub(crate) fn answer(how: &str) {
    let ignored = || Signals::default().second_signal(SecondSignal::Ignored);
    match how {
        "install" => quit::install(),
        "install-again" => quit::install().and_then(|()| quit::install()),
        "install-from-many-threads" => {
            thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| quit::install().expect("there are descriptors"));
                }
            });
            Ok(())
        }
        "hangup-too" => quit::install_with(Signals::default().and(SIGHUP)),
        "ignore" => quit::install_with(ignored()),
        "ignore-then-install" => quit::install_with(ignored()).and_then(|()| quit::install()),
        "ignore-then-end" => {
            quit::install_with(ignored()).and_then(|()| quit::install_with(Signals::default()))
        }
        "end-then-ignore" => quit::install().and_then(|()| quit::install_with(ignored())),
        unknown => panic!("no such way: {unknown}"),
    }
    .expect("there are descriptors");
    say("ready");
    assert_eq!(quit::sleep(Duration::MAX), Slept::Quit);
    say_asked();
    repeat_until_eof();
}

/// The program requests quit itself before the first signal comes: that signal must not count as the
/// second.
pub(crate) fn answer_after_request() {
    quit::install().expect("there are descriptors");
    quit::request(Reason::Stop);
    say_asked();
    repeat_until_eof();
}

/// The signal arrives while the set-up is still going on, and is seen before the first round.
pub(crate) fn first_look() {
    quit::install().expect("there are descriptors");
    say("ready");
    hear();
    let mut rounds = 0;
    while !quit::quit_requested() {
        rounds += 1;
    }
    say(&format!("rounds: {rounds}"));
}

/// Why and until when, before and after a signal.
pub(crate) fn reason() {
    quit::install().expect("there are descriptors");
    assert_eq!((quit::reason(), quit::deadline(), quit::remaining()), (None, None, None));
    say("ready");
    quit::sleep(Duration::MAX);
    assert_eq!(quit::reason(), Some(Reason::Signal(SIGTERM)));
    assert_eq!((quit::deadline(), quit::remaining()), (None, None));

    // The request that gives the signal its deadline does not change the reason.
    let deadline = Instant::now() + Duration::from_secs(3600);
    quit::request(Request::new(Reason::Stop).until(deadline));
    quit::request(Request::new(Reason::Scale).until(deadline + Duration::from_secs(1)));
    assert_eq!(quit::reason(), Some(Reason::Signal(SIGTERM)));
    assert_eq!(quit::deadline(), Some(deadline));
    assert!(quit::remaining().is_some_and(|left| left <= Duration::from_secs(3600)));

    quit::request(Request::new(Reason::Stop).within(Duration::ZERO));
    assert_eq!(quit::remaining(), Some(Duration::ZERO));
}

/// Everything but signals works without handlers.
pub(crate) fn without_install() {
    assert!(!quit::quit_requested());
    assert_eq!(quit::sleep(Duration::from_millis(5)), Slept::Elapsed);
    let sleepers: Vec<_> =
        (0..8).map(|_| thread::spawn(|| quit::sleep(Duration::from_secs(3600)))).collect();
    quit::request_quit();
    for sleeper in sleepers {
        assert_eq!(sleeper.join().expect("it does not panic"), Slept::Quit);
    }
    assert!(quit::quit_requested());
    assert_eq!(quit::reason(), Some(Reason::Requested));
    // Quit has been requested, so this sleep ends at once, too, though no handler is installed.
    assert_eq!(quit::sleep_in_steps(Duration::MAX, quit::DEFAULT_STEP), Slept::Quit);
}

fn repeat_until_eof() {
    while let Some(line) = hear() {
        say(&line);
    }
}
