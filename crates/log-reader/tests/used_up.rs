//! The system has no inotify for us. Alone in its program: limits are those of the whole process.
#![allow(clippy::unwrap_used, reason = "a test")]

use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::Instant;

use log_reader::last;

mod support;
use support::*;

/// Case: CC-70
#[test]
fn without_inotify_files_are_looked_at_and_that_is_said_once() {
    let bed = Bed::new();
    bed.write("app.log", "one\n");
    let mut found = last([bed.log_file("app.log")], 0);
    assert_eq!(found.next(), None);
    bed.append("app.log", "since\n");
    let limits = getrlimit(Resource::Nofile);
    let next = File::open("/dev/null").unwrap().as_raw_fd();
    let mut few = limits;
    few.current = Some(u64::try_from(next).unwrap());
    setrlimit(Resource::Nofile, few).unwrap();
    let mut follower = found.follow();
    setrlimit(Resource::Nofile, limits).unwrap();

    assert!(follower.descriptor().is_none());
    let problems = follower.problems();
    assert!(problems.len() == 1 && problems[0].contains("inotify"), "{problems:?}");
    let line = follower.turn(Instant::now());
    assert_eq!(line.as_ref().map(text).as_deref(), Some("since"), "the first look is at once");
    bed.append("app.log", "two\n");
    expect(&mut follower, &["two"]);
    bed.rename("app.log", "app.log.2026-11-28");
    bed.write("app.log", "three\n");
    expect(&mut follower, &["three"]);
    assert_eq!(follower.problems(), [] as [String; 0]);
    assert!(follower.deadline().is_some(), "the next look");
}
