//! What is left below (kind F), and who may have it removed (B3).

use std::os::unix::fs::{PermissionsExt, chown};

use bed::{Process, TestBed};
use libtest_mimic::Trial;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};
use rustix::process::Signal;

use crate::{NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        what_a_run_of_a_worker_leaves_is_gone_before_the_next_begins,
        what_has_left_the_session_of_a_run_is_gone_before_the_next_begins,
        what_has_a_large_environment_is_gone_before_the_next_begins,
        a_zombie_of_the_group_hides_nothing_that_has_left_it,
        a_stop_waits_for_nothing_that_cannot_be_killed,
        what_belongs_to_somebody_else_is_told_of_and_holds_up_nobody,
        siblings_of_a_worker_hold_up_nobody,
        the_loop_of_a_pool_reads_no_environment,
        what_a_killed_worker_leaves_is_gone_before_the_next_begins,
        without_a_guardian_the_group_of_a_run_is_gone_all_the_same,
        an_option_keeps_what_a_worker_leaves,
        an_option_keeps_what_a_daemon_leaves,
        what_is_orphaned_by_one_that_dies_while_it_is_looked_at_is_swept,
        pid_files_that_are_left_are_removed_with_the_rights_of_who_told_of_them,
        a_disk_that_does_not_answer_holds_up_no_end,
        who_gains_roots_rights_after_a_word_has_said_it_without_them,
    ]
}

/// The programs `sleep` of this bed.
pub(super) fn sleepers(bed: &TestBed) -> Vec<Process> {
    bed.processes().into_iter().filter(|process| process.title().starts_with("sleep ")).collect()
}

/// Two runs that fail and leave something behind, and a third one.
fn leaves(command: &str) -> String {
    format!(
        "{{workers: [{{name: red, args: [in_run: [1, {{command: {command}}}], in_run: [2, {{command: \
         {command}}}], in_run: [1, {{gate: go}}], in_run: [1, {{exit: 3}}], in_run: [2, {{exit: 3}}], \
         rounds]}}], restart: {{after: 0}}}}"
    )
}

/// Case: FLT-F1
fn what_a_run_of_a_worker_leaves_is_gone_before_the_next_begins() {
    gone_before_the_next("[sleep, '777']", 1);
}

/// Also a child of what has left, and of what has left that.
///
/// Case: FLT-F1
fn what_has_left_the_session_of_a_run_is_gone_before_the_next_begins() {
    gone_before_the_next("[setsid, sleep, '777']", 1);
    let nested =
        "[setsid, sh, -c, 'setsid sleep 777 & setsid sh -c \"setsid sleep 778 & sleep 779\"']";
    gone_before_the_next(nested, 3);
}

/// A megabyte of it, with what tells the run behind that.
///
/// Cases: FLT-F1, FLT-E3
fn what_has_a_large_environment_is_gone_before_the_next_begins() {
    let large = (1..=10).map(|number| format!("A{number}=$a ")).collect::<String>();
    let sleeper = format!(
        "env -i {large} APPKIT_RUN=$APPKIT_RUN APPKIT_BED=$APPKIT_BED APPKIT_BED_FOLDER=$APPKIT_BED_FOLDER \
         PATH=$PATH setsid sleep 777 &"
    );
    let script = format!("a=$(head -c 100000 /dev/zero | tr \"\\0\" x); {}", sleeper.repeat(5));
    gone_before_the_next(&format!("[setsid, sh, -c, '{script}']"), 5);
}

/// One that has left the session does not reap its child in the group, which keeps the group's number. It was
/// waited for, and its parent was never looked for; after ten seconds that lived on beside the next run.
///
/// Case: FLT-F1
fn a_zombie_of_the_group_hides_nothing_that_has_left_it() {
    gone_before_the_next("[sh, -c, 'sleep 778 & exec setsid sleep 777']", 2);
}

/// A set-user-ID program in the bed that becomes root for good, as sudo(8) does.
pub(super) fn becomes_root(bed: &TestBed) -> String {
    let setpriv = bed.path("setpriv");
    std::fs::copy("/usr/bin/setpriv", &setpriv).unwrap();
    std::fs::set_permissions(&setpriv, PermissionsExt::from_mode(0o4755)).unwrap();
    format!("{} --reuid 0 --regid 0 --clear-groups", setpriv.display())
}

/// An executor that waited for the dead of a worker was killed at the end of its grace. Here one is
/// root's, and another one a zombie, so that both may be asked for.
///
/// Case: FLT-F1
fn a_stop_waits_for_nothing_that_cannot_be_killed() {
    if !is_root() {
        return eprintln!("skipped: only root can have a program become root");
    }
    let mut bed = bed();
    bed.open_to_others();
    chown(bed.write("journal", ""), Some(NOBODY), None).unwrap();
    let root = becomes_root(&bed);
    let daemon = bed.start(&format!(
        "{{grace: 5s, daemon_args: [{{become_user: {NOBODY}}}, {{workers: {{workers: [{{name: red, args: \
         [{{command: [sh, -c, '{root} sleep 779 & sleep 778 & exec setsid sleep 777']}}, rounds]}}]}}}}, \
         {{say: has seen them off}}]}}"
    ));
    bed.until("what it leaves", || (sleepers(&bed).len() == 3).then_some(()));
    daemon.stop();
    bed.expect("executor has seen them off, run 1");
    bed.nothing_left();
}

/// Not permitted is not gone.
///
/// Case: FLT-F1
fn what_belongs_to_somebody_else_is_told_of_and_holds_up_nobody() {
    if !is_root() {
        return eprintln!("skipped: only root can have a program become root");
    }
    let mut bed = bed();
    bed.open_to_others();
    chown(bed.write("journal", ""), Some(NOBODY), None).unwrap();
    let root = becomes_root(&bed);
    let daemon = bed.start(&format!(
        "{{logging_config: {{file: d.log}}, daemon_args: [{{become_user: {NOBODY}}}, {{workers: {{restart: {{after: 0}}, \
         workers: [{{name: red, args: [in_run: [1, {{command: [sh, -c, 'exec {root} sleep 779']}}], rounds]}}]}}}}]}}"
    ));
    bed.until("what it leaves", || (sleepers(&bed).len() == 1).then_some(()));
    bed.process("worker red").signal(Signal::KILL);
    bed.expect("worker red started, run 2");
    bed.expect_in_file("d.log", "belongs to somebody else, and cannot be killed");
    daemon.stop();
    bed.nothing_left();
}

/// Zombies of its group that are the executor's children, and one of those that has left the session
/// (clone(2), `CLONE_PARENT`): nobody reaped them, and the next run was held up.
///
/// Case: FLT-F1
fn siblings_of_a_worker_hold_up_nobody() {
    const SCRIPT: &str = "import ctypes, os\n\
        clone = lambda: ctypes.CDLL(None).syscall(56, 0x8000 | 17, 0, 0, 0, 0)\n\
        for _ in range(20):\n    if clone() == 0: os._exit(0)\n\
        if clone() == 0:\n    os.setsid()\n    os.execvp('sleep', ['sleep', '779'])\n\
        os._exit(3)\n";
    let python = std::process::Command::new("python3").arg("-V").output();
    if !cfg!(target_arch = "x86_64") || python.is_err() {
        return eprintln!("skipped: python3 makes the system call by its number on x86-64");
    }
    let bed = bed();
    let script = bed.write("clone.py", SCRIPT);
    let daemon = bed.start(&format!(
        "{{grace: 20s, daemon_args: [{{workers: {{restart: {{after: 0}}, workers: [{{name: red, args: [in_run: [1, {{become: [python3, {script:?}]}}], rounds]}}]}}}}]}}"
    ));
    let began = std::time::Instant::now();
    bed.expect("worker red started, run 2");
    // Less than the patience with what does not go.
    assert!(began.elapsed() < std::time::Duration::from_secs(9), "{:?}", began.elapsed());
    assert!(sleepers(&bed).is_empty(), "{}", bed.scene());
    daemon.stop();
    bed.nothing_left();
}

pub(super) fn gone_before_the_next(command: &str, count: usize) {
    let bed = bed();
    bed.gate("go");
    let daemon = bed.start(&format!("{{daemon_args: [{{workers: {}}}]}}", leaves(command)));
    bed.until("what it leaves", || (sleepers(&bed).len() == count).then_some(()));
    let left = sleepers(&bed);
    bed.open_gate("go");
    bed.expect("worker red started, run 2");
    assert!(left.iter().all(|process| !process.is_alive()), "{}", bed.scene());
    bed.expect("worker red started, run 3");
    assert!(sleepers(&bed).is_empty(), "{}", bed.scene());
    daemon.stop();
    bed.nothing_left();
}

/// However large one is, and whoever holds the lock on its owner's memory.
///
/// Case: FLT-E3
fn the_loop_of_a_pool_reads_no_environment() {
    if !is_root() || std::process::Command::new("strace").arg("-V").output().is_err() {
        return eprintln!("skipped: strace looks at a process' calls, as root");
    }
    let bed = bed();
    bed.gate("go");
    let pool = leaves("[setsid, sleep, '777']");
    let daemon = bed.start(&format!("{{daemon_args: [{{workers: {pool}}}]}}"));
    bed.until("what it leaves", || (sleepers(&bed).len() == 1).then_some(()));
    let mut command = bed.command("strace");
    command.args(["-q", "-o", "trace", "-e", "trace=openat", "-p"]);
    command.arg(daemon.executor().pid().to_string());
    let tracer = bed.launch_command(command);
    bed.until("the tracer", || (daemon.executor().status("TracerPid") != "0").then_some(()));
    bed.open_gate("go");
    bed.expect("worker red started, run 3");
    assert!(sleepers(&bed).is_empty(), "{}", bed.scene());
    bed.kill(tracer.pid(), Signal::INT);
    let _ = tracer.finish();
    let trace = bed.read("trace");
    assert!(trace.contains("/children") && !trace.contains("/environ"), "{trace}");
    daemon.stop();
    bed.nothing_left();
}

/// Case: FLT-F1
fn what_a_killed_worker_leaves_is_gone_before_the_next_begins() {
    let bed = bed();
    let daemon = bed.start(
        "{daemon_args: [{workers: {restart: {after: 0}, workers: [{name: red, args: \
         [in_run: [1, {command: [setsid, sleep, '777']}], in_run: [1, {command: [sleep, '778']}], rounds]}]}}]}",
    );
    bed.until("what it has started", || (sleepers(&bed).len() == 2).then_some(()));
    bed.process("worker red").signal(Signal::KILL);
    bed.expect("worker red started, run 2");
    assert!(sleepers(&bed).is_empty(), "{}", bed.scene());
    daemon.stop();
    bed.nothing_left();
}

/// Case: FLT-F1
fn without_a_guardian_the_group_of_a_run_is_gone_all_the_same() {
    let bed = bed();
    bed.gate("go");
    bed.write("w.yaml", leaves("[sleep, '777']"));
    let pool = bed.launch(["workers", "w.yaml"]);
    bed.until("what it leaves", || (sleepers(&bed).len() == 1).then_some(()));
    bed.open_gate("go");
    bed.expect("worker red started, run 3");
    assert!(sleepers(&bed).is_empty(), "{}", bed.scene());
    bed.kill(pool.pid(), Signal::TERM);
    pool.finish().success();
    bed.nothing_left();
}

/// Case: FLT-F1
fn an_option_keeps_what_a_worker_leaves() {
    let bed = bed();
    let daemon = bed.start(
        "{daemon_args: [{workers: {leftovers: keep, restart: {after: 0}, workers: [{name: red, args: \
         [in_run: [1, {command: [sleep, '777']}], in_run: [1, {exit: 3}], rounds]}]}}]}",
    );
    bed.expect("worker red started, run 2");
    assert_eq!(sleepers(&bed).len(), 1, "{}", bed.scene());
    daemon.stop();
    bed.nothing_left();
}

/// Case: FLT-F1
fn an_option_keeps_what_a_daemon_leaves() {
    let bed = bed();
    let daemon = bed.start(
        "{leftovers: keep, restart_interval: 0s, daemon_args: [in_run: [1, {command: [sleep, '777']}], \
         in_run: [1, {exit: 3}], rounds]}",
    );
    bed.expect("executor started, run 2");
    daemon.stop();
    assert_eq!(sleepers(&bed).len(), 1, "{}", bed.scene());
}

/// The guardian had a list with one child; that died before it was looked at, and its own child, whose parent
/// the guardian is by then, was in no list. So it seemed that nobody was left. The guardian is stopped in between.
///
/// Case: FLT-F1
fn what_is_orphaned_by_one_that_dies_while_it_is_looked_at_is_swept() {
    if !is_root() || std::process::Command::new("strace").arg("-V").output().is_err() {
        return eprintln!("skipped: strace stops a process at one of its calls, as root");
    }
    let bed = bed();
    bed.gate("go");
    let daemon = bed.start(
        "{restart_interval: 0s, daemon_args: [{command: [setsid, sh, -c, 'sleep 777 & exec sleep 778']}, \
         {gate: go}]}",
    );
    let sleeper = |title: &str| sleepers(&bed).into_iter().find(|it| it.title() == title);
    let (parent, child) =
        bed.until("what it leaves", || sleeper("sleep 778").zip(sleeper("sleep 777")));
    let guardian = daemon.guardian();
    let mut command = bed.command("strace");
    command.args(["-q", "-o", "trace", "-e", "trace=openat"]);
    command.args(["-e", "inject=openat:signal=SIGSTOP:when=1"]);
    command.args(["-P", &format!("/proc/{}/stat", parent.pid())]);
    command.args(["-p", &guardian.pid().to_string()]);
    let tracer = bed.launch_command(command);
    bed.until("the tracer", || (guardian.status("TracerPid") != "0").then_some(()));
    bed.open_gate("go");
    // Of one that is traced a stop is told as the tracer's.
    let is_stopped = || guardian.status("State").to_ascii_lowercase().starts_with('t');
    bed.until("the look", || (bed.read("trace").contains("SIGSTOP") && is_stopped()).then_some(()));
    parent.signal(Signal::KILL);
    bed.wait_gone(&parent);
    let adopted = || child.status("PPid") == guardian.pid().to_string();
    bed.until("its child is the guardian's", || adopted().then_some(()));
    guardian.signal(Signal::CONT);
    daemon.wait_gone();
    assert!(!child.is_alive(), "{}", bed.scene());
    let _ = tracer.finish();
    bed.nothing_left();
}

/// An executor that has given up root could have any file removed by a guardian that has not.
///
/// Case: FLT-B3
fn pid_files_that_are_left_are_removed_with_the_rights_of_who_told_of_them() {
    if !is_root() {
        return eprintln!("skipped: giving up root needs root");
    }
    let mut bed = bed();
    bed.open_to_others();
    let mode = |name: &str, mode| {
        std::fs::set_permissions(bed.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // In a folder of root's: empty, a number, and one that even belongs to who asks.
    bed.write("roots/empty", "");
    bed.write("roots/number.pid", "1\n");
    bed.write("roots/his.pid", "1\n");
    mode("roots", 0o755);
    chown(bed.path("roots/his.pid"), Some(NOBODY), Some(NOBODY)).unwrap();
    bed.write("his/his.pid", "1\n");
    for name in ["his", "his/his.pid"] {
        chown(bed.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    std::os::unix::fs::symlink("../roots/number.pid", bed.path("his/link.pid")).unwrap();
    bed.write("journal", "");
    mode("journal", 0o666);
    let names = ["roots/empty", "roots/number.pid", "roots/his.pid", "his/his.pid", "his/link.pid"];
    let paths = names.map(|name| bed.path(name).display().to_string());
    let daemon = bed.start(&format!(
        "{{daemon_args: [become_user: {NOBODY}, leave_pid_files: {paths:?}, say: has told, rounds]}}"
    ));
    bed.expect("executor has told, run 1");
    daemon.stop();
    for name in names {
        let there = std::fs::symlink_metadata(bed.path(name)).is_ok();
        assert_eq!(there, !name.starts_with("his/his"), "{name}");
    }
    assert!(bed.path("roots/number.pid").exists());
}

/// By executing a set-user-ID program in its place, while the guardian has not heard yet what it had said.
/// The same with a path that it has named before, with rights that it had then.
///
/// Case: FLT-B3
fn who_gains_roots_rights_after_a_word_has_said_it_without_them() {
    if !is_root() {
        return eprintln!("skipped: giving up root needs root");
    }
    let mut bed = bed();
    bed.open_to_others();
    bed.write("roots/number.pid", "1\n");
    bed.write("journal", "");
    std::fs::copy("/bin/sleep", bed.path("gains")).unwrap();
    let mode = |name: &str, mode| {
        std::fs::set_permissions(bed.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("roots", 0o755);
    mode("journal", 0o666);
    mode("gains", 0o4755);
    let path = bed.path("roots/number.pid").display().to_string();
    let program = bed.path("gains").display().to_string();
    bed.gate("go");
    mode("go", 0o666);
    let daemon = bed.start(&format!(
        "{{daemon_args: [leave_pid_files: [{path:?}], become_user: {NOBODY}, leave_pid_files: [{path:?}], \
         gate: go, leave_pid_files: [{path:?}], become: [{program:?}, '777']]}}"
    ));
    bed.expect("executor is at the gate go, run 1");
    let (guardian, executor) = (daemon.guardian(), daemon.executor());
    guardian.signal(Signal::STOP);
    bed.until("the guardian is stopped", || (guardian.stat().state == 'T').then_some(()));
    bed.open_gate("go");
    bed.until("it has gained rights", || {
        let gained = executor.status("Uid").starts_with(&format!("{NOBODY}\t0\t"));
        gained.then_some(())
    });
    guardian.signal(Signal::CONT);
    daemon.stop();
    assert!(bed.path("roots/number.pid").exists());
}

/// As one of the network's may, a file is not opened before this process says so, which it never does: one of
/// root's and one of an executor that has given up root.
///
/// Case: FLT-E3
fn a_disk_that_does_not_answer_holds_up_no_end() {
    if !is_root() {
        return eprintln!("skipped: only root may have others' files wait for him");
    }
    let mut bed = bed();
    bed.open_to_others();
    bed.write("journal", "");
    let mode = |name: &str, mode| {
        std::fs::set_permissions(bed.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("journal", 0o666);
    for name in ["slow/roots.pid", "his/slow.pid", "quick/roots.pid"] {
        bed.write(name, "1\n");
    }
    for name in ["his", "his/slow.pid"] {
        chown(bed.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let disk = Fanotify::init(InitFlags::FAN_CLASS_CONTENT, EventFFlags::O_RDONLY);
    let disk = match disk {
        Ok(disk) => disk,
        Err(errno) => return eprintln!("skipped: fanotify(7) is refused here: {errno}"),
    };
    for name in ["slow/roots.pid", "his/slow.pid"] {
        let at = Some(bed.path(name));
        disk.mark(
            MarkFlags::FAN_MARK_ADD,
            MaskFlags::FAN_OPEN_PERM,
            rustix::fs::CWD,
            at.as_deref(),
        )
        .unwrap();
    }
    let path = |name: &str| format!("{:?}", bed.path(name).display().to_string());
    let (quick, slow, his) =
        (path("quick/roots.pid"), path("slow/roots.pid"), path("his/slow.pid"));
    let daemon = bed.start(&format!(
        "{{daemon_args: [leave_pid_files: [{quick}, {slow}], become_user: {NOBODY}, leave_pid_files: \
         [{his}], say: has told, rounds]}}"
    ));
    bed.expect("executor has told, run 1");
    daemon.stop();
    bed.nothing_left();
    assert!(!bed.path("quick/roots.pid").exists());
    drop(disk);
}
