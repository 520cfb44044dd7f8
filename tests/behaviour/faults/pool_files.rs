//! What a pool does about pid files of its workers, and what those can say of them (kinds B and E).

use std::fs;

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        one_without_our_rights_does_not_keep_its_pid_file_from_being_removed,
        a_pool_keeps_no_list_of_pid_files_that_its_workers_tell_of,
        a_pid_file_that_could_not_be_looked_at_is_tried_again,
    ]
}

/// A word that it has removed its file itself was believed from one that had no right to do it, by the pool and by
/// the guardian, and so the file of a dead one stayed for good.
///
/// Case: FLT-B3
fn one_without_our_rights_does_not_keep_its_pid_file_from_being_removed() {
    if !is_root() {
        return eprintln!("skipped: giving up root needs root");
    }
    let bed = bed();
    let lies = format!("{{name: red, args: [become_user: {NOBODY}, tell: Released, abort]}}");
    let workers = format!("{{restart: never, workers: [{lies}]}}");
    bed.write("w.yaml", &workers);
    bed.run(["workers", "w.yaml"]).fails(&["ended by SIGABRT"]);
    assert_eq!(bed.pid_files(), [""; 0]);
    bed.run(["start", &bed.options(&format!("{{daemon_args: [{{workers: {workers}}}]}}"))])
        .success();
    bed.wait_nobody_left();
    assert_eq!(bed.pid_files(), [""; 0]);
}

/// Each worker's list was kept by its pool, which removes none of them: eight mebibytes each.
///
/// Case: FLT-B5
fn a_pool_keeps_no_list_of_pid_files_that_its_workers_tell_of() {
    // Of its own: what of the program itself is in memory grows with that.
    const KIB: u64 = 8 << 10;
    let bed = bed();
    let worker =
        |n| format!("{{name: w{n}, args: [tell_pid_files: 30000, say: has told, rounds]}}");
    let workers: Vec<String> = (0..8).map(worker).collect();
    bed.write("w.yaml", format!("{{workers: [{}]}}", workers.join(", ")));
    let pool = bed.launch(["workers", "w.yaml"]);
    for n in 0..8 {
        bed.expect(&format!("worker w{n} has told, run 1"));
    }
    let process = bed.by_pid(pool.pid());
    let memory = process.status("RssAnon");
    let memory: u64 = memory.split_whitespace().next().unwrap().parse().unwrap();
    assert!(memory < KIB, "{memory} KiB");
    process.signal(Signal::TERM);
    pool.finish().success();
    bed.nothing_left();
}

/// It was tried once: after a disk's failure the number of a dead one stayed.
///
/// Case: FLT-E3
fn a_pid_file_that_could_not_be_looked_at_is_tried_again() {
    let bed = bed();
    let pool = "{restart: never, workers: [{name: red, args: [say: is there, rounds]}, {name: blue, args: [rounds]}]}";
    let daemon = bed
        .start(&format!("{{logging_config: {{file: d.log}}, daemon_args: [{{workers: {pool}}}]}}"));
    bed.expect("worker red is there, run 1");
    let worker = bed.process("worker red");
    // Something is in the way for a while.
    fs::rename(bed.path("red.pid"), bed.path("away")).unwrap();
    fs::create_dir(bed.path("red.pid")).unwrap();
    worker.signal(Signal::KILL);
    bed.expect_in_file("d.log", "red.pid` is a folder");
    fs::remove_dir(bed.path("red.pid")).unwrap();
    fs::rename(bed.path("away"), bed.path("red.pid")).unwrap();
    bed.expect_no_file("red.pid");
    daemon.stop();
    bed.nothing_left();
}
