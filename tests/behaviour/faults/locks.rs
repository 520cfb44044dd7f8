//! Locks that strangers can take (kind D): whoever may read a file may lock it for reading.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libtest_mimic::Trial;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;

use crate::{AT_ONCE, bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        locks_on_each_new_pid_file_make_no_start_fail,
        a_lock_that_is_kept_on_a_stale_file_keeps_nobody_from_a_start,
        a_lock_on_the_file_of_a_killed_worker_delays_neither_its_successor_nor_a_stop,
    ]
}

/// All locks that a reader can have at this instant.
fn lock_for_reading(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    for byte in 0..=3 {
        let lock = libc::flock {
            l_type: libc::F_RDLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: byte,
            l_len: 1,
            l_pid: 0,
        };
        let _ = fcntl(&file, FcntlArg::F_OFD_SETLK(&lock));
    }
    let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
    Some(file)
}

/// Case: FLT-D1
fn locks_on_each_new_pid_file_make_no_start_fail() {
    let bed = bed();
    let done = AtomicBool::new(false);
    let path = bed.path("d.pid");
    let file = bed.options("{}");
    let outputs: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                drop(lock_for_reading(&path));
            }
        });
        let outputs =
            (0..20).flat_map(|_| [bed.run(["start", &file]), bed.run(["stop", "d.pid"])]).collect();
        done.store(true, Ordering::Relaxed);
        outputs
    });
    for output in outputs {
        let output = output.success();
        let expected = ["launched, pid ", "stopped, pid was "];
        assert!(expected.iter().any(|word| output.stdout.starts_with(word)), "{output:?}");
    }
    bed.nothing_left();
}

/// Case: FLT-D5
fn a_lock_that_is_kept_on_a_stale_file_keeps_nobody_from_a_start() {
    let bed = bed();
    let path = bed.write("d.pid", "4194305\n");
    let _kept = lock_for_reading(&path).unwrap();
    bed.start("{}").stop();
    bed.write("d.pid", "4194305\n");
    let _kept = lock_for_reading(&path).unwrap();
    bed.run(["stop", "d.pid"]).says("not running");
    bed.nothing_left();
    let beside: Vec<_> = bed.names().into_iter().filter(|name| name.contains("taking")).collect();
    assert_eq!(beside, [""; 0]);
}

/// Case: FLT-D2
fn a_lock_on_the_file_of_a_killed_worker_delays_neither_its_successor_nor_a_stop() {
    let bed = bed();
    let pool = "restart: at_once, workers: [{name: red}]";
    let daemon = bed.start(&format!("{{{AT_ONCE}, daemon_args: [{{workers: {{{pool}}}}}]}}"));
    bed.expect("worker red started, run 1");
    let mut kept = Vec::new();
    for run in 1..=3 {
        let pid_file = bed.pid_files().into_iter().find(|name| name != "d.pid").unwrap();
        kept.push(lock_for_reading(&bed.path(pid_file)).unwrap());
        bed.process("worker red").signal(Signal::KILL);
        bed.expect(&format!("worker red started, run {}", run + 1));
    }
    daemon.stop();
    assert_eq!(bed.times("executor finished, run 1"), 1, "{:?}", bed.journal());
    bed.nothing_left();
}
