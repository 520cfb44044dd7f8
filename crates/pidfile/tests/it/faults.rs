//! System calls that fail as they do elsewhere, and kills right before each of them: by strace,
//! skipped with a line that says so where there is none.

use std::fs;
use std::process::{Command, Stdio};

use pidfile::{PidFile, Probe, probe};

use crate::bed::{Actor, Bed, skip};

/// What another kernel, file system or a missing /proc would answer.
const NO_LINK_BY_DESCRIPTOR: &str = "inject=linkat:error=ENOENT:when=1";
const NO_LINK_BY_PROC_EITHER: &str = "inject=linkat:error=ENOENT:when=1..2";
const NO_RENAME_WITHOUT_REPLACING: &str = "inject=renameat2:error=EINVAL";
/// Fails all of renameat2(2), so that a start cannot take this way instead.
const NO_RENAME_AT_ALL: &str = "inject=renameat2:error=EIO";
const NO_LOCKS: &str = "inject=fcntl:error=ENOLCK";

/// The calls that change something, or tell something that is acted upon.
const CALLS: [&str; 8] =
    ["openat2", "openat", "newfstatat", "fcntl", "pwrite64", "fchmod", "linkat", "unlinkat"];

fn strace(bed: &Bed, faults: &[String], verb: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    for fault in faults {
        command.arg("-e").arg(fault);
    }
    command.arg(Actor::command().get_program()).arg(verb).arg(bed.pid_file());
    command
}

fn can_strace() -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", NO_LOCKS, "true"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn owned(faults: &[&str]) -> Vec<String> {
    faults.iter().map(|fault| (*fault).to_owned()).collect()
}

/// Case: PID-27
#[test]
fn a_file_system_without_locks_is_a_typed_error_and_nothing_is_left() {
    if !can_strace() {
        return skip("no strace");
    }
    let bed = Bed::new();
    let refused = format!(
        "error: the file system of pid file `{}` has no locks: No locks available (os error 37)",
        bed.pid_file().display()
    );
    Actor::start(strace(&bed, &owned(&[NO_LOCKS]), "hold")).expect(&refused);
    assert_eq!(bed.names(), [""; 0]);

    fs::write(bed.pid_file(), "123\n").unwrap();
    for verb in ["hold", "probe", "holder", "wait"] {
        Actor::start(strace(&bed, &owned(&[NO_LOCKS]), verb)).expect(&refused);
    }
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), "123\n");
}

#[test]
fn each_way_to_give_a_new_file_its_name_gives_the_same_result() {
    if !can_strace() {
        return skip("no strace");
    }
    for faults in [
        owned(&[NO_LINK_BY_DESCRIPTOR, NO_RENAME_AT_ALL]),
        owned(&[NO_LINK_BY_PROC_EITHER]),
        owned(&[NO_LINK_BY_PROC_EITHER, NO_RENAME_WITHOUT_REPLACING]),
    ] {
        let bed = Bed::new();
        let mut actor = Actor::start(strace(&bed, &faults, "hold"));
        let line = actor.line();
        let pid: u32 = line.strip_prefix("held ").expect(&line).parse().unwrap();
        assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), format!("{pid}\n"));
        assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(pid) });
        assert_eq!(bed.names(), ["my.pid"]);
        actor.tell("release");
        actor.expect("released");
        assert_eq!(bed.names(), [""; 0]);
    }
}

/// Kills a start and a stop before its first, second, third … call of each kind, until it comes
/// through; `check` looks at what each kill left.
fn kill_before_each_call(faults: &[&str], stale: bool, check: impl Fn(&Bed)) {
    let mut kills = 0;
    for call in CALLS {
        for nth in 1.. {
            let bed = Bed::new();
            if stale {
                fs::write(bed.pid_file(), "4194304\n").unwrap();
            }
            let mut faults = owned(faults);
            faults.push(format!("inject={call}:signal=KILL:when={nth}"));
            let mut actor = Actor::start(strace(&bed, &faults, "take"));
            let came_through = actor.end().success();
            check(&bed);
            PidFile::acquire(bed.pid_file()).unwrap().release().unwrap();
            if came_through {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > CALLS.len(), "only {kills} kills");
}

#[test]
fn a_kill_before_any_call_leaves_at_most_a_stale_file() {
    if !can_strace() {
        return skip("no strace");
    }
    for stale in [false, true] {
        kill_before_each_call(&[], stale, |bed| {
            let names = bed.names();
            assert!(names.is_empty() || names == ["my.pid"], "{names:?}");
            let found = probe(bed.pid_file()).unwrap();
            assert!(matches!(found, Probe::Absent | Probe::Stale { .. }), "{found:?}");
        });
    }
}

/// There a kill can leave a temporary file. The next start removes it.
#[test]
fn where_files_need_a_name_from_the_start_nothing_is_left_for_long() {
    if !can_strace() {
        return skip("no strace");
    }
    kill_before_each_call(&[NO_LINK_BY_PROC_EITHER], false, |bed| {
        assert!(bed.names().len() <= 1, "{:?}", bed.names());
        let again = strace(bed, &owned(&[NO_LINK_BY_PROC_EITHER]), "take");
        assert!(Actor::start(again).end().success());
        assert_eq!(bed.names(), [""; 0]);
    });
}
