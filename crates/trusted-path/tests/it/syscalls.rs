//! What it costs, in system calls: by strace(1), where it is.

use std::path::Path;
use std::process::Command;

use crate::bed::{Bed, append};

pub(crate) fn opening_takes_few_system_calls() {
    if cfg!(not(target_os = "linux")) || Command::new("strace").arg("-V").output().is_err() {
        println!("(no strace here: left out)");
        return;
    }
    if rustix::process::geteuid().as_raw() == 65534 {
        println!("(the overflow user has to see first that he is none: left out)");
        return;
    }
    let bed = Bed::new();
    append(&bed.path("app.log")).unwrap();
    let role = bed.role("syscalls::open_once");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=file,desc", "-o"]).arg(bed.path("trace"));
    strace.arg(role.get_program()).args(role.get_args());
    if !strace.status().unwrap().success() {
        println!("(strace may not trace here: left out)");
        return;
    }
    let trace = std::fs::read_to_string(bed.path("trace")).unwrap();
    let lines = trace.lines().skip_while(|line| !line.contains("/mark-1"));
    let lines: Vec<_> = lines.skip(1).take_while(|line| !line.contains("/mark-2")).collect();
    // Left out: the calls that probe for the marks, and what a debug build asks before it closes a
    // descriptor.
    let calls = lines
        .iter()
        .filter(|line| !line.contains("NULL"))
        .filter_map(|line| line.split_whitespace().nth(1)?.split('(').next())
        .filter(|call| call.contains("open") || call.contains("stat") || call.contains("link"));
    let calls: Vec<_> = calls.collect();
    assert_eq!(calls.len(), 5, "{lines:#?}");
    assert_eq!((calls[0], calls[3]), ("openat2", "openat"), "{calls:?}");
    assert!([1, 2, 4].iter().all(|at| calls[*at].contains("stat")), "{calls:?}");
}

pub(crate) fn open_once(bed: &Path) {
    let _ = std::fs::metadata("/mark-1");
    let opened = append(&bed.join("app.log")).unwrap();
    let _ = std::fs::metadata("/mark-2");
    drop(opened);
}
