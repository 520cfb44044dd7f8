//! The daemon's pid file, from its start to its end.

use std::os::unix::fs::MetadataExt;

use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![the_pid_file_is_there_as_long_as_the_daemon]
}

/// Cases: F-01, PID-02, PID-15
fn the_pid_file_is_there_as_long_as_the_daemon() {
    let bed = bed();
    let daemon = bed.start("{}");
    assert_eq!(bed.read("d.pid"), format!("{}\n", daemon.pid()));
    assert_eq!(bed.path("d.pid").metadata().unwrap().mode() & 0o777, 0o644);
    assert!(daemon.guardian().title().starts_with("fixture: guardian d "));
    daemon.stop();
    bed.nothing_left();
}
