//! Descriptors are short. Alone in its program: limits are those of the whole process.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::os::fd::AsRawFd;

use rustix::process::{Resource, getrlimit, setrlimit};

use log_reader::last;

mod support;
use support::*;

const SOURCES: usize = 12;
const ASIDES: usize = 99;

/// Sets how many may be open; `None` for as many as before.
fn limit(most: Option<u64>) {
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = most.or(limits.maximum);
    setrlimit(Resource::Nofile, limits).unwrap();
}

#[test]
fn few_descriptors_do_for_many_old_files_and_too_few_make_nothing_new_of_old_lines() {
    let bed = Bed::new();
    for source in 0..SOURCES {
        for aside in 1..=ASIDES {
            let line = format!("2026-11-28T00:00:00.{aside:03}Z {source}\n");
            bed.write(&format!("w{source}.2026-11-28.{aside:04}"), &line);
        }
        bed.write(&format!("w{source}"), "2026-11-28T00:00:01Z now\n");
    }
    let sources = || (0..SOURCES).map(|source| bed.log_file(&format!("w{source}")));

    limit(Some(256));
    let mut found = last(sources(), 100_000);
    let shown = follow_all(&mut found);
    limit(None);
    assert_eq!((found.problems(), shown.len()), (Vec::new(), SOURCES * (1 + ASIDES)));
    assert!(shown.is_sorted_by_key(|line| line.split_once(" ").unwrap().0.to_owned()));
    expect_nothing(&mut found.follow());

    let lowest = std::fs::File::open("/dev/null").unwrap().as_raw_fd();
    let lowest = u64::try_from(lowest).unwrap();
    // Nothing at all can be opened, or not that of the last sources.
    for more in [0, 6] {
        limit(Some(lowest + more));
        let mut found = last(sources(), 0);
        let shown = follow_all(&mut found);
        let problems = found.problems();
        let mut follower = found.follow();
        limit(None);
        assert_eq!(shown, [""; 0]);
        assert!(problems.iter().any(|problem| problem.contains("w11")), "{problems:?}");
        bed.append("w11", "new\n");
        bed.rename("w11", "w11.2026-11-29");
        bed.write("w11", "newer\n");
        bed.append("w10", "also\n");
        let mut lines: Vec<_> = (0..3).map(|_| text(&next(&mut follower))).collect();
        lines.sort();
        assert_eq!(lines, ["also", "new", "newer"]);
        expect_nothing(&mut follower);
        bed.remove("w11.2026-11-29");
    }
}
