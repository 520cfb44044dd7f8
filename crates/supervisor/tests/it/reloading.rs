//! A daemon is asked to read anew what it works by.

use std::path::PathBuf;
use std::time::Instant;

use libtest_mimic::Trial;
use rustix::process::Signal;
use supervisor::{Daemon, DaemonOptions};
use surroundings::ReloadListener;

use crate::bed::{self, Bed, LIMIT, launch, rounds, signal, write_line};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_request_reaches_the_entry_by_signal_and_by_socket,
        where_nobody_listens_it_is_refused,
        files_are_opened_anew_first_on_the_same_signal,
        what_cannot_ask_for_it_is_refused,
    ]
}

/// Writes a line for each request, until it is asked to quit; it keeps no workers.
pub(crate) fn listens(journal: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let listener = ReloadListener::new()?;
    write_line(&journal, "ready");
    while !quit::quit_requested() {
        waiter::readable(&[quit::descriptor()?, listener.descriptor()], None)?;
        listener.hear();
        if surroundings::reload_requested() {
            write_line(&journal, "reloads");
        }
    }
    Ok(())
}

fn lines(bed: &Bed, line: &str) -> usize {
    bed.journal().lines().filter(|other| *other == line).count()
}

fn expect(bed: &Bed, line: &str, count: usize) {
    let until = Instant::now() + LIMIT;
    while lines(bed, line) < count {
        assert!(Instant::now() < until, "{}", bed.journal());
        quit::sleep(std::time::Duration::from_millis(5));
    }
}

fn ask(bed: &Bed) -> Daemon {
    Daemon::at(bed.pid_file())
}

fn options(bed: &Bed) -> DaemonOptions {
    DaemonOptions::new(bed.pid_file(), listens, bed.path("journal"))
}

/// Case: CTL-07
fn a_request_reaches_the_entry_by_signal_and_by_socket() {
    let bed = Bed::new();
    let pid = launch(options(&bed));
    expect(&bed, "ready", 1);
    signal(pid, Signal::HUP);
    expect(&bed, "reloads", 1);
    let look = ask(&bed).reload(true).unwrap();
    assert_eq!((look.changes.len(), look.told), (0, 1));
    assert_eq!(ask(&bed).reload(false).unwrap().told, 1);
    expect(&bed, "reloads", 2);
    assert_eq!(lines(&bed, "reloads"), 2, "a look is no request");
    // The next run listens for itself.
    let before = bed.executor();
    ask(&bed).restart_executor().unwrap();
    bed::expect_gone(before);
    expect(&bed, "ready", 2);
    signal(pid, Signal::HUP);
    expect(&bed, "reloads", 3);
    ask(&bed).stop().unwrap();
}

/// Case: CTL-07
fn where_nobody_listens_it_is_refused() {
    let bed = Bed::new();
    let options = DaemonOptions::new(bed.pid_file(), rounds, bed.path("journal"));
    let pid = launch(options.logging_config(logging::LoggingConfig::file(bed.path("log"))));
    let refused = ask(&bed).reload(false).unwrap_err();
    let text = refused.cause().to_string();
    assert!(text.contains("io.appkit.Service.NotReloadable"), "{text}");
    // A signal has no answer: the log has it, and nobody dies of it.
    signal(pid, Signal::HUP);
    let until = Instant::now() + LIMIT;
    let said = "nothing is reloaded: nobody in the executor listens for that";
    while !std::fs::read_to_string(bed.path("log")).unwrap_or_default().contains(said) {
        assert!(Instant::now() < until);
        quit::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(bed.guardian(), pid);
    ask(&bed).stop().unwrap();
}

/// Case: PL-88
fn files_are_opened_anew_first_on_the_same_signal() {
    let bed = Bed::new();
    let hup = Signal::HUP.as_raw();
    let log = bed.path("log");
    let options = options(&bed).reopen_on(hup).reload_on(hup);
    let pid = launch(options.logging_config(logging::LoggingConfig::file(&log)));
    expect(&bed, "ready", 1);
    std::fs::rename(&log, bed.path("old")).unwrap();
    signal(pid, Signal::HUP);
    expect(&bed, "reloads", 1);
    let until = Instant::now() + LIMIT;
    while !log.exists() {
        assert!(Instant::now() < until, "its log is not opened anew");
        quit::sleep(std::time::Duration::from_millis(5));
    }
    ask(&bed).stop().unwrap();
    assert_eq!(lines(&bed, "reloads"), 1, "once each");
}

fn what_cannot_ask_for_it_is_refused() {
    let bed = Bed::new();
    let refused = supervisor::start_daemon(options(&bed).reload_on(Signal::TERM.as_raw()));
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("reload_on `SIGTERM (15)`: give SIGHUP, SIGUSR1 or SIGUSR2"), "{text}");
}
